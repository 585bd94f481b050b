//! A request for the provider.

mod conversation;
mod parts;
mod settings;

use serde::Serialize;

use super::model::{Model, model};
use crate::{
    Target, Written,
    error::Unsupported,
    json::{Json, Out},
    request::{CacheTtl, Request, Tool},
    rules,
};

/// Everything that the writing of one request needs to know.
struct Writing<'a> {
    target: Target<'a>,
    model: Model,
    dropped: Vec<String>,
}

impl Writing<'_> {
    fn refuse(&self, field: impl Into<String>, why: impl Into<String>) -> Unsupported {
        Unsupported::new(field, self.target.provider, why)
    }
}

/// Writes a request for the target, or says what it cannot be told.
pub fn write_request(request: &Request, target: Target<'_>) -> Result<Written, Unsupported> {
    let mut writing = Writing {
        target,
        model: model(target.model),
        dropped: Vec::new(),
    };
    rules::drop_or_refuse_rest(request, target.provider, &mut writing.dropped)?;
    let mut body = Out::default();
    body.put("model", target.model);
    let (system, messages) = conversation::write(request, &mut writing)?;
    let max_tokens = request.sampling.max_output_tokens;
    body.put(
        "max_tokens",
        &max_tokens.unwrap_or(writing.model.max_output),
    );
    if !system.is_empty() {
        body.put("system", &system);
    }
    body.put("messages", &messages);
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(write_tool);
        body.put("tools", &tools.collect::<Vec<_>>());
    }
    settings::write(request, &mut writing, &mut body)?;
    Ok(Written {
        body: body.into_bytes(),
        dropped: writing.dropped,
    })
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Schema<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Schema<'a> {
    Said(&'a Json),
    /// The tool takes no arguments; the API wants that said.
    Nothing {
        r#type: &'static str,
        properties: Properties,
    },
}

#[derive(Serialize)]
struct Properties {}

fn write_tool(tool: &Tool) -> WireTool<'_> {
    let nothing = Schema::Nothing {
        r#type: "object",
        properties: Properties {},
    };
    WireTool {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema: tool.parameters.as_ref().map_or(nothing, Schema::Said),
        // Not being strict is the API's default.
        strict: tool.strict.filter(|strict| *strict),
        cache_control: tool.cache.map(CacheControl::from),
    }
}

#[derive(Serialize)]
struct CacheControl {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl From<CacheTtl> for CacheControl {
    fn from(ttl: CacheTtl) -> Self {
        Self {
            r#type: "ephemeral",
            ttl: match ttl {
                CacheTtl::FiveMinutes => None,
                CacheTtl::OneHour => Some("1h"),
            },
        }
    }
}
