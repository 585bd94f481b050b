//! What Gemini answers, whole or in chunks: both have one form.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{error::InvalidReply, json::Json, reply::Usage};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    pub(super) prompt_feedback: Option<Feedback>,
    pub(super) usage_metadata: Option<WireUsage>,
    #[serde(default)]
    pub(super) response_id: String,
    #[serde(default)]
    pub(super) model_version: String,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl Response<'_> {
    /// The filter took the prompt, and nothing was answered.
    pub(super) fn is_blocked(&self) -> bool {
        let feedback = self.prompt_feedback.as_ref();
        feedback.is_some_and(|feedback| feedback.block_reason.is_some())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(default)]
    pub(super) index: u32,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    pub(super) finish_reason: Option<String>,
    #[serde(borrow)]
    logprobs_result: Option<Logprobs<'a>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Vec<WirePart<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePart<'a> {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    thought_signature: Option<String>,
    inline_data: Option<Blob>,
    #[serde(borrow)]
    function_call: Option<Call<'a>>,
    #[serde(borrow)]
    executable_code: Option<&'a RawValue>,
    #[serde(borrow)]
    code_execution_result: Option<&'a RawValue>,
    #[serde(borrow)]
    file_data: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_call: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    mime_type: String,
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a> {
    id: Option<String>,
    name: String,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    partial_args: Option<&'a RawValue>,
    #[serde(default)]
    will_continue: bool,
}

/// What one part says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Text(String),
    Thinking(String),
    Image {
        mime: String,
        data: String,
    },
    Call {
        id: Option<String>,
        name: String,
        arguments: String,
    },
}

impl<'a> Candidate<'a> {
    /// What its parts say, with their signatures. Empty words that nobody signed say nothing.
    pub(super) fn said(
        &mut self,
    ) -> impl Iterator<Item = Result<(Said, Option<String>), InvalidReply>> + use<'a> {
        let parts = self.content.take().and_then(|content| content.parts);
        let is_silent = |part: &WirePart<'_>| {
            part.text.as_deref() == Some("") && part.thought_signature.is_none()
        };
        let parts = parts.into_iter().flatten();
        parts.filter(move |part| !is_silent(part)).map(said)
    }

    /// In OpenAI's form.
    pub(super) fn logprobs(&self) -> Option<Json> {
        let tokens = self.logprobs_result.as_ref()?.tokens();
        let text = serde_json::to_string(&OpenAi { content: tokens }).ok()?;
        Json::parse(&text)
    }
}

fn said(part: WirePart<'_>) -> Result<(Said, Option<String>), InvalidReply> {
    // Only tools that run at Google bring these, and no caller can ask for one.
    for (is_there, what) in [
        (part.executable_code.is_some(), "code"),
        (part.code_execution_result.is_some(), "a result of code"),
        (part.file_data.is_some(), "a file"),
        (part.tool_call.is_some(), "a call of Google's own tool"),
        (
            part.tool_response.is_some(),
            "a result of Google's own tool",
        ),
    ] {
        if is_there {
            return Err(InvalidReply(format!(
                "a part with {what}, which nobody asked for"
            )));
        }
    }
    let said = if let Some(call) = part.function_call {
        if call.partial_args.is_some() || call.will_continue {
            let why = "a call in pieces, which nobody asked for";
            return Err(InvalidReply(why.to_owned()));
        }
        Said::Call {
            id: call.id.filter(|id| !id.is_empty()),
            name: call.name,
            arguments: call.args.map_or("{}", RawValue::get).to_owned(),
        }
    } else if let Some(Blob { mime_type, data }) = part.inline_data {
        let mime = mime_type;
        Said::Image { mime, data }
    } else {
        // A part may hold nothing but a signature.
        let text = part.text.unwrap_or_default();
        if part.thought {
            // It does not want a thought's signature back, and elsewhere it would pass for Anthropic's.
            return Ok((Said::Thinking(text), None));
        }
        Said::Text(text)
    };
    Ok((said, part.thought_signature))
}

/// The id of a call that Gemini gave none: from the reply's id and the call's place, so that each call of a
/// conversation has its own, and the same whenever it is read. OpenAI takes ids of at most 40 characters.
pub(super) fn call_id(response_id: &str, choice: u32, number: u32) -> String {
    const MAX_CHARS: usize = 22;
    let is_safe = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let reply: String = response_id
        .chars()
        .filter(is_safe)
        .take(MAX_CHARS)
        .collect();
    format!("call_{reply}_{choice}_{number}")
}

/// Thoughts are not among the candidates' tokens; what Google's own tools fed to the model is not in the prompt's.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WireUsage {
    prompt_token_count: u64,
    candidates_token_count: u64,
    cached_content_token_count: u64,
    thoughts_token_count: u64,
    tool_use_prompt_token_count: u64,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        Self {
            input: wire.prompt_token_count + wire.tool_use_prompt_token_count,
            cached_input: wire.cached_content_token_count,
            cache_write: 0,
            output: wire.candidates_token_count + wire.thoughts_token_count,
            reasoning: wire.thoughts_token_count,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logprobs<'a> {
    #[serde(borrow, default)]
    chosen_candidates: Vec<Token<'a>>,
    #[serde(borrow, default)]
    top_candidates: Vec<Top<'a>>,
}

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow, default)]
    candidates: Vec<Token<'a>>,
}

/// Google's JSON leaves out what is empty or zero.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token<'a> {
    #[serde(default)]
    token: String,
    #[serde(borrow)]
    log_probability: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct OpenAi<'a> {
    content: Vec<OpenAiToken<'a>>,
}

#[derive(Serialize)]
struct OpenAiToken<'a> {
    token: &'a str,
    logprob: Json,
    /// Google does not say.
    bytes: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<Vec<OpenAiToken<'a>>>,
}

impl Logprobs<'_> {
    fn tokens(&self) -> Vec<OpenAiToken<'_>> {
        let chosen = self.chosen_candidates.iter().enumerate();
        let tokens = chosen.filter_map(|(index, token)| {
            let top = self.top_candidates.get(index);
            let top = top.map_or(&[][..], |top| &top.candidates);
            Some(OpenAiToken {
                top_logprobs: Some(top.iter().filter_map(Token::open_ai).collect()),
                ..token.open_ai()?
            })
        });
        tokens.collect()
    }
}

impl Token<'_> {
    fn open_ai(&self) -> Option<OpenAiToken<'_>> {
        let logprob = match self.log_probability {
            Some(raw) => Json::from(raw),
            None => Json::parse("0")?,
        };
        Some(OpenAiToken {
            token: &self.token,
            logprob,
            bytes: None,
            top_logprobs: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_ids_are_short_and_safe_whatever_the_reply_is_called() {
        let id = call_id(&"é/x".repeat(40), 0, 12);
        assert_eq!(id, format!("call_{}_0_12", "x".repeat(22)));
        assert!(id.len() <= 40);
        assert_eq!(call_id("", 1, 2), "call__1_2");
    }

    #[test]
    fn thoughts_and_what_tools_fed_in_are_counted() {
        let wire: WireUsage = serde_json::from_str(
            r#"{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":7,
                "thoughtsTokenCount":30,"toolUsePromptTokenCount":5,"totalTokenCount":142}"#,
        )
        .expect("usage");
        let expected = Usage {
            input: 105,
            cached_input: 40,
            cache_write: 0,
            output: 37,
            reasoning: 30,
        };
        assert_eq!(Usage::from(wire), expected);
    }

    #[test]
    fn what_nobody_asked_for_is_no_valid_reply() {
        for part in [
            r#"{"executableCode":{"language":"PYTHON","code":"1"}}"#,
            r#"{"codeExecutionResult":{"outcome":"OUTCOME_OK"}}"#,
            r#"{"functionCall":{"name":"f","partialArgs":[],"willContinue":true}}"#,
        ] {
            let part: WirePart<'_> = serde_json::from_str(part).expect("a part");
            assert!(said(part).is_err());
        }
    }
}
