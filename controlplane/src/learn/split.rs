//! Whether a shape is told apart from its parent: only where that predicts its replies better than the parent
//! does, each reply by what was learned without it.
//!
//! With the shrinkage fixed, leaving out one of `n` observations `x` of a mean `x̄` that counts with the trust `r`
//! changes the estimate `θ` so that the error is `(x − θ)/(1 − r/n)`: the leave-one-out sum of squares (PRESS,
//! Allen 1974; Stone 1974) follows from the sums alone, so it is the same whatever order they came in.

/// What is taken for better, in squared standard errors of one observation.
const ENTER: f64 = 0.0;
/// From how much worse a shape that was told apart no longer is: two wrong parameters' worth (Akaike 1974), so
/// that shapes on the brink do not come and go.
const LEAVE: f64 = -4.0;
/// Most of one observation's own weight in its estimate; what is left out must leave something.
const OWN_WEIGHT: f64 = 0.9;

/// One source's observations of a candidate, and what is predicted for them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predicted {
    pub mean: f64,
    /// Effective observations.
    pub n: f64,
    /// Variance of one of them.
    pub noise: f64,
    /// What the parent says.
    pub by_parent: f64,
    /// What the shape itself says, with these observations.
    pub by_shape: f64,
    /// How far the observations moved the one to the other.
    pub trust: f64,
}

impl Predicted {
    /// By how much the shape predicts better than its parent, in units of the noise's variance.
    fn gain(&self) -> f64 {
        if self.n <= 0.0 || self.noise <= 0.0 {
            return 0.0;
        }
        let own = (self.trust / self.n).min(OWN_WEIGHT);
        let left_out = (1.0 - own).powi(-2);
        let by_parent = (self.mean - self.by_parent).powi(2);
        let by_shape =
            (self.mean - self.by_shape).powi(2) * left_out + self.noise * (left_out - 1.0);
        self.n * (by_parent - by_shape) / self.noise
    }
}

/// Whether a shape is ranked on its own, by all that was observed in it.
pub fn is_told_apart(predicted: impl Iterator<Item = Predicted>, was: bool) -> bool {
    let gain: f64 = predicted.map(|predicted| predicted.gain()).sum();
    gain > if was { LEAVE } else { ENTER }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOISE: f64 = 0.04;
    const TAU: f64 = 0.1;

    /// What `n` observations around `mean` say to a parent that says 0.5.
    fn predicted(mean: f64, n: f64) -> Predicted {
        let trust = n / (n + NOISE / (TAU * TAU));
        Predicted {
            mean,
            n,
            noise: NOISE,
            by_parent: 0.5,
            by_shape: 0.5 + trust * (mean - 0.5),
            trust,
        }
    }

    #[test]
    fn a_shape_is_told_apart_where_it_differs_by_more_than_chance() {
        for (mean, n, expected) in [
            (0.50, 100.0, false),
            (0.52, 20.0, false),
            (0.80, 2.0, true),
            (0.60, 40.0, true),
            (0.52, 2_000.0, true),
        ] {
            let one = [predicted(mean, n)].into_iter();
            assert_eq!(is_told_apart(one, false), expected, "{mean} x {n}");
        }
    }

    #[test]
    fn shapes_on_the_brink_stay_what_they_are() {
        let brink = || [predicted(0.5, 30.0)].into_iter();
        assert!(!is_told_apart(brink(), false));
        assert!(is_told_apart(brink(), true));
        let many = std::iter::repeat_n(predicted(0.5, 30.0), 12);
        assert!(!is_told_apart(many, true), "nothing in it differs");
    }

    proptest! {
        /// The sums give what leaving every observation out, one by one, gives.
        #[test]
        fn sums_agree_with_leaving_one_out(values in prop::collection::vec(0.0..1.0f64, 2..40)) {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            prop_assume!(variance > 1e-6);
            let kappa = NOISE / (TAU * TAU);
            let error = |x: &f64| {
                let without = (n * mean - x + kappa * 0.5) / (n - 1.0 + kappa);
                (x - 0.5).powi(2) - (x - without).powi(2)
            };
            let one_by_one: f64 = values.iter().map(error).sum::<f64>() / variance;
            let trust = n / (n + kappa);
            let by_sums = Predicted {
                mean,
                n,
                noise: variance,
                by_parent: 0.5,
                by_shape: 0.5 + trust * (mean - 0.5),
                trust,
            }
            .gain();
            prop_assert!((one_by_one - by_sums).abs() < 1e-6 * (1.0 + one_by_one.abs()), "{one_by_one} {by_sums}");
        }
    }
}
