//! Taking back a false alarm: whether what was said to have got worse for everybody is as good as before.
//!
//! An alarm for all tenants costs everybody a model, and with very many observations some alarms are false. The
//! replies after an alarm chose nothing. They are bets (Waudby-Smith & Ramdas 2024, JRSS-B 86(1), "Estimating means
//! of bounded random variables by betting") against "replies are worse than usual by a tenth or more": while
//! that is true, the capital `∏ (1 + λ(x − .9 u))`, and so its mean over several `λ`, is a nonnegative
//! supermartingale that starts at 1, and reaches `1/α` with probability `α` at most, however often it is looked at
//! (Ville 1939).

use std::collections::BTreeSet;

use floopy_shared::domain::ids::TenantId;

/// Shares of the capital that are put on one reply; which is best depends on how much scores spread.
const LAMBDAS: [f64; 4] = [0.05, 0.1, 0.2, 0.4];
/// Share of what was usual by which scores must be lower for an alarm to hold. A judge's scale seldom begins at
/// zero: of a fifth of the quality, which is the drop that the monitors are made for, about a tenth of the score is
/// left (in replay, where a wrong reply still gets a third of a right one's score).
const DROP: f64 = 0.1;
/// Capital at which an alarm is taken back: a true one of that drop or more is with a probability of at most 1 %.
const TAKE_BACK: f64 = 100.0;

/// An alarm for all tenants that may yet be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Recheck {
    /// The capital for each share; all that it knows of the replies.
    pub capital: [f64; LAMBDAS.len()],
    /// Whose alarms it is about: those of tenants who had none of their own.
    pub tenants: BTreeSet<TenantId>,
}

impl Default for Recheck {
    fn default() -> Self {
        Self {
            capital: [1.0; LAMBDAS.len()],
            tenants: BTreeSet::new(),
        }
    }
}

impl Recheck {
    /// Takes in the score of a reply where `usual` was the mean before, both on 0..1; whether the alarm was
    /// false.
    pub fn observe(&mut self, score: f64, usual: f64) -> bool {
        let gain = (score - (1.0 - DROP) * usual).clamp(-1.0, 1.0);
        for (capital, lambda) in self.capital.iter_mut().zip(LAMBDAS) {
            // Bounded, so that it stays a number whatever comes; far above what takes an alarm back.
            *capital = (*capital * (1.0 + lambda * gain)).min(1e12);
        }
        self.capital.iter().sum::<f64>() / LAMBDAS.len() as f64 >= TAKE_BACK
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::simulation::Rng;

    /// Replies until the alarm is taken back, of at most `most`, where a share of the usual quality was lost.
    fn taken_back(seed: u64, lost: f64, most: usize) -> Option<usize> {
        let mut rng = Rng(seed);
        let mut recheck = Recheck::default();
        let usual = 0.62;
        (1..=most).find(|_| {
            // Right or wrong, seen by a judge with noise; its mean is what is usual less what was lost.
            let right = rng.unit() < usual * (1.0 - lost);
            let noise = (rng.unit() + rng.unit() + rng.unit() - 1.5) * 0.2;
            let score = if right { 0.85 } else { 0.15 } + noise;
            recheck.observe(score, 0.15 + 0.7 * usual)
        })
    }

    #[test]
    fn a_false_alarm_is_taken_back_within_a_thousand_replies() {
        let mut replies: Vec<usize> = (0..101)
            .map(|seed| taken_back(seed, 0.0, 5_000).expect("taken back"))
            .collect();
        replies.sort_unstable();
        assert!(replies[50] <= 400, "half within {}", replies[50]);
        assert!(replies[90] <= 1_000, "nine in ten within {}", replies[90]);
    }

    #[test]
    fn a_true_drop_is_taken_back_in_one_case_of_a_hundred_at_most() {
        let count = |lost| {
            let runs = (0..1_000).filter(|seed| taken_back(*seed, lost, 5_000).is_some());
            runs.count()
        };
        // Of quality, a fifth; of the score, whose scale begins above zero, a little less.
        let fifth = count(0.2);
        assert!(fifth <= 10, "{fifth} of 1,000");
        // Exactly at the bound: a tenth of the score.
        let bound = count(0.1 * (0.15 + 0.7 * 0.62) / (0.7 * 0.62));
        assert!(
            bound <= 18,
            "{bound} of 1,000, three standard errors above 1 %"
        );
    }

    #[test]
    fn scores_out_of_bounds_do_no_harm() {
        let mut recheck = Recheck::default();
        for score in [-9.0, 0.0, 9.0] {
            recheck.observe(score, 0.5);
        }
        assert!(
            recheck
                .capital
                .iter()
                .all(|capital| capital.is_finite() && *capital > 0.0)
        );
    }
}
