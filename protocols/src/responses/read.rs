//! A caller's request.

mod items;
mod parts;
mod tools;

use crate::{
    error::Invalid,
    json::{At, Field, Object},
    protocol::CallerApi,
    request::{Effort, Format, Message, Part, Reasoning, Request, Role, Sampling},
};

/// Reads a request; fields that are unknown are kept.
pub fn read_request(body: &[u8]) -> Result<Request, Invalid> {
    let mut top = Object::top(body)?;
    let model = top.required_string("model")?;
    let mut rest = Vec::new();
    let mut messages: Vec<Message> = instructions(&mut top)?.into_iter().collect();
    messages.extend(items::input(&mut top, &mut rest)?);
    let tools = tools::tools(&mut top, &mut rest)?;
    let format = text(&mut top, &mut rest)?;
    let mut request = Request {
        caller: CallerApi::Responses,
        model,
        messages,
        tools,
        tool_choice: tools::choice(&mut top, &mut rest)?,
        parallel_tool_calls: top.bool("parallel_tool_calls")?,
        format,
        reasoning: reasoning(&mut top, &mut rest)?,
        sampling: sampling(&mut top, &mut rest)?,
        stream: top.bool("stream")?.unwrap_or(false),
        stream_usage: true,
        user: top.string("user")?,
        rest,
    };
    if let Some(mut options) = top.object("stream_options")? {
        // Padding against guessing from lengths: nothing that a reply says.
        options.take("include_obfuscation");
        request.rest.extend(options.rest());
    }
    request.rest.extend(top.rest());
    Ok(request)
}

fn instructions(top: &mut Object<'_>) -> Result<Option<Message>, Invalid> {
    let at = top.at_of("instructions");
    let text = top.string("instructions")?;
    Ok(text.map(|text| Message {
        at: At(at.clone()),
        ..Message::new(Role::System, vec![Part::text(text).at(at)])
    }))
}

fn sampling(top: &mut Object<'_>, rest: &mut Vec<Field>) -> Result<Sampling, Invalid> {
    let top_logprobs = top.u64("top_logprobs")?;
    let included = include(top, rest)?;
    let wanted = included || top_logprobs.is_some_and(|count| count > 0);
    Ok(Sampling {
        max_output_tokens: top.u64("max_output_tokens")?,
        temperature: top.f64("temperature")?,
        top_p: top.f64("top_p")?,
        logprobs: wanted.then_some(true),
        top_logprobs,
        ..Sampling::default()
    })
}

/// What else the reply should hold: signatures of thoughts it always does, and log-probabilities are a setting.
fn include(top: &mut Object<'_>, rest: &mut Vec<Field>) -> Result<bool, Invalid> {
    let mut logprobs = false;
    for item in top.list("include")? {
        match item.string()?.as_str() {
            "message.output_text.logprobs" => logprobs = true,
            "reasoning.encrypted_content" => {}
            _ => rest.push(Field {
                name: "include".to_owned(),
                at: At(item.at),
                value: item.raw.into(),
            }),
        }
    }
    Ok(logprobs)
}

fn reasoning(top: &mut Object<'_>, rest: &mut Vec<Field>) -> Result<Option<Reasoning>, Invalid> {
    const EFFORT: &str = "none, minimal, low, medium, high, xhigh or max";
    let Some(mut reasoning) = top.object("reasoning")? else {
        return Ok(None);
    };
    let effort = match reasoning.string("effort")?.as_deref() {
        None => None,
        // The top of the scale, whose word elsewhere is the one below.
        Some("max") => Some(Effort::ExtraHigh),
        Some(word) => {
            let at = reasoning.at_of("effort");
            let effort = Effort::parse(word);
            Some(effort.ok_or_else(|| Invalid::shown(&at, word, EFFORT))?)
        }
    };
    let old = reasoning.string("generate_summary")?;
    let summary = reasoning.string("summary")?.or(old);
    rest.extend(reasoning.rest());
    if effort.is_none() && summary.is_none() {
        return Ok(None);
    }
    Ok(Some(Reasoning {
        effort,
        budget_tokens: None,
        shown: summary.map(|_| true),
    }))
}

fn text(top: &mut Object<'_>, rest: &mut Vec<Field>) -> Result<Option<Format>, Invalid> {
    let Some(mut text) = top.object("text")? else {
        return Ok(None);
    };
    let format = text.object("format")?.map(read_format).transpose()?;
    rest.extend(text.rest());
    Ok(format)
}

fn read_format(mut format: Object<'_>) -> Result<Format, Invalid> {
    const TYPE: &str = "text, json_object or json_schema";
    let kind = format.required_string("type")?;
    match kind.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::JsonObject),
        "json_schema" => Ok(Format::JsonSchema {
            name: format.required_string("name")?,
            description: format.string("description")?,
            schema: format
                .json("schema")
                .ok_or_else(|| format.missing("schema", "a JSON schema"))?,
            strict: format.bool("strict")?,
        }),
        _ => Err(Invalid::shown(&format.at_of("type"), &kind, TYPE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Content;

    fn read(fields: &str) -> Result<Request, String> {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        read_request(body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_an_assistant_did_in_a_row_is_one_message() {
        let request = read(
            r#""input":[{"role":"user","content":"a"},
                {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},
                {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"b","annotations":[]}]},
                {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
                {"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},
                {"type":"function_call_output","call_id":"c1","output":"x"},
                {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"y"}]}]"#,
        )
        .unwrap();
        let shape: Vec<_> = request
            .messages
            .iter()
            .map(|message| (message.role, message.parts.len()))
            .collect();
        assert_eq!(
            shape,
            [(Role::User, 1), (Role::Assistant, 4), (Role::Tool, 2)]
        );
        let thought = &request.messages[1].parts[0];
        assert_eq!(thought.content, Content::RedactedThinking);
        assert_eq!(thought.signature, None, "only OpenAI can read it");
        assert_eq!(request.messages[1].parts[3].at.0, "input[4]");
    }

    #[test]
    fn what_needs_state_or_is_openais_alone_keeps_its_place() {
        let request = read(
            r#""input":[{"type":"item_reference","id":"x"},{"role":"user","content":[{"type":"input_video","u":1}]}],
                "previous_response_id":"resp_1","conversation":"c","prompt":{"id":"p"},"tools":[{"type":"web_search"}],
                "tool_choice":{"type":"web_search"},"text":{"verbosity":"low"},"reasoning":{"mode":"pro"},"include":["file_search_call.results"]"#,
        )
        .unwrap();
        let message = request.messages[0].rest.iter();
        let rest = request.rest.iter().chain(message);
        let places: Vec<_> = rest.map(|field| field.at.0.as_str()).collect();
        for place in [
            "input[0]",
            "input[1].content[0]",
            "previous_response_id",
            "conversation",
            "prompt",
            "tools[0]",
            "tool_choice",
            "text.verbosity",
            "reasoning.mode",
            "include[0]",
        ] {
            assert!(places.contains(&place), "{place} in {places:?}");
        }
        assert_eq!(request.reasoning, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (fields, expected) in [
            (
                r#""store":false"#,
                "input is missing, it must be a string or an array of items",
            ),
            (
                r#""input":[{"role":"robot","content":"a"}]"#,
                r#"input[0].role is "robot", it must be user, assistant, system or developer"#,
            ),
            (
                r#""input":[{"type":"function_call","name":"f","arguments":"{}"}]"#,
                "input[0].call_id is missing, it must be a string",
            ),
            (
                r#""input":[{"role":"user","content":[{"type":"input_image"}]}]"#,
                "input[0].content[0].image_url is missing, it must be a URL, unless file_id is there",
            ),
            (
                r#""input":"a","reasoning":{"effort":"huge"}"#,
                r#"reasoning.effort is "huge", it must be none, minimal, low, medium, high, xhigh or max"#,
            ),
        ] {
            assert_eq!(read(fields).unwrap_err(), expected);
        }
    }
}
