//! A tenant's cache, as it is configured.

use serde::{Deserialize, Serialize};

use super::range::{threshold, ttl_seconds};
use crate::domain::cache::{self, Caching};

/// Whether replies are stored to be given again, for calls that do not say.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    pub enabled: bool,
    /// How long a reply is good for; absent: a week.
    #[serde(
        deserialize_with = "ttl_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub ttl_seconds: Option<u32>,
    /// For questions that ask the same in other words.
    #[serde(skip_serializing_if = "Semantic::is_default")]
    pub semantic: Semantic,
}

/// What is done for a question that asks the same in other words as one whose reply is stored.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Semantic {
    /// `off`; `shadow`, which compares the stored reply with a fresh one and gives the fresh one; or `on`.
    pub mode: SemanticMode,
    /// How near the questions must be, 0.3 to 1; absent: 0.6.
    #[serde(
        deserialize_with = "threshold",
        skip_serializing_if = "Option::is_none"
    )]
    pub threshold: Option<f64>,
    /// Earlier messages of the user may be in other words as well.
    pub advanced: bool,
}

/// Whether a question gets the reply to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SemanticMode {
    #[default]
    Off,
    Shadow,
    On,
}

impl Semantic {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As proxies know it.
    pub fn to_domain(self) -> cache::Semantic {
        let mode = match self.mode {
            SemanticMode::Off => cache::SemanticMode::Off,
            SemanticMode::Shadow => cache::SemanticMode::Shadow,
            SemanticMode::On => cache::SemanticMode::On,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0.5 to 1 where it was read"
        )]
        let thousandths = |share: f64| (share.clamp(0.0, 1.0) * 1_000.0).round() as u16;
        cache::Semantic {
            mode,
            threshold: self.threshold.map(thousandths),
            advanced: self.advanced,
        }
    }
}

impl From<cache::Semantic> for Semantic {
    fn from(semantic: cache::Semantic) -> Self {
        let mode = match semantic.mode {
            cache::SemanticMode::Off => SemanticMode::Off,
            cache::SemanticMode::Shadow => SemanticMode::Shadow,
            cache::SemanticMode::On => SemanticMode::On,
        };
        Self {
            mode,
            threshold: semantic.threshold.map(|t| f64::from(t) / 1_000.0),
            advanced: semantic.advanced,
        }
    }
}

impl Cache {
    /// As proxies know it, before anything was flushed.
    pub fn to_domain(self) -> Caching {
        Caching {
            enabled: self.enabled,
            ttl_s: self.ttl_seconds,
            semantic: self.semantic.to_domain(),
            ..Caching::default()
        }
    }
}
