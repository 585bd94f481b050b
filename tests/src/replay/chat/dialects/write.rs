//! Replies as each provider words them.

use serde_json::{Value, json};

use super::{
    super::{
        super::{
            talk::{Asked, CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, Say, pieces},
            wants::{REASONING_TOKENS, THOUGHT},
        },
        call_deltas, calls, choice, chunk, events,
    },
    rows::{Cached, Row, UsageIn},
};

fn usage(row: &Row, asked: &Asked, output: u32) -> Value {
    let mut usage = json!({
        "prompt_tokens": INPUT_TOKENS, "completion_tokens": output, "total_tokens": INPUT_TOKENS + output,
    });
    match row.cached {
        Cached::No => {}
        Cached::Details => {
            usage["prompt_tokens_details"] = json!({"cached_tokens": CACHED_TOKENS});
        }
        Cached::Hits => {
            usage["prompt_cache_hit_tokens"] = json!(CACHED_TOKENS);
            usage["prompt_cache_miss_tokens"] = json!(INPUT_TOKENS - CACHED_TOKENS);
        }
    }
    if asked.thought {
        usage["completion_tokens_details"] = json!({"reasoning_tokens": REASONING_TOKENS});
    }
    usage
}

/// The name of the thought, where there is one.
fn thought(row: &Row, asked: &Asked) -> Option<&'static str> {
    row.thought.filter(|_| asked.thought)
}

pub(super) fn whole(row: &Row, asked: &Asked) -> Value {
    let (mut message, finish) = match &asked.say {
        Say::Words(words) => (json!({"role": "assistant", "content": words}), "stop"),
        Say::Calls => (
            json!({"role": "assistant", "content": "", "tool_calls": calls()}),
            "tool_calls",
        ),
    };
    if let Some(name) = thought(row, asked) {
        message[name] = json!(THOUGHT);
    }
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": asked.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage(row, asked, OUTPUT_TOKENS),
    })
}

/// The pieces of the message, and how it ends.
fn deltas(row: &Row, asked: &Asked) -> (Vec<Value>, &'static str) {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    if let Some(name) = thought(row, asked) {
        deltas.extend(pieces(THOUGHT).map(|piece| json!({name: piece})));
    }
    match &asked.say {
        Say::Words(words) => {
            deltas.extend(pieces(words).map(|piece| json!({"content": piece})));
            (deltas, "stop")
        }
        Say::Calls if row.whole_calls => {
            let mut calls = calls();
            for (index, call) in calls.iter_mut().enumerate() {
                call["index"] = json!(index);
            }
            deltas.push(json!({"tool_calls": calls}));
            (deltas, "tool_calls")
        }
        Say::Calls => {
            deltas.extend(call_deltas());
            (deltas, "tool_calls")
        }
    }
}

pub(super) fn stream(row: &Row, asked: &Asked) -> String {
    let (deltas, finish) = deltas(row, asked);
    let mut said = String::new();
    let so_far = |delta: &Value, finish: Option<&str>, said: &mut String| {
        let mut choices = choice(delta, finish);
        if row.usage == UsageIn::Every {
            // Each chunk has the whole message so far beside what is new.
            said.push_str(delta["content"].as_str().unwrap_or_default());
            choices[0]["message"] = json!({"role": "assistant", "content": said});
        }
        let usage = match (row.usage, finish) {
            (UsageIn::Every, None) => usage(row, asked, 1),
            (UsageIn::Every | UsageIn::Last, Some(_)) => usage(row, asked, OUTPUT_TOKENS),
            (UsageIn::Asked, _) | (UsageIn::Last, None) => Value::Null,
        };
        chunk(asked, &choices, &usage)
    };
    let mut chunks: Vec<Value> = Vec::new();
    for delta in &deltas {
        chunks.push(so_far(delta, None, &mut said));
    }
    chunks.push(so_far(&json!({}), Some(finish), &mut said));
    if row.usage == UsageIn::Asked && asked.usage {
        chunks.push(chunk(asked, &json!([]), &usage(row, asked, OUTPUT_TOKENS)));
    }
    events(&chunks)
}
