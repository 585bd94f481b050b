//! Which headers pass through: only those that are known to be meant for the other side.

use floopy_shared::domain::ids::CandidateKey;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};

use crate::{call::Call, provider::Provider};

static UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
static BETA: HeaderName = HeaderName::from_static("openai-beta");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request to one candidate, with the provider's own credentials in place of the caller's.
pub(super) fn request(
    provider: &Provider,
    call: &Call,
    key: &CandidateKey,
    from: &HeaderMap,
) -> Request<bytes::Bytes> {
    let mut request = Request::new(call.body_for(key.model(), provider.stream_usage));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = provider.uri(call.endpoint()).clone();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in from.iter().filter(|(name, _)| is_forwarded(name)) {
        headers.insert(name.clone(), value.clone());
    }
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("floopy/", env!("CARGO_PKG_VERSION"))),
    );
    if let Some(authorization) = provider.authorization() {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    request
}

/// Never the caller's own organisation or project: the credentials are the operator's.
fn is_forwarded(name: &HeaderName) -> bool {
    name == CONTENT_TYPE || name == ACCEPT || *name == BETA
}

/// The headers of an upstream's reply that the client sees.
pub(crate) fn returned(from: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    for (name, value) in from {
        if *name == REQUEST_ID {
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
        || text.starts_with("x-ratelimit-")
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
