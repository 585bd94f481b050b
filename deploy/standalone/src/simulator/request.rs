//! What is read of a request; the rest is ignored, as the real API ignores what it does not know.

use serde::Deserialize;
use serde_json::Value;

use super::Prompt;

/// The body of `POST /v1/chat/completions`.
#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    pub model: String,
    pub messages: Vec<Message>,
    #[serde(default)]
    pub stream: bool,
    #[serde(default)]
    pub stream_options: Option<StreamOptions>,
    #[serde(default)]
    pub tools: Vec<Tool>,
    #[serde(default)]
    pub tool_choice: Value,
    #[serde(default)]
    response_format: Value,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub include_usage: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub role: String,
    #[serde(default)]
    content: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    pub function: Function,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub name: String,
    #[serde(default)]
    pub parameters: Value,
}

impl Message {
    /// The text of the message; pictures and files are accepted and not looked at.
    fn text(&self) -> String {
        let part = |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts.iter().filter_map(part).collect::<Vec<_>>().join("\n"),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
        }
    }
}

/// The parts of a request that decide what is answered.
#[derive(Debug)]
pub(super) struct Asked {
    system: String,
    pub user: String,
    json: bool,
}

impl Asked {
    pub(super) fn prompt(&self) -> Prompt<'_> {
        Prompt {
            system: &self.system,
            user: &self.user,
            json: self.json,
        }
    }
}

impl ChatRequest {
    pub(super) fn asked(&self) -> Asked {
        let of = |role: &str| {
            self.messages
                .iter()
                .rev()
                .find(|m| m.role == role)
                .map(Message::text)
        };
        let system = of("system").or_else(|| of("developer")).unwrap_or_default();
        Asked {
            system,
            user: of("user").unwrap_or_default(),
            json: self.wants_json(),
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        let kind = self.response_format.get("type").and_then(Value::as_str);
        matches!(kind, Some("json_object" | "json_schema"))
    }

    pub(super) fn max_output_tokens(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// Whether the last word was that of a tool, so that it is now the model's turn to use it.
    pub(super) fn answers_tool(&self) -> bool {
        self.messages
            .last()
            .is_some_and(|message| message.role == "tool")
    }
}

/// The body of `POST /v1/embeddings`.
#[derive(Debug, Deserialize)]
pub(super) struct EmbeddingsRequest {
    pub model: String,
    pub input: Value,
    #[serde(default)]
    pub encoding_format: Option<String>,
    #[serde(default)]
    pub dimensions: Option<usize>,
}
