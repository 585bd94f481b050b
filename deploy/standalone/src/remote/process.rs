//! `floopy reload` and `floopy log`: a running process, its configuration and what it logs.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{ClientError, Source, asked::items, operator::AskedByOperator};
use crate::console::Console;

/// Has the configuration read again, and tells what changed.
#[derive(Debug, Args)]
pub(crate) struct Reload {
    #[command(flatten)]
    asked: AskedByOperator,
}

/// Tells what is logged, or has it changed.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// A level, and those of parts that have another, as in `info,floopy_dataplane=debug`; without it the one in force is
    /// told
    filter: Option<String>,
    #[command(flatten)]
    asked: AskedByOperator,
}

impl Reload {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        let client = self.asked.remote.client()?;
        let path = "/v1/operator/reload";
        let told = client.ask(Method::POST, path, None).await?;
        self.asked.show(console, &told, changed);
        Ok(())
    }
}

fn changed(told: &Value) -> String {
    let named = |pointer: &str, what: &str| {
        let keys = items(told, pointer);
        let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
        (!keys.is_empty()).then(|| format!("{what}: {}", keys.join(", ")))
    };
    let lines = [
        named("/applied", "in force now"),
        named("/needs_restart", "needs a restart"),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    if lines.is_empty() {
        "nothing changed".to_owned()
    } else {
        lines.join("\n")
    }
}

impl Log {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        let client = self.asked.remote.client()?;
        let (method, body) = match &self.filter {
            Some(filter) => (Method::PUT, Some(json!({"filter": filter}))),
            None => (Method::GET, None),
        };
        let told = client
            .ask(method, "/v1/operator/log", body.as_ref())
            .await?;
        self.asked.show(console, &told, |told| {
            told["filter"].as_str().unwrap_or_default().to_owned()
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_and_what_waits_are_told_apart() {
        let told = json!({"applied": ["log_filter"], "needs_restart": ["data_dir", "log"]});
        let expected = "in force now: log_filter\nneeds a restart: data_dir, log";
        assert_eq!(changed(&told), expected);
        let told = json!({"applied": [], "needs_restart": []});
        assert_eq!(changed(&told), "nothing changed");
    }
}
