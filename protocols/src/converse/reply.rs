//! A whole reply.

use super::read_finish;
use crate::{
    error::{Invalid, InvalidReply},
    json::{Field, Item, Json, Object},
    reply::{Choice, Reply, Usage},
    request::{Content, Media, Part, Source},
};

pub fn read_reply(body: &[u8]) -> Result<Reply, InvalidReply> {
    let mut top = Object::top(body)?;
    let reason = top.required_string("stopReason")?;
    let stop_sequence = stop_sequence(&mut top);
    let mut output = required(&mut top, "output")?;
    let mut message = required(&mut output, "message")?;
    let mut parts = Vec::new();
    for block in message.list("content")? {
        parts.extend(part(&block)?);
    }
    let usage = usage(&mut top)?;
    // Measurements, traces of guardrails, the tier that served: what a log may want.
    let rest = top.rest();
    Ok(Reply {
        choices: vec![Choice {
            index: 0,
            parts,
            finish: Some(read_finish(&reason, stop_sequence)),
            logprobs: None,
        }],
        usage: Some(usage),
        rest,
        ..Reply::default()
    })
}

fn required<'a>(object: &mut Object<'a>, name: &str) -> Result<Object<'a>, Invalid> {
    let found = object.object(name)?;
    found.ok_or_else(|| object.missing(name, "an object"))
}

/// The one that was asked for by `/stop_sequence`, where the model said it.
pub(super) fn stop_sequence(of: &mut Object<'_>) -> Option<String> {
    let fields = of.take("additionalModelResponseFields")?;
    let mut fields = Object::read(fields, String::new()).ok()?;
    fields.string("stop_sequence").ok().flatten()
}

/// `inputTokens` counts neither what was read from the cache nor what was written to it. Thoughts are not counted
/// apart from the rest of the output.
pub(super) fn usage(of: &mut Object<'_>) -> Result<Usage, Invalid> {
    let mut usage = required(of, "usage")?;
    let mut count = |name: &str| usage.u64(name);
    let cached_input = count("cacheReadInputTokens")?.unwrap_or(0);
    let cache_write = count("cacheWriteInputTokens")?.unwrap_or(0);
    let (input, output) = (count("inputTokens")?, count("outputTokens")?);
    let missing = |name| usage.missing(name, "a whole number");
    let input = input.ok_or_else(|| missing("inputTokens"))?;
    Ok(Usage {
        input: input
            .saturating_add(cached_input)
            .saturating_add(cache_write),
        cached_input,
        cache_write,
        output: output.ok_or_else(|| missing("outputTokens"))?,
        reasoning: 0,
    })
}

/// A block has one member, which says what it is. An empty text says nothing.
fn part(item: &Item<'_>) -> Result<Option<Part>, InvalidReply> {
    let mut block = item.object()?;
    if let Some(text) = block.string("text")? {
        return Ok((!text.is_empty()).then(|| Part::text(text)));
    }
    if let Some(call) = block.object("toolUse")? {
        return Ok(Some(tool_call(call)?));
    }
    if let Some(reasoning) = block.object("reasoningContent")? {
        return thought(reasoning).map(Some);
    }
    if let Some(image) = block.object("image")? {
        return Ok(Some(picture(image)?));
    }
    if let Some(cited) = block.object("citationsContent")? {
        return Ok(Some(cited_text(cited)?));
    }
    let names: Vec<String> = block.rest().into_iter().map(|field| field.name).collect();
    Err(unknown(&item.at, &names.join(", ")))
}

/// Content that would be lost.
pub(super) fn unknown(at: &str, what: &str) -> InvalidReply {
    InvalidReply(format!(
        "a reply in which {at} is of an unknown kind: {what:?}"
    ))
}

fn tool_call(mut call: Object<'_>) -> Result<Part, Invalid> {
    let id = call.required_string("toolUseId")?;
    let name = call.required_string("name")?;
    let input = call.take("input");
    let input = input.ok_or_else(|| call.missing("input", "JSON"))?;
    Ok(Part::new(Content::ToolCall {
        id,
        name,
        arguments: input.get().to_owned(),
    }))
}

fn thought(mut reasoning: Object<'_>) -> Result<Part, InvalidReply> {
    if let Some(mut said) = reasoning.object("reasoningText")? {
        let mut part = Part::new(Content::Thinking(said.required_string("text")?));
        part.signature = said.string("signature")?;
        return Ok(part);
    }
    if let Some(data) = reasoning.string("redactedContent")? {
        let mut part = Part::new(Content::RedactedThinking);
        part.signature = Some(data);
        return Ok(part);
    }
    Err(unknown(reasoning.at(), "a thought"))
}

fn picture(mut image: Object<'_>) -> Result<Part, Invalid> {
    let format = image.required_string("format")?;
    let mut source = required(&mut image, "source")?;
    Ok(Part::new(Content::Image(Media {
        source: Source::Data(source.required_string("bytes")?),
        mime: format!("image/{format}"),
        name: None,
        detail: None,
    })))
}

/// A text whose sources are kept as the API tells them.
fn cited_text(mut cited: Object<'_>) -> Result<Part, Invalid> {
    let mut text = String::new();
    for said in cited.list("content")? {
        text.push_str(&said.object()?.required_string("text")?);
    }
    let mut part = Part::text(text);
    part.rest = cited.take("citations").map(citations).into_iter().collect();
    Ok(part)
}

fn citations(raw: &serde_json::value::RawValue) -> Field {
    Field {
        name: "citations".to_owned(),
        at: crate::json::At("citations".to_owned()),
        value: Json::from(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> String {
        read_reply(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_reply_without_what_the_api_promises_is_invalid() {
        for (body, expected) in [
            (
                "{}",
                "a reply in which stopReason is missing, it must be a string",
            ),
            (
                r#"{"stopReason":"end_turn","output":{}}"#,
                "a reply in which output.message is missing, it must be an object",
            ),
            (
                r#"{"stopReason":"end_turn","output":{"message":{"content":[]}},"usage":{"inputTokens":1}}"#,
                "a reply in which usage.outputTokens is missing, it must be a whole number",
            ),
            (
                r#"{"stopReason":"end_turn","output":{"message":{"content":[{"hologram":{}}]}}}"#,
                r#"a reply in which output.message.content[0] is of an unknown kind: "hologram""#,
            ),
        ] {
            assert_eq!(error(body), expected);
        }
        assert!(error("<html>").starts_with("a reply in which the body is not valid JSON"));
    }

    #[test]
    fn a_cited_text_keeps_its_sources() {
        let body = r#"{"stopReason":"end_turn","output":{"message":{"role":"assistant","content":[
            {"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[{"title":"t"}]}}]}},
            "usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#;
        let reply = read_reply(body.as_bytes()).unwrap();
        let part = &reply.choices[0].parts[0];
        assert_eq!(part.content, Content::Text("ab".to_owned()));
        assert_eq!(part.rest[0].value.text(), r#"[{"title":"t"}]"#);
    }
}
