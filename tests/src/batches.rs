//! Files and batches as tests make them.

use serde_json::{Value, json};

use crate::{Answer, Api, Floopy, Settings, Shape, Upstream, eventually};

/// One of each kind.
pub const PROVIDERS: [&str; 2] = ["openai", "anthropic"];

/// What one reply costs, at half of 2 and 6 dollars per million of 11 and 7 tokens.
pub const REPLY_MICRO_USD: u64 = (11 * 2 + 7 * 6) / 2;

/// Both kinds of providers at one upstream, bounds that a test can reach, and quick looks at batches.
pub fn settings(upstream: &Upstream) -> Settings {
    let url = upstream.base_url();
    Settings::for_upstream(upstream)
        .provider("openai", &url)
        .provider("anthropic", &url)
        .proxy(
            "batches",
            "poll_ms = 50\nkept_file_bytes = 40000\nfile_bytes = 60000",
        )
}

/// A system with these settings.
pub async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::with(shape, settings(&upstream)).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

/// A line of an input file.
pub fn line(custom_id: &str, body: &Value) -> String {
    let line = json!({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body});
    format!("{line}\n")
}

/// A request for a model.
pub fn question(model: &str) -> Value {
    json!({"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "Good morning"}]})
}

/// One line for each model.
pub fn lines(models: &[&str]) -> String {
    let numbered = models.iter().enumerate();
    numbered
        .map(|(n, model)| line(&format!("line-{n}"), &question(model)))
        .collect()
}

/// A form of these fields and, unless it is empty, a file.
pub fn form(fields: &[(&str, &str)], content: &str) -> String {
    let part = |head: &str, text: &str| {
        format!("--b\r\ncontent-disposition: form-data; {head}\r\n\r\n{text}\r\n")
    };
    let mut form: String = fields
        .iter()
        .map(|(name, text)| part(&format!("name=\"{name}\""), text))
        .collect();
    if !content.is_empty() {
        form.push_str(&part("name=\"file\"; filename=\"in.jsonl\"", content));
    }
    form.push_str("--b--\r\n");
    form
}

/// Uploads a form.
pub async fn upload(api: &Api, provider: &str, body: String) -> Answer {
    api.post("/v1/files")
        .header("content-type", "multipart/form-data; boundary=b")
        .header("floopy-provider", provider)
        .bytes(body)
        .send()
        .await
}

/// Uploads an input file; its id.
pub async fn file(api: &Api, provider: &str, content: &str) -> String {
    let made = upload(api, provider, form(&[("purpose", "batch")], content)).await;
    made.ok().json()["id"].as_str().expect("an id").to_owned()
}

/// What a batch is made of.
pub fn wish(input_file_id: &str) -> Value {
    json!({"input_file_id": input_file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"})
}

/// A batch of these lines; its id.
pub async fn batch(api: &Api, provider: &str, content: &str) -> String {
    let input = file(api, provider, content).await;
    let made = api
        .post("/v1/batches")
        .json(&wish(&input))
        .send()
        .await
        .ok();
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// A batch, once it has this status.
pub async fn until(api: &Api, batch: &str, status: &str) -> Value {
    eventually(|| async {
        let now = api.get(&format!("/v1/batches/{batch}")).await.json();
        (now["status"] == status).then(|| now.clone()).ok_or(now)
    })
    .await
}

/// The decisions of a batch, once there are so many.
pub async fn recorded(api: &Api, batch: &str, count: usize) -> Vec<Value> {
    eventually(|| async {
        let mut found = Vec::new();
        for item in api.decisions().await {
            let id = item["request_id"].as_str().unwrap_or_default().to_owned();
            let decision = api.get(&format!("/v1/decisions/{id}")).await.json();
            if decision["decision_trace"]["batch_id"] == batch {
                found.push(decision);
            }
        }
        (found.len() == count).then(|| found.clone()).ok_or(found)
    })
    .await
}

/// What was used in all.
pub async fn used(api: &Api) -> Value {
    api.get("/v1/usage").await.ok().json()["total"].clone()
}
