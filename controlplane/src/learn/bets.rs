//! Tests that may be looked at after every observation: capital of bets that nobody wins on average while the
//! hypothesis holds.
//!
//! For gains whose mean, given all that came before, is at most zero, each product of `1 + λ·gain` is a
//! nonnegative supermartingale, and so is their mean over several `λ`. It ever reaches `c` with a probability of `1/c`
//! at most, at whatever number of looks (Ville's inequality; Waudby-Smith & Ramdas, JRSS B 2024). The restarted form
//! `R ← (R + 1)(1 + λ·gain)` finds changes at any time: without one, at least `c` observations pass on average before
//! it reaches `c` (Shin, Ramdas & Rinaldo, arXiv:2203.03532).

use serde::{Deserialize, Serialize};

/// Stakes, from what finds small differences to what finds large ones soon.
pub type Stakes = [f64; 6];

/// For gains of at least -1.5. Most lie around the mean of a gain over its variance, which grows fastest, where quality falls
/// by a fifth: of checks and of judges alike.
pub const MEANS: Stakes = [0.05, 0.34, 0.42, 0.48, 0.55, 0.62];
/// For gains of 1 and -1.
pub const SIGNS: Stakes = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8];
/// For gains of at least -0.03: what happens seldom is bet on highly.
pub const RARE: Stakes = [0.1, 0.3, 1.0, 3.0, 10.0, 20.0];

/// Capital is kept below this, so that it stays a number whatever comes; far above any bound.
const MOST: f64 = 1e12;

/// The capital for each stake.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bets([f64; 6]);

impl Bets {
    /// For a test of all that will be observed.
    pub const ONCE: Self = Self([1.0; 6]);
    /// For a test that is restarted at every observation.
    pub const RESTARTED: Self = Self([0.0; 6]);

    /// Bets on a gain.
    pub fn bet(&mut self, gain: f64, stakes: &Stakes) {
        for (capital, stake) in self.0.iter_mut().zip(stakes) {
            *capital = (*capital * (1.0 + stake * gain)).clamp(0.0, MOST);
        }
    }

    /// The same in the restarted form.
    pub fn bet_anew(&mut self, gain: f64, stakes: &Stakes) {
        for capital in &mut self.0 {
            *capital += 1.0;
        }
        self.bet(gain, stakes);
    }

    /// What speaks against the hypothesis.
    pub fn capital(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capital_is_one_on_average_while_gains_are_zero_on_average() {
        // All 2^12 sequences of gains of ±1, each as likely as any other.
        let mean = (0..1_u32 << 12).map(|sequence| {
            let mut bets = Bets::ONCE;
            for toss in 0..12 {
                let gain = if sequence >> toss & 1 == 1 { 1.0 } else { -1.0 };
                bets.bet(gain, &SIGNS);
            }
            bets.capital() / f64::from(1 << 12)
        });
        let mean: f64 = mean.sum();
        assert!((mean - 1.0).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn capital_is_never_negative_and_stays_a_number() {
        for (stakes, least, most) in [(MEANS, -1.5, 1.0), (SIGNS, -1.0, 1.0), (RARE, -0.03, 1.0)] {
            let mut bets = Bets::ONCE;
            for _ in 0..10_000 {
                bets.bet(most, &stakes);
                assert!(bets.capital().is_finite() && bets.capital() <= MOST);
            }
            for _ in 0..10_000 {
                bets.bet(least, &stakes);
                assert!(bets.capital() >= 0.0);
            }
        }
    }

    #[test]
    fn a_restarted_test_finds_what_changes_late() {
        let mut once = Bets::ONCE;
        let mut restarted = Bets::RESTARTED;
        for _ in 0..500 {
            once.bet(-1.0, &SIGNS);
            restarted.bet_anew(-1.0, &SIGNS);
        }
        for _ in 0..60 {
            once.bet(1.0, &SIGNS);
            restarted.bet_anew(1.0, &SIGNS);
        }
        assert!(restarted.capital() > 1e4 && once.capital() < 1.0);
    }
}
