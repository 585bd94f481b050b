//! Circuit breakers, one per candidate: after repeated failures it is left alone, then probed once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use floopy_shared::domain::ids::CandidateKey;
use prometheus_client::metrics::counter::Counter;

use crate::config;

/// Circuits kept. Callers can name any model, so their number needs a bound.
const MAX_CIRCUITS: usize = 1_024;

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

    /// The higher, the later it is forgotten when there are too many.
    fn worth(self, now: Instant) -> (u8, u32, Option<Instant>) {
        match self {
            Self::Open { until } | Self::Probing { until } if until <= now => (0, 0, Some(until)),
            Self::Closed { failures } => (1, failures, None),
            Self::Open { until } | Self::Probing { until } => (2, 0, Some(until)),
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
    forgotten: Counter,
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
            forgotten: Counter::default(),
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

    /// How many were dropped for want of room.
    pub(crate) fn forgotten(&self) -> &Counter {
        &self.forgotten
    }

    /// A call is about to be made: where a circuit is half open, it is the probe, known by its deadline.
    fn begun(&self, key: &CandidateKey) -> Option<Instant> {
        if self.troubled.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut circuits = self.lock();
        let circuit = circuits.get_mut(key)?;
        let before = *circuit;
        *circuit = circuit.begun(Instant::now(), self.rules);
        match *circuit {
            Circuit::Probing { until } if *circuit != before => Some(until),
            Circuit::Closed { .. } | Circuit::Open { .. } | Circuit::Probing { .. } => None,
        }
    }

    /// A probe ended without saying anything: the next call is the probe.
    fn released(&self, key: &CandidateKey, probe: Instant) {
        if let Some(circuit) = self.lock().get_mut(key)
            && *circuit == (Circuit::Probing { until: probe })
        {
            *circuit = Circuit::Open {
                until: Instant::now(),
            };
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
        if circuits.len() >= MAX_CIRCUITS && !circuits.contains_key(key) {
            self.forget_one(&mut circuits, now);
        }
        let circuit = circuits
            .entry(key.clone())
            .or_insert(Circuit::Closed { failures: 0 });
        let before = *circuit;
        *circuit = circuit.failed(now, self.rules);
        let opened = *circuit != before && matches!(circuit, Circuit::Open { .. });
        self.troubled.store(circuits.len(), Ordering::Relaxed);
        opened
    }

    fn forget_one(&self, circuits: &mut HashMap<CandidateKey, Circuit>, now: Instant) {
        let least = circuits
            .iter()
            .min_by_key(|(_, circuit)| circuit.worth(now))
            .map(|(key, _)| key.clone());
        if let Some(key) = least {
            circuits.remove(&key);
            self.forgotten.inc();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CandidateKey, Circuit>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way, as its candidate's circuit sees it. Dropped without a verdict, it counts neither way.
#[derive(Debug)]
pub(crate) struct Trial {
    breakers: Arc<Breakers>,
    key: CandidateKey,
    /// Set for a probe that has not reported.
    probe: Option<Instant>,
}

impl Trial {
    pub(crate) fn begin(breakers: &Arc<Breakers>, key: &CandidateKey) -> Self {
        Self {
            breakers: Arc::clone(breakers),
            key: key.clone(),
            probe: breakers.begun(key),
        }
    }

    pub(crate) fn key(&self) -> &CandidateKey {
        &self.key
    }

    /// The candidate did its part.
    pub(crate) fn succeeded(mut self) {
        self.probe = None;
        self.breakers.succeeded(&self.key);
    }

    /// It did not; says whether that opened the circuit.
    pub(crate) fn failed(mut self) -> bool {
        self.probe = None;
        self.breakers.failed(&self.key)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(probe) = self.probe {
            self.breakers.released(&self.key, probe);
        }
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
    fn a_probe_that_is_abandoned_lets_the_next_call_probe() {
        let breakers = Arc::new(Breakers::new(&config::Breaker {
            failures: 1,
            open_ms: 60_000,
        }));
        let key = CandidateKey::parse("p/m").expect("valid");
        let open = Circuit::Open {
            until: Instant::now(),
        };
        breakers.lock().insert(key.clone(), open);
        breakers.troubled.store(1, Ordering::Relaxed);
        let probe = Trial::begin(&breakers, &key);
        assert!(breakers.is_open(&key), "others wait for the probe");
        drop(Trial::begin(&breakers, &key));
        assert!(breakers.is_open(&key), "only the probe itself releases it");
        drop(probe);
        assert!(!breakers.is_open(&key), "neither success nor failure");
        assert!(Trial::begin(&breakers, &key).failed());
        assert!(breakers.is_open(&key));
    }

    #[test]
    fn however_many_models_are_named_the_circuits_are_bounded_and_open_ones_stay() {
        let breakers = Breakers::new(&config::Breaker {
            failures: 2,
            open_ms: 60_000,
        });
        let bad = CandidateKey::parse("p/bad").expect("valid");
        breakers.failed(&bad);
        assert!(breakers.failed(&bad));
        for index in 0..MAX_CIRCUITS + 9 {
            let key = CandidateKey::parse(&format!("p/m{index}")).expect("valid");
            breakers.failed(&key);
        }
        assert_eq!(breakers.lock().len(), MAX_CIRCUITS);
        assert_eq!(breakers.forgotten().get(), 10);
        assert!(breakers.is_open(&bad));
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
