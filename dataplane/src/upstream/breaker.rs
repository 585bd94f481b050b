//! Circuit breakers, one per candidate: after repeated failures it is left alone, then probed by one call at
//! a time, ever less often. A candidate whose provider asked for a pause is left alone too.

mod census;
mod circuit;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use floopy_shared::domain::ids::CandidateKey;
use prometheus_client::metrics::counter::Counter;

pub(crate) use self::census::Census;
use self::circuit::{Circuit, Health, Rules};
use crate::config;

/// Circuits kept. Callers can name any model, so their number needs a bound.
const MAX_CIRCUITS: usize = 1_024;

/// The circuits that are not in perfect order; a healthy candidate has none.
#[derive(Debug)]
pub struct Breakers {
    rules: Rules,
    max_rest: Duration,
    circuits: Mutex<HashMap<CandidateKey, Health>>,
    /// How many there are, so that the usual case takes no lock.
    troubled: AtomicUsize,
    /// How often any circuit opened.
    openings: AtomicU64,
    forgotten: Counter,
}

impl Breakers {
    /// All closed.
    pub fn new(config: &config::Breaker) -> Self {
        Self {
            rules: Rules {
                failures: config.failures,
                open: Duration::from_millis(config.open_ms),
                max_open: Duration::from_millis(config.max_open_ms),
            },
            max_rest: Duration::from_millis(config.max_rest_ms),
            circuits: Mutex::default(),
            troubled: AtomicUsize::new(0),
            openings: AtomicU64::new(0),
            forgotten: Counter::default(),
        }
    }

    /// Whether the candidate is left alone now.
    pub fn is_open(&self, key: &CandidateKey) -> bool {
        self.troubled.load(Ordering::Relaxed) > 0
            && self
                .lock()
                .get(key)
                .is_some_and(|health| health.is_left_alone(Instant::now()))
    }

    /// A call succeeded, or failed by the caller's fault.
    pub fn succeeded(&self, key: &CandidateKey) {
        self.succeeded_since(key, u64::MAX);
    }

    /// A call failed; says whether that opened the circuit.
    pub fn failed(&self, key: &CandidateKey) -> bool {
        self.failed_since(key, u64::MAX)
    }

    /// Its provider asked to be left alone for this long.
    fn rest(&self, key: &CandidateKey, pause: Duration) {
        let now = Instant::now();
        let until = now + pause.min(self.max_rest);
        let mut circuits = self.lock();
        let health = self.health(&mut circuits, key, now);
        let was_resting = health.rests(now);
        health.rests_until = health.rests_until.max(Some(until));
        self.troubled.store(circuits.len(), Ordering::Relaxed);
        if !was_resting {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(candidate = %key, pause_ms, "left alone, as its provider asks");
        }
    }

    /// What metrics show. Forgets those who have rested and are well.
    pub(crate) fn census(&self) -> Census {
        let now = Instant::now();
        let mut census = Census::default();
        let mut circuits = self.lock();
        circuits.retain(|_, health| health.circuit != Circuit::HEALTHY || health.rests(now));
        self.troubled.store(circuits.len(), Ordering::Relaxed);
        for health in circuits.values() {
            match health.circuit {
                Circuit::Closed { .. } => {}
                Circuit::Open { until, .. } if now < until => census.open += 1,
                Circuit::Open { .. } | Circuit::Probing { .. } => census.half_open += 1,
            }
            census.resting += u64::from(health.rests(now));
        }
        census
    }

    /// How many were dropped for want of room.
    pub(crate) fn forgotten(&self) -> &Counter {
        &self.forgotten
    }

    /// A call is about to be made, unless the candidate is left alone and the call can do without it.
    fn begun(&self, key: &CandidateKey, or_never: bool) -> Begun {
        if self.troubled.load(Ordering::Relaxed) == 0 {
            return Begun::Usual;
        }
        let mut circuits = self.lock();
        let Some(health) = circuits.get_mut(key) else {
            return Begun::Usual;
        };
        let (now, before) = (Instant::now(), health.circuit);
        if or_never && health.is_left_alone(now) {
            return Begun::NotAtAll;
        }
        health.circuit = before.begun(now, self.rules);
        match health.circuit {
            Circuit::Probing { until, .. } if health.circuit != before => {
                tracing::debug!(candidate = %key, "circuit half open: a probe is sent");
                Begun::Probe(until)
            }
            Circuit::Closed { .. } | Circuit::Open { .. } | Circuit::Probing { .. } => Begun::Usual,
        }
    }

    fn released(&self, key: &CandidateKey, probe: Instant) {
        if let Some(health) = self.lock().get_mut(key)
            && matches!(health.circuit, Circuit::Probing { until, .. } if until == probe)
        {
            health.circuit = health.circuit.released(Instant::now());
        }
    }

    /// `begun`: how often circuits had opened when the call was made.
    fn succeeded_since(&self, key: &CandidateKey, begun: u64) {
        if self.troubled.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut circuits = self.lock();
        let Some(health) = circuits.get_mut(key) else {
            return;
        };
        if health.is_news(begun) {
            if !health.circuit.is_closed() {
                tracing::info!(candidate = %key, "circuit closed: it serves again");
            }
            health.circuit = Circuit::HEALTHY;
        }
        // Others may be served while this one is asked to pause.
        if health.circuit == Circuit::HEALTHY && !health.rests(Instant::now()) {
            circuits.remove(key);
        }
        self.troubled.store(circuits.len(), Ordering::Relaxed);
    }

    fn failed_since(&self, key: &CandidateKey, begun: u64) -> bool {
        let now = Instant::now();
        let mut circuits = self.lock();
        let health = self.health(&mut circuits, key, now);
        let before = health.circuit;
        if health.is_news(begun) {
            health.circuit = before.failed(now, self.rules);
        }
        let opened = health.circuit != before && matches!(health.circuit, Circuit::Open { .. });
        if opened {
            health.opening = self.openings.fetch_add(1, Ordering::Relaxed) + 1;
        }
        self.troubled.store(circuits.len(), Ordering::Relaxed);
        opened
    }

    fn health<'a>(
        &self,
        circuits: &'a mut HashMap<CandidateKey, Health>,
        key: &CandidateKey,
        now: Instant,
    ) -> &'a mut Health {
        if circuits.len() >= MAX_CIRCUITS && !circuits.contains_key(key) {
            self.forget_one(circuits, now);
        }
        circuits.entry(key.clone()).or_insert(Health::GOOD)
    }

    fn forget_one(&self, circuits: &mut HashMap<CandidateKey, Health>, now: Instant) {
        let least = circuits
            .iter()
            .min_by_key(|(_, health)| health.worth(now))
            .map(|(key, _)| key.clone());
        if let Some(key) = least {
            circuits.remove(&key);
            self.forgotten.inc();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CandidateKey, Health>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a call stands to its candidate's circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Usual,
    /// The circuit is half open and this is the probe, known by its deadline.
    Probe(Instant),
    NotAtAll,
}

/// A call under way, as its candidate's circuit sees it. Dropped without a verdict, it counts neither way.
#[derive(Debug)]
pub(crate) struct Trial {
    breakers: Arc<Breakers>,
    key: CandidateKey,
    /// Set for a probe that has not reported.
    probe: Option<Instant>,
    /// How often circuits had opened by then.
    begun: u64,
}

impl Trial {
    pub(crate) fn begin(breakers: &Arc<Breakers>, key: &CandidateKey) -> Self {
        Self::of(breakers, key, breakers.begun(key, false))
    }

    /// The same of a call that others can serve: `None` where the candidate is left alone, as when another call
    /// has become its probe since this one was decided.
    pub(crate) fn begin_unless_left_alone(
        breakers: &Arc<Breakers>,
        key: &CandidateKey,
    ) -> Option<Self> {
        match breakers.begun(key, true) {
            Begun::NotAtAll => None,
            begun @ (Begun::Usual | Begun::Probe(_)) => Some(Self::of(breakers, key, begun)),
        }
    }

    fn of(breakers: &Arc<Breakers>, key: &CandidateKey, begun: Begun) -> Self {
        Self {
            probe: match begun {
                Begun::Probe(until) => Some(until),
                Begun::Usual | Begun::NotAtAll => None,
            },
            begun: breakers.openings.load(Ordering::Relaxed),
            breakers: Arc::clone(breakers),
            key: key.clone(),
        }
    }

    pub(crate) fn key(&self) -> &CandidateKey {
        &self.key
    }

    /// Its provider asked to be left alone for this long.
    pub(crate) fn rest(&self, pause: Duration) {
        self.breakers.rest(&self.key, pause);
    }

    /// The candidate did its part.
    pub(crate) fn succeeded(mut self) {
        self.probe = None;
        self.breakers.succeeded_since(&self.key, self.begun);
    }

    /// It did not; says whether that opened the circuit.
    pub(crate) fn failed(mut self) -> bool {
        self.probe = None;
        self.breakers.failed_since(&self.key, self.begun)
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

    fn breakers(failures: u32) -> Arc<Breakers> {
        Arc::new(Breakers::new(&config::Breaker {
            failures,
            open_ms: 60_000,
            ..config::Breaker::default()
        }))
    }

    fn key(text: &str) -> CandidateKey {
        CandidateKey::parse(text).expect("valid")
    }

    /// Its time is over.
    fn half_open(breakers: &Breakers, key: &CandidateKey) {
        let circuit = Circuit::Open {
            until: Instant::now(),
            failed_probes: 0,
        };
        let health = Health {
            circuit,
            ..Health::GOOD
        };
        breakers.lock().insert(key.clone(), health);
        breakers.troubled.store(1, Ordering::Relaxed);
    }

    #[test]
    fn only_consecutive_failures_open_a_circuit() {
        let (breakers, key, other) = (breakers(3), key("p/m"), key("p/other"));
        assert!(!breakers.failed(&key) && !breakers.failed(&key));
        breakers.succeeded(&key);
        assert!(!breakers.failed(&key) && !breakers.failed(&key));
        assert!(!breakers.is_open(&key));
        assert!(breakers.failed(&key), "the third in a row opens it");
        assert!(breakers.is_open(&key) && !breakers.is_open(&other));
        assert_eq!(breakers.census().open, 1);
    }

    #[test]
    fn a_probe_that_is_abandoned_lets_the_next_call_probe() {
        let (breakers, key) = (breakers(1), key("p/m"));
        half_open(&breakers, &key);
        assert_eq!(breakers.census().half_open, 1);
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
    fn the_probe_closes_the_circuit_and_calls_from_before_say_nothing() {
        let (breakers, key) = (breakers(1), key("p/m"));
        let old = [0; 3].map(|_| Trial::begin(&breakers, &key));
        let [first, late_success, late_failure] = old;
        assert!(first.failed(), "one failure opens it");
        late_success.succeeded();
        assert!(breakers.is_open(&key), "that was before it opened");
        let opening = breakers.lock()[&key].opening;
        half_open(&breakers, &key);
        breakers.lock().get_mut(&key).expect("there").opening = opening;
        let probe = Trial::begin(&breakers, &key);
        assert!(!late_failure.failed(), "that was before it opened, too");
        probe.succeeded();
        assert!(!breakers.is_open(&key));
        assert_eq!(breakers.census(), Census::default());
    }

    #[test]
    fn a_pause_that_a_provider_asks_for_outlasts_successes_and_has_a_bound() {
        let (breakers, key) = (breakers(5), key("p/m"));
        breakers.rest(&key, Duration::from_secs(86_400));
        breakers.succeeded(&key);
        assert!(breakers.is_open(&key), "others were served meanwhile");
        assert_eq!(breakers.census().resting, 1);
        let until = breakers.lock()[&key].rests_until.expect("rests");
        assert!(until <= Instant::now() + Duration::from_secs(60));
        breakers.lock().get_mut(&key).expect("there").rests_until = Some(Instant::now());
        assert!(!breakers.is_open(&key));
        breakers.succeeded(&key);
        assert!(breakers.lock().is_empty());
    }

    #[test]
    fn however_many_models_are_named_the_circuits_are_bounded_and_open_ones_stay() {
        let (breakers, bad) = (breakers(2), key("p/bad"));
        breakers.failed(&bad);
        assert!(breakers.failed(&bad));
        for index in 0..MAX_CIRCUITS + 9 {
            breakers.failed(&key(&format!("p/m{index}")));
        }
        assert_eq!(breakers.lock().len(), MAX_CIRCUITS);
        assert_eq!(breakers.forgotten().get(), 10);
        assert!(breakers.is_open(&bad));
    }
}
