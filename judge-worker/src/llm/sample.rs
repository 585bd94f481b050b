//! Which replies are shown to a model: those first of whose candidates little is known, and in the end the share that is
//! configured.
//!
//! A reply is drawn with a probability in proportion to what a score of it is worth, as the proxy that served it saw
//! that. Scores that models graded and those that they did not count for less and more accordingly (inverse probability
//! weights, Horvitz & Thompson 1952), so that a mean over many replies is the one that an even share would have.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use floopy_shared::domain::{
    event::{MAX_SCORE_WEIGHT, ScoringJob},
    ids::TenantId,
};

/// What a reply is taken to be worth before any was seen, in thousandths.
const ASSUMED: f64 = 500.0;
/// How much of the running mean a new reply makes.
const NEW: f64 = 0.02;
/// Tenants whose mean is remembered.
const MAX_TENANTS: usize = 10_000;

/// How a reply came to be graded, or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw {
    /// With which a model was to be asked; `None`: none is asked of such replies.
    pub(crate) probability: Option<f64>,
    /// What its score counts for.
    pub(crate) weight: f64,
}

impl Draw {
    /// Where nothing is drawn.
    pub(crate) const NONE: Self = Self {
        probability: None,
        weight: 1.0,
    };
}

/// Draws replies. Clones share what they know.
#[derive(Debug, Clone)]
pub(super) struct Sampler {
    share: f64,
    means: Arc<Mutex<HashMap<TenantId, f64>>>,
}

impl Sampler {
    pub(super) fn new(share: f64) -> Self {
        Self {
            share,
            means: Arc::default(),
        }
    }

    /// Whether a model is to grade a reply. The same reply is drawn by the same number each time.
    pub(super) fn draw(&self, job: &ScoringJob) -> (bool, Draw) {
        let probability = self.probability(job);
        let bytes = job.request_id.0.as_bytes();
        let number = f64::from(u16::from_be_bytes([bytes[13], bytes[14]])) / 65_536.0;
        let is_drawn = number < probability;
        let weight = if is_drawn {
            self.share / probability
        } else {
            (1.0 - self.share) / (1.0 - probability)
        };
        let draw = Draw {
            probability: Some(probability),
            weight,
        };
        (is_drawn, draw)
    }

    fn probability(&self, job: &ScoringJob) -> f64 {
        // All or none.
        if self.share <= 0.0 || self.share >= 1.0 {
            return self.share.clamp(0.0, 1.0);
        }
        let worth = f64::from(job.uncertainty);
        let mean = self.mean(&job.tenant, worth);
        // Within these bounds no score counts for more than four.
        let least = self.share / MAX_SCORE_WEIGHT;
        let most = 1.0 - (1.0 - self.share) / MAX_SCORE_WEIGHT;
        (self.share * worth / mean.max(1.0)).clamp(least, most)
    }

    /// What the tenant's replies are worth on average, this one left out.
    fn mean(&self, tenant: &TenantId, worth: f64) -> f64 {
        let mut means = self.means.lock().unwrap_or_else(PoisonError::into_inner);
        if means.len() >= MAX_TENANTS && !means.contains_key(tenant) {
            means.clear();
        }
        let mean = means.entry(tenant.clone()).or_insert(ASSUMED);
        let before = *mean;
        *mean += NEW * (worth - before);
        before
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::ids::{CandidateKey, RequestId};
    use uuid::Uuid;

    use super::*;

    fn job(n: u32, uncertainty: u16) -> ScoringJob {
        // Spread over the bytes that are drawn by.
        let spread = u128::from(n.wrapping_mul(0x9E37_79B9) >> 16);
        ScoringJob {
            request_id: RequestId(Uuid::from_u128(spread << 8)),
            tenant: TenantId::new("t").expect("valid"),
            candidate: CandidateKey::parse("p/m").expect("valid"),
            prompt: String::new(),
            reply: String::new(),
            truncated: false,
            json_expected: false,
            session_id: None,
            asked_at_ms: 0,
            uncertainty,
            calls: Vec::new(),
        }
    }

    /// Of 20,000 replies, half of them of known candidates: the shares that are graded, and the weighted mean of scores
    /// where models say 0.9 and the built-in scorer 0.5, of each half.
    fn drawn(share: f64) -> [(f64, f64); 2] {
        let sampler = Sampler::new(share);
        let mut seen = [(0.0, 0.0, 0.0); 2];
        for n in 0..20_000 {
            let half = n as usize % 2;
            let (is_drawn, draw) = sampler.draw(&job(n, [100, 700][half]));
            let score = if is_drawn { 0.9 } else { 0.5 };
            assert!(draw.weight <= MAX_SCORE_WEIGHT + 1e-9, "{draw:?}");
            seen[half].0 += f64::from(u8::from(is_drawn));
            seen[half].1 += draw.weight * score;
            seen[half].2 += draw.weight;
        }
        seen.map(|(graded, sum, weight)| (graded / 10_000.0, sum / weight))
    }

    #[test]
    fn what_is_least_known_is_graded_most_and_means_stay_those_of_an_even_share() {
        let [known, unknown] = drawn(0.2);
        assert!(unknown.0 > 5.0 * known.0, "{known:?} {unknown:?}");
        let overall = f64::midpoint(known.0, unknown.0);
        assert!((overall - 0.2).abs() < 0.02, "{overall}");
        for (_, mean) in [known, unknown] {
            assert!((mean - (0.2 * 0.9 + 0.8 * 0.5)).abs() < 0.02, "{mean}");
        }
        println!(
            "graded of the known {:.3}, of the unknown {:.3}",
            known.0, unknown.0
        );
    }

    #[test]
    fn all_are_all_and_none_are_none() {
        for (share, graded) in [(1.0, 1.0), (0.0, 0.0)] {
            let [known, unknown] = drawn(share);
            assert_eq!((known.0, unknown.0), (graded, graded));
        }
    }
}
