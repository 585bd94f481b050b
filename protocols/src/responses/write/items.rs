//! Output items: one for each part of a reply.

use serde::Serialize;

use super::super::SIGNED;
use crate::{
    json::{Json, Out},
    request::{Content, Part},
};

/// Its name in this response, by what it is and its place.
pub(in super::super) fn item_id(reply: &str, index: usize, part: &Part) -> String {
    let kind = match &part.content {
        Content::Thinking(_) | Content::RedactedThinking => "rs",
        Content::ToolCall { .. } => "fc",
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolResult { .. } => "msg",
    };
    let reply = reply.strip_prefix("resp_").unwrap_or(reply);
    format!("{kind}_{reply}_{index}")
}

/// An item as far as it has come. `logprobs`: of the choice, in the form of chat completions.
pub(in super::super) fn item(
    part: &Part,
    id: &str,
    status: &str,
    logprobs: Option<&Json>,
) -> Option<Out> {
    let mut out = Out::default();
    match &part.content {
        Content::Text(_) | Content::Refusal(_) => {
            out.put("type", "message");
            out.put("id", id);
            out.put("status", status);
            out.put("role", "assistant");
            let content = content(part, logprobs);
            out.put("content", &content.into_iter().collect::<Vec<_>>());
        }
        Content::Thinking(text) => {
            reasoning(&mut out, id, part);
            out.put("summary", &[summary(text)]);
        }
        Content::RedactedThinking => {
            reasoning(&mut out, id, part);
            out.put("summary", &[(); 0]);
        }
        Content::ToolCall {
            id: call_id,
            name,
            arguments,
        } => {
            out.put("type", "function_call");
            out.put("id", id);
            out.put("status", status);
            out.put("call_id", call_id);
            out.put("name", name);
            out.put("arguments", arguments);
        }
        // Models answer in words and calls.
        Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolResult { .. } => return None,
    }
    Some(out)
}

fn reasoning(out: &mut Out, id: &str, part: &Part) {
    out.put("type", "reasoning");
    out.put("id", id);
    let signature = part.signature.as_ref();
    out.put_some(
        "encrypted_content",
        signature.map(|signature| format!("{SIGNED}{signature}")),
    );
}

/// The one content part of a message.
pub(in super::super) fn content(part: &Part, logprobs: Option<&Json>) -> Option<Out> {
    let mut out = Out::default();
    match &part.content {
        Content::Text(text) => {
            out.put("type", "output_text");
            out.put("text", text);
            out.put("annotations", &[(); 0]);
            match logprobs.and_then(tokens) {
                Some(tokens) => out.put("logprobs", &tokens),
                None => out.put("logprobs", &[(); 0]),
            }
        }
        Content::Refusal(text) => {
            out.put("type", "refusal");
            out.put("refusal", text);
        }
        Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolCall { .. }
        | Content::ToolResult { .. }
        | Content::Thinking(_)
        | Content::RedactedThinking => return None,
    }
    Some(out)
}

/// Of the words, from `{"content":[…],"refusal":[…]}`.
pub(in super::super) fn tokens(logprobs: &Json) -> Option<Json> {
    logprobs.object("logprobs").ok()?.json("content")
}

#[derive(Serialize)]
pub(in super::super) struct Summary<'a> {
    r#type: &'static str,
    text: &'a str,
}

pub(in super::super) fn summary(text: &str) -> Summary<'_> {
    Summary {
        r#type: "summary_text",
        text,
    }
}
