//! What tests of the operator's API share.

use serde_json::{Value, json};

use crate::{Answer, Api, Floopy, eventually};

impl Api {
    /// `METHOD path` with a body.
    pub async fn send(&self, call: &str, body: Value) -> Answer {
        let (method, path) = call.split_once(' ').expect("METHOD path");
        let method = method.parse().expect("a method");
        self.call(method, path).json(&body).send().await
    }

    /// Reads JSON from where it must be.
    pub async fn told(&self, path: &str) -> Value {
        self.get(path).await.ok().json()
    }

    /// Waits until a call of this key is answered so.
    pub async fn answers(&self, status: u16, code: &str) {
        let question = question();
        eventually(|| async {
            let answer = self.chat("s", &question).await;
            let found = answer.json()["error"]["code"].as_str().map(str::to_owned);
            if answer.status == status && (status == 200 || found.as_deref() == Some(code)) {
                Ok(())
            } else {
                Err(answer.text())
            }
        })
        .await;
    }
}

impl Floopy {
    /// Makes a tenant; the API key that is told once.
    pub async fn tenant(&self, body: Value) -> String {
        let made = self
            .operator_api()
            .send("POST /v1/operator/tenants", body)
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["key"].as_str().expect("told once").to_owned()
    }
}

/// A call that the usual upstream answers.
pub fn question() -> Value {
    json!({"model": "up/alpha", "messages": [{"role": "user", "content": "Good morning"}]})
}
