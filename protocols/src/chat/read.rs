//! A caller's chat completion request.

mod messages;
mod tools;

use crate::{
    error::Invalid,
    json::Object,
    protocol::CallerApi,
    request::{Effort, Format, Reasoning, Request, Sampling},
};

/// Reads a request; fields that are unknown are kept.
pub fn read_request(body: &[u8]) -> Result<Request, Invalid> {
    let mut top = Object::top(body)?;
    let model = top.required_string("model")?;
    let messages = top
        .array("messages")?
        .ok_or_else(|| top.missing("messages", "a non-empty array of message objects"))?;
    let messages = messages
        .iter()
        .map(|item| messages::read(item.object()?))
        .collect::<Result<_, _>>()?;
    let tools = top.list("tools")?;
    let tools = tools
        .iter()
        .map(|item| tools::read(item.object()?))
        .collect::<Result<_, _>>()?;
    let (stream_usage, stream_rest) = stream_options(&mut top)?;
    let mut request = Request {
        caller: CallerApi::Chat,
        model,
        messages,
        tools,
        tool_choice: tools::choice(&mut top)?,
        parallel_tool_calls: top.bool("parallel_tool_calls")?,
        format: format(&mut top)?,
        reasoning: reasoning(&mut top)?,
        sampling: sampling(&mut top)?,
        stream: top.bool("stream")?.unwrap_or(false),
        stream_usage,
        user: top.string("user")?,
        rest: stream_rest,
    };
    request.rest.extend(top.rest());
    Ok(request)
}

fn stream_options(top: &mut Object<'_>) -> Result<(bool, Vec<crate::Field>), Invalid> {
    let Some(mut options) = top.object("stream_options")? else {
        return Ok((false, Vec::new()));
    };
    let usage = options.bool("include_usage")?.unwrap_or(false);
    // Padding against guessing from lengths: nothing that a reply says.
    options.take("include_obfuscation");
    Ok((usage, options.rest()))
}

fn sampling(top: &mut Object<'_>) -> Result<Sampling, Invalid> {
    let old = top.u64("max_tokens")?;
    Ok(Sampling {
        max_output_tokens: top.u64("max_completion_tokens")?.or(old),
        temperature: top.f64("temperature")?,
        top_p: top.f64("top_p")?,
        top_k: top.u64("top_k")?,
        frequency_penalty: top.f64("frequency_penalty")?,
        presence_penalty: top.f64("presence_penalty")?,
        seed: top.i64("seed")?,
        stop: stop(top)?,
        n: top.u64("n")?,
        logprobs: top.bool("logprobs")?,
        top_logprobs: top.u64("top_logprobs")?,
    })
}

fn stop(top: &mut Object<'_>) -> Result<Vec<String>, Invalid> {
    const STOP: &str = "a string or an array of strings";
    let Some(raw) = top.take("stop") else {
        return Ok(Vec::new());
    };
    if let Ok(one) = serde_json::from_str(raw.get()) {
        return Ok(vec![one]);
    }
    serde_json::from_str(raw.get()).map_err(|_| top.wrong("stop", raw.get(), STOP))
}

/// OpenAI's effort, or the budget that servers of Anthropic's models take beside it.
fn reasoning(top: &mut Object<'_>) -> Result<Option<Reasoning>, Invalid> {
    const EFFORT: &str = "none, minimal, low, medium, high or xhigh";
    let mut reasoning = None;
    if let Some(word) = top.string("reasoning_effort")? {
        let effort = Effort::parse(&word)
            .ok_or_else(|| Invalid::shown(&top.at_of("reasoning_effort"), &word, EFFORT))?;
        reasoning.get_or_insert_with(Reasoning::default).effort = Some(effort);
    }
    if let Some(mut thinking) = top.object("thinking")? {
        let kind = thinking.required_string("type")?;
        let wanted = reasoning.get_or_insert_with(Reasoning::default);
        match kind.as_str() {
            "enabled" => wanted.budget_tokens = thinking.u64("budget_tokens")?,
            "disabled" => wanted.effort = Some(Effort::None),
            _ => {
                let at = thinking.at_of("type");
                return Err(Invalid::shown(&at, &kind, "enabled or disabled"));
            }
        }
    }
    Ok(reasoning)
}

fn format(top: &mut Object<'_>) -> Result<Option<Format>, Invalid> {
    let Some(mut format) = top.object("response_format")? else {
        return Ok(None);
    };
    let kind = format.required_string("type")?;
    match kind.as_str() {
        "text" => Ok(Some(Format::Text)),
        "json_object" => Ok(Some(Format::JsonObject)),
        "json_schema" => {
            let mut schema = format
                .object("json_schema")?
                .ok_or_else(|| format.missing("json_schema", "an object with name and schema"))?;
            Ok(Some(Format::JsonSchema {
                name: schema.required_string("name")?,
                description: schema.string("description")?,
                schema: schema
                    .json("schema")
                    .ok_or_else(|| schema.missing("schema", "a JSON schema"))?,
                strict: schema.bool("strict")?,
            }))
        }
        _ => {
            let at = format.at_of("type");
            Err(Invalid::shown(
                &at,
                &kind,
                "text, json_object or json_schema",
            ))
        }
    }
}
