//! What names a request in the cache: everything about it that its reply may depend on, hashed.

use std::{borrow::Cow, cell::RefCell, collections::BTreeSet};

use floopy_shared::domain::{cache::CacheKey, ids::TenantId};
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use super::{
    canonical::{Place, canonical},
    wish::Wish,
};
use crate::call::{Call, Endpoint};

/// Of the way that keys are made: another one makes other keys.
const VERSION: &[u8] = b"floopy cache key 1";

/// Keys at the top of a body that no reply depends on.
const OMITTED: [&str; 6] = [
    "user",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    // What it asks for is said apart.
    "stream",
];

/// Headers that routing or a provider reads.
static HEADERS: [HeaderName; 6] = [
    HeaderName::from_static("floopy-provider"),
    HeaderName::from_static("floopy-fallback"),
    HeaderName::from_static("floopy-task"),
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("openai-beta"),
];

/// A request with everything that its reply may depend on.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub tenant: &'a TenantId,
    pub call: &'a Call,
    pub headers: &'a HeaderMap,
    /// The name of the rule that would decide.
    pub rule: Option<&'a str>,
    pub wish: &'a Wish,
}

/// The same in one way of writing.
pub(crate) struct Form<'a> {
    /// Whose request it is, and what is said of it outside of its body.
    pub parts: Vec<(&'static str, Option<Cow<'a, [u8]>>)>,
    pub body: Vec<u8>,
}

impl<'a> Form<'a> {
    /// `None`: the body has no canonical form.
    pub(crate) fn of(asked: &Asked<'a>) -> Option<Self> {
        Self::with(asked, asked.call.body())
    }

    /// The same, with the keys of the body that do not matter: those of messages as `messages[].name`.
    pub(crate) fn and_left_out(asked: &Asked<'a>) -> Option<(Self, Vec<String>)> {
        let left_out = RefCell::new(BTreeSet::new());
        let body = canonical(asked.call.body(), |place, key| {
            let goes = leaves_out(asked, place, key);
            if goes {
                let name = match place {
                    Place::Top | Place::Deeper => key.to_owned(),
                    Place::Message => format!("messages[].{key}"),
                };
                left_out.borrow_mut().insert(name);
            }
            goes
        })?;
        let left_out = left_out.into_inner().into_iter().collect();
        Some((Self::made(asked, body), left_out))
    }

    /// The same, without what it was made of.
    pub(crate) fn into_owned(self) -> Form<'static> {
        let parts = self.parts.into_iter();
        let owned = parts.map(|(name, part)| (name, part.map(|p| Cow::Owned(p.into_owned()))));
        Form {
            parts: owned.collect(),
            body: self.body,
        }
    }

    /// The same, were this its body.
    pub(super) fn with(asked: &Asked<'a>, body: &[u8]) -> Option<Self> {
        let body = canonical(body, |place, key| leaves_out(asked, place, key))?;
        Some(Self::made(asked, body))
    }

    fn made(asked: &Asked<'a>, body: Vec<u8>) -> Self {
        let call = asked.call;
        let ignored = &asked.wish.ignored;
        let text = |text: &'static str| Some(Cow::Borrowed(text.as_bytes()));
        let mut parts = vec![
            (
                "tenant",
                Some(Cow::Borrowed(asked.tenant.as_str().as_bytes())),
            ),
            ("endpoint", text(endpoint(call.endpoint()))),
            (
                "reply",
                text(if call.stream() { "events" } else { "whole" }),
            ),
            (
                "rule",
                asked.rule.map(|name| Cow::Borrowed(name.as_bytes())),
            ),
            (
                "seed",
                asked
                    .wish
                    .seed
                    .as_ref()
                    .map(|seed| Cow::Owned(seed.clone().into_bytes())),
            ),
            (
                "ignored",
                (!ignored.is_empty()).then(|| Cow::Owned(ignored.join(",").into_bytes())),
            ),
        ];
        parts.extend(HEADERS.iter().map(|name| {
            let value = asked.headers.get(name);
            (name.as_str(), value.map(|v| Cow::Borrowed(v.as_bytes())))
        }));
        Self { parts, body }
    }

    /// Its name. The tenant is part of what is hashed: no other tenant's request has the same one.
    pub(crate) fn key(&self) -> CacheKey {
        let mut hasher = Sha256::new();
        hasher.update(VERSION);
        for (_, part) in &self.parts {
            let length = part.as_ref().map_or(u64::MAX, |part| part.len() as u64);
            hasher.update(length.to_le_bytes());
            hasher.update(part.as_deref().unwrap_or_default());
        }
        hasher.update(&self.body);
        hasher.finalize().into()
    }
}

fn leaves_out(asked: &Asked<'_>, place: Place, key: &str) -> bool {
    match place {
        Place::Top => omits(asked.call, key),
        Place::Message => asked.wish.ignored.iter().any(|ignored| ignored == key),
        Place::Deeper => false,
    }
}

/// What is asked of a stream means something where there is one; values for a stored prompt are in the messages by now.
fn omits(call: &Call, key: &str) -> bool {
    match key {
        "stream_options" => !call.stream(),
        "inputs" => call.endpoint() != Endpoint::Embeddings,
        _ => OMITTED.contains(&key),
    }
}

fn endpoint(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Chat => "chat",
        Endpoint::Responses => "responses",
        Endpoint::Messages => "messages",
        Endpoint::CountTokens => "count_tokens",
        Endpoint::Embeddings => "embeddings",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use floopy_shared::domain::cache::Caching;
    use http::HeaderValue;

    use super::*;
    use crate::cache::wish::wish;

    struct Request {
        tenant: &'static str,
        endpoint: Endpoint,
        rule: Option<&'static str>,
        headers: &'static [(&'static str, &'static str)],
        body: String,
    }

    const BODY: &str =
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0}"#;

    impl Default for Request {
        fn default() -> Self {
            Self {
                tenant: "acme",
                endpoint: Endpoint::Chat,
                rule: None,
                headers: &[],
                body: BODY.to_owned(),
            }
        }
    }

    fn key(request: &Request) -> CacheKey {
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let caching = Caching {
            enabled: true,
            ..Caching::default()
        };
        let wish = wish(&headers, &caching).expect("valid").expect("on");
        let body = Bytes::from(request.body.clone());
        let call = Call::parse(body, request.endpoint, None).expect("a call");
        let tenant = TenantId::new(request.tenant).expect("valid");
        let asked = Asked {
            tenant: &tenant,
            call: &call,
            headers: &headers,
            rule: request.rule,
            wish: &wish,
        };
        Form::of(&asked).expect("has one").key()
    }

    fn with(body: &str) -> Request {
        Request {
            body: body.to_owned(),
            ..Request::default()
        }
    }

    #[test]
    fn what_no_reply_depends_on_is_no_part_of_the_key() {
        let plain = key(&Request::default());
        let same = [
            with(
                r#"{ "temperature": 0.0, "user": "u1", "model": "m", "metadata": {"a": 1}, "stream": false,
                    "stream_options": null, "prompt_cache_key": "k", "safety_identifier": "s",
                    "messages": [{"content": "hi", "role": "user"}] }"#,
            ),
            Request {
                headers: &[
                    ("floopy-session-id", "s1"),
                    ("floopy-cache-bucket-max-size", "3"),
                ],
                ..Request::default()
            },
        ];
        for request in same {
            assert_eq!(key(&request), plain, "{}", request.body);
        }
    }

    #[test]
    fn everything_else_makes_another_key() {
        let stream = BODY.replace("0}", "0,\"stream\":true}");
        let with_usage = BODY.replace(
            "0}",
            "0,\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
        );
        let named = BODY.replace("\"content\"", "\"name\":\"n\",\"content\"");
        let headers = |headers| Request {
            headers,
            ..Request::default()
        };
        let mut requests = vec![
            Request::default(),
            with(&stream),
            with(&with_usage),
            with(&named),
            with(&BODY.replace("\"m\"", "\"auto\"")),
            with(&BODY.replace("hi", "Hi")),
            with(&BODY.replace(":0}", ":1}")),
            with(&BODY.replace("\"user\"", "\"system\"")),
            with(&BODY.replace("0}", "0,\"max_tokens\":7}")),
            headers(&[("floopy-cache-seed", "1")]),
            headers(&[("floopy-cache-seed", "2")]),
            headers(&[("floopy-cache-ignore-keys", "name")]),
            headers(&[("floopy-provider", "a")]),
            headers(&[("floopy-fallback", "a")]),
            headers(&[("floopy-task", "a")]),
            headers(&[("anthropic-beta", "a")]),
        ];
        requests.push(Request {
            tenant: "acme2",
            ..Request::default()
        });
        requests.push(Request {
            rule: Some("r"),
            ..Request::default()
        });
        let mut keys: Vec<CacheKey> = requests.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), requests.len());
    }

    #[test]
    fn ignored_keys_of_messages_do_not_matter_to_who_ignores_them() {
        let body =
            |name: &str| BODY.replace("\"content\"", &format!("\"name\":\"{name}\",\"content\""));
        let ignoring = |body: String| Request {
            headers: &[("floopy-cache-ignore-keys", "name")],
            ..with(&body)
        };
        let (a, b) = (ignoring(body("a")), ignoring(body("b")));
        assert_eq!(key(&a), key(&b));
        assert_ne!(key(&with(&body("a"))), key(&with(&body("b"))));
    }
}
