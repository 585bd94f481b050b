//! The last answer as a stream: it is whole before its first byte goes out.

use std::fmt::Write;

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::{Value, json};

use super::body::Streamed;
use crate::http::Body;

/// A completion, event by event.
pub(super) fn of(completion: &Value, streamed: Streamed) -> Bytes {
    let mut text = String::new();
    let choice = &completion["choices"][0];
    let mut delta = choice["message"].clone();
    if let Value::Object(fields) = &mut delta {
        fields.retain(|_, value| !value.is_null());
    }
    if let Some(Value::Array(calls)) = delta.get_mut("tool_calls") {
        for (index, call) in calls.iter_mut().enumerate() {
            call["index"] = json!(index);
        }
    }
    let usage = if streamed.with_usage {
        Some(Value::Null)
    } else {
        None
    };
    let one = |delta: &Value, finish: &Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    event(
        &mut text,
        completion,
        (one(&delta, &Value::Null), usage.clone()),
    );
    let end = one(&json!({}), &choice["finish_reason"]);
    event(&mut text, completion, (end, usage));
    if streamed.with_usage {
        let used = completion["usage"].clone();
        event(&mut text, completion, (json!([]), Some(used)));
    }
    text.push_str("data: [DONE]\n\n");
    text.into()
}

fn event(text: &mut String, completion: &Value, (choices, usage): (Value, Option<Value>)) {
    let mut chunk = json!({"object": "chat.completion.chunk", "choices": choices});
    for name in [
        "id",
        "created",
        "model",
        "system_fingerprint",
        "service_tier",
    ] {
        if let Some(value) = completion.get(name) {
            chunk[name] = value.clone();
        }
    }
    if let Some(usage) = usage {
        chunk["usage"] = usage;
    }
    let _ = write!(text, "data: {chunk}\n\n");
}

/// Says what kind of answer it is.
pub(super) fn typed(mut response: Response<Body>, is_stream: bool) -> Response<Body> {
    let headers = response.headers_mut();
    if is_stream {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(completion: &Value, with_usage: bool) -> Vec<String> {
        let text = of(completion, Streamed { with_usage });
        let text = std::str::from_utf8(&text).expect("text");
        let events = text.split_terminator("\n\n");
        let events = events.map(|event| event.strip_prefix("data: ").expect("data").to_owned());
        events.collect()
    }

    #[test]
    fn a_completion_is_told_with_its_usage_where_that_is_wanted() {
        let call =
            json!({"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let completion = json!({
            "id": "c", "created": 7, "model": "m", "usage": {"total_tokens": 3},
            "choices": [{"finish_reason": "tool_calls",
                "message": {"role": "assistant", "content": "Hi", "refusal": null, "tool_calls": [call]}}],
        });
        let told = events(&completion, true);
        assert_eq!(told.len(), 4);
        let first: Value = serde_json::from_str(&told[0]).expect("JSON");
        let delta = &first["choices"][0]["delta"];
        assert_eq!(
            (&delta["role"], &delta["content"]),
            (&json!("assistant"), &json!("Hi"))
        );
        assert_eq!(delta["tool_calls"][0]["index"], 0);
        assert_eq!((&first["id"], &first["usage"]), (&json!("c"), &Value::Null));
        let second: Value = serde_json::from_str(&told[1]).expect("JSON");
        assert_eq!(second["choices"][0]["finish_reason"], "tool_calls");
        let third: Value = serde_json::from_str(&told[2]).expect("JSON");
        assert_eq!(
            (&third["choices"], &third["usage"]["total_tokens"]),
            (&json!([]), &json!(3))
        );
        assert_eq!(told[3], "[DONE]");
        assert_eq!(events(&completion, false).len(), 3);
        assert!(!events(&completion, false)[0].contains("usage"));
    }
}
