//! The response object, whole or as far as a stream has come.

mod echo;
mod items;

use serde::Serialize;

pub(super) use self::{
    echo::Echo,
    items::{content, item, item_id, summary, tokens},
};
use super::{Ending, ending};
use crate::{
    json::Out,
    reply::{Reply, Usage},
    request::Request,
};

#[derive(Serialize)]
struct WireUsage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached_input,
                cache_write_tokens: usage.cache_write,
            },
            output_tokens: usage.output,
            output_tokens_details: OutputDetails {
                reasoning_tokens: usage.reasoning,
            },
            total_tokens: usage.input.saturating_add(usage.output),
        }
    }
}

#[derive(Serialize)]
struct Incomplete {
    reason: &'static str,
}

/// What went wrong, in the API's words.
#[derive(Debug, Serialize)]
pub(super) struct Failure<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
}

/// Writes the reply for a caller whose request is not at hand: what the API repeats of it has its defaults.
pub fn write_reply(reply: &Reply) -> Vec<u8> {
    write_reply_to(&Request::default(), reply)
}

/// Writes the reply for the caller of a request, who can only have asked for one choice.
pub fn write_reply_to(request: &Request, reply: &Reply) -> Vec<u8> {
    let Ending {
        status,
        incomplete,
        failure,
    } = ending(reply.choices.first());
    let failure = failure.as_deref().map(|message| Failure {
        code: "server_error",
        message,
    });
    response(&Echo::new(request), reply, (status, incomplete), failure).into_bytes()
}

/// With all parts of the first choice as output.
pub(super) fn response(
    echo: &Echo,
    reply: &Reply,
    (status, incomplete): (&'static str, Option<&'static str>),
    failure: Option<Failure<'_>>,
) -> Out {
    let mut out = Out::default();
    out.put("id", &response_id(&reply.id));
    out.put("object", "response");
    out.put("created_at", &reply.created.unwrap_or(0));
    out.put("status", status);
    out.put("error", &failure);
    out.put(
        "incomplete_details",
        &incomplete.map(|reason| Incomplete { reason }),
    );
    out.put("model", &reply.model);
    let choice = reply.choices.first();
    let parts = choice.map_or(&[][..], |choice| &choice.parts);
    let logprobs = choice.and_then(|choice| choice.logprobs.as_ref());
    let output = parts.iter().enumerate().filter_map(|(index, part)| {
        // What is not complete broke off at its end.
        let is_whole = status == "completed" || index + 1 < parts.len();
        let item_status = if is_whole { "completed" } else { "incomplete" };
        item(
            part,
            &item_id(&reply.id, index, part),
            item_status,
            logprobs,
        )
    });
    out.put("output", &output.collect::<Vec<_>>());
    out.put("usage", &reply.usage.map(WireUsage::from));
    echo.put(&mut out);
    out
}

fn response_id(id: &str) -> String {
    if id.starts_with("resp_") {
        id.to_owned()
    } else {
        format!("resp_{id}")
    }
}
