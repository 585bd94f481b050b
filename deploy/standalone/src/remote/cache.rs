//! `floopy cache`: what the cache would do with a call, and taking stored replies away.

use std::{io::Read, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    ClientError,
    asked::{Asked, items},
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

/// What can be done with stored replies.
#[derive(Debug, Subcommand)]
pub(crate) enum Cached {
    /// Shows what is set, and what this month's hits saved
    Show(Asked),
    /// Tells whether a call's reply is stored, could be, or why not; nobody is called
    Explain(Box<Explain>),
    /// Takes stored replies away from every proxy: all, or those of a model, a rule or a request
    Flush(Box<Flush>),
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The body of the call; `-` is standard input
    #[arg(value_name = "FILE|-")]
    body: PathBuf,
    /// A header of the call, as 'floopy-cache-enabled: true'; can be given again
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// What the call is
    #[arg(long, value_enum, default_value = "chat")]
    endpoint: Endpoint,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Endpoint {
    Chat,
    Responses,
    Messages,
    Embeddings,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Which {
    /// Replies of this model, as provider/model
    #[arg(long)]
    model: Option<String>,
    /// Replies of calls that this routing rule decided on
    #[arg(long)]
    rule: Option<String>,
    /// Replies to one request, by the floopy-cache-key of a reply
    #[arg(long)]
    key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Flush {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    asked: Asked,
}

const SHOWN: &[Column] = &[
    ("ENABLED", "/enabled", Side::Left),
    ("TTL s", "/ttl_seconds", Side::Right),
    ("HITS", "/month/hits", Side::Right),
    ("MISSES", "/month/misses", Side::Right),
    ("HIT RATE", "/month/hit_rate", Side::Right),
    ("SAVED µUSD", "/month/saved_micro_usd", Side::Right),
    ("SAVED TOKENS", "/month/saved_tokens", Side::Right),
];

const NEAR: &[Column] = &[
    ("IN OTHER WORDS", "/place", Side::Left),
    ("MODEL", "/model", Side::Left),
    ("AGE s", "/age_seconds", Side::Right),
    ("SIMILARITY", "/similarity", Side::Right),
    ("MATCHED", "/matched_key", Side::Left),
    ("GIVEN", "/is_given", Side::Left),
    ("WHY NOT", "/why_not", Side::Left),
];

const STORED: &[Column] = &[
    ("PLACE", "/place", Side::Left),
    ("MODEL", "/model", Side::Left),
    ("AGE s", "/age_seconds", Side::Right),
    ("TTL s", "/ttl_seconds", Side::Right),
    ("BYTES", "/bytes", Side::Right),
    ("GIVEN", "/is_given", Side::Left),
    ("WHY NOT", "/why_not", Side::Left),
];

impl Cached {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::Show(asked) => {
                let client = asked.remote.client()?;
                let set = client.ask(Method::GET, "/v1/cache", None).await?;
                asked.show(console, &set, |set| {
                    tables::of(std::slice::from_ref(set), SHOWN)
                });
                Ok(())
            }
            Self::Explain(explain) => explain.run(console).await,
            Self::Flush(flush) => flush.run(console).await,
        }
    }
}

impl Explain {
    async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        // As it is written: what is read as a number and written again may be another one.
        let question = format!(
            "{{\"request\":{},\"headers\":{},\"endpoint\":\"{}\"}}",
            self.read()?,
            Value::Object(self.headers()?),
            self.endpoint.name(),
        );
        let client = self.asked.remote.client()?;
        let told = client.ask_in(Method::POST, "/v1/cache/explain", Some(question));
        self.asked.show(console, &told.await?, text);
        Ok(())
    }

    /// The body, which is an object.
    fn read(&self) -> Result<String, ClientError> {
        let name = self.body.display().to_string();
        let unread = |error| ClientError::Unread(name.clone(), error);
        let text = if name == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(unread)?;
            text
        } else {
            std::fs::read_to_string(&self.body).map_err(unread)?
        };
        let found: Result<Map<String, Value>, _> = serde_json::from_str(&text);
        found.map(|_| text).map_err(|error| unread(error.into()))
    }

    fn headers(&self) -> Result<Map<String, Value>, ClientError> {
        let headers = self.headers.iter().map(|header| {
            let (name, value) = header.split_once(':').ok_or_else(|| {
                let message = "it must be NAME: VALUE, as in 'floopy-cache-enabled: true'";
                let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, message);
                ClientError::Unread(format!("--header {header:?}"), error)
            })?;
            Ok((name.trim().to_owned(), json!(value.trim())))
        });
        headers.collect()
    }
}

impl Endpoint {
    fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Embeddings => "embeddings",
        }
    }
}

fn said_of(of: &Value, key: &str) -> String {
    let value = &of[key];
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The explanation for people.
fn text(told: &Value) -> String {
    let said = |key| said_of(told, key);
    let mut lines = vec![format!("{}: {}", said("status"), said("why"))];
    if told["key"].is_null() {
        return lines.concat();
    }
    lines.push(format!("key        {}", said("key")));
    let parts = told["key_parts"].as_object().into_iter().flatten();
    for (name, part) in parts.filter(|(_, part)| !part.is_null()) {
        lines.push(format!("  {name}: {}", part.as_str().unwrap_or_default()));
    }
    lines.push(format!("  body: {}", said("canonical_body")));
    let left_out = items(told, "/left_out");
    let left_out: Vec<&str> = left_out.iter().filter_map(Value::as_str).collect();
    lines.push(format!("left out   {}", left_out.join(", ")));
    lines.push(format!(
        "looks      {}, stores {}, for {} s, {} to a request",
        said("reads"),
        said("writes"),
        said("ttl_seconds"),
        said("bucket_max_size")
    ));
    let stored = items(told, "/stored");
    if !stored.is_empty() {
        lines.push(tables::of(&stored, STORED));
    }
    let semantic = &told["semantic"];
    let not_looked_for = semantic["not_looked_for"].as_str();
    lines.push(format!(
        "in other words: {}",
        not_looked_for.map_or_else(
            || format!(
                "{}, from a similarity of {}",
                said_of(semantic, "mode"),
                semantic["threshold"]
            ),
            |why| format!("not looked for, {why}"),
        )
    ));
    let near = items(semantic, "/near");
    if !near.is_empty() {
        lines.push(tables::of(&near, NEAR));
    }
    let shown = lines.join("\n");
    // What a caller wrote may hold what moves the cursor.
    shown
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect()
}

impl Flush {
    async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        let Which { model, rule, key } = &self.which;
        let mut body = Map::new();
        for (name, value) in [("model", model), ("rule", rule), ("key", key)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        let client = self.asked.remote.client()?;
        let body = Value::Object(body);
        let flushed = client.ask(Method::POST, "/v1/cache/flush", Some(&body));
        self.asked.show(console, &flushed.await?, |flushed| {
            let what = flushed["flushed"].as_str().unwrap_or_default();
            format!("flushed: {what}; every proxy follows in about a second")
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_says_what_would_happen_and_nothing_moves_the_cursor() {
        let off = json!({"status": "off", "why": "nobody asks", "key": null});
        assert_eq!(text(&off), "off: nobody asks");
        let told = json!({
            "status": "miss", "why": "nothing", "key": "ab", "key_parts": {"endpoint": "chat", "seed": null},
            "canonical_body": "{\"a\":\"\u{1b}[2J\"}", "left_out": ["user"], "reads": true, "writes": true,
            "ttl_seconds": 60, "bucket_max_size": 1,
            "stored": [{"place": "redis", "model": "p/m", "age_seconds": 3, "is_given": false, "why_not": "expired"}],
        });
        let shown = text(&told);
        assert!(
            shown.starts_with("miss: nothing\nkey        ab\n  endpoint: chat\n"),
            "{shown}"
        );
        assert!(
            shown.contains("left out   user") && shown.contains("expired"),
            "{shown}"
        );
        assert!(
            !shown.contains('\u{1b}') && !shown.contains("seed"),
            "{shown}"
        );
    }
}
