//! The normal distribution, as far as routing needs it.

use std::sync::LazyLock;

/// Standard normal cumulative distribution; Abramowitz & Stegun 26.2.17, absolute error below 7.5e-8.
pub fn cdf(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = COEFFICIENTS.iter().rev().fold(0.0, |acc, c| (acc + c) * t);
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let upper = density * series;
    if x >= 0.0 { 1.0 - upper } else { upper }
}

/// Steps of the table per unit.
const STEPS: usize = 64;
/// Where the table ends: beyond lies less than 1e-9.
const EDGE: f64 = 6.0;

/// Places of the table.
const PLACES: usize = 2 * EDGE as usize * STEPS + 1;

/// Values, each with the way to the next one.
static TABLE: LazyLock<[(f64, f64); PLACES]> = LazyLock::new(|| {
    let at = |i: usize| cdf(i as f64 / STEPS as f64 - EDGE);
    std::array::from_fn(|i| (at(i), at(i + 1) - at(i)))
});

/// The same from a table with linear interpolation: an error below 1e-5, for where thousands are needed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the table before"
)]
pub fn cdf_table(x: f64) -> f64 {
    let place = (x.clamp(-EDGE, EDGE) + EDGE) * STEPS as f64;
    let index = (place as usize).min(PLACES - 1);
    let (low, step) = TABLE[index];
    low + step * (place - index as f64)
}

/// The 95 % quantile of the standard normal.
pub const Z95: f64 = 1.644_853_626_951;
/// The 97.5 % quantile: 95 % lie within as many standard deviations on either side.
pub const Z975: f64 = 1.959_963_984_540;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_quantiles_come_out() {
        for (x, p) in [
            (0.0, 0.5),
            (Z95, 0.95),
            (-Z95, 0.05),
            (1.959_964, 0.975),
            (-8.0, 0.0),
        ] {
            assert!((cdf(x) - p).abs() < 1e-6, "{x}");
            assert!((cdf_table(x) - p).abs() < 1e-5, "{x}");
        }
    }
}
