//! Callers' requests: whatever can be read can be written for every provider, or is refused with a field's name.

use std::str;

use floopy_protocols::{
    CallerApi, Invalid, Json, ProviderApi, Request, Target, Unsupported, Written, chat, messages,
};

use super::is_strict;

/// A model of each kind that makes a difference.
const TARGETS: &[(ProviderApi, &str, &str)] = &[
    (ProviderApi::Chat, "openai", "gpt-5.1"),
    (ProviderApi::Chat, "mistral", "mistral-large-latest"),
    (ProviderApi::Chat, "deepseek", "deepseek-reasoner"),
    (ProviderApi::Chat, "my-own", "llama"),
    (ProviderApi::Messages, "anthropic", "claude-opus-4-8"),
    (ProviderApi::Messages, "anthropic", "claude-haiku-4-5"),
    (ProviderApi::Gemini, "gemini", "gemini-3-pro-preview"),
    (ProviderApi::Gemini, "vertex", "gemini-2.5-flash"),
    (ProviderApi::Cohere, "cohere", "command-a-reasoning-08-2025"),
    (
        ProviderApi::Converse,
        "bedrock",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
    (ProviderApi::Converse, "bedrock", "us.amazon.nova-pro-v1:0"),
];

pub(super) fn read(caller: CallerApi, data: &[u8]) {
    let request = match caller.read_request(data) {
        Ok(request) => request,
        Err(invalid) => return named(&invalid),
    };
    for (api, provider, model) in TARGETS {
        let target = Target { provider, model };
        match api.write_request(&request, target) {
            Ok(written) => told(*api, target, &written),
            Err(refused) if is_strict() => blamed(&refused, target, data),
            Err(_) => {}
        }
    }
}

/// A request whose tokens are to be counted lacks at most its limit.
pub(super) fn count(data: &[u8]) {
    let counted = messages::read_count_request(data);
    if let Ok(request) = messages::read_request(data) {
        assert_eq!(counted.as_ref(), Ok(&request));
    }
}

/// The error says which field is wrong, if any field is there.
fn named(invalid: &Invalid) {
    assert!(!invalid.to_string().is_empty());
    let is_json = !matches!(invalid, Invalid::NotJson(_));
    assert_eq!(
        invalid.param().is_some_and(|field| !field.is_empty()),
        is_json
    );
}

/// The field that cannot be sent is one that the caller wrote, or should have written.
fn blamed(refused: &Unsupported, target: Target<'_>, data: &[u8]) {
    assert_eq!(refused.target, target.provider);
    assert!(!refused.why.is_empty());
    let top = refused.field.split(['.', '[']).next();
    let top = top.unwrap_or_default().trim_matches('"');
    let text = str::from_utf8(data).expect("what is JSON is UTF-8");
    // The name may be escaped in the body, and may itself have dots and brackets; and a conversation with calls may
    // need the tools declared.
    let is_there = text.contains(&format!("\"{top}")) || text.contains('\\') || top == "tools";
    assert!(
        !refused.field.is_empty() && is_there,
        "{refused} is not about {text}"
    );
}

/// What is sent is JSON; and where callers speak that API too, we read it back as something that is sent the same.
fn told(api: ProviderApi, target: Target<'_>, written: &Written) {
    let text = str::from_utf8(&written.body).expect("UTF-8");
    let body = Json::parse(text).expect("JSON");
    if !is_strict() {
        return;
    }
    let Some(again) = read_back(api, target, &written.body) else {
        return;
    };
    let again = again.expect("what we write we can read");
    let twice = api.write_request(&again, target);
    let twice = twice.expect("what was written can be written");
    let twice = str::from_utf8(&twice.body).expect("UTF-8");
    let same = Json::parse(twice).expect("JSON") == body;
    assert!(
        same,
        "{} {}:\n{text}\n{twice}",
        target.provider, target.model
    );
}

fn read_back(
    api: ProviderApi,
    target: Target<'_>,
    body: &[u8],
) -> Option<Result<Request, Invalid>> {
    match api {
        ProviderApi::Chat if target.provider == "openai" => Some(chat::read_request(body)),
        ProviderApi::Messages => Some(messages::read_request(body)),
        // A dialect, in which no caller speaks.
        ProviderApi::Chat | ProviderApi::Cohere | ProviderApi::Gemini | ProviderApi::Converse => {
            None
        }
    }
}
