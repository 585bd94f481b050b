//! The reply as server-sent events, spread over the time the model takes.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::{chat::Completion, respond::Body};

/// Pieces that a text is sent in.
const PIECES: usize = 8;

/// Share of the whole time that passes before the first piece.
const FIRST_SHARE: f64 = 0.4;

/// What is sent of a reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub include_usage: bool,
    /// It breaks off in the middle.
    pub is_broken: bool,
}

/// Answers after the time to the first token; the rest comes in equal steps.
pub(super) async fn send(completion: &Completion, form: Form, latency: Duration) -> Response<Body> {
    let mut events = events(completion, form.include_usage);
    if form.is_broken {
        events.truncate(events.len() / 2);
    }
    let first = latency.mul_f64(FIRST_SHARE);
    let step =
        latency.saturating_sub(first) / u32::try_from(events.len().max(1)).unwrap_or(u32::MAX);
    tokio::time::sleep(first).await;
    let frames = stream::iter(events)
        .enumerate()
        .then(move |(index, event)| async move {
            if index > 0 && !step.is_zero() {
                tokio::time::sleep(step).await;
            }
            Ok::<_, Infallible>(Frame::data(event))
        });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let event_stream = header::HeaderValue::from_static("text/event-stream");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, event_stream);
    response
}

fn events(completion: &Completion, include_usage: bool) -> Vec<Bytes> {
    let chunk = |delta: Value, finish: Option<&str>| {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        event(&envelope(completion, json!([choice])))
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), None)];
    if let Some(call) = &completion.tool_call {
        let mut delta = call.to_json();
        delta["index"] = json!(0);
        events.push(chunk(json!({ "tool_calls": [delta] }), None));
    }
    let text = completion.content.as_deref().unwrap_or_default();
    events.extend(
        pieces(text)
            .into_iter()
            .map(|piece| chunk(json!({ "content": piece }), None)),
    );
    events.push(chunk(json!({}), Some(completion.finish_reason)));
    if include_usage {
        let mut last = envelope(completion, json!([]));
        last["usage"] = completion.usage();
        events.push(event(&last));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn envelope(completion: &Completion, choices: Value) -> Value {
    json!({
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model,
        "choices": choices,
    })
}

fn event(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// At most [`PIECES`] pieces that join to the text.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(chars.len().div_ceil(PIECES).max(1))
        .map(|piece| piece.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text() {
        for text in ["", "a", "eins zwei drei", &"ü".repeat(101)] {
            assert_eq!(pieces(text).concat(), *text);
            assert!(pieces(text).len() <= PIECES);
        }
    }
}
