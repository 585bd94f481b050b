//! Vertex AI, where several publishers' models are called, each by its publisher's API
//! (<https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>).
//!
//! * Google's Gemini takes the bodies of [`crate::gemini`].
//! * Anthropic's Claude takes those of [`crate::messages`], with the model in the address and the API's version in
//!   the body.
//! * Models of others, which are named with their publisher (`meta/…`) or begin with a word of their own, are not
//!   called here: Vertex AI serves them by chat completions at an endpoint of its own.

use crate::{ProviderApi, error::Invalid, json::Object, sigv4::encode};

/// What stands in a body for Claude in place of the header `anthropic-version`.
pub const ANTHROPIC_VERSION: &str = "vertex-2023-10-16";

/// The publishers whose models are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    Google,
    Anthropic,
}

/// How the models of other publishers' begin, as Vertex AI's model garden lists them.
const OTHERS: [&str; 13] = [
    "codestral",
    "deepseek",
    "glm",
    "gpt-",
    "jamba",
    "kimi",
    "llama",
    "meta-",
    "minimax",
    "ministral",
    "mistral",
    "mixtral",
    "qwen",
];

/// Whose a model is. `None`: of nobody whose models are called.
pub fn publisher(model: &str) -> Option<Publisher> {
    let is_other = model.contains('/') || OTHERS.iter().any(|other| model.starts_with(other));
    match model.starts_with("claude-") {
        true => Some(Publisher::Anthropic),
        false => (!is_other).then_some(Publisher::Google),
    }
}

impl Publisher {
    pub fn api(self) -> ProviderApi {
        match self {
            Self::Google => ProviderApi::Gemini,
            Self::Anthropic => ProviderApi::Messages,
        }
    }

    /// The end of a conversation's address, behind `publishers/`.
    pub fn path(self, model: &str, stream: bool) -> String {
        let (publisher, method) = match (self, stream) {
            (Self::Google, true) => ("google", "streamGenerateContent?alt=sse"),
            (Self::Google, false) => ("google", "generateContent"),
            (Self::Anthropic, true) => ("anthropic", "streamRawPredict"),
            (Self::Anthropic, false) => ("anthropic", "rawPredict"),
        };
        format!("{publisher}/models/{}:{method}", encode(model))
    }
}

/// A caller's body of Messages as Claude takes it here: every field but the model as the caller wrote it.
pub fn claude_body(body: &[u8]) -> Result<Vec<u8>, Invalid> {
    let mut top = Object::top(body)?;
    top.take("model");
    top.take("anthropic_version");
    let mut out = format!(r#"{{"anthropic_version":"{ANTHROPIC_VERSION}""#);
    for field in top.rest() {
        let name = serde_json::Value::from(field.name);
        out.push_str(&format!(",{name}:{}", field.value.text()));
    }
    out.push('}');
    Ok(out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_says_whose_it_is() {
        for (model, expected) in [
            ("gemini-2.5-flash", Some(Publisher::Google)),
            ("a-tuned-model", Some(Publisher::Google)),
            ("claude-opus-4-1@20250805", Some(Publisher::Anthropic)),
            ("mistral-large-2411", None),
            ("meta/llama-3.3-70b-instruct-maas", None),
            ("deepseek-ai/deepseek-r1-0528-maas", None),
        ] {
            assert_eq!(publisher(model), expected, "{model}");
        }
    }

    #[test]
    fn each_publisher_has_methods_of_its_own() {
        for (publisher, stream, expected) in [
            (
                Publisher::Google,
                false,
                "google/models/m%401:generateContent",
            ),
            (
                Publisher::Google,
                true,
                "google/models/m%401:streamGenerateContent?alt=sse",
            ),
            (
                Publisher::Anthropic,
                false,
                "anthropic/models/m%401:rawPredict",
            ),
            (
                Publisher::Anthropic,
                true,
                "anthropic/models/m%401:streamRawPredict",
            ),
        ] {
            assert_eq!(publisher.path("m@1", stream), expected);
        }
    }

    #[test]
    fn a_callers_body_keeps_all_but_the_model() {
        let body = br#"{"model":"m","max_tokens":9, "messages":[ {"role":"user","content":"a"} ],"new_field":{ "x":1.50 },"stream":true}"#;
        let expected = r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[ {"role":"user","content":"a"} ],"new_field":{ "x":1.50 },"stream":true}"#;
        let found = String::from_utf8(claude_body(body).expect("valid")).expect("UTF-8");
        assert_eq!(found, expected);
    }
}
