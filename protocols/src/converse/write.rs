//! A request for a model on Bedrock.

mod media;
mod messages;
mod settings;
mod thinking;
mod tools;

use super::{
    model::Family,
    wire::{Body, CachePoint},
};
use crate::{
    Target, Written,
    error::Unsupported,
    request::{CacheTtl, Request},
    rules,
};

/// Everything that the writing of one request needs to know.
struct Writing<'a> {
    provider: &'a str,
    family: Family,
    dropped: Vec<String>,
    /// So far.
    documents: usize,
}

impl Writing<'_> {
    fn refuse(&self, field: impl Into<String>, why: impl Into<String>) -> Unsupported {
        Unsupported::new(field, self.provider, why)
    }

    fn drop(&mut self, at: &str, field: &str) {
        self.dropped.push(format!("{at}.{field}"));
    }

    /// What marks the end of what is cached, unless the model would refuse it.
    fn cache_point(&mut self, cache: Option<CacheTtl>, at: &str) -> Option<CachePoint> {
        let ttl = match cache? {
            CacheTtl::FiveMinutes => None,
            CacheTtl::OneHour => Some("1h"),
        };
        if !self.family.takes_cache_points() {
            self.drop(at, "cache_control");
            return None;
        }
        Some(CachePoint {
            r#type: "default",
            ttl,
        })
    }
}

/// Writes the body; the model and whether it is a stream stand in the [path](super::path).
pub fn write_request(request: &Request, target: Target<'_>) -> Result<Written, Unsupported> {
    let mut writing = Writing {
        provider: target.provider,
        family: Family::of(target.model),
        dropped: Vec::new(),
        documents: 0,
    };
    rules::drop_or_refuse_rest(request, target.provider, &mut writing.dropped)?;
    settings::refuse_unknown(request, &mut writing)?;
    let (instructions, conversation) = rules::split_instructions(&request.messages);
    let mut output_config = settings::output_config(request, &writing)?;
    let thinking = thinking::write(request, &writing)?;
    output_config.effort = thinking.effort;
    let body = Body {
        system: messages::system(instructions, &mut writing)?,
        messages: messages::conversation(conversation, &mut writing)?,
        inference_config: settings::inference_config(request, &writing)?,
        tool_config: tools::write(request, &mut writing)?,
        additional_model_request_fields: settings::model_fields(request, thinking, &writing)?,
        additional_model_response_field_paths: settings::response_fields(request, &writing),
        output_config,
    };
    // No map here has keys that are not strings, so it is always JSON.
    let body =
        serde_json::to_vec(&body).map_err(|error| writing.refuse("the body", error.to_string()))?;
    Ok(Written {
        body,
        dropped: writing.dropped,
    })
}
