//! Tools and which of them may be called.

use crate::{
    error::Invalid,
    json::{At, Object},
    request::{CacheTtl, Tool, ToolChoice},
};

const CHOICE: &str = "none, auto, required or a function";

pub(super) fn read(mut tool: Object<'_>) -> Result<Tool, Invalid> {
    let kind = tool.required_string("type")?;
    let at = tool.at().to_owned();
    if kind != "function" {
        return Err(Invalid::shown(&tool.at_of("type"), &kind, "function"));
    }
    let cache = cache(&mut tool)?;
    let mut function = tool
        .object("function")?
        .ok_or_else(|| tool.missing("function", "an object with a name"))?;
    let name = function.required_string("name")?;
    let description = function.string("description")?;
    let parameters = function.json("parameters");
    let strict = function.bool("strict")?;
    let mut rest = function.rest();
    rest.extend(tool.rest());
    Ok(Tool {
        name,
        description,
        parameters,
        strict,
        cache,
        at: At(at),
        rest,
    })
}

/// Anthropic's mark, as servers of its models take it here too.
pub(super) fn cache(object: &mut Object<'_>) -> Result<Option<CacheTtl>, Invalid> {
    let Some(mut control) = object.object("cache_control")? else {
        return Ok(None);
    };
    let ttl = control.string("ttl")?;
    match ttl.as_deref() {
        None | Some("5m") => Ok(Some(CacheTtl::FiveMinutes)),
        Some("1h") => Ok(Some(CacheTtl::OneHour)),
        Some(other) => Err(Invalid::shown(&control.at_of("ttl"), other, "5m or 1h")),
    }
}

pub(super) fn choice(top: &mut Object<'_>) -> Result<Option<ToolChoice>, Invalid> {
    let Some(raw) = top.take("tool_choice") else {
        return Ok(None);
    };
    let at = top.at_of("tool_choice");
    if let Ok(word) = serde_json::from_str::<String>(raw.get()) {
        return match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" | "any" => Ok(Some(ToolChoice::Required)),
            _ => Err(Invalid::shown(&at, &word, CHOICE)),
        };
    }
    let mut named = Object::read(raw, at)?;
    let kind = named.required_string("type")?;
    if kind != "function" {
        return Err(Invalid::shown(&named.at_of("type"), &kind, "function"));
    }
    let mut function = named
        .object("function")?
        .ok_or_else(|| named.missing("function", "an object with a name"))?;
    Ok(Some(ToolChoice::Tool(function.required_string("name")?)))
}
