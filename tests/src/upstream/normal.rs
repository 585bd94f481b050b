//! Proper OpenAI replies.

use serde_json::{Value, json};

/// The reply to a call at `path`; `serial` makes ids unique.
pub(super) fn reply(path: &str, call: &Value, serial: u64) -> Value {
    match path {
        "/v1/embeddings" => embeddings(call),
        "/v1/models" => json!({"object": "list", "data": []}),
        _ => chat(call, serial),
    }
}

fn chat(call: &Value, serial: u64) -> Value {
    json!({
        "id": format!("chatcmpl-{serial}"),
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": call["model"],
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": format!("reply {serial}")},
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    })
}

fn embeddings(call: &Value) -> Value {
    let inputs = call["input"].as_array().map_or(1, Vec::len);
    // Two little-endian floats, 1.0 and -2.0.
    let base64 = call["encoding_format"] == "base64";
    let vector = if base64 {
        json!("AACAPwAAAMA=")
    } else {
        json!([1.0, -2.0])
    };
    let rows: Vec<Value> = (0..inputs)
        .map(|index| json!({"object": "embedding", "index": index, "embedding": vector}))
        .collect();
    json!({
        "object": "list",
        "data": rows,
        "model": call["model"],
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    })
}

/// The frames of a proper chat stream, one word each.
pub(super) fn chat_frames(id: &str, model: &str, words: &[&str]) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        json!({
            "id": id, "object": "chat.completion.chunk", "created": 1_790_000_000, "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        })
    };
    let mut chunks = vec![chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    chunks.extend(
        words
            .iter()
            .map(|word| chunk(json!({"content": word}), Value::Null)),
    );
    chunks.push(chunk(json!({}), json!("stop")));
    chunks.push(json!({
        "id": id, "object": "chat.completion.chunk", "created": 1_790_000_000, "model": model,
        "choices": [],
        "usage": {"prompt_tokens": 11, "completion_tokens": words.len(), "total_tokens": 11 + words.len()},
    }));
    let mut frames: Vec<String> = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect();
    frames.push("data: [DONE]\n\n".to_owned());
    frames
}
