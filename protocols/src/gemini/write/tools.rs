//! `tools` and `toolConfig`.

use serde::Serialize;

use super::Writing;
use crate::{
    error::Unsupported,
    json::{Json, Out},
    request::{Request, Tool, ToolChoice},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declarations<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a Json>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    function_calling_config: Calling<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Calling<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

pub(super) fn write(
    request: &Request,
    writing: &mut Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    if request.tools.is_empty() {
        return match &request.tool_choice {
            None | Some(ToolChoice::Auto | ToolChoice::None) => Ok(()),
            Some(ToolChoice::Required | ToolChoice::Tool(_)) => {
                Err(writing.refuse("tool_choice", "there are no tools"))
            }
        };
    }
    if request.parallel_tool_calls == Some(false) {
        let why = "it cannot be told to call one tool only";
        return Err(writing.refuse("parallel_tool_calls", why));
    }
    let declarations = request.tools.iter().map(|tool| declaration(tool, writing));
    let function_declarations = declarations.collect();
    body.put(
        "tools",
        &[Declarations {
            function_declarations,
        }],
    );
    if let Some(function_calling_config) = calling(request) {
        let config = Config {
            function_calling_config,
        };
        body.put("toolConfig", &config);
    }
    Ok(())
}

fn declaration<'a>(tool: &'a Tool, writing: &mut Writing<'_>) -> Declaration<'a> {
    writing.drop_cache(tool.cache, &tool.at.0);
    Declaration {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters_json_schema: tool.parameters.as_ref(),
    }
}

/// Arguments follow their schema surely in the modes `ANY` and `VALIDATED`
/// (<https://ai.google.dev/gemini-api/docs/function-calling#function_calling_modes>); the latter is for all tools
/// where one is strict.
fn calling(request: &Request) -> Option<Calling<'_>> {
    let is_strict = request.tools.iter().any(|tool| tool.strict == Some(true));
    let mode = |mode| Calling {
        mode,
        allowed_function_names: None,
    };
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) if is_strict => Some(mode("VALIDATED")),
        None => None,
        Some(ToolChoice::Auto) => Some(mode("AUTO")),
        Some(ToolChoice::None) => Some(mode("NONE")),
        Some(ToolChoice::Required) => Some(mode("ANY")),
        Some(ToolChoice::Tool(name)) => Some(Calling {
            mode: "ANY",
            allowed_function_names: Some([name]),
        }),
    }
}
