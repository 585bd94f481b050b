//! A request for the provider.

mod conversation;
mod parts;
mod settings;

use serde::Serialize;

use super::model::{Model, is_on_vertex, model};
use crate::{
    Target, Written,
    error::Unsupported,
    json::{Json, Out},
    request::{CacheTtl, Request, Tool},
    rules,
    vertex::ANTHROPIC_VERSION,
};

/// Everything that the writing of one request needs to know.
struct Writing<'a> {
    target: Target<'a>,
    model: Model,
    dropped: Vec<String>,
}

impl Writing<'_> {
    fn refuse(&self, field: impl Into<String>, why: impl Into<String>) -> Unsupported {
        Unsupported::new(field, self.target.provider, why)
    }
}

/// Writes a request for the target, or says what it cannot be told.
pub fn write_request(request: &Request, target: Target<'_>) -> Result<Written, Unsupported> {
    let mut writing = Writing {
        target,
        model: model(target),
        dropped: Vec::new(),
    };
    rules::drop_or_refuse_rest(request, target.provider, &mut writing.dropped)?;
    let mut body = Out::default();
    match is_on_vertex(target) {
        // The model is in the address there.
        true => body.put("anthropic_version", ANTHROPIC_VERSION),
        false => body.put("model", target.model),
    }
    let (system, messages) = conversation::write(request, &mut writing)?;
    let max_tokens = request.sampling.max_output_tokens;
    body.put(
        "max_tokens",
        &max_tokens.unwrap_or(writing.model.max_output),
    );
    if !system.is_empty() {
        body.put("system", &system);
    }
    body.put("messages", &messages);
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| write_tool(tool, &writing));
        body.put("tools", &tools.collect::<Result<Vec<_>, _>>()?);
    }
    settings::write(request, &mut writing, &mut body)?;
    Ok(Written {
        body: body.into_bytes(),
        dropped: writing.dropped,
    })
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Schema<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Schema<'a> {
    Said(&'a Json),
    /// The tool takes no arguments; the API wants that said.
    Nothing {
        r#type: &'static str,
        properties: Properties,
    },
}

#[derive(Serialize)]
struct Properties {}

fn write_tool<'a>(tool: &'a Tool, writing: &Writing<'_>) -> Result<WireTool<'a>, Unsupported> {
    // Not being strict is the API's default.
    let strict = tool.strict.filter(|strict| *strict);
    if strict.is_some() && !writing.model.schema {
        let why = "this model cannot be held to the schema of a tool";
        return Err(writing.refuse(format!("{}.strict", tool.at), why));
    }
    let nothing = Schema::Nothing {
        r#type: "object",
        properties: Properties {},
    };
    Ok(WireTool {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema: tool.parameters.as_ref().map_or(nothing, Schema::Said),
        strict,
        cache_control: tool.cache.map(CacheControl::from),
    })
}

#[derive(Serialize)]
struct CacheControl {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl From<CacheTtl> for CacheControl {
    fn from(ttl: CacheTtl) -> Self {
        Self {
            r#type: "ephemeral",
            ttl: match ttl {
                CacheTtl::FiveMinutes => None,
                CacheTtl::OneHour => Some("1h"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::read_request;

    fn write(fields: &str, model: &str) -> Result<Written, String> {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],{fields}}}"#);
        write_body(&body, model)
    }

    fn write_body(body: &str, model: &str) -> Result<Written, String> {
        let request = read_request(body.as_bytes()).unwrap();
        let target = Target {
            provider: "anthropic",
            model,
        };
        write_request(&request, target).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_told_is_refused_by_name() {
        let schema =
            r#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}"#;
        let strict = r#""tools":[{"type":"function","function":{"name":"f","strict":true}}]"#;
        for (fields, model, field) in [
            (r#""n":2"#, "claude-opus-4-5", "n"),
            (r#""logprobs":true"#, "claude-opus-4-5", "logprobs"),
            (
                r#""frequency_penalty":1"#,
                "claude-opus-4-5",
                "frequency_penalty",
            ),
            (r#""temperature":1.2"#, "claude-opus-4-5", "temperature"),
            (r#""temperature":0.2"#, "claude-opus-5", "temperature"),
            (r#""logit_bias":{"1":2}"#, "claude-opus-4-5", "logit_bias"),
            (
                r#""response_format":{"type":"json_object"}"#,
                "claude-opus-5",
                "response_format",
            ),
            (schema, "claude-opus-4-1", "response_format"),
            (strict, "claude-opus-4-1", "tools[0].strict"),
            (
                r#""reasoning_effort":"low""#,
                "claude-3-5-haiku-latest",
                "reasoning_effort",
            ),
            (
                r#""reasoning_effort":"none""#,
                "claude-fable-5",
                "reasoning_effort",
            ),
            (
                r#""reasoning_effort":"low","max_tokens":2000"#,
                "claude-haiku-4-5",
                "reasoning_effort",
            ),
        ] {
            let error = write(fields, model).unwrap_err();
            let expected = format!("{field} cannot be sent to anthropic: ");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn messages_that_cannot_be_told_are_refused_by_their_place() {
        for (message, field) in [
            (r#"{"role":"system","content":"s"}"#, "messages[1]"),
            (
                r#"{"role":"user","content":"b","name":"Ann"}"#,
                "messages[1].name",
            ),
            (
                r#"{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}"#,
                "messages[1].content[0]",
            ),
            (
                r#"{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}"#,
                "messages[1].content[0]",
            ),
            (
                r#"{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]}"#,
                "messages[1].tool_calls[0]",
            ),
        ] {
            let body = format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"a"}},{message},{{"role":"user","content":"z"}}]}}"#
            );
            // The newest takes instructions in the middle, but not between two messages of the user.
            for model in ["claude-opus-4-5", "claude-opus-4-8"] {
                let error = write_body(&body, model).unwrap_err();
                let expected = format!("{field} cannot be sent to anthropic: ");
                assert!(error.starts_with(&expected), "{error}");
            }
        }
    }

    #[test]
    fn a_tool_message_may_name_its_function_again() {
        let body = r#"{"model":"m","messages":[{"role":"tool","tool_call_id":"c","name":"f","content":"r"}]}"#;
        let written = write_body(body, "claude-opus-5").unwrap();
        assert_eq!(written.dropped, ["messages[0].name"]);
    }

    #[test]
    fn what_would_happen_anyway_is_neither_sent_nor_refused() {
        let fields = r#""n":1,"temperature":1,"top_p":1.0,"presence_penalty":0,"logprobs":false,"tool_choice":"auto","response_format":{"type":"text"}"#;
        let written = write(fields, "claude-opus-5").unwrap();
        let expected = r#"{"model":"claude-opus-5","max_tokens":128000,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}"#;
        assert_eq!(String::from_utf8(written.body).unwrap(), expected);
        assert!(written.dropped.is_empty());
    }

    #[test]
    fn a_budget_leaves_room_for_the_reply() {
        let budget = |fields: &str| {
            let written = write(fields, "claude-haiku-4-5").unwrap();
            let body: serde_json::Value = serde_json::from_slice(&written.body).unwrap();
            body["thinking"]["budget_tokens"].as_u64()
        };
        for (fields, expected) in [
            (r#""reasoning_effort":"low""#, 1_024),
            (r#""reasoning_effort":"high""#, 24_576),
            (r#""reasoning_effort":"high","max_tokens":4096"#, 3_072),
            (
                r#""thinking":{"type":"enabled","budget_tokens":5000}"#,
                5_000,
            ),
        ] {
            assert_eq!(budget(fields), Some(expected), "{fields}");
        }
        assert_eq!(budget(r#""reasoning_effort":"none""#), None);
    }
}
