//! A row of a data set: what is asked, and what is expected of the answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::RunConfig;

/// Roles that a message may have.
const ROLES: [&str; 6] = [
    "system",
    "developer",
    "user",
    "assistant",
    "tool",
    "function",
];

/// A row as it is written. Its id is kept apart from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// A conversation as chat completions have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messages: Option<Vec<Value>>,
    /// The same where it is one message of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<String>,
    /// Values of a stored prompt's variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inputs: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "reference")]
    pub(crate) expected: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Map<String, Value>>,
}

impl WrittenRow {
    /// What is wrong, as the place of a field within the row and a sentence.
    pub(crate) fn problem(&self) -> Option<(String, String)> {
        let said = |field: &str, why: String| Some((field.to_owned(), why));
        match (&self.messages, &self.input) {
            (Some(_), Some(_)) => {
                return said(
                    "input",
                    "stands beside messages, a row has one of them".into(),
                );
            }
            (None, None) if self.inputs.is_none() => {
                let why = "is missing, a row has messages, input or inputs";
                return said("messages", why.into());
            }
            (None, Some(input)) if input.trim().is_empty() => {
                return said("input", format!("is {input:?}, which asks nothing"));
            }
            (Some(_) | None, Some(_) | None) => {}
        }
        let messages = self.messages.as_ref()?;
        if messages.is_empty() {
            return said("messages", "is [], which asks nothing".into());
        }
        let wrong = |(at, message): (usize, &Value)| {
            let (field, why) = wrong_message(message)?;
            Some((format!("messages[{at}]{field}"), why))
        };
        messages.iter().enumerate().find_map(wrong)
    }

    /// The body of a call that asks it.
    pub(crate) fn body(&self, model: &str, config: &RunConfig) -> Value {
        let mut body = json!({"model": model});
        let own = self
            .input
            .as_ref()
            .map(|input| vec![json!({"role": "user", "content": input})]);
        if let Some(messages) = self.messages.clone().or(own) {
            body["messages"] = json!(messages);
        }
        if let Some(inputs) = &self.inputs {
            body["inputs"] = json!(inputs);
        }
        for (name, value) in config.fields() {
            body[name] = value;
        }
        body
    }
}

fn wrong_message(message: &Value) -> Option<(&'static str, String)> {
    let Some(message) = message.as_object() else {
        return Some(("", "is not an object with role and content".to_owned()));
    };
    let role = message.get("role").and_then(Value::as_str);
    if !role.is_some_and(|role| ROLES.contains(&role)) {
        let (role, roles) = (message.get("role"), ROLES.join(", "));
        let shown: String = role.map_or_else(|| "missing".to_owned(), Value::to_string);
        let shown: String = shown.chars().take(80).collect();
        return Some((".role", format!("is {shown}, it must be one of {roles}")));
    }
    match message.get("content") {
        Some(Value::String(_) | Value::Array(_)) => None,
        // What calls tools needs to say nothing.
        Some(Value::Null) | None if role == Some("assistant") => None,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            let why = "must be a string or a list of parts".to_owned();
            Some((".content", why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> WrittenRow {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn what_is_wrong_with_a_row_is_named_by_its_field() {
        for (text, place) in [
            ("{}", Some("messages")),
            (r#"{"input": " "}"#, Some("input")),
            (
                r#"{"input": "a", "messages": [{"role": "user", "content": "b"}]}"#,
                Some("input"),
            ),
            (r#"{"messages": []}"#, Some("messages")),
            (r#"{"messages": ["hi"]}"#, Some("messages[0]")),
            (
                r#"{"messages": [{"role": "user", "content": "x"}, {"role": "king", "content": "x"}]}"#,
                Some("messages[1].role"),
            ),
            (
                r#"{"messages": [{"role": "user", "content": 5}]}"#,
                Some("messages[0].content"),
            ),
            (
                r#"{"messages": [{"role": "assistant", "tool_calls": []}]}"#,
                None,
            ),
            (r#"{"input": "a", "reference": "b"}"#, None),
            (r#"{"inputs": {"name": "x"}}"#, None),
        ] {
            let found = row(text).problem().map(|(field, _)| field);
            assert_eq!(found.as_deref(), place, "{text}");
        }
    }

    #[test]
    fn a_row_is_asked_with_what_its_run_says() {
        let config = RunConfig {
            temperature: Some(0.5),
            max_tokens: Some(9),
            concurrency: Some(2),
            ..RunConfig::default()
        };
        let asked = row(r#"{"input": "a", "inputs": {"n": 1}, "expected": "b"}"#);
        let expected = json!({"model": "auto", "messages": [{"role": "user", "content": "a"}],
            "inputs": {"n": 1}, "temperature": 0.5, "max_tokens": 9});
        assert_eq!(asked.body("auto", &config), expected);
    }
}
