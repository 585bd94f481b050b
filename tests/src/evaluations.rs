//! What tests of evaluations share: data sets, runs and their results.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};

use crate::{Answer, Api, Floopy, Settings, Shape, Upstream, eventually_within};

/// Longer than any run of these tests takes.
const PATIENCE: Duration = Duration::from_secs(40);

/// A system with one provider, in which nothing but evaluations is judged.
pub async fn start(shape: Shape) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream)
        .proxy("breaker", "failures = 100000")
        // Evaluations are judged whatever share of other calls is.
        .proxy("scoring", "sample_rate = 0.0");
    let floopy = Floopy::with(shape, settings).await;
    (upstream, floopy)
}

/// Sends a JSON body, `METHOD path`.
pub async fn send(api: &Api, call: &str, body: &Value) -> Answer {
    let (method, path) = call.split_once(' ').expect("METHOD path");
    let method = method.parse().expect("a method");
    api.call(method, path).json(body).send().await
}

/// The id of what was made.
pub fn id_of(made: &Answer) -> String {
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// Rows `r0`, `r1`, … that ask `question 0` and so on.
pub fn rows(count: usize) -> Vec<Value> {
    let row =
        |n| json!({"id": format!("r{n}"), "input": format!("question {n}"), "metadata": {"n": n}});
    (0..count).map(row).collect()
}

/// Makes a data set; its id.
pub async fn upload(api: &Api, rows: &[Value]) -> String {
    let body = json!({"name": "Questions", "rows": rows});
    id_of(&send(api, "POST /v1/datasets", &body).await)
}

/// Begins a run; its id.
pub async fn run(api: &Api, body: &Value) -> String {
    let made = send(api, "POST /v1/evaluations", body).await;
    assert_eq!(made.json()["status"], "pending", "{}", made.text());
    id_of(&made)
}

/// A run as it is told.
pub async fn told(api: &Api, id: &str) -> Value {
    let path = format!("/v1/evaluations/{id}");
    api.get(&path).await.ok().json()
}

/// The run once it has this status.
pub async fn reached(api: &Api, id: &str, status: &str) -> Value {
    eventually_within(PATIENCE, || async {
        let run = told(api, id).await;
        (run["status"] == status).then(|| run.clone()).ok_or(run)
    })
    .await
}

/// All results, page by page.
pub async fn results(api: &Api, id: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/evaluations/{id}/results?limit=5&cursor={cursor}");
        let page = api.get(&path).await.ok().json();
        let items = page["items"].as_array().expect("a list");
        assert!(items.len() <= 5, "{page}");
        all.extend(items.iter().cloned());
        assert_eq!(page["has_more"], page["next_cursor"].is_string(), "{page}");
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

/// How often each question came.
pub fn asked(upstream: &Upstream) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for call in upstream.received() {
        let messages = &call.json()["messages"];
        let last = messages.as_array().and_then(|all| all.last());
        let text = last.and_then(|message| message["content"].as_str());
        *counts
            .entry(text.unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    counts
}

/// The results of a run once there are so many.
pub async fn some_answered(api: &Api, id: &str, least: u64) -> Vec<Value> {
    eventually_within(PATIENCE, || async {
        let results = results(api, id).await;
        let enough = results.len() as u64 >= least;
        if enough {
            Ok(results)
        } else {
            Err(results.len())
        }
    })
    .await
}
