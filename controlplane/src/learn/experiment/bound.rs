//! Where the mean of what was seen lies, at every moment at once and for any numbers on 0..1.
//!
//! The predictable plug-in empirical Bernstein confidence sequence (Waudby-Smith and Ramdas, "Estimating means of
//! bounded random variables by betting", JRSS B 86, 2024, theorem 2). It needs no normal approximation, which fails where
//! few sessions of a small variant are nearly all as good: without a bad one among them they seem to vary by nothing.

/// How often each bound may miss, ever: that of two variants together is 5 %, which is what the results promise.
const ALPHA: f64 = 0.025;
/// Sessions of one variant at which its bound is about the tightest it can be: what a careful operator waits for anyway.
const TIGHTEST_AT: f64 = 200.0;
/// The greatest bet, as in section 3.2 there: below 1, where a single value would decide.
const MAX_BET: f64 = 0.5;

/// What was seen so far, in the order in which it began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    /// Between what a value is guessed, so that it is off by 1 at most.
    guesses: (f64, f64),
    n: f64,
    sum: f64,
    /// Of the distances from the running mean, squared.
    squares: f64,
    bets: f64,
    weighted: f64,
    penalty: f64,
}

impl Default for Bound {
    fn default() -> Self {
        Self::of((0.0, 1.0))
    }
}

impl Bound {
    /// For values on 0..1 from which something was taken that was known before, such that whatever is guessed between
    /// these is off by 1 at most. That is all of 0..1 the proof of the theorem needs.
    pub(super) fn of(guesses: (f64, f64)) -> Self {
        Self {
            guesses,
            n: 0.0,
            sum: 0.0,
            squares: 0.0,
            bets: 0.0,
            weighted: 0.0,
            penalty: 0.0,
        }
    }

    /// Takes in one more value. Everything but the value itself is known before it is seen.
    pub(super) fn see(&mut self, value: f64) {
        let bet = self.bet();
        let (least, most) = self.guesses;
        let off = value - self.running_mean().clamp(least, most);
        let psi = -(-bet).ln_1p() - bet;
        self.bets += bet;
        self.weighted += bet * value;
        self.penalty += off * off * psi;
        self.n += 1.0;
        self.sum += value;
        let off = value - self.running_mean();
        self.squares += off * off;
    }

    fn running_mean(&self) -> f64 {
        (0.5 + self.sum) / (self.n + 1.0)
    }

    /// The variance is that of the values and one more at the greatest distance that they may have.
    fn bet(&self) -> f64 {
        let variance = (0.25 + self.squares) / (self.n + 1.0);
        let t = self.n + 1.0;
        let spread_over = TIGHTEST_AT.max(t * t.ln_1p() / TIGHTEST_AT.ln_1p());
        (2.0 * log_level() / (variance * spread_over))
            .sqrt()
            .min(MAX_BET)
    }

    /// The mean, and between what it lies; `None`: nothing was seen.
    pub(super) fn interval(&self) -> Option<(f64, f64, f64)> {
        if self.n == 0.0 {
            return None;
        }
        let (mean, centre) = (self.sum / self.n, self.weighted / self.bets);
        let radius = (log_level() + self.penalty) / self.bets;
        Some((
            mean,
            (centre - radius).min(mean),
            (centre + radius).max(mean),
        ))
    }
}

fn log_level() -> f64 {
    (2.0 / ALPHA).ln()
}
