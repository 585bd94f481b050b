//! A whole reply.

use super::{
    read_finish,
    wire::{Candidate, Response, Said, call_id},
};
use crate::{
    error::InvalidReply,
    reply::{Choice, Finish, Reply},
    request::{Content, Media, Part, Source},
};

/// Reads a reply. One whose prompt the filter took has a choice that says nothing but that.
pub fn read_reply(body: &[u8]) -> Result<Reply, InvalidReply> {
    let response: Response<'_> = serde_json::from_slice(body)
        .map_err(|e| InvalidReply(format!("a reply that cannot be read: {e}")))?;
    let is_blocked = response.is_blocked();
    let id = response.response_id;
    let candidates = response.candidates.unwrap_or_default();
    let choices = match candidates.is_empty() {
        false => candidates
            .into_iter()
            .map(|candidate| choice(candidate, &id))
            .collect::<Result<_, _>>()?,
        true if is_blocked => vec![Choice {
            finish: Some(Finish::ContentFilter),
            ..Choice::default()
        }],
        true => return Err(InvalidReply("a reply without candidates".to_owned())),
    };
    Ok(Reply {
        id,
        model: response.model_version,
        created: None,
        choices,
        usage: response.usage_metadata.map(Into::into),
        rest: Vec::new(),
    })
}

fn choice(mut candidate: Candidate<'_>, reply_id: &str) -> Result<Choice, InvalidReply> {
    let (mut parts, mut calls) = (Vec::<Part>::new(), 0);
    for said in candidate.said() {
        let (said, signature) = said?;
        if let Said::Call { .. } = &said {
            calls += 1;
        }
        let id = || call_id(reply_id, candidate.index, calls - 1);
        let content = content(said, id);
        // Google asks for a signed part to be kept apart from its unsigned neighbours.
        let last = parts.last_mut().filter(|last| last.signature.is_none());
        let goes_on =
            signature.is_none() && last.is_some_and(|last| goes_on(&mut last.content, &content));
        if !goes_on {
            parts.push(Part {
                signature,
                ..Part::new(content)
            });
        }
    }
    let finish = candidate.finish_reason.as_deref();
    Ok(Choice {
        index: candidate.index,
        finish: finish.map(|word| read_finish(word, calls > 0)),
        logprobs: candidate.logprobs(),
        parts,
    })
}

fn content(said: Said, made_up_id: impl FnOnce() -> String) -> Content {
    match said {
        Said::Text(text) => Content::Text(text),
        Said::Thinking(text) => Content::Thinking(text),
        Said::Image { mime, data } => Content::Image(Media {
            source: Source::Data(data),
            mime,
            name: None,
            detail: None,
        }),
        Said::Call {
            id,
            name,
            arguments,
        } => Content::ToolCall {
            id: id.unwrap_or_else(made_up_id),
            name,
            arguments,
        },
    }
}

/// Words after words of the same kind are one part, as they are in a stream.
fn goes_on(last: &mut Content, next: &Content) -> bool {
    match (last, next) {
        (Content::Text(last), Content::Text(next))
        | (Content::Thinking(last), Content::Thinking(next)) => {
            last.push_str(next);
            true
        }
        (
            Content::Text(_)
            | Content::Thinking(_)
            | Content::RedactedThinking
            | Content::Refusal(_)
            | Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolCall { .. }
            | Content::ToolResult { .. },
            _,
        ) => false,
    }
}
