//! Which headers pass through: only those that are known to be meant for the other side.

use bytes::Bytes;
use floopy_protocols::ProviderApi;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};

static UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
static ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
static ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
static BETA: HeaderName = HeaderName::from_static("openai-beta");
/// What providers call a request of theirs.
const REQUEST_IDS: [&str; 3] = ["x-request-id", "request-id", "x-amzn-requestid"];

/// The request to one candidate, without the caller's credentials.
pub(super) fn request(uri: Uri, body: Bytes, from: &HeaderMap) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in from.iter().filter(|(name, _)| is_forwarded(name)) {
        headers.insert(name.clone(), value.clone());
    }
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("floopy/", env!("CARGO_PKG_VERSION"))),
    );
    request
}

/// What an API wants to be told of itself, where the caller did not.
pub(super) fn complete(api: ProviderApi, request: &mut Request<Bytes>) {
    if api == ProviderApi::Messages {
        let headers = request.headers_mut();
        let version = HeaderValue::from_static("2023-06-01");
        headers.entry(&ANTHROPIC_VERSION).or_insert(version);
    }
}

/// Never the caller's own organisation or project: the credentials are the operator's.
fn is_forwarded(name: &HeaderName) -> bool {
    name == CONTENT_TYPE
        || name == ACCEPT
        || *name == BETA
        || *name == ANTHROPIC_BETA
        || *name == ANTHROPIC_VERSION
}

/// The headers of an upstream's reply that the client sees.
pub(crate) fn returned(from: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    for (name, value) in from {
        if REQUEST_IDS.contains(&name.as_str()) {
            headers.insert(UPSTREAM_REQUEST_ID.clone(), value.clone());
        } else if is_returned(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

fn is_returned(name: &HeaderName) -> bool {
    let text = name.as_str();
    name == CONTENT_TYPE
        || name == RETRY_AFTER
        || text == "retry-after-ms"
        || text.starts_with("openai-")
        || text.starts_with("anthropic-ratelimit-")
        || text.starts_with("x-ratelimit-")
}

/// Whether a reply is a stream of events.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kinds = ["text/event-stream", "application/vnd.amazon.eventstream"];
    kinds.iter().any(|kind| {
        let start = content_type.trim_start().get(..kind.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_headers_and_cookies_do_not_pass() {
        let mut from = HeaderMap::new();
        for name in [
            "content-type",
            "x-request-id",
            "x-ratelimit-remaining",
            "set-cookie",
            "server",
        ] {
            from.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        let mut names: Vec<String> = returned(&from).keys().map(ToString::to_string).collect();
        names.sort();
        assert_eq!(
            names,
            [
                "content-type",
                "x-ratelimit-remaining",
                "x-upstream-request-id"
            ]
        );
        for (name, passes) in [
            ("authorization", false),
            ("floopy-session-id", false),
            ("openai-organization", false),
            ("openai-project", false),
            ("openai-beta", true),
        ] {
            assert_eq!(
                is_forwarded(&HeaderName::from_static(name)),
                passes,
                "{name}"
            );
        }
    }
}
