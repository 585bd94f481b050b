//! Sums in integer micro-units, so that adding and taking away in any order is exact.

use std::ops::{Add, AddAssign, Neg};

/// One, in micro-units.
pub const ONE: i64 = 1_000_000;

/// Weighted count, sum and sum of squares of values on 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    pub n: i64,
    pub sum: i64,
    pub sumsq: i64,
}

impl Sums {
    /// One observation of `value` with `weight`, both in micro-units.
    pub fn of(weight: i64, value: i64) -> Self {
        let sum = scale(weight, value);
        Self {
            n: weight,
            sum,
            sumsq: scale(sum, value),
        }
    }

    /// How much was observed.
    pub fn weight(self) -> f64 {
        to_unit(self.n.max(0))
    }

    /// The same numbers as floating point. Sums that values on 0..1 cannot have, as where only a part of what
    /// was added was forgotten before it was taken away, are brought into range: the formulas divide by them.
    pub fn moments(self) -> Moments {
        if self.n <= 0 {
            return Moments::default();
        }
        let sum = self.sum.clamp(0, self.n);
        Moments {
            n: to_unit(self.n),
            sum: to_unit(sum),
            sumsq: to_unit(self.sumsq.clamp(0, sum)),
        }
    }
}

impl Add for Sums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            n: self.n.saturating_add(other.n),
            sum: self.sum.saturating_add(other.sum),
            sumsq: self.sumsq.saturating_add(other.sumsq),
        }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Sums {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            n: -self.n,
            sum: -self.sum,
            sumsq: -self.sumsq,
        }
    }
}

/// A value on 0..1 in micro-units; anything else is brought into range.
#[expect(clippy::cast_possible_truncation, reason = "clamped to 0..1 before")]
pub fn to_micro(value: f64) -> i64 {
    if value.is_nan() {
        0
    } else {
        (value.clamp(0.0, 1.0) * 1e6).round() as i64
    }
}

/// Micro-units as a number.
#[expect(
    clippy::cast_precision_loss,
    reason = "sums stay far below 2^53 micro-units"
)]
pub fn to_unit(micro: i64) -> f64 {
    micro as f64 / 1e6
}

fn scale(a: i64, b: i64) -> i64 {
    let half = i128::from(ONE / 2);
    i64::try_from((i128::from(a) * i128::from(b) + half) / i128::from(ONE)).unwrap_or(i64::MAX)
}

/// What the formulas read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    pub n: f64,
    pub sum: f64,
    pub sumsq: f64,
}

/// Observations that an empirical variance starts from, so that two equal values are not taken as certain.
const VARIANCE_PSEUDO: f64 = 5.0;

impl Moments {
    /// The weighted mean, where there is any weight.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.sum / self.n)
    }

    /// Empirical variance, without pseudo-observations; 0 where nothing was seen.
    pub fn variance(&self) -> f64 {
        let Some(mean) = self.mean() else { return 0.0 };
        (self.sumsq / self.n - mean * mean).max(0.0)
    }

    /// Variance of one observation, starting from a variance assumed before.
    pub fn noise(&self, assumed: f64) -> f64 {
        let squares = self.variance() * self.n + VARIANCE_PSEUDO * assumed;
        squares / (self.n + VARIANCE_PSEUDO)
    }

    /// The moments of `slope · x + shift`.
    pub fn rescaled(self, slope: f64, shift: f64) -> Self {
        Self {
            n: self.n,
            sum: slope * self.sum + shift * self.n,
            sumsq: slope * slope * self.sumsq
                + 2.0 * slope * shift * self.sum
                + shift * shift * self.n,
        }
    }

    /// The moments with `n` observations of zero more.
    pub fn with_zeros(self, n: f64) -> Self {
        Self {
            n: self.n + n,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_those_of_the_values() {
        let mut sums = Sums::default();
        for value in [0.2, 0.4, 0.9] {
            sums += Sums::of(ONE, to_micro(value));
        }
        let moments = sums.moments();
        assert!((moments.mean().expect("seen") - 0.5).abs() < 1e-6);
        assert!((moments.variance() - 0.086_667).abs() < 1e-5);
        assert_eq!(Moments::default().mean(), None);
    }

    proptest! {
        #[test]
        fn any_stored_sums_have_a_mean_within_0_to_1(n: i64, sum: i64, sumsq: i64) {
            let moments = Sums { n, sum, sumsq }.moments();
            prop_assert_eq!(moments.mean().is_some(), n > 0);
            prop_assert!(moments.mean().is_none_or(|mean| (0.0..=1.0).contains(&mean)));
            prop_assert!(moments.variance().is_finite() && moments.noise(0.1).is_finite());
        }

        #[test]
        fn taking_away_what_was_added_leaves_nothing(w in 0..=ONE, v in 0..=ONE) {
            let one = Sums::of(w, v);
            prop_assert_eq!(one + -one, Sums::default());
            prop_assert!(one.sum <= one.n && one.sumsq <= one.sum);
        }
    }
}
