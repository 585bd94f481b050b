//! What the firewall looked at.

use std::time::Duration;

use floopy_shared::domain::firewall::{
    Screening, Skip, Verdict,
    output::{Redacted, Watched},
};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::labels::{ScreeningLabel, ScreeningLabels, SkipLabel, SkipLabels};

/// Bounds of the histogram in seconds: 100 µs to a second.
const BUCKETS: [f64; 12] = [
    1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.3, 1.0,
];

/// The firewall's counters.
#[derive(Debug)]
pub(crate) struct FirewallMetrics {
    scans: Family<ScreeningLabels, Counter>,
    skipped: Family<SkipLabels, Counter>,
    replies: Family<ScreeningLabels, Counter>,
    redacted: Counter,
    seconds: Histogram,
    models: Gauge,
}

impl Default for FirewallMetrics {
    fn default() -> Self {
        Self {
            scans: Family::default(),
            skipped: Family::default(),
            replies: Family::default(),
            redacted: Counter::default(),
            seconds: Histogram::new(BUCKETS),
            models: Gauge::default(),
        }
    }
}

impl FirewallMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let scans = "Calls that the firewall was asked about by what came of it";
        registry.register("floopy_firewall_scans", scans, self.scans.clone());
        let skipped = "Calls that the firewall could not score by the reason";
        registry.register("floopy_firewall_skipped", skipped, self.skipped.clone());
        let replies = "Replies that the firewall looked at by what came of it";
        registry.register("floopy_firewall_replies", replies, self.replies.clone());
        let redacted = "Personal data and secrets taken out of calls before anybody was asked";
        registry.register("floopy_firewall_redacted", redacted, self.redacted.clone());
        let seconds = "How long calls waited for the firewall";
        registry.register_with_unit(
            "floopy_firewall",
            seconds,
            Unit::Seconds,
            self.seconds.clone(),
        );
        let models = "Models of the firewall in memory, one for each of its threads";
        registry.register("floopy_firewall_models", models, self.models.clone());
    }

    pub(crate) fn screened(&self, screening: &Screening, waited: Duration) {
        self.seconds.observe(waited.as_secs_f64());
        let verdict = match screening {
            Screening::Scored { verdict, .. } => label(*verdict),
            Screening::Skipped { why, refused } => {
                let reason = match why {
                    Skip::Full => SkipLabel::QueueFull,
                    Skip::Late => SkipLabel::Deadline,
                    Skip::Unavailable => SkipLabel::Unavailable,
                    Skip::Failed => SkipLabel::Failed,
                };
                self.skipped.get_or_create(&SkipLabels { reason }).inc();
                if *refused {
                    ScreeningLabel::Refused
                } else {
                    ScreeningLabel::Skipped
                }
            }
        };
        self.scans.get_or_create(&ScreeningLabels { verdict }).inc();
    }

    pub(crate) fn watched(&self, watched: &Watched) {
        let verdict = label(watched.verdict);
        self.replies
            .get_or_create(&ScreeningLabels { verdict })
            .inc();
    }

    pub(crate) fn redacted(&self, redacted: &[Redacted]) {
        let count: u64 = redacted.iter().map(|of| u64::from(of.count)).sum();
        if count > 0 {
            self.redacted.inc_by(count);
        }
    }

    /// One more model is in memory, or one less.
    pub(crate) fn loaded(&self, change: i64) {
        self.models.inc_by(change);
    }
}

fn label(verdict: Verdict) -> ScreeningLabel {
    match verdict {
        Verdict::Passed => ScreeningLabel::Passed,
        Verdict::Flagged => ScreeningLabel::Flagged,
        Verdict::Blocked => ScreeningLabel::Blocked,
    }
}
