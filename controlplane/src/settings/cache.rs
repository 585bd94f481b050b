//! What a tenant set of its cache, and what it flushed, as it is written.

use floopy_shared::{
    domain::{
        cache::{CacheKey, Caching, Flush, FlushOf, MAX_TTL_S},
        constraints::InvalidConstraints,
        ids::CandidateKey,
    },
    process::config::Semantic,
};
use serde::{Deserialize, Serialize};

use super::{read, unreadable};
use crate::store::{StoreError, settings::Document};

/// The id of the document that says what is set.
pub(crate) const SETTINGS: &str = "settings";
/// The id of the document that says what was flushed.
pub(crate) const FLUSHES: &str = "flushes";

/// What is set; a key that is missing or `null` leaves it as it is where nobody sets anything.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WrittenCache {
    pub(crate) enabled: Option<bool>,
    pub(crate) ttl_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) semantic: Option<Semantic>,
}

impl WrittenCache {
    /// Whether earlier messages may be in other words.
    pub(crate) fn is_advanced(&self) -> bool {
        self.semantic
            .as_ref()
            .is_some_and(|semantic| semantic.advanced)
    }

    /// Refuses what keeps nothing, or keeps it longer than anybody may.
    pub(crate) fn validate(self) -> Result<Self, InvalidConstraints> {
        match self.ttl_seconds.filter(|s| !(1..=MAX_TTL_S).contains(s)) {
            Some(seconds) => Err(InvalidConstraints::new(
                "ttl_seconds",
                format!("{seconds} is not allowed; it must be 1 to {MAX_TTL_S}"),
            )),
            None => Ok(self),
        }
    }
}

/// What was flushed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct WrittenFlushes {
    generation: u64,
    flushed: u64,
    flushes: Vec<WrittenFlush>,
}

/// One of them; `model`, `key` or `rule`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WrittenFlush {
    generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

impl From<&Caching> for WrittenFlushes {
    fn from(caching: &Caching) -> Self {
        let written = |flush: &Flush| {
            let (model, key, rule) = match &flush.of {
                FlushOf::Model(model) => (Some(model.to_string()), None, None),
                FlushOf::Request(key) => (None, Some(hex::encode(key)), None),
                FlushOf::Rule(rule) => (None, None, Some(rule.clone())),
            };
            WrittenFlush {
                generation: flush.generation,
                model,
                key,
                rule,
            }
        };
        Self {
            generation: caching.generation,
            flushed: caching.flushed,
            flushes: caching.flushes.iter().map(written).collect(),
        }
    }
}

impl WrittenFlush {
    fn to_domain(&self) -> Option<Flush> {
        let of = match (&self.model, &self.key, &self.rule) {
            (Some(model), ..) => FlushOf::Model(CandidateKey::parse(model).ok()?),
            (None, Some(key), _) => FlushOf::Request(parse_key(key)?),
            (None, None, Some(rule)) => FlushOf::Rule(rule.clone()),
            (None, None, None) => return None,
        };
        Some(Flush {
            generation: self.generation,
            of,
        })
    }
}

/// A key as callers are told it: 64 hexadecimal digits.
pub(crate) fn parse_key(text: &str) -> Option<CacheKey> {
    CacheKey::try_from(hex::decode(text).ok()?).ok()
}

/// Puts a document on top of what a tenant has.
pub(super) fn apply(caching: &mut Caching, document: &Document) -> Result<(), StoreError> {
    match document.id.as_str() {
        SETTINGS => {
            let written: WrittenCache = read(document)?;
            let written = written.validate().map_err(unreadable)?;
            caching.enabled = written.enabled.unwrap_or(caching.enabled);
            caching.ttl_s = written.ttl_seconds.or(caching.ttl_s);
            let semantic = written.semantic.map(Semantic::to_domain);
            caching.semantic = semantic.unwrap_or(caching.semantic);
        }
        FLUSHES => {
            let written: WrittenFlushes = read(document)?;
            let flushes: Option<Vec<Flush>> = written
                .flushes
                .iter()
                .map(WrittenFlush::to_domain)
                .collect();
            let Some(flushes) = flushes else {
                return Err(StoreError::corrupt(
                    "flush",
                    "neither a model, a key nor a rule",
                ));
            };
            (caching.generation, caching.flushed) = (written.generation, written.flushed);
            caching.flushes = flushes;
        }
        // Of a later version.
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_flushed_is_read_back_as_it_was_written() {
        let mut caching = Caching::default();
        let model = CandidateKey::parse("p/a").expect("valid");
        caching.flush(None, 5);
        caching.flush(Some(FlushOf::Model(model)), 7);
        caching.flush(Some(FlushOf::Request([9; 32])), 8);
        caching.flush(Some(FlushOf::Rule("support".to_owned())), 9);
        let body = serde_json::to_string(&WrittenFlushes::from(&caching)).expect("serialises");
        let document = Document {
            id: FLUSHES.to_owned(),
            body,
            created_ms: 0,
            changed_ms: 0,
        };
        let mut found = Caching::default();
        apply(&mut found, &document).expect("reads");
        assert_eq!(found, caching);
    }
}
