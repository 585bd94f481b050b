//! Budgets as tests speak of them.

use http::Method;
use serde_json::{Value, json};

use crate::{Answer, Api, eventually};

/// Of every reply of the upstream, with its question.
pub const TOKENS: u64 = 18;

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

/// A call that no budget of ten thousand tokens has room for, so that it is told what is used and takes nothing.
pub async fn used(api: &Api, headers: &[(&str, &str)]) -> Result<u64, String> {
    let long = "word ".repeat(20_000);
    let mut body = hello();
    body["messages"][0]["content"] = json!(long);
    // Another model than the one whose calls tests count: before a proxy has the budgets, it is served.
    body["model"] = json!("up/beta");
    let answer = ask(api, headers, &body).await;
    if answer.status != 429 {
        return Err(answer.text());
    }
    let budget = answer.json()["error"]["budget"].clone();
    let used = (budget["limit"] == "max_tokens").then(|| budget["used"].as_u64());
    used.flatten().ok_or_else(|| answer.text())
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
    let names = budgets.clone();
    let call = api.call(Method::PUT, "/v1/constraints");
    let told = call.json(&json!({"budgets": budgets})).send().await.ok();
    // One that lets nothing of this size pass is known by it.
    let probe = [("floopy-session-id", "probe"), ("floopy-user-id", "probe")];
    eventually(|| async {
        match used(api, &probe).await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{names} {error}")),
        }
    })
    .await;
    told.json()["budgets"].clone()
}
