//! What of a tenant's replies is stored, and what a call got from there.

use floopy_proto::v1;

use super::{InvalidWire, ranking};
use crate::domain::cache::{CacheHit, CacheKey, CacheUse, Caching, Flush, FlushOf, MAX_TTL_S};

impl From<CacheUse> for v1::CacheUse {
    fn from(cache: CacheUse) -> Self {
        let hit = match cache {
            CacheUse::Miss => None,
            CacheUse::Hit(hit) => Some(v1::CacheHit {
                age_seconds: hit.age_s,
                saved_micro_usd: hit.saved_micro_usd,
                saved_input_tokens: hit.saved_input_tokens,
                saved_output_tokens: hit.saved_output_tokens,
            }),
        };
        Self { hit }
    }
}

impl From<v1::CacheUse> for CacheUse {
    fn from(cache: v1::CacheUse) -> Self {
        cache.hit.map_or(Self::Miss, |hit| {
            Self::Hit(CacheHit {
                age_s: hit.age_seconds,
                saved_micro_usd: hit.saved_micro_usd,
                saved_input_tokens: hit.saved_input_tokens,
                saved_output_tokens: hit.saved_output_tokens,
            })
        })
    }
}

impl From<&Caching> for v1::Caching {
    fn from(caching: &Caching) -> Self {
        Self {
            enabled: caching.enabled,
            ttl_seconds: caching.ttl_s,
            generation: caching.generation,
            flushed: caching.flushed,
            flushes: caching.flushes.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Caching> for Caching {
    type Error = InvalidWire;

    fn try_from(caching: v1::Caching) -> Result<Self, InvalidWire> {
        let ttl_s = caching.ttl_seconds;
        if let Some(seconds) = ttl_s.filter(|s| !(1..=MAX_TTL_S).contains(s)) {
            return Err(InvalidWire::invalid("ttl_seconds", seconds));
        }
        let flushes = caching.flushes.into_iter().map(TryInto::try_into);
        Ok(Self {
            enabled: caching.enabled,
            ttl_s,
            generation: caching.generation,
            flushed: caching.flushed,
            flushes: flushes.collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Flush> for v1::Flush {
    fn from(flush: &Flush) -> Self {
        let generation = flush.generation;
        match &flush.of {
            FlushOf::Model(model) => Self {
                generation,
                model: model.to_string(),
                ..Self::default()
            },
            FlushOf::Request(key) => Self {
                generation,
                key: key.to_vec().into(),
                ..Self::default()
            },
            FlushOf::Rule(rule) => Self {
                generation,
                rule: rule.clone(),
                ..Self::default()
            },
        }
    }
}

impl TryFrom<v1::Flush> for Flush {
    type Error = InvalidWire;

    fn try_from(flush: v1::Flush) -> Result<Self, InvalidWire> {
        let of = if !flush.rule.is_empty() {
            FlushOf::Rule(flush.rule)
        } else if flush.model.is_empty() {
            let key = CacheKey::try_from(flush.key.as_ref());
            let wrong = |_| {
                let length = flush.key.len();
                InvalidWire::invalid("key", format_args!("{length} bytes, not 32"))
            };
            FlushOf::Request(key.map_err(wrong)?)
        } else {
            FlushOf::Model(ranking::candidate(&flush.model)?)
        };
        Ok(Self {
            generation: flush.generation,
            of,
        })
    }
}
