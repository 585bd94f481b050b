//! Tools, and which of them to use.

use crate::{
    error::Invalid,
    json::{At, Field, Object},
    request::{Tool, ToolChoice},
};

/// Functions are the caller's own; all else only OpenAI has.
pub(super) fn tools(top: &mut Object<'_>, rest: &mut Vec<Field>) -> Result<Vec<Tool>, Invalid> {
    let mut tools = Vec::new();
    for item in top.list("tools")? {
        let mut tool = item.object()?;
        let kind = tool.required_string("type")?;
        if kind != "function" {
            rest.push(Field {
                name: kind,
                at: At(item.at),
                value: item.raw.into(),
            });
            continue;
        }
        tools.push(Tool {
            name: tool.required_string("name")?,
            description: tool.string("description")?,
            parameters: tool.json("parameters"),
            strict: tool.bool("strict")?,
            cache: None,
            at: At(item.at),
            rest: tool.rest(),
        });
    }
    Ok(tools)
}

pub(super) fn choice(
    top: &mut Object<'_>,
    rest: &mut Vec<Field>,
) -> Result<Option<ToolChoice>, Invalid> {
    const CHOICE: &str = "none, auto, required or an object";
    let Some(raw) = top.take("tool_choice") else {
        return Ok(None);
    };
    let at = top.at_of("tool_choice");
    if let Ok(word) = serde_json::from_str::<String>(raw.get()) {
        return match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => Err(Invalid::shown(&at, &word, CHOICE)),
        };
    }
    let mut choice = Object::read(raw, at.clone())?;
    if choice.required_string("type")? == "function" {
        let name = choice.required_string("name")?;
        rest.extend(choice.rest());
        return Ok(Some(ToolChoice::Tool(name)));
    }
    rest.push(Field {
        name: "tool_choice".to_owned(),
        at: At(at),
        value: raw.into(),
    });
    Ok(None)
}
