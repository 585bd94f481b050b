//! Anthropic's Messages (<https://docs.claude.com/en/api/messages>).

use floopy_protocols::vertex::ANTHROPIC_VERSION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Provider,
    talk::{
        Asked, CACHED_TOKENS, CITIES, Call, FRESH_TOKENS, IDS, OUTPUT_TOKENS, Say, TOOL, Turn,
        argument_pieces, named, next, pieces,
    },
    wants::{THOUGHT, THOUGHT_SIGNATURE},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// Vertex AI has it in the address, and the API's version here.
    model: Option<String>,
    anthropic_version: Option<String>,
    max_tokens: u32,
    messages: Vec<Message>,
    system: Option<Content>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<ToolChoice>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    stop_sequences: Option<Vec<String>>,
    #[serde(default)]
    stream: bool,
    metadata: Option<Metadata>,
    thinking: Option<Value>,
    output_config: Option<Value>,
    service_tier: Option<String>,
    cache_control: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    user_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum ToolChoice {
    Auto {
        disable_parallel_tool_use: Option<bool>,
    },
    Any {
        disable_parallel_tool_use: Option<bool>,
    },
    Tool {
        name: String,
        disable_parallel_tool_use: Option<bool>,
    },
    None {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    r#type: Option<String>,
    description: Option<String>,
    input_schema: Schema,
    strict: Option<bool>,
    cache_control: Option<Value>,
}

#[derive(Deserialize)]
struct Schema {
    r#type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    role: Role,
    content: Content,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Block {
    Text {
        text: String,
        cache_control: Option<Value>,
        citations: Option<Vec<Value>>,
    },
    Image {
        source: Value,
        cache_control: Option<Value>,
    },
    ToolUse {
        id: String,
        name: String,
        input: serde_json::Map<String, Value>,
        cache_control: Option<Value>,
        caller: Option<Value>,
    },
    ToolResult {
        tool_use_id: String,
        content: Option<Content>,
        is_error: Option<bool>,
        cache_control: Option<Value>,
    },
    Thinking {
        thinking: String,
        signature: String,
    },
}

impl Content {
    /// Its words; of empty ones the API wants none.
    fn text(&self) -> Result<String, String> {
        let blocks = match self {
            Self::Text(text) if text.is_empty() => return Err("an empty text".to_owned()),
            Self::Text(text) => return Ok(text.clone()),
            Self::Blocks(blocks) => blocks,
        };
        let mut words = String::new();
        for block in blocks {
            if let Block::Text { text, .. } = block {
                if text.is_empty() {
                    return Err("text content blocks must be non-empty".to_owned());
                }
                words.push_str(text);
            }
        }
        Ok(words)
    }
}

pub(super) fn read(body: &[u8]) -> Result<Asked, String> {
    let body: Body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    if body.temperature.is_some_and(|t| !(0.0..=1.0).contains(&t)) {
        return Err("temperature: range: 0..1".to_owned());
    }
    if body.temperature.is_some() && body.top_p.is_some() {
        return Err("`temperature` and `top_p` cannot both be specified".to_owned());
    }
    let mut turns = Vec::new();
    for message in &body.messages {
        read_message(message, &mut turns)?;
    }
    let tools = body.tools.unwrap_or_default();
    if let Some(tool) = tools
        .iter()
        .find(|tool| tool.input_schema.r#type != "object")
    {
        return Err(format!("the schema of {} is of no object", tool.name));
    }
    let say = next(&turns, !tools.is_empty())?;
    if let Some(version) = body
        .anthropic_version
        .filter(|version| version != ANTHROPIC_VERSION)
    {
        return Err(format!("anthropic_version: {version}"));
    }
    Ok(Asked {
        model: body.model,
        stream: Some(body.stream),
        ..Asked::new(say)
    })
}

fn read_message(message: &Message, turns: &mut Vec<Turn>) -> Result<(), String> {
    let words = message.content.text()?;
    let none = Vec::new();
    let blocks = match &message.content {
        Content::Text(_) => &none,
        Content::Blocks(blocks) => blocks,
    };
    let (mut calls, mut results) = (Vec::new(), 0);
    for block in blocks {
        match block {
            Block::ToolUse {
                id, name, input, ..
            } => calls.push(Call::new(id, name, &Value::Object(input.clone()))?),
            Block::ToolResult {
                tool_use_id,
                content,
                ..
            } => {
                let text = content.as_ref().map(Content::text).transpose()?;
                turns.push(Turn::Result(tool_use_id.clone(), text.unwrap_or_default()));
                results += 1;
            }
            Block::Text { .. } | Block::Image { .. } | Block::Thinking { .. } => {}
        }
    }
    if message.role == Role::Assistant && results == 0 {
        turns.push(Turn::Model(calls));
    } else if message.role == Role::User && calls.is_empty() {
        turns.extend((results == 0 || !words.is_empty()).then_some(Turn::User));
    } else {
        return Err("blocks that cannot stand in a message of this role".to_owned());
    }
    Ok(())
}

fn usage(output: u32) -> Value {
    json!({
        "input_tokens": FRESH_TOKENS, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED_TOKENS, "output_tokens": output,
    })
}

fn message(asked: &Asked, content: &[Value], stop: Option<&str>, output: u32) -> Value {
    let model = asked.model.as_deref();
    let model = model.unwrap_or_else(|| Provider::VertexClaude.model());
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop, "stop_sequence": stop.and(asked.stopped), "usage": usage(output),
    })
}

fn stop(asked: &Asked) -> &'static str {
    match asked.say {
        Say::Words(_) if asked.stopped.is_some() => "stop_sequence",
        Say::Words(_) => "end_turn",
        Say::Calls => "tool_use",
    }
}

/// A block of the reply, and its deltas where it is streamed.
fn blocks(asked: &Asked) -> Vec<(Value, Value, Vec<Value>)> {
    let thought = asked.thought.then(|| {
        let block = |text: &str, signature: &str| {
            json!({"type": "thinking", "thinking": text, "signature": signature})
        };
        let mut deltas = pieces(THOUGHT)
            .map(|text| json!({"type": "thinking_delta", "thinking": text}))
            .to_vec();
        deltas.push(json!({"type": "signature_delta", "signature": THOUGHT_SIGNATURE}));
        (block(THOUGHT, THOUGHT_SIGNATURE), block("", ""), deltas)
    });
    thought.into_iter().chain(said(asked)).collect()
}

fn said(asked: &Asked) -> Vec<(Value, Value, Vec<Value>)> {
    match &asked.say {
        Say::Words(words) => {
            let deltas = pieces(words).map(|text| json!({"type": "text_delta", "text": text}));
            vec![(
                json!({"type": "text", "text": words}),
                json!({"type": "text", "text": ""}),
                deltas.to_vec(),
            )]
        }
        Say::Calls => {
            let calls = IDS.into_iter().zip(CITIES);
            let calls = calls.map(|(id, city)| {
                let call = |input: Value| json!({"type": "tool_use", "id": id, "name": TOOL, "input": input});
                let deltas = argument_pieces(city)
                    .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
                (call(json!({"city": city})), call(json!({})), deltas.to_vec())
            });
            calls.collect()
        }
    }
}

pub(super) fn whole(asked: &Asked) -> Value {
    let content: Vec<Value> = blocks(asked).into_iter().map(|(whole, ..)| whole).collect();
    message(asked, &content, Some(stop(asked)), OUTPUT_TOKENS)
}

pub(super) fn stream(asked: &Asked) -> String {
    let start = json!({"type": "message_start", "message": message(asked, &[], None, 1)});
    let mut events = vec![("message_start", start)];
    events.push(("ping", json!({"type": "ping"})));
    for (index, (_, start, deltas)) in blocks(asked).into_iter().enumerate() {
        let start = json!({"type": "content_block_start", "index": index, "content_block": start});
        events.push(("content_block_start", start));
        for delta in deltas {
            let delta = json!({"type": "content_block_delta", "index": index, "delta": delta});
            events.push(("content_block_delta", delta));
        }
        let stop = json!({"type": "content_block_stop", "index": index});
        events.push(("content_block_stop", stop));
    }
    let delta = json!({"stop_reason": stop(asked), "stop_sequence": asked.stopped});
    let usage = json!({"output_tokens": OUTPUT_TOKENS});
    let delta = json!({"type": "message_delta", "delta": delta, "usage": usage});
    events.push(("message_delta", delta));
    events.push(("message_stop", json!({"type": "message_stop"})));
    named(&events)
}
