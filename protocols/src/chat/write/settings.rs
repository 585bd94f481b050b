//! Everything beside the conversation: what a dialect lacks is refused unless it says nothing.

use serde::Serialize;

use super::Writing;
use crate::{
    error::Unsupported,
    json::{Json, Out},
    request::{Effort, Format, Reasoning, Request, ToolChoice},
};

const NO_FIELD: &str = "its API has no such field";

pub(super) fn write(
    request: &Request,
    writing: &mut Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    put_choice(request, writing, body)?;
    put_sampling(request, writing, body)?;
    put_format(request.format.as_ref(), writing, body)?;
    put_reasoning(request.reasoning.as_ref(), writing, body)?;
    if request.stream {
        body.put("stream", &true);
        if request.stream_usage && writing.dialect.stream_options {
            body.put(
                "stream_options",
                &StreamOptions {
                    include_usage: true,
                },
            );
        }
    }
    if let Some(user) = &request.user {
        if writing.dialect.user {
            body.put("user", user);
        } else {
            writing.dropped.push("user".to_owned());
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Named<'a> {
    r#type: &'static str,
    function: Name<'a>,
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

fn put_choice(
    request: &Request,
    writing: &mut Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    match &request.tool_choice {
        Some(choice) if !writing.dialect.tool_choice => {
            let is_unsaid = match choice {
                ToolChoice::Auto => true,
                ToolChoice::None => request.tools.is_empty(),
                ToolChoice::Required | ToolChoice::Tool(_) => false,
            };
            if !is_unsaid {
                return Err(writing.refuse("tool_choice", NO_FIELD));
            }
        }
        None => {}
        Some(ToolChoice::Auto) => body.put("tool_choice", "auto"),
        Some(ToolChoice::None) => body.put("tool_choice", "none"),
        Some(ToolChoice::Required) => body.put("tool_choice", writing.dialect.required),
        Some(ToolChoice::Tool(name)) => {
            let named = Named {
                r#type: "function",
                function: Name { name },
            };
            body.put("tool_choice", &named);
        }
    }
    match request.parallel_tool_calls {
        Some(false) if !writing.dialect.parallel_tool_calls => {
            Err(writing.refuse("parallel_tool_calls", NO_FIELD))
        }
        Some(parallel) if writing.dialect.parallel_tool_calls => {
            body.put("parallel_tool_calls", &parallel);
            Ok(())
        }
        Some(_) | None => Ok(()),
    }
}

fn put_sampling(
    request: &Request,
    writing: &mut Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    let (sampling, dialect) = (&request.sampling, writing.dialect);
    body.put_some(dialect.max_tokens, sampling.max_output_tokens);
    body.put_some("temperature", sampling.temperature);
    body.put_some("top_p", sampling.top_p);
    let nonzero = |value: Option<f64>| value.filter(|value| *value != 0.0);
    let needed = |name: &'static str, is_taken: bool, is_said: bool| {
        if is_said && !is_taken {
            return Err(writing.refuse(name, NO_FIELD));
        }
        Ok(is_said)
    };
    if needed("top_k", dialect.top_k, sampling.top_k.is_some())? {
        body.put_some("top_k", sampling.top_k);
    }
    let (frequency, presence) = (
        nonzero(sampling.frequency_penalty),
        nonzero(sampling.presence_penalty),
    );
    if needed("frequency_penalty", dialect.penalties, frequency.is_some())? {
        body.put_some("frequency_penalty", frequency);
    }
    if needed("presence_penalty", dialect.penalties, presence.is_some())? {
        body.put_some("presence_penalty", presence);
    }
    let n = sampling.n.filter(|n| *n != 1);
    if needed("n", dialect.n, n.is_some())? {
        body.put_some("n", n);
    }
    let logprobs = sampling.logprobs.filter(|wanted| *wanted);
    if needed("logprobs", dialect.logprobs, logprobs.is_some())? {
        body.put_some("logprobs", logprobs);
        body.put_some("top_logprobs", sampling.top_logprobs);
    }
    match (dialect.seed, sampling.seed) {
        (Some(name), Some(seed)) => body.put(name, &seed),
        (None, Some(_)) => writing.dropped.push("seed".to_owned()),
        (Some(_) | None, None) => {}
    }
    if !sampling.stop.is_empty() {
        body.put("stop", &sampling.stop);
    }
    Ok(())
}

#[derive(Serialize)]
struct WireFormat<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<Schema<'a>>,
}

#[derive(Serialize)]
struct Schema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

fn put_format(
    format: Option<&Format>,
    writing: &Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    let (r#type, json_schema) = match format {
        None => return Ok(()),
        Some(Format::Text) => ("text", None),
        Some(Format::JsonObject) if !writing.dialect.json_object => {
            return Err(writing.refuse("response_format", "it knows JSON by a schema only"));
        }
        Some(Format::JsonObject) => ("json_object", None),
        Some(Format::JsonSchema { .. }) if !writing.dialect.json_schema => {
            return Err(writing.refuse("response_format", "it knows JSON, but no schemas of it"));
        }
        Some(Format::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) => (
            "json_schema",
            Some(Schema {
                name,
                description: description.as_deref(),
                schema,
                strict: *strict,
            }),
        ),
    };
    let format = WireFormat {
        r#type,
        json_schema,
    };
    body.put("response_format", &format);
    Ok(())
}

#[derive(Serialize)]
struct Switch {
    r#type: &'static str,
}

/// OpenAI's models from GPT-5 on know the word for no thinking; to those that do not think it is an error
/// (<https://platform.openai.com/docs/guides/reasoning>).
fn knows_none(model: &str) -> bool {
    model.starts_with("gpt-5")
}

/// Effort is the word that this API has; a budget in tokens becomes the effort that it is nearest to.
fn put_reasoning(
    reasoning: Option<&Reasoning>,
    writing: &Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    let Some(reasoning) = reasoning else {
        return Ok(());
    };
    let effort = reasoning
        .effort
        .or(reasoning.budget_tokens.map(Effort::of_budget));
    let Some(effort) = effort else { return Ok(()) };
    if effort == Effort::None && writing.dialect.thinks_unasked {
        body.put("thinking", &Switch { r#type: "disabled" });
        return Ok(());
    }
    if effort == Effort::None && !knows_none(writing.target.model) {
        return Ok(());
    }
    if !writing.dialect.reasoning_effort {
        let why = "it thinks as its model does, and cannot be told how much";
        return Err(writing.refuse("reasoning_effort", why));
    }
    body.put("reasoning_effort", effort.as_str());
    Ok(())
}
