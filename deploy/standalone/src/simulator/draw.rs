//! Numbers that look random and are a function of what they are for.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A sequence of numbers, the same for the same seed and purpose.
#[derive(Debug, Clone)]
pub struct Draw {
    state: u64,
    drawn: u64,
}

impl Draw {
    /// The sequence of a purpose.
    pub fn new(seed: u64, purpose: &[&str]) -> Self {
        let state = purpose.iter().fold(seed, |state, part| {
            xxh3_64_with_seed(part.as_bytes(), state)
        });
        Self { state, drawn: 0 }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.drawn += 1;
        xxh3_64_with_seed(&self.drawn.to_le_bytes(), self.state)
    }

    /// Uniform in (0,1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Uniform below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        usize::try_from(self.bits() % bound).unwrap_or(0)
    }

    /// One of the given.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_purpose_gives_the_same_sequence() {
        let sequence = |seed, purpose| -> Vec<u64> {
            let mut draw = Draw::new(seed, &[purpose]);
            (0..5).map(|_| draw.bits()).collect()
        };
        assert_eq!(sequence(1, "a"), sequence(1, "a"));
        assert_ne!(sequence(1, "a"), sequence(2, "a"));
        assert_ne!(sequence(1, "a"), sequence(1, "b"));
    }

    #[test]
    fn normals_have_mean_zero_and_deviation_one() {
        let mut draw = Draw::new(3, &["normal"]);
        let sample: Vec<f64> = (0..20_000).map(|_| draw.normal()).collect();
        let mean = sample.iter().sum::<f64>() / 20_000.0;
        let variance = sample.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }
}
