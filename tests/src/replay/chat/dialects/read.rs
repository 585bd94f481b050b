//! A body, read as strictly as a provider's reference has it.

use serde_json::{Map, Value};

use super::{
    super::super::talk::{Asked, Call, Say, TEXT, Turn, next},
    MODEL,
    rows::{Images, Row, Strings},
};

type Fields = Map<String, Value>;

pub(super) fn read(row: &Row, body: &[u8]) -> Result<Asked, String> {
    let body: Fields = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    known(&body, |field| row.has(field))?;
    if body.get("model") != Some(&Value::from(MODEL)) {
        return Err(format!("the model is {:?}", body.get("model")));
    }
    check_numbers(&body)?;
    let stream = check_stream(&body)?;
    let has_tools = check_tools(row, &body)?;
    let thought = thinks(row, &body)?;
    let messages = body.get("messages").and_then(Value::as_array);
    let messages = messages.ok_or("messages are no list")?;
    let turns = turns(row, messages, thought)?;
    let mut asked = Asked {
        model: Some(MODEL.to_owned()),
        stream: Some(stream),
        usage: body.pointer_of("/stream_options/include_usage") == Some(&Value::Bool(true)),
        thought,
        ..Asked::new(next(&turns, has_tools)?)
    };
    let schema = schema(row, &body)?;
    if let Say::Words(words) = &mut asked.say
        && words == TEXT
    {
        let images = images(row, messages.last())?;
        if !images.is_empty() {
            *words = images.join(" ");
        } else if let Some(schema) = schema {
            *words = schema;
        }
    }
    Ok(asked)
}

trait PointerOf {
    fn pointer_of(&self, place: &str) -> Option<&Value>;
}

impl PointerOf for Fields {
    fn pointer_of(&self, place: &str) -> Option<&Value> {
        let mut names = place.trim_start_matches('/').split('/');
        let first = self.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }
}

/// Every field is one of these.
fn known(fields: &Fields, is_known: impl Fn(&str) -> bool) -> Result<(), String> {
    match fields.keys().find(|field| !is_known(field)) {
        Some(field) => Err(format!("unknown field `{field}`")),
        None => Ok(()),
    }
}

fn object(value: &Value) -> Result<&Fields, String> {
    value
        .as_object()
        .ok_or_else(|| format!("{value} is no object"))
}

fn text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, String> {
    let value = fields.get(name).and_then(Value::as_str);
    value.ok_or_else(|| format!("{name} is no text in {fields:?}"))
}

fn check_numbers(body: &Fields) -> Result<(), String> {
    let range = |name: &str, least: f64, most: f64| match body.get(name) {
        Some(value) if !value.as_f64().is_some_and(|v| v >= least && v <= most) => {
            Err(format!("{name} is {value}"))
        }
        Some(_) | None => Ok(()),
    };
    range("temperature", 0.0, 2.0)?;
    range("top_p", 0.0, 1.0)?;
    range("max_tokens", 1.0, 1e6)?;
    range("max_completion_tokens", 1.0, 1e6)?;
    match body.get("stop") {
        Some(Value::Array(all)) if all.len() > 4 || !all.iter().all(Value::is_string) => {
            Err(format!("stop is {all:?}"))
        }
        Some(Value::Array(_) | Value::String(_)) | None => Ok(()),
        Some(other) => Err(format!("stop is {other}")),
    }
}

fn check_stream(body: &Fields) -> Result<bool, String> {
    let stream = match body.get("stream") {
        Some(value) => value
            .as_bool()
            .ok_or_else(|| format!("stream is {value}"))?,
        None => false,
    };
    if body.contains_key("stream_options") && !stream {
        return Err("stream_options is for streams only".to_owned());
    }
    Ok(stream)
}

/// Whether there are any.
fn check_tools(row: &Row, body: &Fields) -> Result<bool, String> {
    if let Some(choice) = body.get("tool_choice") {
        let word = choice.as_str().or_else(|| {
            let named = choice.pointer("/function/name").and_then(Value::as_str);
            named.and(choice["type"].as_str())
        });
        if !word.is_some_and(|word| row.choices.contains(&word)) {
            return Err(format!("tool_choice is {choice}"));
        }
    }
    let Some(tools) = body.get("tools") else {
        return Ok(false);
    };
    let tools = tools.as_array().filter(|tools| !tools.is_empty());
    for tool in tools.ok_or("tools is no list of tools")? {
        let tool = object(tool)?;
        known(tool, |field| ["type", "function"].contains(&field))?;
        if text(tool, "type")? != "function" {
            return Err(format!("a tool of the type {}", tool["type"]));
        }
        let function = object(tool.get("function").ok_or("a tool without a function")?)?;
        text(function, "name")?;
        let fields = ["name", "description", "parameters", "strict"];
        known(function, |field| fields.contains(&field))?;
    }
    Ok(true)
}

fn thinks(row: &Row, body: &Fields) -> Result<bool, String> {
    let effort = body.get("reasoning_effort");
    if let Some(value) = effort
        && !value
            .as_str()
            .is_some_and(|word| row.efforts.contains(&word))
    {
        return Err(format!("reasoning_effort is {value}"));
    }
    let is_off = match body.pointer_of("/thinking/type").and_then(Value::as_str) {
        Some("disabled") => true,
        Some("enabled") | None => false,
        Some(other) => return Err(format!("thinking is {other}")),
    };
    Ok(!is_off && row.thought.is_some() && (effort.is_some() || row.thinks_unasked))
}

/// The reply that a schema asks for.
fn schema(row: &Row, body: &Fields) -> Result<Option<String>, String> {
    let Some(format) = body.get("response_format") else {
        return Ok(None);
    };
    let kind = text(object(format)?, "type")?;
    if !row.formats.contains(&kind) {
        return Err(format!("response_format is {kind}"));
    }
    if kind != "json_schema" {
        return Ok(None);
    }
    let form = object(&format["json_schema"])?;
    known(form, |field| {
        ["name", "description", "schema", "strict"].contains(&field)
    })?;
    text(form, "name")?;
    if form
        .get("schema")
        .map(|schema| &schema["properties"]["city"]["type"])
        != Some(&Value::from("string"))
    {
        return Err(format!("the schema is {form:?}"));
    }
    Ok(Some(r#"{"city": "Paris"}"#.to_owned()))
}

fn turns(row: &Row, messages: &[Value], thinking: bool) -> Result<Vec<Turn>, String> {
    let mut turns = Vec::new();
    for message in messages {
        let message = object(message)?;
        let role = text(message, "role")?;
        check_message(row, role, message)?;
        match role {
            "system" => {}
            "user" => turns.push(Turn::User),
            "tool" => {
                let id = text(message, "tool_call_id")?.to_owned();
                turns.push(Turn::Result(id, content(row, role, message)?));
            }
            _ => turns.push(Turn::Model(calls(row, message, thinking)?)),
        }
        if role != "tool"
            && (role != "assistant" || message.get("content").is_some_and(|c| !c.is_null()))
        {
            content(row, role, message)?;
        }
    }
    Ok(turns)
}

fn check_message(row: &Row, role: &str, message: &Fields) -> Result<(), String> {
    let own: &[&str] = match role {
        "system" | "user" => &["name"],
        "assistant" if row.has("tools") => &["name", "tool_calls"],
        "assistant" => &["name"],
        "tool" if row.has("tools") => &["tool_call_id", "name"],
        _ => return Err(format!("no message has the role {role}")),
    };
    known(message, |field| {
        let is_thought = role == "assistant" && row.thought == Some(field);
        ["role", "content"].contains(&field) || own.contains(&field) || is_thought
    })
}

fn calls(row: &Row, message: &Fields, thinking: bool) -> Result<Vec<Call>, String> {
    let Some(calls) = message.get("tool_calls").and_then(Value::as_array) else {
        return Ok(Vec::new());
    };
    let has_thought = row.thought.is_some_and(|name| message.contains_key(name));
    if thinking && row.thinks_unasked && !has_thought {
        return Err("the reasoning_content in the thinking mode must be passed back".to_owned());
    }
    let calls = calls.iter().map(|call| {
        let call = object(call)?;
        known(call, |field| {
            ["id", "type", "function", "index"].contains(&field)
        })?;
        let function = object(call.get("function").ok_or("a call of nothing")?)?;
        known(function, |field| ["name", "arguments"].contains(&field))?;
        if text(call, "type")? != "function" {
            return Err(format!("a call of the type {}", call["type"]));
        }
        Call::parse(
            text(call, "id")?,
            text(function, "name")?,
            text(function, "arguments")?,
        )
    });
    calls.collect()
}

/// A message's text; a list of parts only where it may be one.
fn content(row: &Row, role: &str, message: &Fields) -> Result<String, String> {
    let content = message.get("content");
    let Some(parts) = content.and_then(Value::as_array) else {
        return text(message, "content").map(str::to_owned);
    };
    let is_string = match row.strings {
        Strings::Nowhere => false,
        Strings::Instructions => role == "system",
        Strings::Everywhere => true,
    };
    if is_string {
        return Err(format!(
            "the content of {role}: a sequence, expected a string"
        ));
    }
    let texts = parts.iter().map(|part| match part["type"].as_str() {
        Some("text") => {
            let part = object(part)?;
            known(part, |field| ["type", "text"].contains(&field))?;
            text(part, "text").map(str::to_owned)
        }
        Some("image_url") if role == "user" => Ok(String::new()),
        _ => Err(format!("{part} in a message of {role}")),
    });
    texts.collect()
}

/// The images of the last message, each as an address.
fn images(row: &Row, last: Option<&Value>) -> Result<Vec<String>, String> {
    let parts = last.and_then(|last| last["content"].as_array());
    let images = parts.into_iter().flatten();
    let images = images
        .filter(|part| part["type"] == "image_url")
        .map(|part| {
            known(object(part)?, |field| {
                ["type", "image_url"].contains(&field)
            })?;
            let image = object(&part["image_url"])?;
            known(image, |field| ["url", "detail"].contains(&field))?;
            let url = text(image, "url")?;
            let is_read = match row.images {
                Images::No => false,
                Images::Data => url.starts_with("data:"),
                Images::Any => true,
            };
            if is_read {
                Ok(url.to_owned())
            } else {
                Err(format!("it does not read {url}"))
            }
        });
    images.collect()
}
