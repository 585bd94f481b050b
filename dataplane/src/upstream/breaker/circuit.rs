//! The state of one candidate's circuit, moved only by what it is told and by the time.

use std::time::{Duration, Instant};

/// When circuits open, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub failures: u32,
    pub open: Duration,
    pub max_open: Duration,
}

impl Rules {
    /// Twice as long after every probe that failed.
    fn open_for(self, failed_probes: u32) -> Duration {
        let doubled = self.open.saturating_mul(1 << failed_probes.min(16));
        doubled.min(self.max_open.max(self.open))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Circuit {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        failed_probes: u32,
    },
    /// One probe is on its way; should it never report, the next is let through after `until`.
    Probing {
        until: Instant,
        failed_probes: u32,
    },
}

impl Circuit {
    pub(super) const HEALTHY: Self = Self::Closed { failures: 0 };

    pub(super) fn is_open(self, now: Instant) -> bool {
        match self {
            Self::Closed { .. } => false,
            Self::Open { until, .. } | Self::Probing { until, .. } => now < until,
        }
    }

    pub(super) fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// A call is about to be made.
    pub(super) fn begun(self, now: Instant, rules: Rules) -> Self {
        match self {
            Self::Open {
                until,
                failed_probes,
            }
            | Self::Probing {
                until,
                failed_probes,
            } if now >= until => Self::Probing {
                until: now + rules.open,
                failed_probes,
            },
            Self::Closed { .. } | Self::Open { .. } | Self::Probing { .. } => self,
        }
    }

    pub(super) fn failed(self, now: Instant, rules: Rules) -> Self {
        let open = |failed_probes| Self::Open {
            until: now + rules.open_for(failed_probes),
            failed_probes,
        };
        match self {
            Self::Closed { failures } if failures + 1 < rules.failures => Self::Closed {
                failures: failures + 1,
            },
            Self::Closed { .. } => open(0),
            Self::Probing { failed_probes, .. } => open(failed_probes.saturating_add(1)),
            Self::Open { .. } => self,
        }
    }

    /// A probe ended without saying anything: the next call is the probe.
    pub(super) fn released(self, now: Instant) -> Self {
        match self {
            Self::Probing { failed_probes, .. } => Self::Open {
                until: now,
                failed_probes,
            },
            Self::Closed { .. } | Self::Open { .. } => self,
        }
    }
}

/// What is known of a candidate that is not in perfect order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Health {
    pub circuit: Circuit,
    /// Its provider asked to be left alone until then.
    pub rests_until: Option<Instant>,
    /// Which opening of any circuit this one's last was; calls begun before it say nothing of now.
    pub opening: u64,
}

impl Health {
    pub(super) const GOOD: Self = Self {
        circuit: Circuit::HEALTHY,
        rests_until: None,
        opening: 0,
    };

    pub(super) fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    pub(super) fn is_left_alone(&self, now: Instant) -> bool {
        self.rests(now) || self.circuit.is_open(now)
    }

    /// Whether a call says something of the circuit as it is now: one that was made before it opened does not.
    pub(super) fn is_news(&self, begun: u64) -> bool {
        self.circuit.is_closed() || begun >= self.opening
    }

    /// The higher, the later it is forgotten when there are too many.
    pub(super) fn worth(&self, now: Instant) -> (u8, u32, Option<Instant>) {
        let kept = self.rests_until.filter(|until| *until > now);
        match self.circuit {
            Circuit::Open { until, .. } | Circuit::Probing { until, .. } if until > now => {
                (2, 0, Some(until).max(kept))
            }
            Circuit::Closed { .. } | Circuit::Open { .. } | Circuit::Probing { .. }
                if kept.is_some() =>
            {
                (2, 0, kept)
            }
            Circuit::Closed { failures } => (1, failures, None),
            Circuit::Open { until, .. } | Circuit::Probing { until, .. } => (0, 0, Some(until)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        failures: 3,
        open: Duration::from_secs(30),
        max_open: Duration::from_secs(100),
    };

    #[test]
    fn one_probe_is_let_through_and_a_failure_doubles_the_time_up_to_its_bound() {
        let mut now = Instant::now();
        let mut circuit = Circuit::Closed { failures: 2 }.failed(now, RULES);
        for seconds in [30, 60, 100, 100] {
            let last = now + Duration::from_secs(seconds - 1);
            assert!(circuit.is_open(last), "{seconds}");
            now += Duration::from_secs(seconds);
            assert!(!circuit.is_open(now), "{seconds}");
            circuit = circuit.begun(now, RULES);
            assert!(circuit.is_open(now), "others wait for the probe");
            circuit = circuit.failed(now, RULES);
        }
    }

    #[test]
    fn a_probe_that_never_reports_is_replaced() {
        let start = Instant::now();
        let open = Circuit::Open {
            until: start,
            failed_probes: 0,
        };
        let probing = open.begun(start, RULES);
        let later = start + Duration::from_secs(30);
        assert!(probing.is_open(start) && !probing.is_open(later));
    }

    #[test]
    fn calls_made_before_it_opened_do_not_prolong_it() {
        let start = Instant::now();
        let open = Circuit::Open {
            until: start + RULES.open,
            failed_probes: 0,
        };
        assert_eq!(open.failed(start + Duration::from_secs(10), RULES), open);
    }
}
