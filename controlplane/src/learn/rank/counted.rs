//! What of everything that was observed counts now.

use std::borrow::Cow;

use super::{Candidate, Question};
use crate::learn::{
    alarm::{DEMOTION, forget},
    stats::TenantStats,
};

/// Whether a candidate has yet to prove itself after it got worse.
pub(super) fn is_masked(question: &Question<'_>, key: &str) -> bool {
    let alarm = question.alarms.get_key_value(key);
    alarm.is_some_and(|(key, alarm)| alarm.is_pending(question.stats, key))
}

/// The sums without what no longer counts, and with what callers did where that does.
pub(super) fn counted<'a>(question: &Question<'a>) -> Cow<'a, TenantStats> {
    let mut stats = if question.alarms.is_empty() {
        Cow::Borrowed(question.stats)
    } else {
        Cow::Owned(forget(question.stats, question.alarms))
    };
    if !question.implicit.is_empty() {
        stats.to_mut().imply(question.implicit);
    }
    stats
}

/// A prior after what happened to the candidate.
pub(super) fn demoted(question: &Question<'_>, candidate: &Candidate, prior: f64) -> f64 {
    if question.alarms.contains_key(&candidate.key) {
        prior * DEMOTION
    } else {
        prior
    }
}
