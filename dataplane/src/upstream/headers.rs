//! Which headers pass through: only those that are known to be meant for the other side.

use bytes::Bytes;
use floopy_protocols::ProviderApi;
use floopy_shared::domain::decision::UPSTREAM_REQUEST_ID_BYTES;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};

use super::pause;

static UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
static ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
static ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
static BETA: HeaderName = HeaderName::from_static("openai-beta");
/// What providers call a request of theirs; the first that is there counts. Last comes what stands in front of many
/// of them.
const REQUEST_IDS: [&str; 7] = [
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "mistral-correlation-id",
    "x-debug-trace-id",
    "cf-ray",
];

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
    let mut best = REQUEST_IDS.len();
    for (name, value) in from {
        if let Some(rank) = REQUEST_IDS.iter().position(|id| name == id) {
            if rank < best {
                best = rank;
                headers.insert(UPSTREAM_REQUEST_ID.clone(), value.clone());
            }
        } else if is_returned(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    if headers.contains_key(RETRY_AFTER) {
        tell_whole_seconds(from, &mut headers);
    }
    headers
}

/// Packages read `Retry-After` as a whole number of seconds only: fractions are rounded up, dates counted from now, and
/// what cannot be read is left out.
fn tell_whole_seconds(from: &HeaderMap, headers: &mut HeaderMap) {
    match pause::retry_after(from) {
        Some(pause) => {
            headers.insert(RETRY_AFTER, pause::whole_seconds(pause).into());
        }
        None => {
            headers.remove(RETRY_AFTER);
        }
    }
}

/// What the provider calls its request, in headers as [`returned`] makes them. What is no text, or too long for a
/// record, is none.
pub(super) fn upstream_request_id(headers: &HeaderMap) -> Option<Box<str>> {
    let id = headers.get(&UPSTREAM_REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=UPSTREAM_REQUEST_ID_BYTES).contains(&id.len());
    fits.then(|| id.into())
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
    fn a_providers_own_id_counts_before_that_of_what_stands_in_front() {
        for (sent, expected) in [
            (
                &[("cf-ray", "ray"), ("x-request-id", "own")][..],
                Some("own"),
            ),
            (&[("x-request-id", "own"), ("cf-ray", "ray")], Some("own")),
            (&[("cf-ray", "ray")], Some("ray")),
            (
                &[("apim-request-id", "azure"), ("cf-ray", "ray")],
                Some("azure"),
            ),
            (&[("x-request-id", "")], None),
            (&[("server", "x")], None),
        ] {
            let mut from = HeaderMap::new();
            for (name, value) in sent {
                from.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            let id = upstream_request_id(&returned(&from));
            assert_eq!(id.as_deref(), expected, "{sent:?}");
        }
        let long = HeaderValue::try_from("x".repeat(UPSTREAM_REQUEST_ID_BYTES + 1)).expect("valid");
        let from = HeaderMap::from_iter([(HeaderName::from_static("x-request-id"), long)]);
        assert_eq!(upstream_request_id(&returned(&from)), None);
    }

    #[test]
    fn a_pause_is_told_in_whole_seconds_or_not_at_all() {
        let now = "Wed, 21 Oct 2026 07:28:00 GMT";
        for (sent, told) in [
            ("3", Some("3")),
            ("1.5", Some("2")),
            ("0.2", Some("1")),
            ("Wed, 21 Oct 2026 07:28:09 GMT", Some("9")),
            ("Wed, 21 Oct 2026 07:27:00 GMT", Some("0")),
            ("soon", None),
            ("-1", None),
        ] {
            let mut from = HeaderMap::new();
            from.insert(RETRY_AFTER, HeaderValue::from_static(sent));
            from.insert(http::header::DATE, HeaderValue::from_static(now));
            let headers = returned(&from);
            let after = headers.get(RETRY_AFTER).map(|after| after.to_str());
            assert_eq!(after.transpose().expect("text"), told, "{sent}");
        }
    }

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
