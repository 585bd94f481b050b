//! Circuit breakers, one per candidate: after repeated failures it is left alone, then probed once.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use floopy_shared::domain::ids::CandidateKey;

use crate::config;

/// The state of one circuit, moved only by what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Circuit {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One probe is on its way; should it never report, the next is let through after `until`.
    Probing {
        until: Instant,
    },
}

/// When circuits open, and for how long.
#[derive(Debug, Clone, Copy)]
struct Rules {
    failures: u32,
    open: Duration,
}

impl Circuit {
    fn is_open(self, now: Instant) -> bool {
        match self {
            Self::Closed { .. } => false,
            Self::Open { until } | Self::Probing { until } => now < until,
        }
    }

    /// A call is about to be made.
    fn begun(self, now: Instant, rules: Rules) -> Self {
        match self {
            Self::Open { until } | Self::Probing { until } if now >= until => Self::Probing {
                until: now + rules.open,
            },
            Self::Closed { .. } | Self::Open { .. } | Self::Probing { .. } => self,
        }
    }

    fn failed(self, now: Instant, rules: Rules) -> Self {
        match self {
            Self::Closed { failures } if failures + 1 < rules.failures => Self::Closed {
                failures: failures + 1,
            },
            Self::Closed { .. } | Self::Probing { .. } => Self::Open {
                until: now + rules.open,
            },
            Self::Open { .. } => self,
        }
    }
}

/// The circuits that are not in perfect order; a healthy candidate has none.
#[derive(Debug)]
pub struct Breakers {
    rules: Rules,
    circuits: Mutex<HashMap<CandidateKey, Circuit>>,
    /// How many there are, so that the usual case takes no lock.
    troubled: AtomicUsize,
}

impl Breakers {
    /// All closed.
    pub fn new(config: &config::Breaker) -> Self {
        let rules = Rules {
            failures: config.failures,
            open: Duration::from_millis(config.open_ms),
        };
        Self {
            rules,
            circuits: Mutex::default(),
            troubled: AtomicUsize::new(0),
        }
    }

    /// Whether the candidate is left alone now.
    pub fn is_open(&self, key: &CandidateKey) -> bool {
        self.troubled.load(Ordering::Relaxed) > 0 && self.is_open_at(key, Instant::now())
    }

    fn is_open_at(&self, key: &CandidateKey, now: Instant) -> bool {
        self.lock()
            .get(key)
            .is_some_and(|circuit| circuit.is_open(now))
    }

    /// A call is about to be made: where a circuit is half open, it is the probe.
    pub fn begun(&self, key: &CandidateKey) {
        if self.troubled.load(Ordering::Relaxed) > 0
            && let Some(circuit) = self.lock().get_mut(key)
        {
            *circuit = circuit.begun(Instant::now(), self.rules);
        }
    }

    /// A call succeeded, or failed by the caller's fault.
    pub fn succeeded(&self, key: &CandidateKey) {
        if self.troubled.load(Ordering::Relaxed) > 0 {
            let mut circuits = self.lock();
            circuits.remove(key);
            self.troubled.store(circuits.len(), Ordering::Relaxed);
        }
    }

    /// A call failed; says whether that opened the circuit.
    pub fn failed(&self, key: &CandidateKey) -> bool {
        self.failed_at(key, Instant::now())
    }

    fn failed_at(&self, key: &CandidateKey, now: Instant) -> bool {
        let mut circuits = self.lock();
        let circuit = circuits
            .entry(key.clone())
            .or_insert(Circuit::Closed { failures: 0 });
        let before = *circuit;
        *circuit = circuit.failed(now, self.rules);
        let opened = *circuit != before && matches!(circuit, Circuit::Open { .. });
        self.troubled.store(circuits.len(), Ordering::Relaxed);
        opened
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CandidateKey, Circuit>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        failures: 3,
        open: Duration::from_secs(30),
    };

    #[test]
    fn only_consecutive_failures_open_a_circuit() {
        let breakers = Breakers::new(&config::Breaker {
            failures: 3,
            open_ms: 30_000,
        });
        let key = CandidateKey::parse("p/m").expect("valid");
        assert!(!breakers.failed(&key) && !breakers.failed(&key));
        breakers.succeeded(&key);
        assert!(!breakers.failed(&key) && !breakers.failed(&key));
        assert!(!breakers.is_open(&key));
        assert!(breakers.failed(&key), "the third in a row opens it");
        assert!(breakers.is_open(&key));
        assert!(!breakers.is_open(&CandidateKey::parse("p/other").expect("valid")));
    }

    #[test]
    fn one_probe_is_let_through_and_decides() {
        let start = Instant::now();
        let open = Circuit::Closed { failures: 2 }.failed(start, RULES);
        let late = start + Duration::from_secs(31);
        assert!(open.is_open(start) && !open.is_open(late));
        let probing = open.begun(late, RULES);
        assert!(probing.is_open(late), "others wait for the probe");
        let again = probing.failed(late, RULES);
        assert_eq!(
            again,
            Circuit::Open {
                until: late + RULES.open
            }
        );
    }

    #[test]
    fn a_probe_that_never_reports_is_replaced() {
        let start = Instant::now();
        let probing = Circuit::Open { until: start }.begun(start, RULES);
        let later = start + Duration::from_secs(30);
        assert!(probing.is_open(start) && !probing.is_open(later));
    }

    #[test]
    fn calls_made_before_it_opened_do_not_prolong_it() {
        let start = Instant::now();
        let open = Circuit::Open {
            until: start + RULES.open,
        };
        assert_eq!(open.failed(start + Duration::from_secs(10), RULES), open);
    }
}
