//! Stored replies: which of a tenant's may be given again, and what one of them saved.

use super::{decision::Decision, ids::CandidateKey};

/// How long a stored reply is good for where nobody says: a week.
pub const DEFAULT_TTL_S: u32 = 7 * 86_400;
/// Longest that one may be good for: thirty days.
pub const MAX_TTL_S: u32 = 30 * 86_400;
/// Flushes of single models and requests that are kept. One more, and the oldest becomes a flush of everything that is
/// older than it, which takes away more than was asked for and never less.
pub const MAX_FLUSHES: usize = 64;

/// How near a question must be where nobody says, in thousandths.
pub const DEFAULT_THRESHOLD: u16 = 600;
/// The least that may be asked for.
pub const MIN_THRESHOLD: u16 = 300;

/// What names a request: a hash of everything about it that matters.
pub type CacheKey = [u8; 32];

/// Whether a tenant's replies are stored, and which of them are gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caching {
    /// For calls that do not say.
    pub enabled: bool,
    /// In seconds; `None`: [`DEFAULT_TTL_S`].
    pub ttl_s: Option<u32>,
    /// For questions that ask the same in other words.
    pub semantic: Semantic,
    /// Of the last flush. Replies are stored under the one that their call was decided on, so that a reply which was
    /// under way while it was flushed is gone as well, whatever clocks say.
    pub generation: u64,
    /// Replies stored under an older one are gone.
    pub flushed: u64,
    /// The oldest first, [`MAX_FLUSHES`] at most.
    pub flushes: Vec<Flush>,
}

/// What is done for a question that asks the same in other words as one whose reply is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Semantic {
    pub mode: SemanticMode,
    /// How near it must be, in thousandths; `None`: [`DEFAULT_THRESHOLD`].
    pub threshold: Option<u16>,
    /// What the user said before may be in other words as well.
    pub advanced: bool,
}

/// Whether it gets that reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SemanticMode {
    #[default]
    Off,
    /// It does not, and the reply that it gets is compared with the stored one.
    Shadow,
    On,
}

impl Semantic {
    pub fn is_off(self) -> bool {
        self.mode == SemanticMode::Off
    }

    /// How near a question must be, -1 to 1.
    pub fn least_similarity(self) -> f32 {
        f32::from(self.least_thousandths()) / 1_000.0
    }

    /// The same in thousandths.
    pub fn least_thousandths(self) -> u16 {
        self.threshold.unwrap_or(DEFAULT_THRESHOLD)
    }
}

impl SemanticMode {
    pub const ALL: [Self; 3] = [Self::Off, Self::Shadow, Self::On];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::On => "on",
        }
    }
}

/// Replies of a model, to one request or under one rule, that were stored under an older generation are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flush {
    pub generation: u64,
    pub of: FlushOf,
}

/// Which replies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlushOf {
    Model(CandidateKey),
    Request(CacheKey),
    /// Those of calls that the rule of this name decided on.
    Rule(String),
}

/// What a flush can be about: the request that a reply is to, who gave it, and the name of the rule that decided.
pub type Subject<'a> = (&'a CacheKey, &'a CandidateKey, Option<&'a str>);

impl Caching {
    /// How long a reply is good for, in milliseconds.
    pub fn ttl_ms(&self) -> u64 {
        u64::from(self.ttl_s.unwrap_or(DEFAULT_TTL_S)) * 1_000
    }

    /// Whether a reply is gone that was stored under this generation.
    pub fn is_flushed(&self, generation: u64, (key, model, rule): Subject<'_>) -> bool {
        generation < self.flushed
            || self.flushes.iter().any(|flush| {
                generation < flush.generation
                    && match &flush.of {
                        FlushOf::Model(flushed) => flushed == model,
                        FlushOf::Request(flushed) => flushed == key,
                        FlushOf::Rule(flushed) => rule == Some(flushed),
                    }
            })
    }

    /// Takes away what is stored by now; `of`: `None` for everything.
    pub fn flush(&mut self, of: Option<FlushOf>, now_ms: u64) {
        self.generation = now_ms.max(self.generation + 1);
        let generation = self.generation;
        match of {
            None => {
                self.flushed = generation;
                self.flushes.clear();
            }
            Some(of) => {
                self.flushes.retain(|flush| flush.of != of);
                self.flushes.push(Flush { generation, of });
                if self.flushes.len() > MAX_FLUSHES {
                    self.flushed = self.flushes.remove(0).generation;
                }
            }
        }
    }
}

/// What the cache had for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    /// Nothing, so a provider was asked.
    Miss,
    Hit(CacheHit),
    /// A provider was asked although the reply to another question would have done, to see whether it does.
    Compared(Comparison),
}

/// A stored reply to the same question in other words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Similar {
    /// Of the two questions, in thousandths.
    pub similarity: u16,
    /// Earlier messages were in other words as well.
    pub advanced: bool,
    /// The request that it was the reply to.
    pub matched: CacheKey,
}

/// A stored reply that was not given, and whether the one that was says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    pub similar: Similar,
    /// `None`: it is not known yet, or they cannot be compared.
    pub agrees: Option<bool>,
}

/// A stored reply that was given, and what it cost when a provider gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheHit {
    pub age_s: u64,
    /// `None`: its price was not known.
    pub saved_micro_usd: Option<u64>,
    pub saved_input_tokens: u64,
    pub saved_output_tokens: u64,
    /// `None`: it was the reply to this very request.
    pub similar: Option<Similar>,
}

impl Decision {
    /// The stored reply that was given. Nobody was asked, so it says nothing of what routing learns.
    pub fn cache_hit(&self) -> Option<CacheHit> {
        match self.cache {
            Some(CacheUse::Hit(hit)) => Some(hit),
            Some(CacheUse::Miss | CacheUse::Compared(_)) | None => None,
        }
    }

    /// The stored reply that was compared with the one that was given.
    pub fn comparison(&self) -> Option<Comparison> {
        match self.cache {
            Some(CacheUse::Compared(comparison)) => Some(comparison),
            Some(CacheUse::Miss | CacheUse::Hit(_)) | None => None,
        }
    }

    /// Whether nobody was chosen for it: it was a line of a batch, or a stored reply answered it.
    pub fn is_unrouted(&self) -> bool {
        self.batch.is_some() || self.cache_hit().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str) -> CandidateKey {
        CandidateKey::parse(name).expect("valid")
    }

    #[test]
    fn a_flush_takes_what_was_stored_before_it_and_nothing_after() {
        let (a, b) = (model("p/a"), model("p/b"));
        let mut caching = Caching::default();
        let of = |caching: &Caching, generation, model: &CandidateKey| {
            caching.is_flushed(generation, (&[1; 32], model, Some("r")))
        };
        assert!(!of(&caching, 0, &a));
        caching.flush(Some(FlushOf::Model(a.clone())), 1_000);
        assert!(of(&caching, 0, &a) && !of(&caching, 0, &b));
        assert!(!of(&caching, caching.generation, &a));
        caching.flush(Some(FlushOf::Request([1; 32])), 900);
        assert_eq!(caching.generation, 1_001, "whatever the clock says");
        assert!(of(&caching, 1_000, &b) && !of(&caching, 1_001, &b));
        caching.flush(Some(FlushOf::Rule("s".to_owned())), 1_500);
        assert!(!of(&caching, 1_499, &b), "another rule's");
        caching.flush(Some(FlushOf::Rule("r".to_owned())), 1_600);
        assert!(of(&caching, 1_599, &b) && !of(&caching, 1_600, &b));
        caching.flush(None, 2_000);
        assert!(of(&caching, 1_999, &b) && caching.flushes.is_empty());
        assert!(!of(&caching, 2_000, &b));
    }

    #[test]
    fn more_flushes_than_are_kept_take_away_more_and_never_less() {
        let mut caching = Caching::default();
        for n in 0..=MAX_FLUSHES {
            let of = FlushOf::Model(model(&format!("p/m{n}")));
            caching.flush(Some(of), 10 + n as u64);
        }
        assert_eq!(caching.flushes.len(), MAX_FLUSHES);
        let of =
            |generation, name: &str| caching.is_flushed(generation, (&[0; 32], &model(name), None));
        assert!(of(9, "p/m0") && of(9, "p/other"));
        assert!(!of(10, "p/other") && of(10, "p/m1"));
    }
}
