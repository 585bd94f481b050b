//! Tool calls: made where the caller requires one, or the user's words ask for one of the tools.

use serde_json::{Map, Value, json};

use super::{
    draw::Draw,
    request::{ChatRequest, Function},
};

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON, as text.
    pub arguments: String,
}

impl ToolCall {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "type": "function",
            "function": { "name": self.name, "arguments": self.arguments },
        })
    }
}

/// The call that is made, if any. After a tool's answer the model speaks, unless it is told otherwise.
pub(super) fn choose(request: &ChatRequest, user_text: &str, draw: &mut Draw) -> Option<ToolCall> {
    let named = |name: &str| {
        request
            .tools
            .iter()
            .map(|tool| &tool.function)
            .find(|f| f.name == name)
    };
    let chosen = match &request.tool_choice {
        Value::String(choice) if choice == "none" => None,
        Value::String(choice) if choice == "required" => {
            request.tools.first().map(|tool| &tool.function)
        }
        Value::Object(choice) => choice
            .get("function")
            .and_then(|f| f.get("name"))
            .and_then(Value::as_str)
            .and_then(named),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)
            if request.answers_tool() =>
        {
            None
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            request
                .tools
                .iter()
                .map(|tool| &tool.function)
                .find(|f| asks_for(user_text, f))
        }
    }?;
    Some(ToolCall {
        id: format!("call_{:016x}", draw.bits()),
        name: chosen.name.clone(),
        arguments: Value::Object(arguments(&chosen.parameters, user_text)).to_string(),
    })
}

/// Whether a word of the tool's name, longer than a preposition, is in the text.
fn asks_for(user_text: &str, function: &Function) -> bool {
    let text = user_text.to_lowercase();
    let name = function.name.to_lowercase();
    name.split(['_', '-', '.'])
        .any(|word| word.len() > 3 && text.contains(word))
}

/// A value for every property that the schema requires, or for all of them where it requires none.
fn arguments(schema: &Value, user_text: &str) -> Map<String, Value> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Map::new();
    };
    let required = schema.get("required").and_then(Value::as_array);
    let wanted =
        |name: &str| required.is_none_or(|list| list.iter().any(|r| r.as_str() == Some(name)));
    properties
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, property)| (name.clone(), value(property, user_text)))
        .collect()
}

fn value(property: &Value, user_text: &str) -> Value {
    if let Some(first) = property.get("enum").and_then(|e| e.get(0)) {
        return first.clone();
    }
    match property.get("type").and_then(Value::as_str) {
        Some("integer") => json!(1),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => Value::Object(arguments(property, user_text)),
        Some(_) | None => json!(last_name(user_text)),
    }
}

/// The last capitalised word that does not start the text, which is often what a question is about.
fn last_name(text: &str) -> &str {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let capital = |word: &&str| word.chars().next().is_some_and(char::is_uppercase);
    words.skip(1).filter(capital).last().unwrap_or("example")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(choice: &Value, text: &str) -> Option<ToolCall> {
        let tool = json!({ "type": "function", "function": { "name": "get_weather", "parameters": {
            "type": "object", "required": ["city"],
            "properties": { "city": { "type": "string" }, "unit": { "enum": ["c", "f"] } } } } });
        let body = json!({ "model": "m", "messages": [{ "role": "user", "content": text }],
            "tools": [tool], "tool_choice": choice });
        let request: ChatRequest = serde_json::from_value(body).expect("valid");
        choose(&request, text, &mut Draw::new(1, &["t"]))
    }

    #[test]
    fn a_tool_is_called_when_required_named_or_asked_for() {
        let weather = "What is the weather in Paris?";
        for choice in [Value::Null, json!("auto"), json!("required")] {
            let call = call(&choice, weather).expect("called");
            assert_eq!(
                (call.name.as_str(), call.arguments.as_str()),
                ("get_weather", "{\"city\":\"Paris\"}")
            );
        }
        let named = json!({ "type": "function", "function": { "name": "get_weather" } });
        assert!(call(&named, "hello").is_some());
        assert!(call(&json!("none"), weather).is_none());
        assert!(call(&json!("auto"), "hello").is_none());
    }
}
