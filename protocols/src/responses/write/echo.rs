//! What the API repeats of a request in its response.

use serde::Serialize;

use crate::{
    json::{Json, Out},
    request::{Effort, Format, Request, Role, Sampling, Tool, ToolChoice},
};

/// The settings of a request, without its conversation.
#[derive(Debug, Default)]
pub(in super::super) struct Echo {
    instructions: Option<String>,
    metadata: Option<Json>,
    tools: Vec<Tool>,
    tool_choice: Option<ToolChoice>,
    parallel_tool_calls: Option<bool>,
    format: Option<Format>,
    effort: Option<Effort>,
    sampling: Sampling,
    user: Option<String>,
}

impl Echo {
    pub(in super::super) fn new(request: &Request) -> Self {
        let metadata = request.rest.iter().find(|field| field.at.0 == "metadata");
        let reasoning = request.reasoning.as_ref();
        Self {
            instructions: instructions(request),
            metadata: metadata.map(|field| field.value.clone()),
            tools: request.tools.clone(),
            tool_choice: request.tool_choice.clone(),
            parallel_tool_calls: request.parallel_tool_calls,
            format: request.format.clone(),
            effort: reasoning.and_then(|reasoning| reasoning.effort),
            sampling: request.sampling.clone(),
            user: request.user.clone(),
        }
    }

    pub(super) fn put(&self, out: &mut Out) {
        out.put("instructions", &self.instructions);
        out.put("metadata", &self.metadata);
        let tools = self.tools.iter().map(WireTool::from);
        out.put("tools", &tools.collect::<Vec<_>>());
        self.put_choice(out);
        out.put(
            "parallel_tool_calls",
            &self.parallel_tool_calls.unwrap_or(true),
        );
        out.put("temperature", &self.sampling.temperature);
        out.put("top_p", &self.sampling.top_p);
        out.put("max_output_tokens", &self.sampling.max_output_tokens);
        let reasoning = Reasoning {
            effort: self.effort.map(Effort::as_str),
            summary: None,
        };
        out.put("reasoning", &reasoning);
        let format = WireFormat::from(self.format.as_ref());
        out.put("text", &Text { format });
        out.put("previous_response_id", &None::<()>);
        out.put("store", &false);
        out.put("user", &self.user);
    }

    fn put_choice(&self, out: &mut Out) {
        let word = match &self.tool_choice {
            None | Some(ToolChoice::Auto) => "auto",
            Some(ToolChoice::None) => "none",
            Some(ToolChoice::Required) => "required",
            Some(ToolChoice::Tool(name)) => {
                let r#type = "function";
                out.put("tool_choice", &Named { r#type, name });
                return;
            }
        };
        out.put("tool_choice", word);
    }
}

/// The text of the field `instructions`, which is the first message then.
fn instructions(request: &Request) -> Option<String> {
    let first = request.messages.first()?;
    let is_field = first.role == Role::System && first.at.0 == "instructions";
    let part = first.parts.first().filter(|_| is_field)?;
    part.content.as_text().map(str::to_owned)
}

#[derive(Serialize)]
struct Named<'a> {
    r#type: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct Reasoning {
    effort: Option<&'static str>,
    summary: Option<()>,
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: Option<&'a str>,
    parameters: Option<&'a Json>,
    strict: Option<bool>,
}

impl<'a> From<&'a Tool> for WireTool<'a> {
    fn from(tool: &'a Tool) -> Self {
        Self {
            r#type: "function",
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.as_ref(),
            strict: tool.strict,
        }
    }
}

#[derive(Serialize)]
struct Text<'a> {
    format: WireFormat<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireFormat<'a> {
    Text,
    JsonObject,
    JsonSchema {
        name: &'a str,
        description: Option<&'a str>,
        schema: &'a Json,
        strict: Option<bool>,
    },
}

impl<'a> From<Option<&'a Format>> for WireFormat<'a> {
    fn from(format: Option<&'a Format>) -> Self {
        match format {
            None | Some(Format::Text) => Self::Text,
            Some(Format::JsonObject) => Self::JsonObject,
            Some(Format::JsonSchema {
                name,
                description,
                schema,
                strict,
            }) => Self::JsonSchema {
                name,
                description: description.as_deref(),
                schema,
                strict: *strict,
            },
        }
    }
}
