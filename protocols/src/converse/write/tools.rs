//! Tools, and whether one must be called.

use super::Writing;
use crate::{
    converse::wire::{
        Empty, InputSchema, Schema, SingleCall, Tool as WireTool, ToolChoice as WireChoice,
        ToolConfig, ToolSpec,
    },
    error::Unsupported,
    request::{Content, Part, Request, Tool, ToolChoice},
};

/// The API's longest name of a tool and id of a call.
const MAX_NAME_CHARS: usize = 64;

pub(super) fn write<'a>(
    request: &'a Request,
    writing: &mut Writing<'_>,
) -> Result<Option<ToolConfig<'a>>, Unsupported> {
    let called = request.messages.iter().flat_map(|message| &message.parts);
    let called = called.into_iter().find(|part| is_of_a_call(part));
    if request.tools.is_empty() {
        return without_tools(request, called, writing);
    }
    let single = single_call(request, writing)?;
    if request.tool_choice == Some(ToolChoice::None) {
        if called.is_none() {
            return Ok(None);
        }
        let why = "its API has no such choice, and wants the tools of earlier calls declared";
        return Err(writing.refuse("tool_choice", why));
    }
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        tools.push(WireTool::ToolSpec(spec(tool, writing)?));
        let point = writing.cache_point(tool.cache, &tool.at.0);
        tools.extend(point.map(WireTool::CachePoint));
    }
    Ok(Some(ToolConfig {
        tools,
        tool_choice: match single {
            // The API refuses to be told the choice twice.
            Some(_) => None,
            None => request.tool_choice.as_ref().and_then(choice),
        },
    }))
}

/// Claude takes its own API's way of saying that a reply calls one tool at most, unless Converse's way of saying that
/// some tool must be called stands beside it.
pub(super) fn single_call(
    request: &Request,
    writing: &Writing<'_>,
) -> Result<Option<SingleCall>, Unsupported> {
    if request.parallel_tool_calls != Some(false) || request.tools.is_empty() {
        return Ok(None);
    }
    match &request.tool_choice {
        // Nothing will be called.
        Some(ToolChoice::None) => Ok(None),
        None | Some(ToolChoice::Auto) if writing.family.is_claude() => Ok(Some(SingleCall {
            r#type: "auto",
            disable_parallel_tool_use: true,
        })),
        None | Some(ToolChoice::Auto) => {
            let why = "of all models there only Claude can be kept to one call";
            Err(writing.refuse("parallel_tool_calls", why))
        }
        Some(ToolChoice::Required | ToolChoice::Tool(_)) => {
            let why = "a call cannot be both required and the only one there";
            Err(writing.refuse("parallel_tool_calls", why))
        }
    }
}

fn is_of_a_call(part: &Part) -> bool {
    matches!(
        part.content,
        Content::ToolCall { .. } | Content::ToolResult { .. }
    )
}

fn without_tools<'a>(
    request: &Request,
    called: Option<&Part>,
    writing: &Writing<'_>,
) -> Result<Option<ToolConfig<'a>>, Unsupported> {
    match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Tool(_)) => {
            return Err(writing.refuse("tool_choice", "there are no tools"));
        }
        None | Some(ToolChoice::Auto | ToolChoice::None) => {}
    }
    if let Some(part) = called {
        let why = format!("its API wants the tool of {} declared", part.at);
        return Err(writing.refuse("tools", why));
    }
    Ok(None)
}

fn choice(choice: &ToolChoice) -> Option<WireChoice<'_>> {
    match choice {
        ToolChoice::Auto => Some(WireChoice::Auto(Empty {})),
        ToolChoice::Required => Some(WireChoice::Any(Empty {})),
        ToolChoice::Tool(name) => Some(WireChoice::Tool { name }),
        ToolChoice::None => None,
    }
}

fn spec<'a>(tool: &'a Tool, writing: &Writing<'_>) -> Result<ToolSpec<'a>, Unsupported> {
    check_name(&tool.name, &tool.at.0, writing)?;
    Ok(ToolSpec {
        name: &tool.name,
        description: tool.description.as_deref().filter(|text| !text.is_empty()),
        input_schema: InputSchema {
            json: tool.parameters.as_ref().map_or(
                Schema::Nothing {
                    r#type: "object",
                    properties: Empty {},
                },
                Schema::Said,
            ),
        },
        strict: tool.strict.filter(|strict| *strict),
    })
}

pub(super) fn check_name(name: &str, at: &str, writing: &Writing<'_>) -> Result<(), Unsupported> {
    check(name, "_-", at, writing)
}

pub(super) fn check_id(id: &str, at: &str, writing: &Writing<'_>) -> Result<(), Unsupported> {
    check(id, "_.:-", at, writing)
}

fn check(text: &str, also: &str, at: &str, writing: &Writing<'_>) -> Result<(), Unsupported> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    if !text.is_empty() && text.len() <= MAX_NAME_CHARS && text.chars().all(is_allowed) {
        return Ok(());
    }
    let text: String = text.chars().take(MAX_NAME_CHARS).collect();
    let why = format!("{text:?} is not 1 to {MAX_NAME_CHARS} letters, digits and any of {also}");
    Err(writing.refuse(at, why))
}
