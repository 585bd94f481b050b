//! Gemini's generateContent (<https://ai.google.dev/api/generate-content>).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    talk::{
        Asked, CACHED_TOKENS, CITIES, Call, INPUT_TOKENS, OUTPUT_TOKENS, Say, TOOL, Turn, next,
        pieces,
    },
    wants::{REASONING_TOKENS, THOUGHT},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    contents: Vec<Content>,
    system_instruction: Option<Instruction>,
    tools: Option<Vec<Tools>>,
    tool_config: Option<ToolConfig>,
    generation_config: Option<GenerationConfig>,
    safety_settings: Option<Vec<Value>>,
    cached_content: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instruction {
    role: Option<String>,
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    role: Role,
    parts: Vec<Part>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Model,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Part {
    text: Option<String>,
    thought: Option<bool>,
    thought_signature: Option<String>,
    inline_data: Option<Value>,
    file_data: Option<Value>,
    function_call: Option<FunctionCall>,
    function_response: Option<FunctionResponse>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionCall {
    id: Option<String>,
    name: String,
    args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionResponse {
    id: Option<String>,
    name: String,
    response: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Tools {
    function_declarations: Vec<Declaration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Declaration {
    name: String,
    description: Option<String>,
    parameters_json_schema: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToolConfig {
    function_calling_config: CallingConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallingConfig {
    mode: Mode,
    allowed_function_names: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Auto,
    Any,
    None,
    Validated,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GenerationConfig {
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    max_output_tokens: Option<u32>,
    candidate_count: Option<u32>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    seed: Option<i32>,
    stop_sequences: Option<Vec<String>>,
    response_mime_type: Option<String>,
    response_json_schema: Option<Value>,
    response_logprobs: Option<bool>,
    logprobs: Option<u32>,
    thinking_config: Option<Value>,
}

const SIGNATURE: &str = "c2lnbmF0dXJl";
/// What Google documents for calls that Gemini did not make.
const FOREIGN_SIGNATURE: &str = "skip_thought_signature_validator";

pub(super) fn read(body: &[u8]) -> Result<Asked, String> {
    let body: Body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let mut turns = Vec::new();
    for content in &body.contents {
        read_content(content, &mut turns)?;
    }
    Ok(Asked::new(next(
        &turns,
        body.tools.is_some_and(|tools| !tools.is_empty()),
    )?))
}

fn read_content(content: &Content, turns: &mut Vec<Turn>) -> Result<(), String> {
    let (mut calls, mut results) = (Vec::new(), 0);
    for part in &content.parts {
        if part.text.as_deref() == Some("") && part.thought_signature.is_none() {
            return Err("a part without words".to_owned());
        }
        if let Some(call) = &part.function_call {
            check_signature(part, calls.is_empty())?;
            let args = call.args.clone().unwrap_or_default();
            calls.push(Call::new(id(call.id.as_ref())?, &call.name, &args)?);
        }
        if let Some(result) = &part.function_response {
            if result.name != TOOL {
                return Err(format!("a result of the function {}", result.name));
            }
            let output = result.response.get("output").and_then(Value::as_str);
            let output = output.ok_or("a result without its output")?;
            turns.push(Turn::Result(
                id(result.id.as_ref())?.to_owned(),
                output.to_owned(),
            ));
            results += 1;
        }
    }
    match (content.role, calls.is_empty(), results) {
        (Role::Model, _, 0) => turns.push(Turn::Model(calls)),
        (Role::User, true, 0) => turns.push(Turn::User),
        (Role::User, true, _) => {}
        (Role::Model | Role::User, _, _) => {
            return Err("parts that cannot stand in a turn of this role".to_owned());
        }
    }
    Ok(())
}

/// Without ids only their order tells which result is whose.
fn id(given: Option<&String>) -> Result<&str, String> {
    let given = given.filter(|id| !id.is_empty());
    Ok(given.ok_or("parallel calls without ids")?)
}

/// Gemini 3 wants the signature of a step's first call back.
fn check_signature(part: &Part, is_first: bool) -> Result<(), String> {
    let signature = part.thought_signature.as_deref();
    if !is_first || matches!(signature, Some(SIGNATURE | FOREIGN_SIGNATURE)) {
        return Ok(());
    }
    Err(format!(
        "Function call is missing a thought_signature in functionCall parts: {signature:?}"
    ))
}

fn thought(asked: &Asked) -> Option<Value> {
    asked
        .thought
        .then(|| json!({"text": THOUGHT, "thought": true}))
}

fn response(asked: &Asked, parts: &[Value], finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    let mut usage =
        json!({"promptTokenCount": INPUT_TOKENS, "cachedContentTokenCount": CACHED_TOKENS});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
        let thoughts = if asked.thought { REASONING_TOKENS } else { 0 };
        usage["candidatesTokenCount"] = json!(OUTPUT_TOKENS - thoughts);
        usage["thoughtsTokenCount"] = json!(thoughts);
        usage["totalTokenCount"] = json!(INPUT_TOKENS + OUTPUT_TOKENS);
    }
    json!({"candidates": [candidate], "usageMetadata": usage,
        "modelVersion": "gemini-3-flash-preview", "responseId": "r-1"})
}

/// Calls come whole and without ids; the first of them is signed.
fn calls() -> Vec<Value> {
    let calls = CITIES.into_iter().enumerate();
    calls
        .map(|(index, city)| {
            let mut part = json!({"functionCall": {"name": TOOL, "args": {"city": city}}});
            if index == 0 {
                part["thoughtSignature"] = json!(SIGNATURE);
            }
            part
        })
        .collect()
}

pub(super) fn whole(asked: &Asked) -> Value {
    let said = match &asked.say {
        Say::Words(words) => vec![json!({"text": words})],
        Say::Calls => calls(),
    };
    let parts: Vec<Value> = thought(asked).into_iter().chain(said).collect();
    response(asked, &parts, Some("STOP"))
}

pub(super) fn stream(asked: &Asked) -> String {
    let thought = thought(asked).map(|thought| response(asked, &[thought], None));
    let said: Vec<Value> = match &asked.say {
        Say::Words(words) => {
            let [head, tail] = pieces(words).map(|text| json!({"text": text}));
            vec![
                response(asked, &[head], None),
                response(asked, &[tail], Some("STOP")),
            ]
        }
        Say::Calls => {
            let mut chunks: Vec<Value> = calls()
                .into_iter()
                .map(|call| response(asked, &[call], None))
                .collect();
            chunks.push(response(asked, &[json!({"text": ""})], Some("STOP")));
            chunks
        }
    };
    let chunks = thought
        .iter()
        .chain(&said)
        .map(|chunk| format!("data: {chunk}\r\n\r\n"));
    chunks.collect()
}
