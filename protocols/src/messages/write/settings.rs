//! Everything beside the conversation.

use serde::Serialize;

use super::{
    super::model::{Off, Thinking},
    Writing,
};
use crate::{
    error::Unsupported,
    json::Out,
    request::{Effort, Format, Reasoning, Request, Sampling, ToolChoice},
};

const NO_FIELD: &str = "its API has no such field";

pub(super) fn write(
    request: &Request,
    writing: &mut Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    put_choice(request, body);
    refuse_unknown(&request.sampling, writing)?;
    put_sampling(&request.sampling, writing, body)?;
    let mut output = Out::default();
    if let Some(reasoning) = &request.reasoning {
        put_reasoning(request, reasoning, writing, (body, &mut output))?;
    }
    put_format(request.format.as_ref(), writing, &mut output)?;
    if !output.is_empty() {
        body.put("output_config", &output);
    }
    if let Some(user_id) = &request.user {
        body.put("metadata", &Metadata { user_id });
    }
    if request.stream {
        body.put("stream", &true);
    }
    Ok(())
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

#[derive(Serialize)]
struct Choice<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

/// Which tool, and whether several at once, are one field; without tools neither says anything.
fn put_choice(request: &Request, body: &mut Out) {
    let single = request.parallel_tool_calls == Some(false);
    let (r#type, name) = match &request.tool_choice {
        Some(ToolChoice::Required) => ("any", None),
        Some(ToolChoice::Tool(name)) => ("tool", Some(name.as_str())),
        Some(ToolChoice::Auto | ToolChoice::None) | None if request.tools.is_empty() => return,
        Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::None) => ("none", None),
        None if single => ("auto", None),
        None => return,
    };
    let choice = Choice {
        r#type,
        name,
        disable_parallel_tool_use: (single && r#type != "none").then_some(true),
    };
    body.put("tool_choice", &choice);
}

/// Values that say what would happen anyway are no settings.
fn refuse_unknown(sampling: &Sampling, writing: &mut Writing<'_>) -> Result<(), Unsupported> {
    let nonzero = |value: Option<f64>| value.is_some_and(|value| value != 0.0);
    for (name, is_said) in [
        ("n", sampling.n.is_some_and(|n| n != 1)),
        ("logprobs", sampling.logprobs == Some(true)),
        (
            "top_logprobs",
            sampling.top_logprobs.is_some_and(|top| top > 0),
        ),
        ("frequency_penalty", nonzero(sampling.frequency_penalty)),
        ("presence_penalty", nonzero(sampling.presence_penalty)),
    ] {
        if is_said {
            return Err(writing.refuse(name, NO_FIELD));
        }
    }
    if sampling.seed.is_some() {
        writing.dropped.push("seed".to_owned());
    }
    Ok(())
}

fn put_sampling(
    sampling: &Sampling,
    writing: &Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    let top_p = sampling.top_p.filter(|top_p| *top_p != 1.0);
    if sampling.temperature.is_some_and(|value| value > 1.0) {
        return Err(writing.refuse("temperature", "its highest is 1"));
    }
    if writing.model.sampling {
        body.put_some("temperature", sampling.temperature);
        body.put_some("top_p", top_p);
        body.put_some("top_k", sampling.top_k);
    } else {
        // 1 is the default, and the only value that these models take.
        let temperature = sampling.temperature.filter(|value| *value != 1.0);
        for (name, is_said) in [
            ("temperature", temperature.is_some()),
            ("top_p", top_p.is_some()),
            ("top_k", sampling.top_k.is_some()),
        ] {
            if is_said {
                let why = "this model draws its tokens as it finds right";
                return Err(writing.refuse(name, why));
            }
        }
    }
    if !sampling.stop.is_empty() {
        body.put("stop_sequences", &sampling.stop);
    }
    Ok(())
}

#[derive(Serialize)]
struct WireThinking {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'static str>,
}

impl WireThinking {
    fn new(r#type: &'static str, budget_tokens: Option<u64>, reasoning: &Reasoning) -> Self {
        Self {
            r#type,
            budget_tokens,
            display: reasoning
                .shown
                .map(|shown| if shown { "summarized" } else { "omitted" }),
        }
    }

    fn without(r#type: &'static str) -> Self {
        Self {
            r#type,
            budget_tokens: None,
            display: None,
        }
    }
}

fn put_reasoning(
    request: &Request,
    reasoning: &Reasoning,
    writing: &Writing<'_>,
    (body, output): (&mut Out, &mut Out),
) -> Result<(), Unsupported> {
    let is_off = reasoning.effort == Some(Effort::None) || reasoning.budget_tokens == Some(0);
    match writing.model.thinking {
        Thinking::Never | Thinking::Budget if is_off => Ok(()),
        Thinking::Never => Err(writing.refuse(FIELD, "this model does not think")),
        Thinking::Budget => {
            let budget = budget(request, reasoning, writing)?;
            body.put(
                "thinking",
                &WireThinking::new("enabled", Some(budget), reasoning),
            );
            Ok(())
        }
        Thinking::Adaptive { off, .. } if is_off => put_off(off, writing, body),
        Thinking::Adaptive { xhigh, .. } => {
            body.put("thinking", &WireThinking::new("adaptive", None, reasoning));
            let budgeted = reasoning.budget_tokens.map(Effort::of_budget);
            let effort = reasoning.effort.or(budgeted);
            output.put_some("effort", effort.and_then(|effort| word(effort, xhigh)));
            Ok(())
        }
    }
}

const FIELD: &str = "reasoning_effort";

fn put_off(off: Off, writing: &Writing<'_>, body: &mut Out) -> Result<(), Unsupported> {
    let word = match off {
        Off::Unasked => return Ok(()),
        Off::Disabled => "disabled",
        Off::BetweenTools => "between_tools",
        Off::Impossible => return Err(writing.refuse(FIELD, "this model always thinks")),
    };
    body.put("thinking", &WireThinking::without(word));
    Ok(())
}

/// The API's word for it. Its lowest is `low`, and models without `xhigh` have `max` above `high`.
fn word(effort: Effort, xhigh: bool) -> Option<&'static str> {
    match effort {
        Effort::None => None,
        Effort::Minimal | Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High => Some("high"),
        Effort::ExtraHigh => Some(if xhigh { "xhigh" } else { "max" }),
    }
}

/// The least that the API takes.
const LEAST_BUDGET: u64 = 1_024;

/// The caller's own number, or that of the effort. Thoughts count towards the limit of the reply, so that an
/// effort takes what the limit lets it, and leaves as much as it takes at least.
fn budget(
    request: &Request,
    reasoning: &Reasoning,
    writing: &Writing<'_>,
) -> Result<u64, Unsupported> {
    if let Some(budget) = reasoning.budget_tokens {
        return Ok(budget);
    }
    let wanted = reasoning.effort.unwrap_or(Effort::Medium).budget_tokens();
    let limit = request.sampling.max_output_tokens;
    let room = limit
        .unwrap_or(writing.model.max_output)
        .saturating_sub(LEAST_BUDGET);
    if room < LEAST_BUDGET {
        let why = "thinking takes 1024 tokens at least, for which max_tokens leaves no room";
        return Err(writing.refuse(FIELD, why));
    }
    Ok(wanted.min(room))
}

#[derive(Serialize)]
struct WireFormat<'a> {
    r#type: &'static str,
    schema: &'a crate::Json,
}

/// A schema has no name here; that is a label for the caller's own use.
fn put_format(
    format: Option<&Format>,
    writing: &mut Writing<'_>,
    output: &mut Out,
) -> Result<(), Unsupported> {
    match format {
        None | Some(Format::Text) => Ok(()),
        Some(Format::JsonObject) => {
            let why = "it promises JSON only by a schema";
            Err(writing.refuse("response_format", why))
        }
        Some(Format::JsonSchema { .. }) if !writing.model.schema => Err(writing.refuse(
            "response_format",
            "this model knows no schemas of its reply",
        )),
        Some(Format::JsonSchema {
            schema,
            description,
            ..
        }) => {
            if description.is_some() {
                let field = "response_format.json_schema.description";
                writing.dropped.push(field.to_owned());
            }
            let r#type = "json_schema";
            output.put("format", &WireFormat { r#type, schema });
            Ok(())
        }
    }
}
