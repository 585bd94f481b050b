//! Chat completions: OpenAI's (<https://platform.openai.com/docs/api-reference/chat/create>), which Azure has too,
//! Mistral's (<https://docs.mistral.ai/api/endpoint/chat>), which takes less, and those of a dozen others.

pub(super) mod dialects;
mod mistral;

use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use self::mistral::{read as read_mistral, stream as stream_mistral};
use super::{
    talk::{
        Asked, CACHED_TOKENS, CITIES, Call, IDS, INPUT_TOKENS, OUTPUT_TOKENS, Say, TOOL, Turn,
        argument_pieces, arguments, next, pieces,
    },
    wants::REASONING_TOKENS,
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
    reasoning_effort: Option<String>,
    max_completion_tokens: Option<u32>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    seed: Option<i64>,
    stop: Option<Value>,
    n: Option<u32>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    user: Option<String>,
    store: Option<bool>,
    metadata: Option<Value>,
    logit_bias: Option<Value>,
    prompt_cache_key: Option<String>,
    safety_identifier: Option<String>,
    service_tier: Option<String>,
    verbosity: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamOptions {
    include_usage: Option<bool>,
    include_obfuscation: Option<bool>,
}

#[derive(Deserialize)]
#[serde(tag = "role", rename_all = "lowercase", deny_unknown_fields)]
enum Message {
    System {
        content: Content,
        name: Option<String>,
    },
    Developer {
        content: Content,
        name: Option<String>,
    },
    User {
        content: Content,
        name: Option<String>,
    },
    Assistant {
        content: Option<Content>,
        name: Option<String>,
        refusal: Option<String>,
        annotations: Option<Vec<Value>>,
        audio: Option<Value>,
        function_call: Option<Value>,
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
    ImageUrl { image_url: Value },
    InputAudio { input_audio: Value },
    File { file: Value },
    Refusal { refusal: String },
}

impl Content {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.iter().map(Part::text).collect(),
        }
    }
}

impl Part {
    fn text(&self) -> &str {
        match self {
            Self::Text { text } => text,
            Self::Refusal { refusal } => refusal,
            Self::ImageUrl { .. } | Self::InputAudio { .. } | Self::File { .. } => "",
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
    parameters: Option<Value>,
    strict: Option<bool>,
}

pub(super) fn read(body: &[u8]) -> Result<Asked, String> {
    let body: Body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    if body.stream_options.is_some() && !body.stream {
        return Err("stream_options is for streams only".to_owned());
    }
    let turns = body.messages.iter().map(turn);
    let turns: Vec<Option<Turn>> = turns.collect::<Result<_, _>>()?;
    let turns: Vec<Turn> = turns.into_iter().flatten().collect();
    let options = body.stream_options;
    let say = next(&turns, body.tools.is_some_and(|tools| !tools.is_empty()))?;
    Ok(Asked {
        model: Some(body.model),
        stream: Some(body.stream),
        usage: options.is_some_and(|options| options.include_usage == Some(true)),
        ..Asked::new(say)
    })
}

fn turn(message: &Message) -> Result<Option<Turn>, String> {
    Ok(match message {
        Message::System { .. } | Message::Developer { .. } => None,
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

fn usage(asked: &Asked) -> Value {
    let reasoning = if asked.thought { REASONING_TOKENS } else { 0 };
    json!({
        "prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    })
}

fn calls() -> Vec<Value> {
    let calls = IDS.into_iter().zip(CITIES);
    calls
        .map(|(id, city)| {
            let function = json!({"name": TOOL, "arguments": arguments(city)});
            json!({"id": id, "type": "function", "function": function})
        })
        .collect()
}

pub(super) fn whole(asked: &Asked) -> Value {
    let (message, finish) = match &asked.say {
        Say::Words(words) => (json!({"role": "assistant", "content": words}), "stop"),
        Say::Calls => (
            json!({"role": "assistant", "content": null, "tool_calls": calls()}),
            "tool_calls",
        ),
    };
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": asked.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage(asked),
    })
}

/// A chunk with these choices, and what else it has.
fn chunk(asked: &Asked, choices: &Value, usage: &Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": asked.model,
        "choices": choices, "usage": usage,
    })
}

fn choice(delta: &Value, finish: Option<&str>) -> Value {
    json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}])
}

fn events(chunks: &[Value]) -> String {
    let chunks = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    chunks.collect::<String>() + "data: [DONE]\n\n"
}

fn call_deltas() -> Vec<Value> {
    let mut deltas = Vec::new();
    for (index, (id, city)) in IDS.into_iter().zip(CITIES).enumerate() {
        let function = json!({"name": TOOL, "arguments": ""});
        deltas.push(json!({"tool_calls": [
            {"index": index, "id": id, "type": "function", "function": function}]}));
        for piece in argument_pieces(city) {
            deltas.push(json!({"tool_calls": [
                {"index": index, "function": {"arguments": piece}}]}));
        }
    }
    deltas
}

pub(super) fn stream(asked: &Asked) -> String {
    let mut deltas = vec![json!({"role": "assistant", "content": null, "refusal": null})];
    let finish = match &asked.say {
        Say::Words(words) => {
            deltas.extend(pieces(words).map(|piece| json!({"content": piece})));
            "stop"
        }
        Say::Calls => {
            deltas.extend(call_deltas());
            "tool_calls"
        }
    };
    let chunks = deltas
        .iter()
        .map(|delta| chunk(asked, &choice(delta, None), &Value::Null));
    let mut chunks: Vec<Value> = chunks.collect();
    chunks.push(chunk(
        asked,
        &choice(&json!({}), Some(finish)),
        &Value::Null,
    ));
    if asked.usage {
        chunks.push(chunk(asked, &json!([]), &usage(asked)));
    }
    events(&chunks)
}
