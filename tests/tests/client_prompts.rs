//! Stored prompts, saved over HTTP and named by the real Python packages `openai` and `floopy-sdk`.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{
    Answer, Api, Floopy, Shape, Upstream, checks::assert_error, eventually, in_both_shapes, python,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    packages_name_prompts_and_fill_them,
    a_save_is_live_at_once_and_a_prompt_that_is_deleted_is_gone,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn system(content: &str) -> Value {
    json!({"messages": [{"role": "system", "content": content}]})
}

/// A prompt whose first version says `first`, by its id.
async fn make(api: &Api) -> String {
    let mut prompt = system("first");
    prompt["name"] = json!("guide");
    let made = api.post("/v1/prompts").json(&prompt).send().await.ok();
    made.json()["id"].as_str().expect("an id").to_owned()
}

async fn save(api: &Api, id: &str, version: &Value) {
    let path = format!("/v1/prompts/{id}/versions");
    let saved = api.post(&path).json(version).send().await;
    assert_eq!(saved.status, 201, "{}", saved.text());
}

async fn chat(api: &Api, id: &str) -> Answer {
    let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": "hi"}]});
    let call = api.post("/v1/chat/completions").json(&body);
    call.header("floopy-prompt-id", id).send().await
}

/// Waits until calls get what this version says.
async fn is_live(api: &Api, upstream: &Upstream, (id, content): (&str, &str)) -> Answer {
    eventually(|| async {
        let answer = chat(api, id).await;
        let sent = upstream.received().last().map(|sent| sent.json());
        let said = sent.map(|sent| sent["messages"][0]["content"].clone());
        if answer.status == 200 && said == Some(json!(content)) {
            Ok(answer)
        } else {
            Err(answer.text())
        }
    })
    .await
}

async fn packages_name_prompts_and_fill_them(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let id = make(&api).await;
    let mut second = system("{{days}} days in {{city}}, {{tone}}.");
    second["variables"] = json!({"city": {"required": true}, "tone": {"default": "dry"}});
    is_live(&api, &upstream, (&id, "first")).await;
    save(&api, &id, &second).await;
    // Until it is there, the first version is, which asks for nothing.
    eventually(|| async {
        let answer = chat(&api, &id).await;
        if answer.status == 400 {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
    let before = upstream.received().len();
    let base = format!("{}/v1", api.base());
    for check in ["filled", "pinned", "foreign"] {
        python::run("prompts_client.py", &[&base, api.key(), &id, check]).await;
    }
    let sent: Vec<Value> = upstream.received()[before..]
        .iter()
        .map(|sent| sent.json())
        .collect();
    let message = |role: &str, content: &str| json!({"role": role, "content": content});
    let expected = [
        json!([
            message("system", "3 days in São \"Paulo\", dry."),
            message("user", "And {{city}}?"),
        ]),
        json!([message("system", "first")]),
        json!([message("system", "first"), message("user", "hi")]),
    ];
    let messages: Vec<&Value> = sent.iter().map(|sent| &sent["messages"]).collect();
    assert_eq!(messages, expected.iter().collect::<Vec<_>>());
    assert!(
        sent.iter().all(|sent| sent.get("inputs").is_none()),
        "{sent:?}"
    );
}

async fn a_save_is_live_at_once_and_a_prompt_that_is_deleted_is_gone(shape: Shape) {
    let (upstream, floopy, api) = start(shape).await;
    let id = make(&api).await;
    let answer = is_live(&api, &upstream, (&id, "first")).await;
    let decision = api.decision(&answer.request_id()).await;
    assert_eq!(
        decision["decision_trace"]["prompt"],
        json!({"id": id, "version": 1})
    );
    save(&api, &id, &system("second")).await;
    is_live(&api, &upstream, (&id, "second")).await;
    let foreign = chat(&floopy.other_api(), &id).await;
    assert_error(&foreign, 404, "prompt_not_found", &[id.as_str()]);
    let path = format!("/v1/prompts/{id}");
    api.call(Method::DELETE, &path).send().await.ok();
    let gone = eventually(|| async {
        let answer = chat(&api, &id).await;
        if answer.status == 200 {
            Err(())
        } else {
            Ok(answer)
        }
    })
    .await;
    assert_error(&gone, 404, "prompt_not_found", &[id.as_str()]);
}
