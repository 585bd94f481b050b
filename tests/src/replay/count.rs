//! The tokens that a played Anthropic counts (<https://docs.claude.com/en/api/messages-count-tokens>).

use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Provider, head};

/// Of every conversation; no estimate comes to it.
const COUNTED: u64 = 2_026;

/// What a request has that is counted: one to be answered, without what limits and steers the reply.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    model: String,
    messages: Vec<Value>,
    system: Option<Value>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    thinking: Option<Value>,
    output_config: Option<Value>,
    cache_control: Option<Value>,
}

/// `None`: it is no question for a count.
pub(super) fn answer(
    provider: Provider,
    parts: &Parts,
    body: &[u8],
) -> Option<Result<Answer, String>> {
    let path = parts.uri.path_and_query()?.as_str();
    let is_count = provider == Provider::Anthropic && path == "/v1/messages/count_tokens";
    is_count.then(|| {
        head::authorized(provider, parts, body)?;
        let body: Body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        if body.model != provider.model() || body.messages.is_empty() {
            return Err(format!(
                "{} messages to {}",
                body.messages.len(),
                body.model
            ));
        }
        Ok(Answer::json(&json!({"input_tokens": COUNTED})))
    })
}
