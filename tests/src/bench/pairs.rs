//! What pairs of measurements say of a difference: its median, how sure that is, and how likely chance alone makes it.

use rand::Rng;

use super::report::median;

/// Samples drawn again, for the interval and for chance.
const DRAWS: usize = 4_000;

/// Of paired measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    pub median: f64,
    /// That holds the true median with a probability of 95 %.
    pub interval: (f64, f64),
    /// How often signs drawn by chance make a median as far from nothing.
    pub p: f64,
}

/// What the differences of pairs say.
pub fn difference(differences: &[f64]) -> Difference {
    let mut rng = rand::rng();
    let found = median(differences.to_vec());
    let resampled = |rng: &mut rand::rngs::ThreadRng| {
        let drawn = differences
            .iter()
            .map(|_| differences[rng.random_range(0..differences.len())]);
        median(drawn.collect())
    };
    let mut medians: Vec<f64> = (0..DRAWS).map(|_| resampled(&mut rng)).collect();
    medians.sort_by(f64::total_cmp);
    let flipped = |rng: &mut rand::rngs::ThreadRng| {
        let drawn = differences
            .iter()
            .map(|d| if rng.random::<bool>() { *d } else { -d });
        median(drawn.collect()).abs()
    };
    let as_far = (0..DRAWS).filter(|_| flipped(&mut rng) >= found.abs());
    Difference {
        median: found,
        interval: (medians[DRAWS / 40], medians[DRAWS - 1 - DRAWS / 40]),
        p: (as_far.count() + 1) as f64 / (DRAWS + 1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_found_in_noise_and_none_where_there_is_none() {
        // Two halves that mirror each other, and the same shifted by a twentieth of their width.
        let even: Vec<f64> = (-200..=200).map(f64::from).collect();
        let none = difference(&even);
        assert!(
            none.p > 0.2 && none.interval.0 <= 0.0 && none.interval.1 >= 0.0,
            "{none:?}"
        );
        let shifted: Vec<f64> = even.iter().map(|d| d + 40.0).collect();
        let some = difference(&shifted);
        assert!(some.p < 0.01 && some.interval.0 > 0.0, "{some:?}");
        assert!((some.median - 40.0).abs() < 1e-9, "{some:?}");
    }
}
