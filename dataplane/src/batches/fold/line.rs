//! A line of an output or an error file, as far as its record needs it.

use floopy_shared::domain::money::Usage;
use serde::Deserialize;

/// A line. Holds content: not `Debug`.
#[derive(Deserialize)]
pub(super) struct OutputLine {
    pub custom_id: String,
    #[serde(default)]
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    status_code: u16,
    #[serde(default)]
    body: Option<Body>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    id: Option<String>,
    model: Option<String>,
    choices: Vec<Choice>,
    usage: Option<Told>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

/// In the words of chat completions, or of Responses.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Told {
    #[serde(alias = "input_tokens")]
    prompt_tokens: u64,
    #[serde(alias = "output_tokens")]
    completion_tokens: u64,
    #[serde(alias = "input_tokens_details")]
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    cached_tokens: u64,
}

/// What was answered. Holds content: not `Debug`.
pub(super) struct Reply {
    pub status: u16,
    pub id: Option<String>,
    pub model: Option<String>,
    pub usage: Option<Usage>,
    /// Of the first choice.
    pub text: Option<String>,
    pub is_refused: bool,
}

/// Longest id of a reply that is kept, as for calls.
const MAX_ID_BYTES: usize = 256;

impl OutputLine {
    /// `None`: it is no line.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// What was answered; `None`: the line was never sent.
    pub(super) fn reply(&self) -> Option<Reply> {
        let response = self.response.as_ref()?;
        let nothing = Body::default();
        let body = response.body.as_ref().unwrap_or(&nothing);
        let choice = body.choices.first();
        let refusal = choice.and_then(|choice| choice.message.refusal.as_deref());
        let refusal = refusal.filter(|said| !said.is_empty());
        let is_filtered =
            choice.is_some_and(|c| c.finish_reason.as_deref() == Some("content_filter"));
        let said = choice.and_then(|choice| choice.message.content.as_deref());
        let id = body
            .id
            .as_ref()
            .filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()));
        Some(Reply {
            // A status outside of HTTP's would be refused by the books.
            status: response.status_code.clamp(100, 599),
            id: id.cloned(),
            model: body.model.clone(),
            usage: body.usage.as_ref().map(|told| Usage {
                input: told.prompt_tokens,
                cached_input: told
                    .prompt_tokens_details
                    .as_ref()
                    .map_or(0, |details| details.cached_tokens),
                output: told.completion_tokens,
            }),
            text: said.or(refusal).map(str::to_owned),
            is_refused: refusal.is_some() || is_filtered,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reply(line: &Value) -> Option<Reply> {
        OutputLine::read(line.to_string().as_bytes())?.reply()
    }

    #[test]
    fn usage_is_read_in_either_apis_words_and_unsent_lines_are_no_calls() {
        let chat = json!({"custom_id": "a", "error": null, "response": {"status_code": 200, "body": {
            "id": "c", "model": "m-2027", "choices": [{"message": {"content": "hi", "refusal": null},
            "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 4}}}}});
        let told = reply(&chat).expect("a reply");
        let usage = Usage {
            input: 9,
            cached_input: 4,
            output: 2,
        };
        assert_eq!(
            (told.usage, told.text.as_deref()),
            (Some(usage), Some("hi"))
        );
        let responses = json!({"custom_id": "a", "response": {"status_code": 200, "body": {
            "usage": {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 4}}}}});
        assert_eq!(reply(&responses).expect("a reply").usage, Some(usage));
        let failed =
            json!({"custom_id": "a", "response": {"status_code": 400, "body": {"error": {}}}});
        assert_eq!(reply(&failed).expect("a reply").status, 400);
        let expired =
            json!({"custom_id": "a", "response": null, "error": {"code": "batch_expired"}});
        assert!(reply(&expired).is_none());
        assert!(OutputLine::read(b"{}").is_none());
    }
}
