//! What of a tenant's replies is stored, and what a call got from there.

use floopy_proto::v1;

use super::{InvalidWire, ranking};
use crate::domain::cache::{
    CacheHit, CacheKey, CacheUse, Caching, Comparison, Flush, FlushOf, MAX_TTL_S, MIN_THRESHOLD,
    Semantic, SemanticMode, Similar,
};

impl From<CacheUse> for v1::CacheUse {
    fn from(cache: CacheUse) -> Self {
        match cache {
            CacheUse::Miss => Self::default(),
            CacheUse::Hit(hit) => Self {
                hit: Some(hit.into()),
                ..Self::default()
            },
            CacheUse::Compared(comparison) => Self {
                compared: Some(v1::CacheComparison {
                    similar: Some(comparison.similar.into()),
                    agrees: comparison.agrees,
                }),
                ..Self::default()
            },
        }
    }
}

/// What cannot be read of a comparison is no comparison: the call is a miss then.
impl From<v1::CacheUse> for CacheUse {
    fn from(cache: v1::CacheUse) -> Self {
        if let Some(hit) = cache.hit {
            return Self::Hit(hit.into());
        }
        let compared = cache.compared.and_then(|compared| {
            Some(Comparison {
                similar: similar(compared.similar?)?,
                agrees: compared.agrees,
            })
        });
        compared.map_or(Self::Miss, Self::Compared)
    }
}

impl From<CacheHit> for v1::CacheHit {
    fn from(hit: CacheHit) -> Self {
        Self {
            age_seconds: hit.age_s,
            saved_micro_usd: hit.saved_micro_usd,
            saved_input_tokens: hit.saved_input_tokens,
            saved_output_tokens: hit.saved_output_tokens,
            similar: hit.similar.map(Into::into),
        }
    }
}

impl From<v1::CacheHit> for CacheHit {
    fn from(hit: v1::CacheHit) -> Self {
        Self {
            age_s: hit.age_seconds,
            saved_micro_usd: hit.saved_micro_usd,
            saved_input_tokens: hit.saved_input_tokens,
            saved_output_tokens: hit.saved_output_tokens,
            similar: hit.similar.and_then(similar),
        }
    }
}

impl From<Similar> for v1::SimilarReply {
    fn from(similar: Similar) -> Self {
        Self {
            similarity: similar.similarity.into(),
            advanced: similar.advanced,
            matched: similar.matched.to_vec().into(),
        }
    }
}

fn similar(similar: v1::SimilarReply) -> Option<Similar> {
    Some(Similar {
        similarity: u16::try_from(similar.similarity).ok()?,
        advanced: similar.advanced,
        matched: CacheKey::try_from(similar.matched.as_ref()).ok()?,
    })
}

impl From<Semantic> for v1::SemanticCaching {
    fn from(semantic: Semantic) -> Self {
        use v1::semantic_caching::Mode;
        let mode = match semantic.mode {
            SemanticMode::Off => Mode::Unspecified,
            SemanticMode::Shadow => Mode::Shadow,
            SemanticMode::On => Mode::On,
        };
        Self {
            mode: mode.into(),
            threshold: semantic.threshold.map(Into::into),
            advanced: semantic.advanced,
        }
    }
}

impl TryFrom<v1::SemanticCaching> for Semantic {
    type Error = InvalidWire;

    fn try_from(semantic: v1::SemanticCaching) -> Result<Self, InvalidWire> {
        use v1::semantic_caching::Mode;
        let mode = match Mode::try_from(semantic.mode) {
            Ok(Mode::Unspecified) => SemanticMode::Off,
            Ok(Mode::Shadow) => SemanticMode::Shadow,
            Ok(Mode::On) => SemanticMode::On,
            Err(_) => return Err(InvalidWire::invalid("semantic.mode", semantic.mode)),
        };
        let wrong = |threshold| InvalidWire::invalid("semantic.threshold", threshold);
        let threshold = semantic.threshold.map(|threshold| {
            let found = u16::try_from(threshold).ok();
            let found = found.filter(|found| (MIN_THRESHOLD..=1_000).contains(found));
            found.ok_or_else(|| wrong(threshold))
        });
        Ok(Self {
            mode,
            threshold: threshold.transpose()?,
            advanced: semantic.advanced,
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
            semantic: Some(caching.semantic.into()),
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
        let semantic = caching.semantic.map(TryInto::try_into).transpose()?;
        Ok(Self {
            enabled: caching.enabled,
            ttl_s,
            semantic: semantic.unwrap_or_default(),
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
