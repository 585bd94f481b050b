//! A question as a point of Qdrant's, and what is asked of the points.

use bytes::Bytes;
use floopy_semantic::embed::Vector;
use floopy_shared::domain::{
    cache::{CacheKey, Flush, FlushOf},
    ids::TenantId,
};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{
        Looked, Meaning,
        index::CANDIDATES,
        written::{read, write},
    },
    Waiting,
};
use crate::{digest::digest_128, qdrant::Question};

/// Of the model that made the vectors, and of the way that a point is written: others are not looked at.
const FORM: &str = "1";

/// What Qdrant's numbers, which are of another precision, may be off.
const ROUNDING: f32 = 0.01;

/// Of what was found: whose it is, and what it asked.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    tenant: String,
    scope: String,
    key: String,
    pub questions: Vec<String>,
}

/// The reply to it.
#[derive(Debug, Deserialize)]
pub(super) struct Replied {
    tenant: String,
    reply: String,
}

impl Asked {
    /// The key of the call that asked it. `None`: it is not of this tenant, or not alike in all else.
    pub(super) fn key_of(&self, (tenant, scope): (&TenantId, &CacheKey)) -> Option<CacheKey> {
        let is_ours = self.tenant == tenant.as_str() && self.scope == hex::encode(scope);
        let mut key = CacheKey::default();
        hex::decode_to_slice(&self.key, &mut key).ok()?;
        is_ours.then_some(key)
    }
}

impl Replied {
    /// `None`: it is not of this tenant, not of this call, or not whole.
    pub(super) fn entry(self, tenant: &TenantId, key: &CacheKey) -> Option<super::Entry> {
        let is_ours = self.tenant == tenant.as_str();
        is_ours.then(|| read(&Bytes::from(self.reply), key))?
    }
}

/// `None`: the reply to it is no text.
pub(super) fn written(waiting: &Waiting) -> Option<Value> {
    let Waiting {
        tenant,
        flushed,
        meaning,
        entry,
    } = waiting;
    let reply = String::from_utf8(write(entry)?).ok()?;
    let (scope, key) = (hex::encode(meaning.scope), hex::encode(entry.key));
    // Of one call there is one point, whoever brings it.
    let id = digest_128(&[tenant.as_str().as_bytes(), &meaning.scope, &entry.key]);
    Some(json!({
        "id": Uuid::from_u128(id),
        "vector": numbers(&meaning.vector),
        "payload": {
            "form": FORM,
            "tenant": tenant.as_str(),
            "scope": scope,
            "key": key,
            "model": entry.model,
            "rule": entry.rule,
            "generation": entry.generation,
            "flushed": flushed,
            "expires_ms": entry.made_at_ms.saturating_add(entry.ttl_ms),
            "questions": &*meaning.questions,
            "reply": reply,
        },
    }))
}

fn numbers(vector: &Vector) -> Vec<f32> {
    vector.numbers().map(f32::from).to_vec()
}

/// What is near, of the same tenant, alike in all else, neither too old nor flushed with everything.
pub(super) fn search(looked: &Looked<'_>, meaning: &Meaning, least: f32) -> Question {
    let filter = json!({"must": [
        is("tenant", looked.tenant.as_str()),
        is("scope", &hex::encode(meaning.scope)),
        is("form", FORM),
        {"key": "flushed", "range": {"gte": looked.caching.flushed}},
        {"key": "expires_ms", "range": {"gt": looked.now_ms}},
    ]});
    let body = json!({
        "query": numbers(&meaning.vector),
        "filter": filter,
        "limit": CANDIDATES,
        "score_threshold": least - ROUNDING,
        "with_payload": ["tenant", "scope", "key", "questions"],
    });
    Question::new(Method::POST, "/points/query", &body)
}

pub(super) fn fetch(id: &str) -> Question {
    let body = json!({"ids": [id], "with_payload": ["tenant", "reply"]});
    Question::new(Method::POST, "/points", &body)
}

pub(super) fn store(points: &[Value]) -> Question {
    let body = json!({"points": points});
    Question::new(Method::PUT, "/points?wait=true", &body)
}

/// Roughly: exactly would mean to look at each.
pub(super) fn count() -> Question {
    let body = json!({"exact": false});
    Question::new(Method::POST, "/points/count", &body)
}

/// Takes away what is too old.
pub(super) fn expire(now_ms: u64) -> Question {
    delete(&[json!({"key": "expires_ms", "range": {"lte": now_ms}})])
}

/// Takes away everything of a tenant.
pub(super) fn forget(tenant: &TenantId) -> Question {
    delete(&[is("tenant", tenant.as_str())])
}

/// Takes away what a tenant stored before its last flush of everything.
pub(super) fn older(tenant: &TenantId, flushed: u64) -> Question {
    let older = json!({"key": "flushed", "range": {"lt": flushed}});
    delete(&[is("tenant", tenant.as_str()), older])
}

/// Takes away what a tenant flushed by model, rule or request.
pub(super) fn flush(tenant: &TenantId, flush: &Flush) -> Question {
    let of = match &flush.of {
        FlushOf::Model(model) => is("model", model.as_str()),
        FlushOf::Rule(rule) => is("rule", rule),
        FlushOf::Request(key) => is("key", &hex::encode(key)),
    };
    let older = json!({"key": "generation", "range": {"lt": flush.generation}});
    delete(&[is("tenant", tenant.as_str()), of, older])
}

fn delete(must: &[Value]) -> Question {
    let body = json!({"filter": {"must": must}});
    Question::new(Method::POST, "/points/delete?wait=true", &body)
}

fn is(key: &str, value: &str) -> Value {
    json!({"key": key, "match": {"value": value}})
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use floopy_shared::domain::{ids::CandidateKey, money::Usage};
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;
    use serde_json::from_value;

    use super::*;
    use crate::cache::entry::Entry;

    fn tenant(id: &str) -> TenantId {
        TenantId::new(id).expect("valid")
    }

    fn waiting(questions: &[String], body: &str, key: u8) -> Waiting {
        let entry = Entry {
            key: [key; 32],
            model: CandidateKey::parse("p/m").expect("valid"),
            rule: None,
            is_listed: true,
            made_at_ms: 1_000,
            ttl_ms: 500,
            generation: 7,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
            cost_micro_usd: Some(1),
            usage: Usage::default(),
        };
        Waiting {
            tenant: tenant("acme"),
            flushed: 3,
            meaning: Meaning::asking([9; 32], questions.to_vec()),
            entry: Arc::new(entry),
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_by_its_own_tenant_alone(
            questions in prop::collection::vec("\\PC{1,40}", 1..4), body in "\\PC{0,80}", key in any::<u8>(),
        ) {
            let waiting = waiting(&questions, &body, key);
            let mut point = written(&waiting).expect("text");
            let again = written(&waiting).expect("text");
            prop_assert_eq!(&point["id"], &again["id"], "a call has one point");
            prop_assert_eq!(&point["payload"]["expires_ms"], &json!(1_500));
            let payload = point["payload"].take();
            let asked: Asked = from_value(payload.clone()).expect("one of ours");
            prop_assert_eq!(&asked.questions, &questions);
            let (own, other) = (tenant("acme"), tenant("acm"));
            prop_assert_eq!(asked.key_of((&own, &[9; 32])), Some([key; 32]));
            prop_assert_eq!(asked.key_of((&other, &[9; 32])), None);
            prop_assert_eq!(asked.key_of((&own, &[8; 32])), None);
            let replied = || from_value::<Replied>(payload.clone()).expect("one of ours");
            let entry = replied().entry(&own, &[key; 32]).expect("whole");
            prop_assert_eq!(&entry.body[..], body.as_bytes());
            prop_assert!(replied().entry(&other, &[key; 32]).is_none());
            prop_assert!(replied().entry(&own, &[key.wrapping_add(1); 32]).is_none());
        }
    }

    #[test]
    fn what_is_taken_away_is_one_tenants() {
        let flushed = |of| Flush { generation: 9, of };
        let model = CandidateKey::parse("p/m").expect("valid");
        for question in [
            forget(&tenant("acme")),
            older(&tenant("acme"), 5),
            flush(&tenant("acme"), &flushed(FlushOf::Model(model))),
            flush(&tenant("acme"), &flushed(FlushOf::Rule("r".to_owned()))),
            flush(&tenant("acme"), &flushed(FlushOf::Request([1; 32]))),
        ] {
            let body: Value = serde_json::from_slice(question.body()).expect("JSON");
            let first = &body["filter"]["must"][0];
            assert_eq!(*first, is("tenant", "acme"), "{body}");
        }
    }
}
