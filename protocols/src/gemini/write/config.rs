//! `generationConfig`: how tokens are drawn, the form of the reply, and thoughts.

use super::{Writing, model::Model};
use crate::{
    error::Unsupported,
    json::Out,
    request::{Effort, Format, Reasoning, Request},
    schema::described,
};

/// As documented for `stopSequences`.
const MAX_STOP_SEQUENCES: usize = 5;

pub(super) fn write(request: &Request, writing: &mut Writing<'_>) -> Result<Out, Unsupported> {
    let mut config = Out::default();
    put_sampling(request, writing, &mut config)?;
    put_format(request.format.as_ref(), writing, &mut config)?;
    if let Some(reasoning) = &request.reasoning {
        let thinking = thinking(reasoning, writing)?;
        if !thinking.is_empty() {
            config.put("thinkingConfig", &thinking);
        }
    }
    Ok(config)
}

fn put_sampling(
    request: &Request,
    writing: &mut Writing<'_>,
    config: &mut Out,
) -> Result<(), Unsupported> {
    let sampling = &request.sampling;
    config.put_some("temperature", sampling.temperature);
    config.put_some("topP", sampling.top_p);
    config.put_some("topK", sampling.top_k);
    config.put_some("maxOutputTokens", sampling.max_output_tokens);
    config.put_some("candidateCount", sampling.n.filter(|n| *n != 1));
    config.put_some("presencePenalty", sampling.presence_penalty);
    config.put_some("frequencyPenalty", sampling.frequency_penalty);
    match sampling.seed.map(i32::try_from) {
        Some(Ok(seed)) => config.put("seed", &seed),
        // Its seeds have 32 bits.
        Some(Err(_)) => writing.dropped.push("seed".to_owned()),
        None => {}
    }
    if sampling.logprobs == Some(true) {
        config.put("responseLogprobs", &true);
        config.put_some("logprobs", sampling.top_logprobs);
    }
    if sampling.stop.len() > MAX_STOP_SEQUENCES {
        return Err(writing.refuse("stop", "it takes at most 5 stop sequences"));
    }
    if !sampling.stop.is_empty() {
        config.put("stopSequences", &sampling.stop);
    }
    Ok(())
}

fn put_format(
    format: Option<&Format>,
    writing: &Writing<'_>,
    config: &mut Out,
) -> Result<(), Unsupported> {
    match format {
        None | Some(Format::Text) => {}
        Some(Format::JsonObject) => config.put("responseMimeType", "application/json"),
        Some(Format::JsonSchema {
            description,
            schema,
            name: _,
            strict: _,
        }) => {
            config.put("responseMimeType", "application/json");
            match description {
                None => config.put("responseJsonSchema", schema),
                Some(text) => {
                    let schema = described(schema, text).ok_or_else(|| {
                        let field = "response_format.json_schema.description";
                        writing.refuse(field, "the schema has a description of its own")
                    })?;
                    config.put("responseJsonSchema", &schema);
                }
            }
        }
    }
    Ok(())
}

const EFFORT: &str = "reasoning_effort";

fn thinking(reasoning: &Reasoning, writing: &Writing<'_>) -> Result<Out, Unsupported> {
    let mut out = Out::default();
    let budget = reasoning.budget_tokens;
    let effort = reasoning.effort.or(budget.map(Effort::of_budget));
    match writing.model {
        Model::Plain => {
            if effort.is_some_and(|effort| effort != Effort::None) {
                return Err(writing.refuse(EFFORT, "only models from Gemini 2.5 on think"));
            }
            return Ok(out);
        }
        Model::Budget {
            max_tokens,
            can_stop,
        } => {
            let wanted = budget.or(effort.map(Effort::budget_tokens));
            if wanted == Some(0) && !can_stop {
                return Err(writing.refuse(EFFORT, "this model cannot be told not to think"));
            }
            // It thinks no more than that whatever it is told.
            out.put_some(
                "thinkingBudget",
                wanted.map(|wanted| wanted.min(max_tokens)),
            );
        }
        Model::Level { is_pro, has_medium } => {
            if effort == Some(Effort::None) && is_pro {
                return Err(writing.refuse(EFFORT, "this model cannot be told not to think"));
            }
            out.put_some(
                "thinkingLevel",
                effort.map(|effort| level(effort, is_pro, has_medium)),
            );
        }
        Model::Unknown => {
            out.put_some(
                "thinkingBudget",
                budget.or(effort.map(Effort::budget_tokens)),
            );
        }
    }
    out.put_some("includeThoughts", reasoning.shown);
    Ok(out)
}

/// Google's own translation of OpenAI's words (<https://ai.google.dev/gemini-api/docs/openai#thinking>). Its
/// documentation of `MINIMAL` says that it is what no thinking was; `HIGH` is the most that every model has.
fn level(effort: Effort, is_pro: bool, has_medium: bool) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal if is_pro => "LOW",
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium if has_medium => "MEDIUM",
        Effort::Medium | Effort::High | Effort::ExtraHigh => "HIGH",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    fn thinking_of(model: &str, reasoning: &Reasoning) -> Result<String, String> {
        let target = Target {
            provider: "gemini",
            model,
        };
        let writing = Writing {
            target,
            model: Model::of(model),
            dropped: Vec::new(),
        };
        let out = thinking(reasoning, &writing).map_err(|e| e.to_string())?;
        Ok(String::from_utf8(out.into_bytes()).expect("UTF-8"))
    }

    /// An effort by its word, or a budget.
    fn reasoning(said: &str) -> Reasoning {
        Reasoning {
            effort: Effort::parse(said),
            budget_tokens: said.parse().ok(),
            shown: None,
        }
    }

    #[test]
    fn each_generation_is_told_in_its_own_words_how_much_to_think() {
        for (model, said, expected) in [
            ("gemini-2.5-flash", "none", r#"{"thinkingBudget":0}"#),
            ("gemini-2.5-flash", "high", r#"{"thinkingBudget":24576}"#),
            ("gemini-2.5-flash", "xhigh", r#"{"thinkingBudget":24576}"#),
            ("gemini-2.5-pro", "xhigh", r#"{"thinkingBudget":32768}"#),
            ("gemini-2.5-flash", "31999", r#"{"thinkingBudget":24576}"#),
            ("gemini-2.5-pro", "2000", r#"{"thinkingBudget":2000}"#),
            ("gemini-3-flash", "none", r#"{"thinkingLevel":"MINIMAL"}"#),
            ("gemini-3-flash", "medium", r#"{"thinkingLevel":"MEDIUM"}"#),
            ("gemini-3-pro", "minimal", r#"{"thinkingLevel":"LOW"}"#),
            ("gemini-3-pro", "medium", r#"{"thinkingLevel":"HIGH"}"#),
            ("gemini-3.1-pro", "8000", r#"{"thinkingLevel":"MEDIUM"}"#),
            ("my-tuned-model", "low", r#"{"thinkingBudget":1024}"#),
            ("gemini-2.0-flash", "none", "{}"),
        ] {
            let written = thinking_of(model, &reasoning(said));
            assert_eq!(written.as_deref(), Ok(expected), "{model} {said}");
        }
    }

    #[test]
    fn what_a_model_cannot_do_is_refused() {
        for (model, said) in [
            ("gemini-2.5-pro", "none"),
            ("gemini-3-pro", "none"),
            ("gemini-2.0-flash", "low"),
        ] {
            let error = thinking_of(model, &reasoning(said)).expect_err(model);
            assert!(error.starts_with("reasoning_effort cannot be sent to gemini"));
        }
    }

    #[test]
    fn thoughts_are_shown_as_asked() {
        let shown = |shown| Reasoning {
            shown,
            ..Reasoning::default()
        };
        let of = |reasoning| thinking_of("gemini-2.5-pro", &reasoning).expect("valid");
        assert_eq!(of(shown(None)), "{}");
        assert_eq!(of(shown(Some(true))), r#"{"includeThoughts":true}"#);
        assert_eq!(of(shown(Some(false))), r#"{"includeThoughts":false}"#);
    }
}
