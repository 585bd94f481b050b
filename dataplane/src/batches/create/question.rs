//! What a caller asks for who wants a batch.

use floopy_shared::domain::batch::{BatchFile, Place};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::invalid;
use crate::{http::respond::Refusal, provider::BatchApi};

/// Of a question.
pub(crate) const MAX_BODY_BYTES: usize = 64 << 10;

/// What OpenAI runs batches of (<https://platform.openai.com/docs/api-reference/batch/create>).
const ENDPOINTS: [&str; 5] = [
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
];

/// The only window there is.
const WINDOW: &str = "24h";

/// Bounds of metadata (<https://platform.openai.com/docs/api-reference/batch/create>).
const MAX_PAIRS: usize = 16;
const MAX_NAME_CHARS: usize = 64;
const MAX_VALUE_CHARS: usize = 512;
/// Of a value that is shown in an error.
const SHOWN_CHARS: usize = 64;

/// A question that is one.
#[derive(Debug)]
pub(crate) struct Asked {
    pub input_file_id: String,
    pub endpoint: String,
    pub fields: Map<String, Value>,
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(SHOWN_CHARS).collect()
}

fn wrong(field: &str, value: Option<&Value>, expected: &str) -> Refusal {
    let message = match value {
        None => format!("{field} is missing, it must be {expected}"),
        Some(value) => format!("{field} is {}, it must be {expected}", shown(value)),
    };
    invalid(field, message)
}

fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("one of {}", words.join(", "))
}

impl Asked {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(|e| {
            let message = format!("the body is not a JSON object: {e}");
            Refusal::new(StatusCode::BAD_REQUEST, "invalid_body", message)
        })?;
        let text = |field: &str| fields.get(field).and_then(Value::as_str);
        let expected = "the id of a file with the purpose \"batch\"";
        let given = text("input_file_id").filter(|id| !id.is_empty());
        let input_file_id =
            given.ok_or_else(|| wrong("input_file_id", fields.get("input_file_id"), expected))?;
        let endpoint = text("endpoint").filter(|endpoint| ENDPOINTS.contains(endpoint));
        let endpoint = endpoint
            .ok_or_else(|| wrong("endpoint", fields.get("endpoint"), &one_of(&ENDPOINTS)))?;
        if text("completion_window") != Some(WINDOW) {
            let given = fields.get("completion_window");
            return Err(wrong("completion_window", given, &format!("{WINDOW:?}")));
        }
        check_metadata(fields.get("metadata"))?;
        Ok(Self {
            input_file_id: input_file_id.to_owned(),
            endpoint: endpoint.to_owned(),
            fields,
        })
    }

    /// What a provider's API cannot say is refused by its name.
    pub(super) fn check_for(&self, api: BatchApi, provider: &str) -> Result<(), Refusal> {
        match api {
            BatchApi::Files => return Ok(()),
            BatchApi::Messages => {}
        }
        if self.endpoint != ENDPOINTS[0] {
            let message = format!(
                "endpoint is {:?}, and {provider} runs batches of {:?} only",
                self.endpoint, ENDPOINTS[0]
            );
            return Err(invalid("endpoint", message));
        }
        let known = ["input_file_id", "endpoint", "completion_window", "metadata"];
        let unknown = self
            .fields
            .keys()
            .find(|name| !known.contains(&name.as_str()));
        let Some(unknown) = unknown else {
            return Ok(());
        };
        let name: String = unknown.chars().take(SHOWN_CHARS).collect();
        Err(invalid(
            &name,
            format!("{name} cannot be sent to {provider}: its API has no such field"),
        ))
    }

    /// The same for the file's provider, which knows the file by another name.
    pub(super) fn for_provider(&self, file: &BatchFile) -> Value {
        let mut fields = self.fields.clone();
        let id = match &file.place {
            Place::Provider(id) => id.as_str(),
            Place::Kept | Place::Results { .. } => file.id.as_str(),
        };
        fields.insert("input_file_id".to_owned(), json!(id));
        Value::Object(fields)
    }
}

fn check_metadata(metadata: Option<&Value>) -> Result<(), Refusal> {
    let Some(metadata) = metadata.filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let expected = format!(
        "an object of at most {MAX_PAIRS} texts, with names of at most {MAX_NAME_CHARS} characters and values of at \
         most {MAX_VALUE_CHARS}"
    );
    let fits = |(name, value): (&String, &Value)| {
        let value = value.as_str();
        name.chars().count() <= MAX_NAME_CHARS
            && value.is_some_and(|value| value.chars().count() <= MAX_VALUE_CHARS)
    };
    let pairs = metadata.as_object();
    let is_right = pairs.is_some_and(|pairs| pairs.len() <= MAX_PAIRS && pairs.iter().all(fits));
    if is_right {
        return Ok(());
    }
    Err(wrong("metadata", Some(metadata), &expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_by_field_and_value() {
        let good = json!({"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h",
            "metadata": {"run": "7"}});
        assert!(Asked::read(good.to_string().as_bytes()).is_ok());
        let long = "x".repeat(513);
        for (field, value, expected) in [
            (
                "input_file_id",
                json!(7),
                "input_file_id is 7, it must be the id of a file",
            ),
            (
                "endpoint",
                json!("/v1/images"),
                "endpoint is \"/v1/images\", it must be one of \"/v1/chat",
            ),
            (
                "completion_window",
                json!("1h"),
                "completion_window is \"1h\", it must be \"24h\"",
            ),
            (
                "completion_window",
                Value::Null,
                "completion_window is null",
            ),
            (
                "metadata",
                json!("x"),
                "metadata is \"x\", it must be an object",
            ),
            ("metadata", json!({"a": 1}), "metadata is {\"a\":1}"),
            ("metadata", json!({"a": long}), "metadata is {\"a\":\"xxx"),
        ] {
            let mut body = good.clone();
            body[field] = value;
            let refusal = Asked::read(body.to_string().as_bytes()).expect_err(expected);
            assert!(refusal.message.starts_with(expected), "{}", refusal.message);
            assert_eq!(refusal.param.as_deref(), Some(field));
        }
        assert_eq!(
            Asked::read(b"[]").expect_err("no object").code,
            "invalid_body"
        );
    }

    #[test]
    fn message_batches_are_of_chat_completions_only() {
        let read = |body: Value| Asked::read(body.to_string().as_bytes()).expect("a question");
        let asked = read(
            json!({"input_file_id": "file-1", "endpoint": "/v1/embeddings", "completion_window": "24h"}),
        );
        assert!(asked.check_for(BatchApi::Files, "openai").is_ok());
        let refusal = asked
            .check_for(BatchApi::Messages, "anthropic")
            .expect_err("none");
        assert_eq!(refusal.param.as_deref(), Some("endpoint"));
        let asked = read(
            json!({"input_file_id": "file-1", "endpoint": "/v1/chat/completions",
            "completion_window": "24h", "output_expires_after": {}}),
        );
        let refusal = asked
            .check_for(BatchApi::Messages, "anthropic")
            .expect_err("no field");
        assert_eq!(refusal.param.as_deref(), Some("output_expires_after"));
    }
}
