//! What the drift monitors know, as it is written down.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

use crate::learn::{
    drift::{Reference, Watch},
    recheck::Recheck,
    sums::Sums,
};

/// What is known of a candidate in one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Own {
    pub watch: Watch,
    /// Scores and failures that it must have after an alarm before it is watched again.
    pub unproven: u32,
}

/// What is known of a candidate over all tenants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Everybody {
    pub watch: Watch,
    /// Who saw it since it was last taken out for all.
    pub tenants: BTreeSet<TenantId>,
}

/// What is usual of a candidate in one shape of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usual {
    /// What scores are compared with.
    pub held: Reference,
    /// All scores since the last alarm.
    pub seen: Sums,
}

/// Entries of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Entries<K, V> {
    pub kept: Vec<(K, V)>,
    /// Entries that there are no longer.
    pub gone: Vec<K>,
}

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            gone: Vec::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Entries<K, V> {
    /// Those of `all` that changed.
    pub(super) fn of(all: &HashMap<K, V>, changed: &HashSet<K>) -> Self {
        let mut entries = Self::default();
        for key in changed {
            match all.get(key) {
                Some(value) => entries.kept.push((key.clone(), value.clone())),
                None => entries.gone.push(key.clone()),
            }
        }
        entries
    }
}

/// All that the monitors know, or what of it changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    pub own: Entries<(TenantId, CandidateKey), Own>,
    pub everybody: Entries<CandidateKey, Everybody>,
    pub usual: Entries<(TenantId, ShapeKey, CandidateKey), Usual>,
    /// Alarms for all tenants that may yet be taken back.
    pub rechecks: Entries<CandidateKey, Recheck>,
    /// What was usual before such an alarm: the mean score.
    pub before: Entries<(TenantId, ShapeKey, CandidateKey), f64>,
}
