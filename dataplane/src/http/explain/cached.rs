//! `POST /v1/cache/explain`: whether a call's reply could be stored and given again, under which key, and what is there.
//!
//! Nobody is called and nothing changes: no stored reply is given, moved or let go.

use std::{borrow::Cow, sync::Arc};

use floopy_shared::domain::{cache::SemanticMode, ids::RequestId};
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    super::{
        body::Body,
        request_body::RequestBody,
        respond::{Refusal, json_response},
    },
    Envelope, ask, question,
};
use crate::{
    admit::Admitted,
    call::Endpoint,
    doors::Passage,
    gateway::Gateway,
    pipeline::without_foreign_prompt,
    pipeline::{Explained, Named, explain_cached, session_header, understand},
    record::Bypass,
};

/// Explains what the cache would do.
pub(in super::super) async fn explain(
    gateway: &Arc<Gateway>,
    request: Request<RequestBody>,
    id: RequestId,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let (parts, admitted, body) = ask(gateway, request, passage).await?;
    let question = question::read(body, Envelope::OfAny)?;
    let endpoint = endpoint(question.endpoint.as_deref())?;
    let headers: Cow<'_, HeaderMap> = match &question.headers {
        Some(own) => Cow::Borrowed(own),
        None => without_foreign_prompt(&parts.headers),
    };
    let session = session_header(&headers)?;
    let call = understand((gateway, &admitted), (question.body, endpoint, &headers))?;
    let now_ms = gateway.clock.now_ms();
    let of_call = (&call, &*headers);
    let whose = (&**gateway, &admitted);
    let explained = explain_cached(whose, of_call, session.as_ref(), (id, now_ms)).await?;
    let answer = answer(&admitted, &explained, now_ms);
    Ok(json_response(StatusCode::OK, &answer))
}

fn endpoint(name: Option<&str>) -> Result<Endpoint, Refusal> {
    match name {
        None | Some("chat") => Ok(Endpoint::Chat),
        Some("responses") => Ok(Endpoint::Responses),
        Some("messages") => Ok(Endpoint::Messages),
        Some("embeddings") => Ok(Endpoint::Embeddings),
        Some(other) => {
            let shown: String = other.chars().take(64).collect();
            let message = format!(
                "endpoint is {shown:?}, it must be chat, responses, messages or embeddings"
            );
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_body", message);
            Err(refusal.about(Some("endpoint")))
        }
    }
}

fn answer(admitted: &Admitted, explained: &Explained, now_ms: u64) -> Value {
    let (status, note, why) = match explained {
        Explained::Off => (
            "off",
            None,
            "neither the call nor its tenant asks for the cache: send floopy-cache-enabled: true",
        ),
        Explained::Refused => (
            "refused",
            None,
            "the call would be refused by its headers; /v1/routing/explain says why",
        ),
        Explained::Bypassed(why) => ("bypass", Some(why.as_str()), reason(*why)),
        Explained::Asked(named) => {
            let (status, why) = of_stored(named);
            (status, None, why)
        }
    };
    let mut answer = json!({
        "object": "cache.explanation",
        "status": status,
        "note": note,
        "why": why,
        "is_cacheable": matches!(explained, Explained::Asked(_)),
        "key": null, "key_parts": null, "canonical_body": null, "left_out": [], "stored": [],
        "reads": null, "writes": null, "bucket_max_size": null, "ttl_seconds": null,
        "max_age_seconds": null, "semantic": null,
    });
    if let (Explained::Asked(named), Value::Object(answer)) = (explained, &mut answer) {
        answer.extend(of_named(admitted, named, now_ms));
    }
    answer
}

/// What happens to a call that asks, and why.
fn of_stored(named: &Named) -> (&'static str, &'static str) {
    if named.is_hit() {
        return ("exact", "a stored reply is given");
    }
    match named.similar() {
        Some((found, SemanticMode::On)) => {
            let status = if found.similar.advanced {
                "advanced"
            } else {
                "semantic"
            };
            (status, "the reply to the same in other words is given")
        }
        Some((_, SemanticMode::Shadow | SemanticMode::Off)) => (
            "miss",
            "the reply to the same in other words is only compared with a fresh one: mode is shadow",
        ),
        None if named.stored.is_empty() => ("miss", "nothing is stored under this key"),
        None => (
            "miss",
            "what is stored under this key may not be given to this call",
        ),
    }
}

/// What is stored to the same in other words.
fn semantic(named: &Named, now_ms: u64) -> Value {
    let set = named.wish.semantic;
    let near = named.meant.as_ref().map_or(&[][..], |meant| &meant.near);
    let near = near.iter().map(|near| {
        let entry = near.stored.as_ref().map(|stored| &stored.entry);
        json!({
            "place": if near.is_shared { "qdrant" } else { "proxy" },
            "similarity": f64::from(near.similar.similarity) / 1_000.0,
            "matched_key": hex::encode(near.similar.matched),
            "model": entry.map(|entry| &entry.model),
            "age_seconds": entry.map(|entry| entry.age_ms(now_ms) / 1_000),
            "is_given": near.is_given(),
            "why_not": near.why_not(),
        })
    });
    json!({
        "mode": set.mode.as_str(),
        "threshold": f64::from(set.least_thousandths()) / 1_000.0,
        "is_advanced": named.meant.as_ref().is_ok_and(|meant| meant.is_advanced),
        "not_looked_for": named.meant.as_ref().err().map(|why| why.as_str()),
        "near": near.collect::<Vec<_>>(),
    })
}

fn of_named(admitted: &Admitted, named: &Named, now_ms: u64) -> Map<String, Value> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let parts = named.form.parts.iter();
    let parts = parts.map(|(name, part)| ((*name).to_owned(), json!(part.as_deref().map(text))));
    let stored = named.stored.iter().map(|stored| {
        let entry = &stored.entry;
        json!({
            "place": if stored.is_shared { "redis" } else { "proxy" },
            "model": entry.model,
            "age_seconds": entry.age_ms(now_ms) / 1_000,
            "ttl_seconds": entry.ttl_ms / 1_000,
            "bytes": entry.body.len(),
            "is_given": stored.unfit.is_none(),
            "why_not": stored.unfit.map(|unfit| unfit.as_str()),
        })
    });
    let wish = &named.wish;
    let ttl_ms = wish.max_age_ms.unwrap_or(admitted.tenant.caching.ttl_ms());
    let answer = json!({
        "key": hex::encode(named.key),
        "key_parts": parts.collect::<Map<String, Value>>(),
        "canonical_body": text(&named.form.body),
        "left_out": named.left_out,
        "stored": stored.collect::<Vec<_>>(),
        "reads": wish.reads,
        "writes": wish.writes,
        "bucket_max_size": wish.bucket,
        "ttl_seconds": ttl_ms / 1_000,
        "max_age_seconds": wish.max_age_ms.map(|ms| ms / 1_000),
        "semantic": semantic(named, now_ms),
    });
    match answer {
        Value::Object(answer) => answer,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// Why a call is served without the cache.
fn reason(why: Bypass) -> &'static str {
    match why {
        Bypass::Off => "this proxy stores nothing: proxy.cache.max_bytes is 0",
        Bypass::ZeroRetention => "nothing of this tenant may be kept",
        Bypass::Evaluation => "an evaluation measures the live model",
        Bypass::Experiment => "an experiment measures the live model",
        Bypass::Passthrough => "the call is forwarded untouched",
        Bypass::NoStore => "cache-control says no-store",
        Bypass::Several => "n is not 1",
        Bypass::ProviderTools => "the provider runs tools, and what they find changes",
        Bypass::Tools => "a Responses call has tools",
        Bypass::Stored => "store is true: the provider is to keep the reply",
        Bypass::Endpoint => "only tokens are counted",
        Bypass::TooLong => "the body is longer than 1 MiB",
        Bypass::Unreadable => "the body is nested more than 128 deep, or has text that is none",
    }
}
