//! What is fuzzed: a line each. A target gets any bytes; it must neither panic nor take long, and holds what its
//! own assertions say.
//!
//! The seeds of a target are in `seeds/<name>` and in the golden folders that its line names; a test of `protocols`
//! runs all of them too, whole and damaged, so that what was found once stays mended.

#[path = "targets/bytes.rs"]
mod bytes;
#[path = "targets/embeddings.rs"]
mod embeddings;
#[path = "targets/replies.rs"]
mod replies;
#[path = "targets/requests.rs"]
mod requests;
#[path = "targets/streams.rs"]
mod streams;

use std::{env, sync::LazyLock};

use floopy_protocols::{CallerApi, ProviderApi};

pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
    /// Folders of `protocols/tests/golden`.
    pub(crate) golden: &'static [&'static str],
}

/// Whether a target also holds what is said again against what was said first. Without it, it holds that nothing
/// panics, hangs or grows, that events come in their order and that what is written is JSON: what any bytes must not
/// break. `FUZZ_CHECKS=robust` leaves the rest to seeds, golden files and whoever fuzzes on purpose.
fn is_strict() -> bool {
    static STRICT: LazyLock<bool> =
        LazyLock::new(|| env::var_os("FUZZ_CHECKS").is_none_or(|checks| checks != "robust"));
    *STRICT
}

/// What callers of chat completions ask is in the folders of the providers that it is translated for.
const CHATS: &[&str] = &["gemini", "cohere", "messages"];

pub(crate) const TARGETS: &[Target] = &[
    target("object", &[], bytes::object),
    target("sse", &["gemini", "responses"], bytes::sse),
    target("event_stream", &[], bytes::event_stream),
    target("sigv4", &[], bytes::sign),
    target("google_jwt", &[], bytes::google_jwt),
    target("chat_request", CHATS, |data| {
        requests::read(CallerApi::Chat, data);
    }),
    target(
        "messages_request",
        &["messages_caller", "messages"],
        |data| {
            requests::read(CallerApi::Messages, data);
            requests::count(data);
        },
    ),
    target("responses_request", &["responses"], |data| {
        requests::read(CallerApi::Responses, data);
    }),
    target(
        "chat",
        &["messages_caller", "responses", "gemini"],
        |data| {
            provider(ProviderApi::Chat, data);
        },
    ),
    target("messages", &["messages", "messages_caller"], |data| {
        provider(ProviderApi::Messages, data);
    }),
    target("responses", &["responses"], |data| {
        replies::read_responses(data);
        streams::read_responses(data);
    }),
    target("gemini", &["gemini"], |data| {
        provider(ProviderApi::Gemini, data);
    }),
    target("cohere", &["cohere"], |data| {
        provider(ProviderApi::Cohere, data);
    }),
    target("converse", &["converse"], |data| {
        provider(ProviderApi::Converse, data);
        streams::read_frames(data);
    }),
    target("embeddings", &["embeddings"], embeddings::read),
];

const fn target(name: &'static str, golden: &'static [&'static str], run: fn(&[u8])) -> Target {
    Target { name, run, golden }
}

/// All that a provider may send: a reply, an error, a stream.
fn provider(api: ProviderApi, data: &[u8]) {
    replies::read(api, data);
    replies::read_errors(api, data);
    streams::read(api, data);
}
