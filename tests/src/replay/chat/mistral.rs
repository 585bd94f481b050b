//! Mistral's chat completions, which refuse every field that they do not know.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Asked, Call, Content, Say, Tool, Turn, calls, choice, chunk, events, next, pieces, usage,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    model: String,
    messages: Vec<Message>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<Value>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    random_seed: Option<u64>,
    stop: Option<Value>,
    n: Option<u32>,
    #[serde(default)]
    stream: bool,
    safe_prompt: Option<bool>,
    prediction: Option<Value>,
    prompt_mode: Option<String>,
    metadata: Option<Value>,
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
        prefix: Option<bool>,
        tool_calls: Option<Vec<ToolCall>>,
    },
    Tool {
        content: Content,
        tool_call_id: String,
        name: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolCall {
    id: String,
    r#type: Option<String>,
    index: Option<u32>,
    function: super::Called,
}

pub(in super::super) fn read(body: &[u8]) -> Result<Asked, String> {
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
            ..
        } => {
            check_id(tool_call_id)?;
            Some(Turn::Result(tool_call_id.clone(), content.text()))
        }
        Message::Assistant { tool_calls, .. } => {
            let calls = tool_calls.iter().flatten();
            let calls = calls.map(|call| {
                check_id(&call.id)?;
                Call::parse(&call.id, &call.function.name, &call.function.arguments)
            });
            Some(Turn::Model(calls.collect::<Result<_, _>>()?))
        }
    })
}

fn check_id(id: &str) -> Result<(), String> {
    if id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(format!(
        "Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9."
    ))
}

/// Calls come whole, and usage comes unasked, with the last choice.
pub(in super::super) fn stream(asked: &Asked) -> String {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    let finish = match &asked.say {
        Say::Words(words) => {
            deltas.extend(pieces(words).map(|piece| json!({"content": piece})));
            "stop"
        }
        Say::Calls => {
            let mut calls = calls();
            for (index, call) in calls.iter_mut().enumerate() {
                call["index"] = json!(index);
            }
            deltas.push(json!({"content": "", "tool_calls": calls}));
            "tool_calls"
        }
    };
    let last = deltas.len() - 1;
    let chunks = deltas.iter().enumerate().map(|(index, delta)| {
        if index == last {
            return chunk(asked, &choice(delta, Some(finish)), &usage(asked));
        }
        chunk(asked, &choice(delta, None), &Value::Null)
    });
    events(&chunks.collect::<Vec<_>>())
}
