//! A stored reply as bytes, for proxies to share: a line of JSON that says what it is, and its body.

use bytes::Bytes;
use floopy_shared::domain::{cache::CacheKey, ids::CandidateKey, money::Usage};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::entry::Entry;

/// Of the way that it is written: what was written in another one is not read.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    key: String,
    model: CandidateKey,
    rule: Option<String>,
    is_listed: bool,
    made_at_ms: u64,
    ttl_ms: u64,
    generation: u64,
    status: u16,
    headers: Vec<(String, String)>,
    cost_micro_usd: Option<u64>,
    input: u64,
    cached_input: u64,
    output: u64,
    body_bytes: usize,
}

/// `None`: a header of it is no text.
pub(super) fn write(entry: &Entry) -> Option<Vec<u8>> {
    let headers = entry.headers.iter().map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let head = Head {
        version: VERSION,
        key: hex::encode(entry.key),
        model: entry.model.clone(),
        rule: entry.rule.clone(),
        is_listed: entry.is_listed,
        made_at_ms: entry.made_at_ms,
        ttl_ms: entry.ttl_ms,
        generation: entry.generation,
        status: entry.status.as_u16(),
        headers: headers.collect::<Option<_>>()?,
        cost_micro_usd: entry.cost_micro_usd,
        input: entry.usage.input,
        cached_input: entry.usage.cached_input,
        output: entry.usage.output,
        body_bytes: entry.body.len(),
    };
    let mut written = serde_json::to_vec(&head).ok()?;
    written.push(b'\n');
    written.extend_from_slice(&entry.body);
    Some(written)
}

/// The reply to this request. `None`: it is none, or not whole, or of another request.
pub(super) fn read(written: &Bytes, key: &CacheKey) -> Option<Entry> {
    let end = memchr::memchr(b'\n', written)?;
    let head: Head = serde_json::from_slice(&written[..end]).ok()?;
    let body = written.slice(end + 1..);
    if head.version != VERSION || head.key != hex::encode(key) || head.body_bytes != body.len() {
        return None;
    }
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(Entry {
        key: *key,
        model: head.model,
        rule: head.rule,
        is_listed: head.is_listed,
        made_at_ms: head.made_at_ms,
        ttl_ms: head.ttl_ms,
        generation: head.generation,
        status: StatusCode::from_u16(head.status).ok()?,
        headers,
        body,
        cost_micro_usd: head.cost_micro_usd,
        usage: Usage {
            input: head.input,
            cached_input: head.cached_input,
            output: head.output,
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(body: Vec<u8>, cost_micro_usd: Option<u64>) -> Entry {
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(http::header::CONTENT_TYPE, json);
        Entry {
            key: [7; 32],
            model: CandidateKey::parse("p/m").expect("valid"),
            rule: Some("r".to_owned()),
            is_listed: true,
            made_at_ms: 1_700_000_000_000,
            ttl_ms: 60_000,
            generation: 3,
            status: StatusCode::OK,
            headers,
            body: body.into(),
            cost_micro_usd,
            usage: Usage {
                input: 1,
                cached_input: 2,
                output: 3,
            },
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_whole_or_not_at_all(
            body in prop::collection::vec(any::<u8>(), 0..200),
            cost in prop::option::of(any::<u64>()),
            cut in any::<prop::sample::Index>(),
        ) {
            let entry = entry(body, cost);
            let written = Bytes::from(write(&entry).expect("text"));
            let again = read(&written, &entry.key).expect("whole");
            prop_assert_eq!(format!("{:?}", again), format!("{:?}", entry));
            prop_assert!(read(&written, &[8; 32]).is_none());
            let short = written.slice(..cut.index(written.len()));
            prop_assert!(read(&short, &entry.key).is_none());
        }

        #[test]
        fn anything_else_is_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&Bytes::from(bytes), &[7; 32]).is_none());
        }
    }
}
