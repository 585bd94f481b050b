//! `floopy usage`: what calls used.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{
    ClientError,
    asked::{Asked, items, query},
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

/// What calls used.
#[derive(Debug, Args)]
pub(crate) struct Usage {
    /// The first day, as in 2026-11-01 [default: the first of this month]
    #[arg(long)]
    from: Option<String>,
    /// The last day [default: today]
    #[arg(long)]
    to: Option<String>,
    /// One or more of day, project, environment, model
    #[arg(long, default_value = "model")]
    by: String,
    #[command(flatten)]
    asked: Asked,
}

const USED: &[Column] = &[
    ("REQUESTS", "/requests", Side::Right),
    ("ERRORS", "/errors", Side::Right),
    ("INPUT", "/input_tokens", Side::Right),
    ("OUTPUT", "/output_tokens", Side::Right),
    ("µUSD", "/cost_micro_usd", Side::Right),
    ("SHADOW µUSD", "/shadow_cost_micro_usd", Side::Right),
];

impl Usage {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        let by = Some(self.by.clone());
        let query = query(&[("from", &self.from), ("to", &self.to), ("group_by", &by)]);
        let client = self.asked.remote.client()?;
        let used = client
            .ask(Method::GET, &format!("/v1/usage?{query}"), None)
            .await?;
        self.asked.show(console, &used, |used| self.table(used));
        Ok(())
    }

    fn table(&self, used: &Value) -> String {
        let named: Vec<Column> = self
            .by
            .split(',')
            .filter_map(|name| match name.trim() {
                "day" => Some(("DAY", "/day", Side::Left)),
                "project" => Some(("PROJECT", "/project_id", Side::Left)),
                "environment" => Some(("ENVIRONMENT", "/environment", Side::Left)),
                "model" => Some(("MODEL", "/model", Side::Left)),
                _ => None,
            })
            .collect();
        let columns: Vec<Column> = named.iter().chain(USED).copied().collect();
        let mut rows = items(used, "/groups");
        let mut total = used["total"].clone();
        if let Some((_, pointer, _)) = named.first() {
            total[pointer.trim_start_matches('/')] = json!("TOTAL");
        }
        rows.push(total);
        tables::of(&rows, &columns)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Remote, *};

    #[test]
    fn a_total_stands_below_its_groups() {
        let usage = Usage {
            from: None,
            to: None,
            by: "day,model".to_owned(),
            asked: Asked {
                remote: Remote {
                    url: String::new(),
                    key_env: String::new(),
                },
                json: false,
            },
        };
        let answer = json!({
            "total": {"requests": 3}, "groups": [{"day": "2026-11-01", "model": null, "requests": 3}],
        });
        let shown = usage.table(&answer);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].starts_with("2026-11-01  -"), "{shown}");
        assert!(lines[2].starts_with("TOTAL"), "{shown}");
    }
}
