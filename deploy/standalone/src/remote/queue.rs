//! `floopy queue`: what waits to be judged, and what no judge could score, for whoever runs Floopy.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{
    ClientError, Source,
    asked::{escaped, items, query},
    operator::AskedByOperator,
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

const PATH: &str = "/v1/operator/queue";

/// What can be done with the scoring queue.
#[derive(Debug, Subcommand)]
pub(crate) enum Queue {
    /// Tells how many replies wait, are with a judge, or were given up, by tenant
    Status(AskedByOperator),
    /// Looks at replies that no judge could score, hands them out again, or drops them
    #[command(subcommand)]
    Dead(Dead),
}

/// What can be done with the dead.
#[derive(Debug, Subcommand)]
pub(crate) enum Dead {
    /// Lists them with the last error of each, the newest first
    List(Listing),
    /// Shows what is known of one; what was said stays untold
    Show {
        id: String,
        #[command(flatten)]
        asked: AskedByOperator,
    },
    /// Hands them to judges again, as if they never had been
    Retry(Change),
    /// Drops them for good
    Drop(Change),
}

#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// Of this tenant alone
    #[arg(long)]
    tenant: Option<String>,
    /// How many, 1 to 200
    #[arg(long, default_value_t = 200)]
    limit: u32,
    /// From there on: next_cursor of what was listed before
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    #[command(flatten)]
    asked: AskedByOperator,
}

#[derive(Debug, Args)]
pub(crate) struct Change {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    asked: AskedByOperator,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// This one
    id: Option<String>,
    /// All of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// All of everybody
    #[arg(long)]
    all: bool,
}

const DEPTHS: &[Column] = &[
    ("TENANT", "/tenant", Side::Left),
    ("WAITING", "/waiting", Side::Right),
    ("IN FLIGHT", "/in_flight", Side::Right),
    ("DEAD", "/dead", Side::Right),
    ("OLDEST s", "/oldest_age_seconds", Side::Right),
];

const DEAD: &[Column] = &[
    ("ID", "/id", Side::Left),
    ("TENANT", "/tenant", Side::Left),
    ("DIED", "/dead_at", Side::Left),
    ("DELIVERIES", "/deliveries", Side::Right),
    ("BYTES", "/bytes", Side::Right),
    ("ERROR", "/error", Side::Left),
];

impl Queue {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::Status(asked) => {
                let client = asked.remote.client()?;
                let status = client.ask(Method::GET, PATH, None).await?;
                asked.show(console, &status, depths);
                Ok(())
            }
            Self::Dead(dead) => dead.run(console).await,
        }
    }
}

impl Dead {
    async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(listing) => {
                let limit = Some(listing.limit.to_string());
                let query = query(&[
                    ("tenant", &listing.tenant),
                    ("limit", &limit),
                    ("cursor", &listing.after),
                ]);
                let path = format!("{PATH}/dead?{query}");
                listing.asked.page(&path, DEAD, console).await
            }
            Self::Show { id, asked } => {
                let client = asked.remote.client()?;
                let path = format!("{PATH}/dead/{}", escaped(id));
                let found = client.ask(Method::GET, &path, None).await?;
                asked.show(console, &found, text);
                Ok(())
            }
            Self::Retry(change) => change.make("retry", "retried", console).await,
            Self::Drop(change) => change.make("drop", "dropped", console).await,
        }
    }
}

impl Change {
    async fn make(&self, verb: &str, done: &str, console: &mut Console) -> Result<(), ClientError> {
        let client = self.asked.remote.client()?;
        let (path, body) = (format!("{PATH}/{verb}"), self.which.body());
        let changed = client.ask(Method::POST, &path, Some(&body)).await?;
        self.asked.show(console, &changed, |changed| {
            format!("{done}: {}", changed[done])
        });
        Ok(())
    }
}

impl Which {
    fn body(&self) -> Value {
        match (&self.id, &self.tenant) {
            (Some(id), _) => json!({"id": id}),
            (None, Some(tenant)) => json!({"tenant": tenant}),
            (None, None) => json!({"all": self.all}),
        }
    }
}

/// The tenants, and all together.
fn depths(status: &Value) -> String {
    let mut rows = items(status, "/tenants");
    let mut all = status.clone();
    all["tenant"] = json!("(all)");
    rows.push(all);
    tables::of(&rows, DEPTHS)
}

/// One of the dead for people.
fn text(dead: &Value) -> String {
    let said = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let line = |(name, value): (&String, &Value)| format!("{name:<14} {}", said(value));
    let own = dead.as_object().into_iter().flatten();
    let own = own.filter(|(name, _)| !["job", "object"].contains(&name.as_str()));
    let job = dead["job"].as_object().into_iter().flatten();
    let lines: Vec<String> = own.chain(job).map(line).collect();
    // What a judge said may hold what moves the cursor.
    let shown = lines.join("\n");
    shown
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_stand_below_the_tenants_and_nothing_moves_the_cursor() {
        let status = json!({
            "waiting": 3, "in_flight": 1, "dead": 2, "oldest_age_seconds": 70,
            "tenants": [{"tenant": "acme", "waiting": 3, "in_flight": 1, "dead": 2, "oldest_age_seconds": 70}],
        });
        let shown = depths(&status);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines.len() == 3 && lines[1].starts_with("acme") && lines[2].starts_with("(all)"),
            "{shown}"
        );
        let dead = json!({"id": "i", "error": "bad\u{1b}[2J", "job": {"model": "p/m", "session_id": null}});
        let shown = text(&dead);
        assert!(
            !shown.contains('\u{1b}') && shown.contains("model          p/m"),
            "{shown}"
        );
        assert!(shown.contains("session_id     -"), "{shown}");
    }
}
