//! The tools: what each is called, what it takes, and the check of what it is given.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::rpc::{self, RpcError};

/// What an agent can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    RouteLlmRequest,
    ListModels,
    EstimateCost,
    ExplainRouting,
    GetDecision,
    GetAnalytics,
    SendFeedback,
}

/// `route_llm_request`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Routed {
    pub prompt: Option<String>,
    pub messages: Option<Vec<Value>>,
    pub model: Option<String>,
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub session_id: Option<String>,
    pub task: Option<String>,
    pub user_id: Option<String>,
}

/// `list_models`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub provider: Option<String>,
    pub capability: Option<Capability>,
}

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Capability {
    Chat,
    Embeddings,
    Tools,
    Vision,
    JsonSchema,
}

/// `estimate_cost`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Estimated {
    pub model: String,
    pub input_tokens: Option<u64>,
    pub text: Option<String>,
    #[serde(default)]
    pub output_tokens: u64,
}

/// `explain_routing`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explained {
    pub prompt: Option<String>,
    pub messages: Option<Vec<Value>>,
    pub model: Option<String>,
}

/// `get_decision`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    pub request_id: String,
}

/// `get_analytics`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Analysed {
    pub from: Option<String>,
    pub to: Option<String>,
    pub group_by: Option<String>,
}

impl Capability {
    pub(super) const ALL: [Self; 5] = [
        Self::Chat,
        Self::Embeddings,
        Self::Tools,
        Self::Vision,
        Self::JsonSchema,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Tools => "tools",
            Self::Vision => "vision",
            Self::JsonSchema => "json_schema",
        }
    }
}

impl Tool {
    pub(super) const ALL: [Self; 7] = [
        Self::RouteLlmRequest,
        Self::ListModels,
        Self::EstimateCost,
        Self::ExplainRouting,
        Self::GetDecision,
        Self::GetAnalytics,
        Self::SendFeedback,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::RouteLlmRequest => "route_llm_request",
            Self::ListModels => "list_models",
            Self::EstimateCost => "estimate_cost",
            Self::ExplainRouting => "explain_routing",
            Self::GetDecision => "get_decision",
            Self::GetAnalytics => "get_analytics",
            Self::SendFeedback => "send_feedback",
        }
    }

    /// The tool that a call names.
    pub(super) fn named(name: &str) -> Result<Self, RpcError> {
        let found = Self::ALL.into_iter().find(|tool| tool.as_str() == name);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            let message = format!("name is {name:?}, it must be one of {known}");
            RpcError::new(rpc::INVALID_PARAMS, message)
        })
    }

    fn says(self) -> &'static str {
        match self {
            Self::RouteLlmRequest => {
                "Ask a model and get its whole reply. With model \"auto\" the model is chosen by what was learned of such tasks."
            }
            Self::ListModels => {
                "The models that can be asked, with what they can do and what they cost."
            }
            Self::EstimateCost => {
                "What a call would cost, by the price list. Nothing is asked of anybody."
            }
            Self::ExplainRouting => {
                "Which model would answer, and why. Nobody is asked, and nothing is counted or recorded."
            }
            Self::GetDecision => "How one call was routed, and what came of it.",
            Self::GetAnalytics => {
                "What calls used and cost, by day, project, environment or model."
            }
            Self::SendFeedback => {
                "Rate a session, or one reply of it, from 0 to 10: routing learns from it."
            }
        }
    }

    /// As `tools/list` tells it.
    pub(super) fn describe(self) -> Value {
        let (properties, required) = self.arguments();
        json!({
            "name": self.as_str(),
            "description": self.says(),
            "inputSchema": {
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            },
            "annotations": {"readOnlyHint": !matches!(self, Self::RouteLlmRequest | Self::SendFeedback)},
        })
    }

    /// Each argument's schema, and those that must be there.
    fn arguments(self) -> (Value, &'static [&'static str]) {
        let asked = json!({
            "prompt": text("What is asked; in place of messages."),
            "messages": {"type": "array", "items": {"type": "object"}, "description": "As in a chat completion."},
            "model": text("A model, several separated by commas, or auto, which it is unless told."),
        });
        match self {
            Self::RouteLlmRequest => (with(asked, of_a_call()), &[]),
            Self::ExplainRouting => (asked, &[]),
            Self::ListModels => {
                let capabilities = Capability::ALL.map(Capability::as_str);
                let properties = json!({
                    "provider": text("Only models of this provider."),
                    "capability": {"type": "string", "enum": capabilities, "description": "Only models that can do this."},
                });
                (properties, &[])
            }
            Self::EstimateCost => {
                let tokens = |says| json!({"type": "integer", "minimum": 0, "description": says});
                let properties = json!({
                    "model": text("A model as list_models names it."),
                    "input_tokens": tokens("Tokens of what is asked."),
                    "text": text("What is asked; its tokens are estimated. In place of input_tokens."),
                    "output_tokens": tokens("Tokens of the reply; 0 unless told."),
                });
                (properties, &["model"])
            }
            Self::GetDecision => {
                let id = json!({"type": "string", "format": "uuid", "description": "request_id of the call."});
                (json!({"request_id": id}), &["request_id"])
            }
            Self::GetAnalytics => {
                let properties = json!({
                    "from": text("A day such as 2026-11-01; the month so far unless told."),
                    "to": text("A day; today unless told."),
                    "group_by": text("day, project, environment or model, several separated by commas."),
                });
                (properties, &[])
            }
            Self::SendFeedback => {
                let properties = json!({
                    "score": {"type": "integer", "minimum": 0, "maximum": 10},
                    "useful": {"type": "boolean"},
                    "session_id": text("The session that is rated."),
                    "request_id": text("The one reply that is rated."),
                    "revise": {"type": "boolean", "description": "Replaces what was said before."},
                });
                (properties, &["score", "useful"])
            }
        }
    }
}

fn text(says: &str) -> Value {
    json!({"type": "string", "description": says})
}

fn of_a_call() -> Value {
    json!({
        "max_tokens": {"type": "integer", "minimum": 1},
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "session_id": text("The conversation: it keeps its model, and is rated as one."),
        "task": text("What kind of task it is: calls of the same name are learned from together."),
        "user_id": text("The end user."),
    })
}

fn with(mut properties: Value, more: Value) -> Value {
    if let (Value::Object(properties), Value::Object(more)) = (&mut properties, more) {
        properties.extend(more);
    }
    properties
}

/// What a tool is given.
pub(super) fn read<T: DeserializeOwned>(arguments: &Map<String, Value>) -> Result<T, RpcError> {
    let arguments = Value::Object(arguments.clone());
    serde_path_to_error::deserialize(arguments).map_err(|error| {
        let (path, why) = (error.path().to_string(), error.inner());
        let message = match path.as_str() {
            "." => format!("arguments: {why}"),
            path => format!("arguments.{path}: {why}"),
        };
        RpcError::new(rpc::INVALID_PARAMS, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_it_takes_it_takes_and_nothing_else() {
        fn takes<T: DeserializeOwned>(tool: Tool) {
            let (properties, _) = tool.arguments();
            let properties = properties.as_object().expect("properties");
            let value = |(name, schema): (&String, &Value)| {
                let value = match schema["type"].as_str() {
                    Some("integer") => json!(7),
                    Some("number") => json!(0.5),
                    Some("array") => json!([{}]),
                    _ if name == "capability" => json!("vision"),
                    _ => json!("x"),
                };
                (name.clone(), value)
            };
            let mut all: Map<String, Value> = properties.iter().map(value).collect();
            assert!(read::<T>(&all).is_ok(), "{tool:?}");
            all.insert("colour".to_owned(), json!("red"));
            let error = read::<T>(&all).err().map(|error| error.message);
            assert!(
                error.is_some_and(|error| error.contains("colour")),
                "{tool:?}"
            );
        }
        takes::<Routed>(Tool::RouteLlmRequest);
        takes::<Listed>(Tool::ListModels);
        takes::<Estimated>(Tool::EstimateCost);
        takes::<Explained>(Tool::ExplainRouting);
        takes::<Decided>(Tool::GetDecision);
        takes::<Analysed>(Tool::GetAnalytics);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let arguments = json!({"model": "m", "output_tokens": "many"});
        let error = read::<Estimated>(arguments.as_object().expect("an object"));
        let error = error.expect_err("not a number");
        assert_eq!(error.code, rpc::INVALID_PARAMS);
        assert!(
            error.message.starts_with("arguments.output_tokens: "),
            "{}",
            error.message
        );
        assert!(Tool::named("rm").is_err_and(|error| error.message.contains("list_models")));
    }
}
