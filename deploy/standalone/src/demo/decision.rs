//! One decision, looked at through the API.

use std::{fmt::Write, time::Duration};

use serde_json::Value;

use super::client::Client;

/// Records arrive at the control plane a moment after the reply.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(250);

/// The curl, and what it answers.
pub(super) async fn text(client: &Client, request_id: &str, stays: bool) -> String {
    let path = format!("/v1/decisions/{request_id}");
    let mut text =
        String::from("Why did the last request go where it went? Ask for any x-request-id:\n\n");
    let curl = format!(
        "curl {}{path} -H \"Authorization: Bearer {}\"",
        client.base(),
        client.key()
    );
    text.push_str(&format!("{curl}\n"));
    if !stays {
        text.push_str(
            "\n(with --keep the demo goes on serving, so that you can run this yourself)\n",
        );
    }
    match fetch(client, &path).await {
        Ok(decision) => text.push_str(&summary(&decision)),
        Err(error) => text.push_str(&format!("\nThe decision could not be fetched: {error}\n")),
    }
    text
}

async fn fetch(client: &Client, path: &str) -> Result<Value, super::client::CallError> {
    for _ in 1..TRIES {
        if let Ok(decision) = client.get(path).await {
            return Ok(decision);
        }
        tokio::time::sleep(PAUSE).await;
    }
    client.get(path).await
}

fn summary(decision: &Value) -> String {
    let mut text = String::from("\nIts answer, in short:\n\n");
    let at = |key: &str| decision.get(key).map_or_else(|| "-".to_owned(), plain);
    for key in [
        "explanation",
        "model",
        "routing_strategy",
        "phase",
        "weights",
        "reason",
        "confidence",
    ] {
        text.push_str(&format!("  {key:<17} {}\n", at(key)));
    }
    let candidates = decision.get("candidates").and_then(Value::as_array);
    for candidate in candidates.into_iter().flatten() {
        let field = |key: &str| candidate.get(key).map_or_else(|| "-".to_owned(), plain);
        let _infallible = writeln!(
            text,
            "  candidate         {:<17} score {}",
            field("model"),
            field("score")
        );
    }
    text
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_f64()
            .map_or_else(String::new, |n| format!("{n:.3}")),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
