//! Cohere's Chat of its second version (<https://docs.cohere.com/reference/chat>).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    talk::{
        Asked, CACHED_TOKENS, CITIES, Call, IDS, INPUT_TOKENS, OUTPUT_TOKENS, Say, TOOL, Turn,
        argument_pieces, arguments, named, next, pieces,
    },
    wants::THOUGHT,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    model: String,
    stream: bool,
    messages: Vec<Message>,
    tools: Option<Vec<Tool>>,
    strict_tools: Option<bool>,
    tool_choice: Option<ToolChoice>,
    response_format: Option<Value>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    p: Option<f64>,
    k: Option<u32>,
    seed: Option<u64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    stop_sequences: Option<Vec<String>>,
    logprobs: Option<bool>,
    thinking: Option<Value>,
    safety_mode: Option<String>,
}

#[derive(Deserialize)]
enum ToolChoice {
    #[serde(rename = "REQUIRED")]
    Required,
    #[serde(rename = "NONE")]
    None,
}

#[derive(Deserialize)]
#[serde(tag = "role", rename_all = "lowercase", deny_unknown_fields)]
enum Message {
    System {
        content: Content,
    },
    User {
        content: Content,
    },
    Assistant {
        content: Option<Content>,
        tool_plan: Option<String>,
        tool_calls: Option<Vec<ToolCall>>,
    },
    Tool {
        content: Content,
        tool_call_id: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Part {
    Text { text: String },
    Thinking { thinking: String },
    ImageUrl { image_url: Value },
    Document { document: Value },
}

impl Content {
    fn text(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text { text } => text.clone(),
            Part::Thinking { .. } | Part::ImageUrl { .. } | Part::Document { .. } => String::new(),
        };
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.iter().map(text).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolCall {
    id: String,
    r#type: String,
    function: Called,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    r#type: String,
    function: Function,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Function {
    name: String,
    description: Option<String>,
    parameters: Value,
}

pub(super) fn read(body: &[u8]) -> Result<Asked, String> {
    let body: Body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let turns = body.messages.iter().map(turn);
    let turns: Vec<Option<Turn>> = turns.collect::<Result<_, _>>()?;
    let turns: Vec<Turn> = turns.into_iter().flatten().collect();
    let say = next(&turns, body.tools.is_some_and(|tools| !tools.is_empty()))?;
    Ok(Asked {
        model: Some(body.model),
        stream: Some(body.stream),
        ..Asked::new(say)
    })
}

fn turn(message: &Message) -> Result<Option<Turn>, String> {
    Ok(match message {
        Message::System { .. } => None,
        Message::User { .. } => Some(Turn::User),
        Message::Tool {
            content,
            tool_call_id,
        } => Some(Turn::Result(tool_call_id.clone(), content.text())),
        Message::Assistant {
            content,
            tool_calls,
            ..
        } => {
            if content.is_none() && tool_calls.is_none() {
                return Err("an assistant's message with neither content nor calls".to_owned());
            }
            let calls = tool_calls.iter().flatten();
            let calls = calls
                .map(|call| Call::parse(&call.id, &call.function.name, &call.function.arguments));
            Some(Turn::Model(calls.collect::<Result<_, _>>()?))
        }
    })
}

fn usage() -> Value {
    json!({
        "billed_units": {"input_tokens": 5, "output_tokens": OUTPUT_TOKENS},
        "tokens": {"input_tokens": f64::from(INPUT_TOKENS), "output_tokens": f64::from(OUTPUT_TOKENS)},
        "cached_tokens": CACHED_TOKENS,
    })
}

fn call(id: &str, arguments: &str) -> Value {
    let function = json!({"name": TOOL, "arguments": arguments});
    json!({"id": id, "type": "function", "function": function})
}

fn finish(asked: &Asked) -> &'static str {
    match asked.stopped {
        Some(_) => "STOP_SEQUENCE",
        None => "COMPLETE",
    }
}

pub(super) fn whole(asked: &Asked) -> Value {
    let (message, finish) = match &asked.say {
        Say::Words(words) => {
            let thought = asked
                .thought
                .then(|| json!({"type": "thinking", "thinking": THOUGHT}));
            let said = json!({"type": "text", "text": words});
            let content: Vec<Value> = thought.into_iter().chain([said]).collect();
            (
                json!({"role": "assistant", "content": content}),
                finish(asked),
            )
        }
        Say::Calls => {
            let calls = IDS.into_iter().zip(CITIES);
            let calls: Vec<Value> = calls.map(|(id, city)| call(id, &arguments(city))).collect();
            let plan = "I will ask for both.";
            (
                json!({"role": "assistant", "tool_plan": plan, "tool_calls": calls}),
                "TOOL_CALL",
            )
        }
    };
    json!({"id": "c-1", "finish_reason": finish, "message": message, "usage": usage()})
}

/// An event with this in its message.
fn event(name: &'static str, index: usize, message: &Value) -> (&'static str, Value) {
    let data = json!({"type": name, "index": index, "delta": {"message": message}});
    (name, data)
}

fn end(name: &'static str, index: usize) -> (&'static str, Value) {
    (name, json!({"type": name, "index": index}))
}

pub(super) fn stream(asked: &Asked) -> String {
    let message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let start = json!({"id": "c-1", "type": "message-start", "delta": {"message": message}});
    let mut events = vec![("message-start", start)];
    let ended = match &asked.say {
        Say::Words(words) => {
            let mut contents = vec![("text", words.as_str())];
            if asked.thought {
                contents.insert(0, ("thinking", THOUGHT));
            }
            for (index, (kind, words)) in contents.into_iter().enumerate() {
                let start = json!({"content": {"type": kind, kind: ""}});
                events.push(event("content-start", index, &start));
                for text in pieces(words) {
                    let delta = json!({"content": {kind: text}});
                    events.push(event("content-delta", index, &delta));
                }
                events.push(end("content-end", index));
            }
            finish(asked)
        }
        Say::Calls => {
            events.extend(calls());
            "TOOL_CALL"
        }
    };
    let delta = json!({"finish_reason": ended, "usage": usage()});
    let last = json!({"type": "message-end", "delta": delta});
    events.push(("message-end", last));
    named(&events)
}

fn calls() -> Vec<(&'static str, Value)> {
    let plan =
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will ask."}}});
    let mut events = vec![("tool-plan-delta", plan)];
    for (index, (id, city)) in IDS.into_iter().zip(CITIES).enumerate() {
        let start = json!({"tool_calls": call(id, "")});
        events.push(event("tool-call-start", index, &start));
        for piece in argument_pieces(city) {
            let delta = json!({"tool_calls": {"function": {"arguments": piece}}});
            events.push(event("tool-call-delta", index, &delta));
        }
        events.push(end("tool-call-end", index));
    }
    events
}
