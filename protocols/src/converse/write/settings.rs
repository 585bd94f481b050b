//! Settings: the common ones, and those with a place of their own in each family.

use super::{Writing, thinking::Thinking, tools};
use crate::{
    converse::{
        model::Family,
        wire::{
            InferenceConfig, JsonSchema, ModelFields, NovaInference, OutputConfig, Structure,
            TextFormat,
        },
    },
    error::Unsupported,
    request::{Format, Request},
};

/// Refuses what the API has no field for, unless it says what would happen anyway.
pub(super) fn refuse_unknown(
    request: &Request,
    writing: &mut Writing<'_>,
) -> Result<(), Unsupported> {
    let sampling = &request.sampling;
    let has_openais = writing.family == Family::GptOss;
    let is_set = |of: Option<f64>| !has_openais && of.is_some_and(|penalty| penalty != 0.0);
    let unknown = [
        ("n", sampling.n.is_some_and(|n| n != 1)),
        ("frequency_penalty", is_set(sampling.frequency_penalty)),
        ("presence_penalty", is_set(sampling.presence_penalty)),
        ("logprobs", sampling.logprobs == Some(true)),
        ("top_logprobs", sampling.top_logprobs.is_some_and(|n| n > 0)),
    ];
    if let Some((field, _)) = unknown.into_iter().find(|(_, is_set)| *is_set) {
        return Err(writing.refuse(field, "its API has no such field"));
    }
    if sampling.seed.is_some() && !has_openais {
        writing.dropped.push("seed".to_owned());
    }
    if request.user.is_some() {
        writing.dropped.push("user".to_owned());
    }
    Ok(())
}

pub(super) fn inference_config<'a>(
    request: &'a Request,
    writing: &Writing<'_>,
) -> Result<InferenceConfig<'a>, Unsupported> {
    let sampling = &request.sampling;
    if sampling.temperature.is_some_and(|of| of > 1.0) {
        return Err(writing.refuse("temperature", "it goes no higher than 1 there"));
    }
    Ok(InferenceConfig {
        max_tokens: sampling.max_output_tokens,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        stop_sequences: &sampling.stop,
    })
}

/// Claude tells at which of the stop sequences it stopped, if it is asked.
pub(super) fn response_fields(
    request: &Request,
    writing: &Writing<'_>,
) -> Option<[&'static str; 1]> {
    let is_asked = writing.family.is_claude() && !request.sampling.stop.is_empty();
    is_asked.then_some(["/stop_sequence"])
}

pub(super) fn model_fields(
    request: &Request,
    thinking: Thinking,
    writing: &Writing<'_>,
) -> Result<ModelFields, Unsupported> {
    let mut fields = thinking.fields;
    fields.tool_choice = tools::single_call(request, writing)?;
    let sampling = &request.sampling;
    if writing.family == Family::GptOss {
        fields.frequency_penalty = sampling.frequency_penalty;
        fields.presence_penalty = sampling.presence_penalty;
        fields.seed = sampling.seed;
    }
    let Some(top_k) = sampling.top_k else {
        return Ok(fields);
    };
    match writing.family {
        Family::ClaudeBudget | Family::ClaudeAdaptive => fields.top_k = Some(top_k),
        Family::Nova => fields.inference_config = Some(NovaInference { top_k }),
        Family::GptOss | Family::Other | Family::Unknown => {
            return Err(writing.refuse("top_k", "the model is not known to have it"));
        }
    }
    Ok(fields)
}

pub(super) fn output_config<'a>(
    request: &'a Request,
    writing: &Writing<'_>,
) -> Result<OutputConfig<'a>, Unsupported> {
    let text_format = match &request.format {
        None | Some(Format::Text) => None,
        Some(Format::JsonObject) => {
            let why = "its API knows JSON only with a schema";
            return Err(writing.refuse("response_format", why));
        }
        // A schema that need not be followed may be.
        Some(Format::JsonSchema {
            name,
            description,
            schema,
            strict: _,
        }) => Some(TextFormat {
            r#type: "json_schema",
            structure: Structure {
                json_schema: JsonSchema {
                    schema: schema.text(),
                    name,
                    description: description.as_deref(),
                },
            },
        }),
    };
    Ok(OutputConfig {
        text_format,
        effort: None,
    })
}
