//! Budgets as tests speak of them.

use http::Method;
use serde_json::{Value, json};

use crate::{Answer, Api, eventually};

/// Of every reply of the upstream, with its question.
pub const TOKENS: u64 = 18;

/// Of every streamed one.
pub const STREAMED_TOKENS: u64 = 14;

/// A short call, whose reply has that many.
pub fn hello() -> Value {
    json!({"model": "up/alpha", "max_tokens": 7, "messages": [{"role": "user", "content": "Good morning"}]})
}

/// Asks it.
pub async fn ask(api: &Api, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut call = api.post("/v1/chat/completions").json(body);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await
}

/// A call that no budget of ten thousand tokens has room for.
pub fn too_long() -> Value {
    let mut body = hello();
    body["messages"][0]["content"] = json!("word ".repeat(20_000));
    body
}

/// The budget that refuses such a call, which takes nothing.
pub async fn refusing(api: &Api, headers: &[(&str, &str)]) -> Result<Value, String> {
    let mut body = too_long();
    // Another model than the one whose calls tests count: before a proxy has the budgets, it is served.
    body["model"] = json!("up/beta");
    let answer = ask(api, headers, &body).await;
    match answer.status {
        429 => Ok(answer.json()["error"]["budget"].clone()),
        _ => Err(answer.text()),
    }
}

/// What is used of a budget of ten thousand tokens.
pub async fn used(api: &Api, headers: &[(&str, &str)]) -> Result<u64, String> {
    let budget = refusing(api, headers).await?;
    let used = (budget["limit"] == "max_tokens").then(|| budget["used"].as_u64());
    used.flatten().ok_or_else(|| budget.to_string())
}

/// Waits until a proxy knows that so many tokens are used.
pub async fn until_used(api: &Api, headers: &[(&str, &str)], tokens: u64) {
    eventually(|| async {
        match used(api, headers).await? {
            found if found == tokens => Ok(()),
            found => Err(format!("{found}, not {tokens}")),
        }
    })
    .await;
}

/// Sets budgets and waits until the proxy has them.
pub async fn put(api: &Api, budgets: Value) -> Value {
    let all = budgets.as_array().into_iter().flatten();
    let wanted: Vec<Value> = all.map(|budget| budget["name"].clone()).collect();
    let call = api.call(Method::PUT, "/v1/constraints");
    let told = call.json(&json!({"budgets": budgets})).send().await.ok();
    // One that lets nothing of this size pass is known by it.
    let probe = [("floopy-session-id", "probe"), ("floopy-user-id", "probe")];
    eventually(|| async {
        match refusing(api, &probe).await? {
            budget if wanted.contains(&budget["name"]) => Ok(()),
            budget => Err(format!("{wanted:?} {budget}")),
        }
    })
    .await;
    told.json()["budgets"].clone()
}
