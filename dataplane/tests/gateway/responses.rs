//! OpenAI's Responses API at the front.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, no_control},
    upstream::{Upstream, completion, delta, events, json as json_reply},
};

const REPLY: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":2},"output_tokens":3,"total_tokens":8}}"#;

#[tokio::test]
async fn openai_is_asked_in_the_same_api_and_accounted_for() {
    let upstream = Upstream::start(|_, _| json_reply(200, REPLY)).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |config| {
        config.providers[0].responses = Some(true);
    })
    .await;
    let asked = r#"{"model":"a/m", "input":"hello","tools":[{"type":"web_search"}]}"#;
    let got = proxy.send(proxy.post("/v1/responses", asked)).await;
    assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, REPLY));
    let seen = &upstream.seen()[0];
    assert!(
        seen.head.starts_with("post /v1/responses "),
        "{}",
        seen.head
    );
    assert_eq!(seen.body, asked.replace("a/m", "m").as_bytes());
    let decision = eventually("the decision arrives", || control.finished()).await;
    let outcome = decision.outcome.unwrap();
    assert_eq!(
        (
            outcome.input_tokens,
            outcome.cached_input_tokens,
            outcome.output_tokens
        ),
        (5, 2, 3)
    );
    assert_eq!(decision.completion_id, "resp_1");
    proxy.finish().await;
}

#[tokio::test]
async fn others_are_asked_by_chat_and_answer_with_typed_events() {
    let upstream = Upstream::start(|seen, _| {
        if seen.body.windows(13).any(|part| part == b"\"stream\":true") {
            let stop =
                "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
            events(&[(0, &[&delta("a"), stop, "data: [DONE]\n\n"].concat())])
        } else {
            completion("hello")
        }
    })
    .await;
    let proxy = Proxy::start(&[upstream.base_url()], no_control()).await;
    let asked = json!({"model": "a/m", "input": "hi", "instructions": "be brief"});
    let got = proxy
        .send(proxy.post("/v1/responses", &asked.to_string()))
        .await;
    let reply = got.json();
    assert_eq!(reply["output"][0]["content"][0]["text"], "hello", "{reply}");
    assert_eq!(reply["status"], "completed");
    let sent: Value = serde_json::from_slice(&upstream.seen()[0].body).unwrap();
    assert_eq!(
        sent["messages"][1],
        json!({"role": "user", "content": "hi"})
    );
    let streamed = json!({"model": "a/m", "input": "hi", "stream": true}).to_string();
    let text = proxy
        .send(proxy.post("/v1/responses", &streamed))
        .await
        .text();
    for part in [
        "response.created",
        "response.output_text.delta",
        "response.completed",
    ] {
        assert!(
            text.contains(&format!("event: {part}\n")),
            "{part} is missing: {text}"
        );
    }
    proxy.finish().await;
}

#[tokio::test]
async fn state_that_is_kept_elsewhere_is_refused_by_name() {
    let upstream = Upstream::start(|_, _| completion("hello")).await;
    let proxy = Proxy::start(&[upstream.base_url()], no_control()).await;
    let asked = json!({"model": "a/m", "input": "hi", "previous_response_id": "resp_0"});
    let got = proxy
        .send(proxy.post("/v1/responses", &asked.to_string()))
        .await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    assert_eq!(got.json()["error"]["param"], "previous_response_id");
    proxy.finish().await;
}
