//! Tools, and which of them to use.

use super::cache;
use crate::{
    error::Invalid,
    json::{At, Field, Json, Object},
    request::{Tool, ToolChoice},
};

/// The caller's own tools, and the provider's, which only the provider has.
pub(super) fn tools(top: &mut Object<'_>) -> Result<(Vec<Tool>, Vec<Field>), Invalid> {
    let (mut tools, mut rest) = (Vec::new(), Vec::new());
    for item in top.list("tools")? {
        let mut tool = item.object()?;
        match tool.string("type")? {
            Some(kind) if kind != "custom" => rest.push(Field {
                name: kind,
                at: At(item.at.clone()),
                value: Json::from(item.raw),
            }),
            Some(_) | None => tools.push(custom(tool)?),
        }
    }
    Ok((tools, rest))
}

fn custom(mut tool: Object<'_>) -> Result<Tool, Invalid> {
    Ok(Tool {
        name: tool.required_string("name")?,
        description: tool.string("description")?,
        parameters: tool.json("input_schema"),
        strict: tool.bool("strict")?,
        cache: cache(&mut tool)?,
        at: At(tool.at().to_owned()),
        rest: tool.rest(),
    })
}

pub(super) fn choice(top: &mut Object<'_>) -> Result<(Option<ToolChoice>, Option<bool>), Invalid> {
    const TYPE: &str = "auto, any, tool or none";
    let Some(mut choice) = top.object("tool_choice")? else {
        return Ok((None, None));
    };
    let kind = choice.required_string("type")?;
    let wanted = match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Tool(choice.required_string("name")?),
        _ => return Err(Invalid::shown(&choice.at_of("type"), &kind, TYPE)),
    };
    let disabled = choice.bool("disable_parallel_tool_use")?;
    Ok((Some(wanted), disabled.map(|disabled| !disabled)))
}
