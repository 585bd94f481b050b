//! The promotions of one shape of a tenant.

use std::collections::BTreeMap;

use floopy_shared::domain::ids::CandidateKey;

use super::{Limits, Promotion};
use crate::learn::monitor::Observation;

/// Who is under way in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Slot {
    pub(super) live: Option<Promotion>,
    pub(super) climbing: Option<Promotion>,
    /// Who serves since the last one was taken back.
    pub(super) back: Option<CandidateKey>,
    /// Who was taken back, until when.
    pub(super) barred: BTreeMap<CandidateKey, u64>,
}

impl Slot {
    /// Whether the observation says anything of what is under way.
    pub(super) fn observe(&mut self, seen: &Observation, limits: &Limits) -> bool {
        let mut is_news = false;
        if let Some(live) = self.live.as_mut().filter(|p| p.candidate == seen.arm) {
            live.guards.observe(&seen.outcome, seen.session, limits);
            is_news = true;
        }
        if let Some(climbing) = &mut self.climbing {
            if climbing.candidate == seen.arm {
                climbing.guards.observe(&seen.outcome, seen.session, limits);
                is_news = true;
            } else if climbing.replaces == seen.arm {
                climbing.guards.replaced(&seen.outcome, seen.session);
                is_news = true;
            }
        }
        is_news
    }
}
