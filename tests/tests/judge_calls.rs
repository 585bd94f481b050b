//! Replies that call tools are judged by whether the calls can be carried out, whole or streamed, whoever asked.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Api, Floopy, Shape, Upstream, eventually_within, in_both_shapes,
    upstream::{Ending, Reply, Stream},
};
use serde_json::{Value, json};

in_both_shapes!(
    a_call_that_cannot_be_carried_out_is_worth_less,
    a_streamed_call_is_judged_as_a_whole_one,
    what_was_said_in_a_call_is_scrubbed_before_it_is_judged,
);

const PATIENCE: Duration = Duration::from_secs(60);

fn asking() -> Value {
    let parameters = json!({
        "type": "object", "required": ["city"], "additionalProperties": false,
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 14}},
    });
    json!({
        "model": "up/alpha",
        "messages": [{"role": "user", "content": "What will the weather be in Reykjavik over the next 3 days?"}],
        "tools": [{"type": "function", "function": {"name": "forecast", "parameters": parameters}}],
    })
}

fn calling(name: &str, arguments: &str) -> Reply {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    Reply::json(
        200,
        &json!({
            "id": "chatcmpl-7", "object": "chat.completion", "created": 1, "model": "alpha",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 40, "completion_tokens": 12, "total_tokens": 52},
        }),
    )
}

/// In the pieces that providers send.
fn streaming(name: &str, pieces: &[&str]) -> Reply {
    let frame = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({
            "id": "chatcmpl-8", "object": "chat.completion.chunk", "created": 1, "model": "alpha", "choices": [choice],
        });
        format!("data: {chunk}\n\n")
    };
    let call = |function: Value| json!({"tool_calls": [{"index": 0, "function": function}]});
    let mut frames = vec![frame(
        json!({"role": "assistant", "tool_calls": [
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}},
        ]}),
        Value::Null,
    )];
    frames.extend(
        pieces
            .iter()
            .map(|piece| frame(call(json!({"arguments": piece})), Value::Null)),
    );
    frames.push(frame(json!({}), json!("tool_calls")));
    frames.push("data: [DONE]\n\n".to_owned());
    Reply::Stream(Stream {
        frames,
        gap: Duration::ZERO,
        ending: Ending::Complete,
    })
}

/// What the judge said of a reply, once it did.
async fn judged(api: &Api, id: &str) -> Value {
    eventually_within(PATIENCE, || async {
        let judge = api.decision(id).await["judge"].clone();
        if judge.is_object() {
            Ok(judge)
        } else {
            Err(judge)
        }
    })
    .await
}

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

async fn composite(api: &Api, body: &Value) -> f64 {
    let id = api.chat("s", body).await.ok().request_id();
    let judge = judged(api, &id).await;
    judge["composite"].as_f64().expect("a score")
}

async fn a_call_that_cannot_be_carried_out_is_worth_less(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut scores = Vec::new();
    for (name, arguments) in [
        ("forecast", r#"{"city": "Reykjavik", "days": 3}"#),
        ("forecast", r#"{"town": "Reykjavik", "days": 30}"#),
        ("weather", r#"{"city": "Reykjavik", "days": 3}"#),
        ("forecast", r#"{"city": "Reykjavik", "#),
    ] {
        upstream.script("alpha", calling(name, arguments));
        scores.push(composite(&api, &asking()).await);
    }
    let [good, others @ ..] = &*scores else {
        panic!("{scores:?}");
    };
    assert!(*good > 0.85, "{scores:?}");
    assert!(others.iter().all(|other| *other < good - 0.2), "{scores:?}");
}

async fn a_streamed_call_is_judged_as_a_whole_one(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    upstream.script(
        "alpha",
        calling("forecast", r#"{"city": "Reykjavik", "days": 3}"#),
    );
    let whole = composite(&api, &asking()).await;
    let mut body = asking();
    body["stream"] = json!(true);
    let pieces = ["{\"city\": \"Rey", "kjavik\", ", "\"days\": 3}"];
    upstream.script("alpha", streaming("forecast", &pieces));
    let streamed = composite(&api, &body).await;
    assert!((whole - streamed).abs() < 1e-9, "{whole} {streamed}");
}

/// A number that is taken out is not one of the wrong type.
async fn what_was_said_in_a_call_is_scrubbed_before_it_is_judged(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut body = asking();
    body["tools"][0]["function"]["parameters"]["properties"]["card"] = json!({"type": "integer"});
    let arguments = r#"{"city": "Reykjavik", "card": 4111111111111111}"#;
    upstream.script("alpha", calling("forecast", arguments));
    let id = api.chat("s", &body).await.ok().request_id();
    let judge = judged(&api, &id).await;
    assert!(judge["helpfulness"].as_f64() > Some(0.8), "{judge}");
    assert!(judge["safety"].as_f64() < Some(0.8), "{judge}");
}
