//! Bedrock's Converse (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>).

use floopy_protocols::event_stream::Frame;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    talk::{
        Asked, CACHED_TOKENS, CITIES, Call, FRESH_TOKENS, IDS, INPUT_TOKENS, OUTPUT_TOKENS, Say,
        TOOL, Turn, argument_pieces, next, pieces,
    },
    wants::{THOUGHT, THOUGHT_SIGNATURE},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    messages: Vec<Message>,
    system: Option<Vec<Block>>,
    inference_config: Option<InferenceConfig>,
    tool_config: Option<ToolConfig>,
    additional_model_request_fields: Option<Value>,
    additional_model_response_field_paths: Option<Vec<String>>,
    output_config: Option<Value>,
    request_metadata: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    role: Role,
    content: Vec<Block>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Block {
    Text(String),
    Image(Value),
    Document(Value),
    ToolUse(ToolUse),
    ToolResult(ToolResult),
    ReasoningContent(Value),
    CachePoint(Value),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToolUse {
    tool_use_id: String,
    name: String,
    input: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToolResult {
    tool_use_id: String,
    content: Vec<Said>,
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Said {
    Text(String),
    Json(Value),
    Image(Value),
    Document(Value),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InferenceConfig {
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop_sequences: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToolConfig {
    tools: Vec<Tool>,
    tool_choice: Option<ToolChoice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Tool {
    ToolSpec(ToolSpec),
    CachePoint(Value),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToolSpec {
    name: String,
    description: Option<String>,
    input_schema: InputSchema,
    strict: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputSchema {
    json: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum ToolChoice {
    Auto {},
    Any {},
    Tool { name: String },
}

pub(super) fn read(body: &[u8]) -> Result<Asked, String> {
    let body: Body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    check_roles(&body)?;
    let mut turns = Vec::new();
    for message in &body.messages {
        read_message(message, &mut turns)?;
    }
    let tools = body.tool_config.map(|config| config.tools);
    if tools.as_ref().is_some_and(Vec::is_empty) {
        return Err("toolConfig.tools must have at least 1 item".to_owned());
    }
    let has_calls = turns
        .iter()
        .any(|turn| matches!(turn, Turn::Model(calls) if !calls.is_empty()));
    if has_calls && tools.is_none() {
        let why = "The toolConfig field must be defined when using toolUse and toolResult content blocks.";
        return Err(why.to_owned());
    }
    Ok(Asked::new(next(&turns, tools.is_some())?))
}

fn check_roles(body: &Body) -> Result<(), String> {
    let roles: Vec<Role> = body.messages.iter().map(|message| message.role).collect();
    if roles.first() != Some(&Role::User) {
        return Err("A conversation must start with a user message.".to_owned());
    }
    if roles.windows(2).any(|two| two[0] == two[1]) {
        return Err("roles must alternate between user and assistant".to_owned());
    }
    Ok(())
}

fn read_message(message: &Message, turns: &mut Vec<Turn>) -> Result<(), String> {
    let (mut calls, mut results, mut words) = (Vec::new(), 0, 0);
    if message.content.is_empty() {
        return Err("a message without content".to_owned());
    }
    for block in &message.content {
        match block {
            Block::ToolUse(call) => {
                calls.push(Call::new(&call.tool_use_id, &call.name, &call.input)?);
            }
            Block::ToolResult(result) => {
                let text = result.content.iter().map(said).collect::<String>();
                turns.push(Turn::Result(result.tool_use_id.clone(), text));
                results += 1;
            }
            Block::Text(text) if text.trim().is_empty() => {
                return Err("The text field in the ContentBlock object is blank.".to_owned());
            }
            Block::Text(_) => words += 1,
            Block::Image(_)
            | Block::Document(_)
            | Block::ReasoningContent(_)
            | Block::CachePoint(_) => {}
        }
    }
    match message.role {
        Role::Assistant if results == 0 => turns.push(Turn::Model(calls)),
        Role::User if calls.is_empty() => {
            turns.extend((results == 0 || words > 0).then_some(Turn::User));
        }
        Role::Assistant | Role::User => {
            return Err("blocks that cannot stand in a message of this role".to_owned());
        }
    }
    Ok(())
}

fn said(said: &Said) -> &str {
    match said {
        Said::Text(text) => text,
        Said::Json(_) | Said::Image(_) | Said::Document(_) => "",
    }
}

fn usage() -> Value {
    json!({
        "inputTokens": FRESH_TOKENS, "outputTokens": OUTPUT_TOKENS, "cacheReadInputTokens": CACHED_TOKENS,
        "cacheWriteInputTokens": 0, "totalTokens": INPUT_TOKENS + OUTPUT_TOKENS,
    })
}

fn stop(asked: &Asked) -> &'static str {
    match asked.say {
        Say::Words(_) if asked.stopped.is_some() => "stop_sequence",
        Say::Words(_) => "end_turn",
        Say::Calls => "tool_use",
    }
}

pub(super) fn whole(asked: &Asked) -> Value {
    let thought = asked.thought.then(|| {
        let text = json!({"text": THOUGHT, "signature": THOUGHT_SIGNATURE});
        json!({"reasoningContent": {"reasoningText": text}})
    });
    let said: Vec<Value> = match &asked.say {
        Say::Words(words) => vec![json!({"text": words})],
        Say::Calls => {
            let calls = IDS.into_iter().zip(CITIES);
            let call = |(id, city)| {
                let call = json!({"toolUseId": id, "name": TOOL, "input": {"city": city}});
                json!({"toolUse": call})
            };
            calls.map(call).collect()
        }
    };
    let content: Vec<Value> = thought.into_iter().chain(said).collect();
    json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop(asked), "usage": usage(), "metrics": {"latencyMs": 5},
    })
}

pub(super) fn stream(asked: &Asked) -> Vec<u8> {
    let mut events = vec![("messageStart", json!({"role": "assistant", "p": "abcd"}))];
    let first = usize::from(asked.thought);
    if asked.thought {
        events.extend(thought());
    }
    match &asked.say {
        Say::Words(words) => {
            for text in pieces(words) {
                let delta =
                    json!({"contentBlockIndex": first, "delta": {"text": text}, "p": "abc"});
                events.push(("contentBlockDelta", delta));
            }
            events.push(("contentBlockStop", json!({"contentBlockIndex": first})));
        }
        Say::Calls => events.extend(calls(first)),
    }
    events.push(("messageStop", json!({"stopReason": stop(asked)})));
    let metadata = json!({"usage": usage(), "metrics": {"latencyMs": 5}});
    events.push(("metadata", metadata));
    let frames = events.iter().map(|(name, payload)| {
        let frame = Frame::event(name, payload.to_string());
        frame.encode().expect("a frame")
    });
    frames.collect::<Vec<_>>().concat()
}

fn thought() -> Vec<(&'static str, Value)> {
    let mut said = pieces(THOUGHT).map(|text| json!({"text": text})).to_vec();
    said.push(json!({"signature": THOUGHT_SIGNATURE}));
    let events = said.into_iter().map(|said| {
        let delta = json!({"reasoningContent": said});
        let delta = json!({"contentBlockIndex": 0, "delta": delta});
        ("contentBlockDelta", delta)
    });
    let stop = ("contentBlockStop", json!({"contentBlockIndex": 0}));
    events.chain([stop]).collect()
}

fn calls(first: usize) -> Vec<(&'static str, Value)> {
    let mut events = Vec::new();
    for (index, (id, city)) in (first..).zip(IDS.into_iter().zip(CITIES)) {
        let start = json!({"toolUse": {"toolUseId": id, "name": TOOL}});
        let start = json!({"contentBlockIndex": index, "start": start});
        events.push(("contentBlockStart", start));
        for input in argument_pieces(city) {
            let delta = json!({"toolUse": {"input": input}});
            let delta = json!({"contentBlockIndex": index, "delta": delta});
            events.push(("contentBlockDelta", delta));
        }
        events.push(("contentBlockStop", json!({"contentBlockIndex": index})));
    }
    events
}
