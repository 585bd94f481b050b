//! Providers' replies and errors: what can be read can be told to every caller.

use std::str;

use floopy_protocols::{
    ApiError, CallerApi, Content, InvalidReply, Json, ProviderApi, Reply, Request, chat, messages,
    responses,
};

use super::is_strict;

pub(super) const CALLERS: [CallerApi; 3] =
    [CallerApi::Chat, CallerApi::Messages, CallerApi::Responses];

pub(super) fn read(api: ProviderApi, data: &[u8]) {
    told(&api.read_reply(data));
}

/// Replies of OpenAI's own, which pass as they are and are only looked at.
pub(super) fn read_responses(data: &[u8]) {
    told(&responses::read_reply(data));
}

fn told(reply: &Result<Reply, InvalidReply>) {
    let reply = match reply {
        Ok(reply) => reply,
        Err(invalid) => return assert!(!invalid.0.is_empty()),
    };
    for caller in CALLERS {
        json(&caller.write_reply(&Request::default(), reply));
    }
    if !is_strict() {
        return;
    }
    again(reply, chat::write_reply, chat::read_reply);
    // A reply that failed has no word for its end there.
    let ends = |reply: &Reply| {
        let finish = reply
            .choices
            .first()
            .and_then(|choice| choice.finish.as_ref());
        finish.is_some_and(|finish| finish.failed().is_none())
    };
    if ends(reply) {
        again(reply, messages::write_reply, messages::read_reply);
    }
}

/// What one of us writes another of us reads, and says the same again.
fn again(
    reply: &Reply,
    write: fn(&Reply) -> Vec<u8>,
    read: fn(&[u8]) -> Result<Reply, InvalidReply>,
) {
    let once = read(&write(reply)).expect("what we write we can read");
    assert_eq!(words(&once), words(reply));
    let twice = read(&write(&once)).expect("what we write we can read");
    assert_eq!(twice, once);
}

/// The letters that are said, in whatever order an API has words and refusals, and the calls.
fn words(reply: &Reply) -> (Vec<char>, Vec<String>) {
    let parts = reply.choices.first().map(|choice| choice.parts.iter());
    let (mut said, mut calls) = (Vec::new(), Vec::new());
    for part in parts.into_iter().flatten() {
        match &part.content {
            Content::Text(text) | Content::Refusal(text) => said.extend(text.chars()),
            Content::ToolCall { id, name, .. } => calls.push(format!("{id} {name}")),
            Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolResult { .. }
            | Content::Thinking(_)
            | Content::RedactedThinking => {}
        }
    }
    said.sort_unstable();
    (said, calls)
}

pub(super) fn json(body: &[u8]) -> String {
    let text = str::from_utf8(body).expect("UTF-8");
    Json::parse(text).expect("JSON").text().to_owned()
}

pub(super) fn read_errors(api: ProviderApi, data: &[u8]) {
    for status in [400, 429, 529] {
        for error_type in [None, Some("ThrottlingException")] {
            told_error(&api.read_error(status, error_type, data));
        }
    }
}

fn told_error(error: &ApiError) {
    for caller in CALLERS {
        let (status, body) = caller.write_error(error);
        assert!((400..600).contains(&status), "{status}");
        json(&body);
    }
    if !is_strict() {
        return;
    }
    let (status, body) = chat::write_error(error);
    let read = chat::read_error(status, &body);
    assert_eq!((read.kind, &read.message), (error.kind, &error.message));
    let (status, body) = messages::write_error(error);
    let read = messages::read_error(status, &body);
    assert_eq!(read.message, error.message);
}
