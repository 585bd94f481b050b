//! How results of one public test compare with those of another.

/// Models that must have results of both tests before one is mapped onto the other: with fewer, the ratio of the
/// two spreads is hardly more than chance (with five its standard error is about a third of it).
pub const MIN_ANCHORS: usize = 5;

/// A straight line from one test's results to another's.
///
/// Linear equating (Angoff 1971; Kolen & Brennan 2014, chapter 4): results that lie equally many standard
/// deviations from the mean of the same models are taken for equal. A regression of one test on the other would
/// instead predict the other test's result, drawing everybody to the mean where the two agree little, which is
/// just where a test of one kind of task says something of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    factor: f64,
    /// Means of the anchors on both scales.
    from: f64,
    to: f64,
}

impl Scale {
    /// From models with results of both, as (this test, the other one); `None` where they are too few, or too
    /// much alike to tell.
    pub fn fit(anchors: &[(f64, f64)]) -> Option<Self> {
        if anchors.len() < MIN_ANCHORS {
            return None;
        }
        let (from, from_spread) = moments(anchors.iter().map(|a| a.0));
        let (to, to_spread) = moments(anchors.iter().map(|a| a.1));
        let factor = to_spread / from_spread;
        (factor.is_finite() && factor > 0.0).then_some(Self { factor, from, to })
    }

    /// A result on the other scale, within 0..1.
    pub fn apply(&self, result: f64) -> f64 {
        (self.to + self.factor * (result - self.from)).clamp(0.0, 1.0)
    }
}

/// Mean and standard deviation.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (n, sum) = values
        .clone()
        .fold((0.0, 0.0), |(n, sum), value| (n + 1.0, sum + value));
    let mean = sum / n;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / n).sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANCHORS: [(f64, f64); 5] = [
        (0.2, 0.80),
        (0.4, 0.86),
        (0.5, 0.88),
        (0.6, 0.84),
        (0.8, 0.92),
    ];

    #[test]
    fn a_result_keeps_its_distance_from_the_mean_in_standard_deviations() {
        let scale = Scale::fit(&ANCHORS).expect("enough");
        assert!((scale.apply(0.5) - 0.86).abs() < 1e-12, "mean to mean");
        let (_, spread) = moments(ANCHORS.iter().map(|a| a.0));
        let (_, general) = moments(ANCHORS.iter().map(|a| a.1));
        assert!((scale.apply(0.5 + spread) - (0.86 + general)).abs() < 1e-12);
    }

    #[test]
    fn few_anchors_and_anchors_without_spread_fit_nothing() {
        assert_eq!(Scale::fit(&ANCHORS[1..]), None);
        assert_eq!(Scale::fit(&[]), None);
        assert_eq!(Scale::fit(&[(0.5, 0.8); 6]), None);
        let same_general = ANCHORS.map(|(result, _)| (result, 0.9));
        assert_eq!(Scale::fit(&same_general), None);
        let same_result = ANCHORS.map(|(_, general)| (0.4, general));
        assert_eq!(Scale::fit(&same_result), None);
    }

    proptest! {
        #[test]
        fn order_is_kept_and_priors_stay_within_bounds(
            anchors in prop::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 5..12),
            a in 0.0..=1.0f64,
            b in 0.0..=1.0f64,
        ) {
            if let Some(scale) = Scale::fit(&anchors) {
                let (low, high) = (scale.apply(a.min(b)), scale.apply(a.max(b)));
                prop_assert!(low <= high && (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
            }
        }
    }
}
