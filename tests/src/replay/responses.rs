//! OpenAI's Responses (<https://platform.openai.com/docs/api-reference/responses>), as its caller sends them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer,
    talk::{
        CACHED_TOKENS, CITIES, Call, IDS, INPUT_TOKENS, OUTPUT_TOKENS, Say, TOOL, Turn,
        argument_pieces, arguments, named, next, pieces,
    },
    wants::REASONING_TOKENS,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    model: String,
    input: Input,
    instructions: Option<String>,
    max_output_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    text: Option<Value>,
    reasoning: Option<Value>,
    include: Option<Vec<String>>,
    metadata: Option<Value>,
    store: Option<bool>,
    #[serde(default)]
    stream: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Item>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Typed(Typed),
    Message(Message),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    role: String,
    content: Value,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Typed {
    FunctionCall {
        id: Option<String>,
        call_id: String,
        name: String,
        arguments: String,
        status: Option<String>,
    },
    FunctionCallOutput {
        call_id: String,
        output: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    r#type: String,
    name: String,
    description: Option<String>,
    parameters: Value,
    strict: bool,
}

/// What the body is answered with, or why its API does not take it.
pub(super) fn answer(body: &[u8]) -> Result<Answer, String> {
    let body: Body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let turns = match &body.input {
        Input::Text(_) => vec![Turn::User],
        Input::Items(items) => turns(items)?,
    };
    let has_tools = body.tools.is_some_and(|tools| !tools.is_empty());
    let output = output(&next(&turns, has_tools)?);
    if body.stream {
        return Ok(Answer::events(stream(&body.model, &output)));
    }
    Ok(Answer::json(&response(&body.model, "completed", &output)))
}

/// Calls in a row are one turn.
fn turns(items: &[Item]) -> Result<Vec<Turn>, String> {
    let mut turns = Vec::new();
    for item in items {
        match item {
            Item::Message(message) if message.role == "user" => turns.push(Turn::User),
            Item::Message(message) => return Err(format!("a message of {}", message.role)),
            Item::Typed(Typed::FunctionCallOutput { call_id, output }) => {
                turns.push(Turn::Result(call_id.clone(), output.clone()));
            }
            Item::Typed(Typed::FunctionCall {
                call_id,
                name,
                arguments,
                ..
            }) => {
                let call = Call::parse(call_id, name, arguments)?;
                match turns.last_mut() {
                    Some(Turn::Model(calls)) => calls.push(call),
                    Some(Turn::User | Turn::Result(..)) | None => {
                        turns.push(Turn::Model(vec![call]));
                    }
                }
            }
        }
    }
    Ok(turns)
}

fn text(words: &str) -> Value {
    json!({"type": "output_text", "text": words, "annotations": [], "logprobs": []})
}

fn output(say: &Say) -> Vec<Value> {
    match say {
        Say::Words(words) => vec![
            json!({"type": "message", "id": "msg_1", "status": "completed",
            "role": "assistant", "content": [text(words)]}),
        ],
        Say::Calls => {
            let calls = IDS.into_iter().zip(CITIES);
            calls
                .map(|(id, city)| {
                    json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id,
                        "name": TOOL, "arguments": arguments(city), "status": "completed"})
                })
                .collect()
        }
    }
}

fn response(model: &str, status: &str, output: &[Value]) -> Value {
    let usage = (status == "completed").then(|| {
        json!({
            "input_tokens": INPUT_TOKENS, "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
            "output_tokens": OUTPUT_TOKENS,
            "output_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        })
    });
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_760_000_000, "status": status, "error": null,
        "incomplete_details": null, "instructions": null, "metadata": {}, "model": model, "output": output,
        "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": usage,
    })
}

/// Events with their numbers.
fn stream(model: &str, output: &[Value]) -> String {
    let begun = |name: &'static str| {
        (
            name,
            json!({"response": response(model, "in_progress", &[])}),
        )
    };
    let mut events = vec![begun("response.created"), begun("response.in_progress")];
    for (index, item) in output.iter().enumerate() {
        let mut empty = item.clone();
        empty["status"] = json!("in_progress");
        let pieces = match item["content"][0]["text"].as_str() {
            Some(words) => {
                empty["content"] = json!([]);
                message_events(index, words)
            }
            None => {
                empty["arguments"] = json!("");
                call_events(index, item)
            }
        };
        let added = json!({"output_index": index, "item": empty});
        events.push(("response.output_item.added", added));
        events.extend(pieces);
        let done = json!({"output_index": index, "item": item});
        events.push(("response.output_item.done", done));
    }
    let last = json!({"response": response(model, "completed", output)});
    events.push(("response.completed", last));
    for (number, (name, event)) in events.iter_mut().enumerate() {
        event["type"] = json!(name);
        event["sequence_number"] = json!(number);
    }
    named(&events)
}

fn message_events(index: usize, words: &str) -> Vec<(&'static str, Value)> {
    let of = |name, rest: Value| {
        let mut event = json!({"item_id": "msg_1", "output_index": index, "content_index": 0});
        let fields = rest.as_object().cloned().unwrap_or_default();
        event.as_object_mut().expect("an object").extend(fields);
        (name, event)
    };
    let mut events = vec![of("response.content_part.added", json!({"part": text("")}))];
    for piece in pieces(words) {
        let delta = json!({"delta": piece, "logprobs": []});
        events.push(of("response.output_text.delta", delta));
    }
    let done = json!({"text": words, "logprobs": []});
    events.push(of("response.output_text.done", done));
    events.push(of(
        "response.content_part.done",
        json!({"part": text(words)}),
    ));
    events
}

fn call_events(index: usize, item: &Value) -> Vec<(&'static str, Value)> {
    let city = CITIES[index];
    let event = |fields: &Value| {
        let mut event = json!({"item_id": item["id"], "output_index": index});
        let fields = fields.as_object().cloned().unwrap_or_default();
        event.as_object_mut().expect("an object").extend(fields);
        event
    };
    let deltas = argument_pieces(city).map(|piece| {
        (
            "response.function_call_arguments.delta",
            event(&json!({"delta": piece})),
        )
    });
    let done = json!({"name": TOOL, "arguments": item["arguments"]});
    let done = ("response.function_call_arguments.done", event(&done));
    deltas.into_iter().chain([done]).collect()
}
