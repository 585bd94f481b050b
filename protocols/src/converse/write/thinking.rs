//! How much the model thinks, in its family's words; see [`model`](crate::converse::model).

use super::Writing;
use crate::{
    converse::{
        model::Family,
        wire::{self, ModelFields, NovaReasoning},
    },
    error::Unsupported,
    request::{Effort, Reasoning, Request},
};

/// The least that Claude takes.
const MIN_BUDGET_TOKENS: u64 = 1_024;

#[derive(Default)]
pub(super) struct Thinking {
    pub(super) fields: ModelFields,
    /// Of `outputConfig`.
    pub(super) effort: Option<&'static str>,
}

pub(super) fn write(request: &Request, writing: &Writing<'_>) -> Result<Thinking, Unsupported> {
    let Some(reasoning) = &request.reasoning else {
        return Ok(Thinking::default());
    };
    if let (Some(tokens), false) = (reasoning.budget_tokens, writing.family.is_claude()) {
        let why = format!("of all models there only Claude takes a budget, here of {tokens}");
        return Err(writing.refuse("thinking.budget_tokens", why));
    }
    match writing.family {
        Family::ClaudeBudget => budget_claude(request, reasoning, writing),
        Family::ClaudeAdaptive => Ok(adaptive_claude(reasoning)),
        Family::Nova => nova(reasoning, writing),
        Family::GptOss => gpt_oss(reasoning, writing),
        Family::Other | Family::Unknown => other(reasoning, writing),
    }
}

fn hidden(writing: &Writing<'_>) -> Unsupported {
    writing.refuse("reasoning", "the model's thoughts cannot be hidden there")
}

/// A budget that the caller named is sent as it is. An effort becomes a budget that leaves room for an answer
/// within the caller's limit.
fn budget_claude(
    request: &Request,
    reasoning: &Reasoning,
    writing: &Writing<'_>,
) -> Result<Thinking, Unsupported> {
    let budget_tokens = match (reasoning.budget_tokens, reasoning.effort) {
        (None, None | Some(Effort::None)) => return Ok(Thinking::default()),
        (Some(tokens), _) => tokens,
        (None, Some(effort)) => {
            let limit = request.sampling.max_output_tokens.unwrap_or(u64::MAX);
            let tokens = effort.budget_tokens().min(limit.saturating_sub(1));
            if tokens < MIN_BUDGET_TOKENS {
                let why = "it thinks at least 1024 tokens, and max_tokens leaves no room for them";
                return Err(writing.refuse("reasoning_effort", why));
            }
            tokens
        }
    };
    if reasoning.shown == Some(false) {
        return Err(hidden(writing));
    }
    let thinking = wire::Thinking {
        r#type: "enabled",
        budget_tokens: Some(budget_tokens),
        display: None,
    };
    Ok(of_fields(ModelFields {
        thinking: Some(thinking),
        ..ModelFields::default()
    }))
}

/// Without effort or budget it is asked to think as much as it wants.
fn adaptive_claude(reasoning: &Reasoning) -> Thinking {
    let (kind, budget_tokens) = match (reasoning.budget_tokens, reasoning.effort) {
        (Some(tokens), _) => ("enabled", Some(tokens)),
        (None, Some(Effort::None)) => ("disabled", None),
        (None, _) => ("adaptive", None),
    };
    let display = match reasoning.shown {
        Some(_) if kind == "disabled" => None,
        Some(true) => Some("summarized"),
        Some(false) => Some("omitted"),
        None => None,
    };
    let thinking = wire::Thinking {
        r#type: kind,
        budget_tokens,
        display,
    };
    Thinking {
        fields: ModelFields {
            thinking: Some(thinking),
            ..ModelFields::default()
        },
        effort: reasoning.effort.and_then(|effort| match effort {
            Effort::None => None,
            // It knows no less than low.
            Effort::Minimal | Effort::Low => Some("low"),
            Effort::Medium => Some("medium"),
            Effort::High => Some("high"),
            Effort::ExtraHigh => Some("xhigh"),
        }),
    }
}

/// `low`, `medium` and `high`, which Nova and `gpt-oss` have in common.
fn word(effort: Effort, writing: &Writing<'_>) -> Result<&'static str, Unsupported> {
    match effort {
        Effort::Low => Ok("low"),
        Effort::Medium => Ok("medium"),
        Effort::High => Ok("high"),
        Effort::None | Effort::Minimal | Effort::ExtraHigh => {
            let why = format!("{} is none of low, medium and high", effort.as_str());
            Err(writing.refuse("reasoning_effort", why))
        }
    }
}

/// What it shows of its thoughts is `[REDACTED]` in any case.
fn nova(reasoning: &Reasoning, writing: &Writing<'_>) -> Result<Thinking, Unsupported> {
    let config = match reasoning.effort {
        None => return Ok(Thinking::default()),
        Some(Effort::None) => NovaReasoning {
            r#type: "disabled",
            max_reasoning_effort: None,
        },
        Some(effort) => NovaReasoning {
            r#type: "enabled",
            max_reasoning_effort: Some(word(effort, writing)?),
        },
    };
    Ok(of_fields(ModelFields {
        reasoning_config: Some(config),
        ..ModelFields::default()
    }))
}

fn gpt_oss(reasoning: &Reasoning, writing: &Writing<'_>) -> Result<Thinking, Unsupported> {
    if reasoning.shown == Some(false) {
        return Err(hidden(writing));
    }
    let effort = reasoning.effort.map(|effort| word(effort, writing));
    Ok(of_fields(ModelFields {
        reasoning_effort: effort.transpose()?,
        ..ModelFields::default()
    }))
}

fn other(reasoning: &Reasoning, writing: &Writing<'_>) -> Result<Thinking, Unsupported> {
    if let Some(effort) = reasoning.effort {
        let why = format!("how to ask this model for {} is not known", effort.as_str());
        return Err(writing.refuse("reasoning_effort", why));
    }
    if reasoning.shown == Some(false) {
        return Err(hidden(writing));
    }
    Ok(Thinking::default())
}

fn of_fields(fields: ModelFields) -> Thinking {
    Thinking {
        fields,
        effort: None,
    }
}
