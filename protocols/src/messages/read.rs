//! A caller's request.

mod conversation;
mod parts;
mod tools;

use crate::{
    error::Invalid,
    json::{Field, Json, Object},
    protocol::CallerApi,
    request::{CacheTtl, Effort, Format, Reasoning, Request, Sampling},
};

/// Reads a request; fields that are unknown are kept.
pub fn read_request(body: &[u8]) -> Result<Request, Invalid> {
    read(body, true)
}

pub(super) fn read(body: &[u8], limited: bool) -> Result<Request, Invalid> {
    let mut top = Object::top(body)?;
    let model = top.required_string("model")?;
    let mut messages: Vec<_> = conversation::system(&mut top)?.into_iter().collect();
    messages.extend(conversation::messages(&mut top)?);
    let (tools, mut rest) = tools::tools(&mut top)?;
    let (tool_choice, parallel_tool_calls) = tools::choice(&mut top)?;
    let (reasoning, format) = output(&mut top, &mut rest)?;
    let max_output_tokens = top.u64("max_tokens")?;
    if limited && max_output_tokens.is_none() {
        return Err(top.missing("max_tokens", "a whole number"));
    }
    let mut request = Request {
        caller: CallerApi::Messages,
        model,
        messages,
        tools,
        tool_choice,
        parallel_tool_calls,
        format,
        reasoning,
        sampling: Sampling {
            max_output_tokens,
            temperature: top.f64("temperature")?,
            top_p: top.f64("top_p")?,
            top_k: top.u64("top_k")?,
            stop: stop(&mut top)?,
            ..Sampling::default()
        },
        stream: top.bool("stream")?.unwrap_or(false),
        stream_usage: true,
        user: user(&mut top, &mut rest)?,
        rest,
    };
    request.rest.extend(top.rest());
    Ok(request)
}

fn stop(top: &mut Object<'_>) -> Result<Vec<String>, Invalid> {
    let list = top.list("stop_sequences")?;
    list.iter().map(|item| item.string()).collect()
}

fn user(top: &mut Object<'_>, rest: &mut Vec<Field>) -> Result<Option<String>, Invalid> {
    let Some(mut metadata) = top.object("metadata")? else {
        return Ok(None);
    };
    let user = metadata.string("user_id")?;
    rest.extend(metadata.rest());
    Ok(user)
}

/// How to think, and the form of the reply.
fn output(
    top: &mut Object<'_>,
    rest: &mut Vec<Field>,
) -> Result<(Option<Reasoning>, Option<Format>), Invalid> {
    // Its name before it was `output_config.format`.
    let mut format = top.object("output_format")?.map(read_format).transpose()?;
    let mut effort = None;
    if let Some(mut config) = top.object("output_config")? {
        if let Some(newer) = config.object("format")? {
            format = Some(read_format(newer)?);
        }
        let at = config.at_of("effort");
        effort = config.string("effort")?.map(|word| (word, at));
        rest.extend(config.rest());
    }
    let effort = effort
        .map(|(word, at)| read_effort(&word, &at))
        .transpose()?;
    let thinking = top.object("thinking")?;
    let reasoning = match thinking {
        Some(thinking) => Some(read_thinking(thinking, effort, rest)?),
        None => effort.map(|effort| Reasoning {
            effort: Some(effort),
            ..Reasoning::default()
        }),
    };
    Ok((reasoning, format))
}

/// `max` is the top of the scale here, as `xhigh` is elsewhere.
fn read_effort(word: &str, at: &str) -> Result<Effort, Invalid> {
    match word {
        "low" => Ok(Effort::Low),
        "medium" => Ok(Effort::Medium),
        "high" => Ok(Effort::High),
        "xhigh" | "max" => Ok(Effort::ExtraHigh),
        _ => Err(Invalid::shown(at, word, "low, medium, high, xhigh or max")),
    }
}

fn read_thinking(
    mut thinking: Object<'_>,
    effort: Option<Effort>,
    rest: &mut Vec<Field>,
) -> Result<Reasoning, Invalid> {
    const TYPE: &str = "enabled, adaptive, between_tools or disabled";
    let kind = thinking.required_string("type")?;
    let budget_tokens = thinking.u64("budget_tokens")?;
    let display = thinking.string("display")?;
    let shown = match display.as_deref() {
        None => None,
        Some("summarized") => Some(true),
        Some("omitted") => Some(false),
        Some(other) => {
            let at = thinking.at_of("display");
            return Err(Invalid::shown(&at, other, "summarized or omitted"));
        }
    };
    let effort = match kind.as_str() {
        "enabled" if budget_tokens.is_none() => {
            return Err(thinking.missing("budget_tokens", "a whole number"));
        }
        "enabled" | "adaptive" => effort,
        // The least thinking that a model which cannot be kept from it has.
        "disabled" | "between_tools" => Some(Effort::None),
        _ => return Err(Invalid::shown(&thinking.at_of("type"), &kind, TYPE)),
    };
    rest.extend(thinking.rest());
    Ok(Reasoning {
        effort,
        budget_tokens,
        shown,
    })
}

/// The API knows no name of a schema, which others want: this one stands in.
const SCHEMA_NAME: &str = "output";

fn read_format(mut format: Object<'_>) -> Result<Format, Invalid> {
    let kind = format.required_string("type")?;
    if kind != "json_schema" {
        return Err(Invalid::shown(&format.at_of("type"), &kind, "json_schema"));
    }
    let schema: Option<Json> = format.json("schema");
    Ok(Format::JsonSchema {
        name: SCHEMA_NAME.to_owned(),
        description: None,
        schema: schema.ok_or_else(|| format.missing("schema", "a JSON schema"))?,
        strict: Some(true),
    })
}

/// The mark that the prompt up to here should be cached.
fn cache(object: &mut Object<'_>) -> Result<Option<CacheTtl>, Invalid> {
    let Some(mut control) = object.object("cache_control")? else {
        return Ok(None);
    };
    let kind = control.required_string("type")?;
    if kind != "ephemeral" {
        return Err(Invalid::shown(&control.at_of("type"), &kind, "ephemeral"));
    }
    let ttl = control.string("ttl")?;
    match ttl.as_deref() {
        None | Some("5m") => Ok(Some(CacheTtl::FiveMinutes)),
        Some("1h") => Ok(Some(CacheTtl::OneHour)),
        Some(other) => Err(Invalid::shown(&control.at_of("ttl"), other, "5m or 1h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fields: &str) -> Result<Request, String> {
        let body = format!(
            r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"a"}}],{fields}}}"#
        );
        read_request(body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn thinking_and_effort_are_one_setting() {
        let reasoning = |fields: &str| {
            let reasoning = with(fields).unwrap().reasoning.unwrap();
            (reasoning.effort, reasoning.budget_tokens, reasoning.shown)
        };
        for (fields, expected) in [
            (
                r#""thinking":{"type":"enabled","budget_tokens":2000}"#,
                (None, Some(2000), None),
            ),
            (
                r#""thinking":{"type":"adaptive","display":"summarized"}"#,
                (None, None, Some(true)),
            ),
            (
                r#""thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"max"}"#,
                (Some(Effort::ExtraHigh), None, Some(false)),
            ),
            (
                r#""output_config":{"effort":"low"}"#,
                (Some(Effort::Low), None, None),
            ),
            (
                r#""thinking":{"type":"disabled"}"#,
                (Some(Effort::None), None, None),
            ),
        ] {
            assert_eq!(reasoning(fields), expected, "{fields}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (fields, expected) in [
            (
                r#""thinking":{"type":"enabled"}"#,
                "thinking.budget_tokens is missing, it must be a whole number",
            ),
            (
                r#""output_config":{"effort":"huge"}"#,
                r#"output_config.effort is "huge", it must be low, medium, high, xhigh or max"#,
            ),
            (
                r#""output_config":{"format":{"type":"json_schema"}}"#,
                "output_config.format.schema is missing, it must be a JSON schema",
            ),
            (
                r#""stop_sequences":"x""#,
                "stop_sequences is a string, it must be an array",
            ),
            (
                r#""system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"2h"}}]"#,
                r#"system[0].cache_control.ttl is "2h", it must be 5m or 1h"#,
            ),
        ] {
            assert_eq!(with(fields).unwrap_err(), expected);
        }
        let body = br#"{"model":"m","messages":[]}"#;
        let error = read_request(body).unwrap_err().to_string();
        assert_eq!(error, "max_tokens is missing, it must be a whole number");
    }

    #[test]
    fn what_has_no_word_keeps_its_place() {
        let request = with(
            r#""container":"c","metadata":{"user_id":"u","x":1},"output_config":{"effort":"low","task_budget":{}},"tools":[{"type":"web_search_20250305","name":"web_search"}]"#,
        )
        .unwrap();
        assert_eq!(request.user.as_deref(), Some("u"));
        let places: Vec<_> = request
            .rest
            .iter()
            .map(|field| field.at.0.as_str())
            .collect();
        for place in [
            "container",
            "metadata.x",
            "output_config.task_budget",
            "tools[0]",
        ] {
            assert!(places.contains(&place), "{place} in {places:?}");
        }
    }
}
