//! Discrete Gaussian noise, drawn exactly: whole numbers only, as the digits of a rounded draw can give away what it was
//! added to (Mironov 2012). The algorithms are those of Canonne, Kamath & Steinke 2020
//! (<https://arxiv.org/abs/2004.00010>).

/// Where chance comes from: a whole number below the given one, each as likely as any other. What is told must be drawn from
/// a source that nobody can foresee.
pub type Chance<'a> = dyn FnMut(u128) -> u128 + 'a;

/// Noise around 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gaussian {
    sigma: u64,
}

impl Gaussian {
    /// Of this standard deviation, rounded up.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded before"
    )]
    pub(super) fn new(sigma: f64) -> Self {
        Self {
            sigma: sigma.clamp(0.0, 1e7).ceil() as u64,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most ten million")]
    pub(super) fn sigma(self) -> f64 {
        self.sigma as f64
    }

    /// One draw (Algorithm 3): discrete Laplace noise, kept as often as makes it Gaussian.
    pub(super) fn draw(self, chance: &mut Chance<'_>) -> i64 {
        if self.sigma == 0 {
            return 0;
        }
        let variance = u128::from(self.sigma).pow(2);
        let scale = self.sigma + 1;
        loop {
            let drawn = laplace(scale, chance);
            // (|drawn| - σ²/t)² / 2σ², as a fraction.
            let off = u128::from(drawn.unsigned_abs()) * u128::from(scale);
            let off = off.abs_diff(variance);
            let below = 2 * variance * u128::from(scale).pow(2);
            if exponential(off * off, below, chance) {
                return drawn;
            }
        }
    }
}

/// Discrete Laplace noise (Algorithm 2, for a whole scale).
fn laplace(scale: u64, chance: &mut Chance<'_>) -> i64 {
    loop {
        let within = chance(u128::from(scale));
        if !exponential(within, u128::from(scale), chance) {
            continue;
        }
        let mut times = 0_u64;
        while exponential(1, 1, chance) {
            times += 1;
        }
        let size = i64::try_from(within + u128::from(scale * times)).unwrap_or(i64::MAX);
        match (chance(2) == 1, size) {
            // Nothing has no sign: counted once.
            (true, 0) => {}
            (true, size) => return -size,
            (false, size) => return size,
        }
    }
}

/// True with the probability `exp(-above / below)` (Algorithm 1).
fn exponential(above: u128, below: u128, chance: &mut Chance<'_>) -> bool {
    let whole = above / below;
    (0..whole).all(|_| at_most_one(1, 1, chance)) && at_most_one(above % below, below, chance)
}

/// The same for an exponent of one at most.
fn at_most_one(above: u128, below: u128, chance: &mut Chance<'_>) -> bool {
    let mut k = 1_u128;
    while chance(below * k) < above {
        k += 1;
    }
    k % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::{super::tests::seeded, *};

    #[test]
    fn draws_have_the_mean_the_width_and_the_shape_of_the_distribution() {
        let mut chance = seeded(7);
        let noise = Gaussian::new(40.0);
        let draws: Vec<f64> = (0..20_000)
            .map(|_| noise.draw(&mut chance) as f64)
            .collect();
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        // Four standard errors.
        assert!(mean.abs() < 4.0 * 40.0 / n.sqrt(), "{mean}");
        assert!((variance.sqrt() / 40.0 - 1.0).abs() < 0.02, "{variance}");
        let beyond = |z: f64| draws.iter().filter(|x| x.abs() > z * 40.0).count() as f64 / n;
        assert!((beyond(1.0) - 0.317).abs() < 0.015, "{}", beyond(1.0));
        assert!((beyond(2.0) - 0.0455).abs() < 0.007, "{}", beyond(2.0));
    }

    #[test]
    fn no_width_is_no_noise_and_the_widest_is_drawn_too() {
        let mut chance = seeded(1);
        assert_eq!(Gaussian::new(0.0).draw(&mut chance), 0);
        let widest = Gaussian::new(f64::INFINITY);
        assert!((0..100).any(|_| widest.draw(&mut chance).abs() > 1_000_000));
    }
}
