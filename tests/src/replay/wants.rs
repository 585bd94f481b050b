//! What a request wants of the next reply besides words and calls: thoughts, a schema, an end, a look at images.
//! Read from the body as each API has it, and refused where it is said in any other way.

use serde_json::{Value, json};

use super::{
    Provider,
    talk::{Asked, Say, TEXT},
};

/// What every model thinks that is asked to.
pub(super) const THOUGHT: &str = "Let me see…";
/// What signs it, where the API does that.
pub(super) const THOUGHT_SIGNATURE: &str = "c2lnbmVkIHRob3VnaHQ=";
/// Of the tokens of a reply with a thought.
pub(super) const REASONING_TOKENS: u32 = 4;
/// The only stop sequence at which a reply ends.
const HALT: &str = "HALT";

/// How much thinking every test asks for, in each API's words.
fn effort(provider: Provider) -> Value {
    match provider {
        Provider::OpenAi | Provider::OpenAiResponses | Provider::Azure | Provider::AzureV1 => {
            json!("low")
        }
        // It has no such field at all.
        Provider::Mistral => Value::Null,
        Provider::Anthropic | Provider::Bedrock => {
            json!({"type": "enabled", "budget_tokens": 1024})
        }
        Provider::VertexClaude => json!({"type": "adaptive"}),
        Provider::Gemini | Provider::VertexGemini => json!("LOW"),
        Provider::Cohere => json!({"type": "enabled", "token_budget": 1024}),
    }
}

/// Where it stands, where the last words are, and the schema and the ends of the reply.
fn places(provider: Provider) -> [&'static str; 4] {
    match provider {
        Provider::OpenAi
        | Provider::OpenAiResponses
        | Provider::Azure
        | Provider::AzureV1
        | Provider::Mistral => [
            "/reasoning_effort",
            "/messages",
            "/response_format/json_schema/schema",
            "/stop",
        ],
        Provider::Anthropic | Provider::VertexClaude => [
            "/thinking",
            "/messages",
            "/output_config/format/schema",
            "/stop_sequences",
        ],
        Provider::Gemini | Provider::VertexGemini => [
            "/generationConfig/thinkingConfig/thinkingLevel",
            "/contents",
            "/generationConfig/responseJsonSchema",
            "/generationConfig/stopSequences",
        ],
        Provider::Bedrock => [
            "/additionalModelRequestFields/thinking",
            "/messages",
            "/outputConfig/textFormat/structure/jsonSchema/schema",
            "/inferenceConfig/stopSequences",
        ],
        Provider::Cohere => [
            "/thinking",
            "/messages",
            "/response_format/json_schema",
            "/stop_sequences",
        ],
    }
}

/// The request with what it wants.
pub(super) fn read(provider: Provider, body: &[u8], mut asked: Asked) -> Result<Asked, String> {
    let body: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let [thinking, messages, schema, stop] = places(provider).map(|place| body.pointer(place));
    let thinking = thinking.filter(|thinking| **thinking != json!({"type": "disabled"}));
    if let Some(thinking) = thinking {
        let expected = effort(provider);
        if *thinking != expected {
            return Err(format!("how to think is {thinking}, expected {expected}"));
        }
        asked.thought = true;
        thought_of_calls(provider, messages)?;
    }
    let Say::Words(words) = &mut asked.say else {
        return Ok(asked);
    };
    let images = images(provider, messages)?;
    if !images.is_empty() {
        *words = images.join(" ");
    } else if let Some(schema) = schema {
        check_schema(schema)?;
        *words = r#"{"city": "Paris"}"#.to_owned();
    } else if words == TEXT
        && let Some(stop) = stop
        && strings(stop)?.contains(&HALT)
    {
        asked.stopped = Some(HALT);
    }
    Ok(asked)
}

fn strings(list: &Value) -> Result<Vec<&str>, String> {
    let list = list.as_array().ok_or("the stop sequences are no list")?;
    Ok(list.iter().filter_map(Value::as_str).collect())
}

/// Some APIs want the schema as a text of JSON.
fn check_schema(schema: &Value) -> Result<(), String> {
    let parsed = match schema.as_str() {
        Some(text) => serde_json::from_str(text).map_err(|e| e.to_string())?,
        None => schema.clone(),
    };
    if parsed["properties"]["city"]["type"] == "string" && parsed["type"] == "object" {
        return Ok(());
    }
    Err(format!("the schema is {parsed}"))
}

/// Who thinks between calls wants the signed thought back that came before them.
fn thought_of_calls(provider: Provider, messages: Option<&Value>) -> Result<(), String> {
    let messages = messages.and_then(Value::as_array);
    let mut said = messages.into_iter().flatten().rev();
    let Some(said) = said.find(|message| message["role"] == "assistant") else {
        return Ok(());
    };
    let blocks = said["content"].as_array().cloned().unwrap_or_default();
    let (call, expected) = match provider {
        Provider::Anthropic | Provider::VertexClaude => (
            "type",
            json!({"type": "thinking", "thinking": THOUGHT, "signature": THOUGHT_SIGNATURE}),
        ),
        Provider::Bedrock => {
            let text = json!({"text": THOUGHT, "signature": THOUGHT_SIGNATURE});
            (
                "toolUse",
                json!({"reasoningContent": {"reasoningText": text}}),
            )
        }
        Provider::OpenAi
        | Provider::OpenAiResponses
        | Provider::Azure
        | Provider::AzureV1
        | Provider::Mistral
        | Provider::Gemini
        | Provider::VertexGemini
        | Provider::Cohere => return Ok(()),
    };
    let is_call = |block: &Value| block["type"] == "tool_use" || block.get(call).is_some();
    if blocks.iter().any(is_call) && blocks.first() != Some(&expected) {
        let found = &blocks[0];
        return Err(format!(
            "expected the thought before the calls, found {found}"
        ));
    }
    Ok(())
}

/// The images of the last message, each as an address.
fn images(provider: Provider, messages: Option<&Value>) -> Result<Vec<String>, String> {
    let last = messages
        .and_then(Value::as_array)
        .and_then(|all| all.last());
    let content = last.map(|last| {
        &last[if is_gemini(provider) {
            "parts"
        } else {
            "content"
        }]
    });
    let parts = content.and_then(Value::as_array);
    let images = parts.into_iter().flatten();
    images.filter_map(|part| image(provider, part)).collect()
}

fn is_gemini(provider: Provider) -> bool {
    matches!(provider, Provider::Gemini | Provider::VertexGemini)
}

/// In exactly the fields that the API has for it.
fn image(provider: Provider, part: &Value) -> Option<Result<String, String>> {
    let text = |at: &str| part.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let data = |mime: &str, data: &str| format!("data:{mime};base64,{data}");
    let (url, again) = match provider {
        Provider::Anthropic | Provider::VertexClaude => {
            part.get("source")?;
            let (mime, base64) = (text("/source/media_type"), text("/source/data"));
            if base64.is_empty() {
                let url = text("/source/url").to_owned();
                let source = json!({"type": "url", "url": url});
                (url, json!({"type": "image", "source": source}))
            } else {
                let source = json!({"type": "base64", "media_type": mime, "data": base64});
                let again = json!({"type": "image", "source": source});
                (data(mime, base64), again)
            }
        }
        Provider::Gemini | Provider::VertexGemini if part.get("fileData").is_some() => {
            let url = text("/fileData/fileUri").to_owned();
            let mime = text("/fileData/mimeType");
            let again = json!({"fileData": {"fileUri": url, "mimeType": mime}});
            (url, again)
        }
        Provider::Gemini | Provider::VertexGemini => {
            part.get("inlineData")?;
            let (mime, base64) = (text("/inlineData/mimeType"), text("/inlineData/data"));
            let again = json!({"inlineData": {"mimeType": mime, "data": base64}});
            (data(mime, base64), again)
        }
        Provider::Bedrock => {
            part.get("image")?;
            let (format, bytes) = (text("/image/format"), text("/image/source/bytes"));
            let image = json!({"format": format, "source": {"bytes": bytes}});
            (
                data(&format!("image/{format}"), bytes),
                json!({"image": image}),
            )
        }
        Provider::OpenAi
        | Provider::OpenAiResponses
        | Provider::Azure
        | Provider::AzureV1
        | Provider::Mistral
        | Provider::Cohere => {
            part.get("image_url")?;
            let url = text("/image_url/url").to_owned();
            let again = json!({"type": "image_url", "image_url": {"url": url}});
            (url, again)
        }
    };
    if url.is_empty() || again != *part {
        return Some(Err(format!("an image as {part}")));
    }
    Some(Ok(url))
}
