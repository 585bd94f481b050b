//! How much of a tenant what is told can give away: zero-concentrated differential privacy (Bun & Steinke 2016,
//! <https://arxiv.org/abs/1605.02658>), where neighbours differ in one whole tenant.

use super::given::BOUND;
use crate::learn::normal::cdf;

/// Days over which a tenant's budget is counted.
pub const WINDOW_DAYS: u32 = 365;

/// What a tenant may lose within [`WINDOW_DAYS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Privacy {
    pub epsilon: f64,
    pub delta: f64,
    /// Days between two releases.
    pub every_days: u32,
}

impl Privacy {
    /// Where nobody says otherwise.
    pub const DEFAULT: Self = Self {
        epsilon: 8.0,
        delta: 1e-6,
        every_days: 30,
    };

    /// Of everything within the window: the largest `ρ` whose `ε` is this one (Proposition 1.3, solved for `ρ`).
    pub fn rho_of_window(&self) -> f64 {
        let log = (1.0 / self.delta).ln();
        ((log + self.epsilon).sqrt() - log.sqrt()).powi(2)
    }

    /// Of one release: those that fit into the window share its budget evenly.
    pub fn rho(&self) -> f64 {
        let releases = (WINDOW_DAYS / self.every_days.max(1)).max(1);
        self.rho_of_window() / f64::from(releases)
    }

    /// The noise of one release, as a standard deviation in ones: Gaussian noise of `Δ / √(2ρ)` is `ρ`-zCDP
    /// (Proposition 1.6), and so is discrete Gaussian noise.
    pub fn sigma(&self) -> f64 {
        BOUND / (2.0 * self.rho()).sqrt()
    }
}

/// The `ε` that `ρ` comes to beside `δ` (Proposition 1.3).
pub fn epsilon(rho: f64, delta: f64) -> f64 {
    rho + 2.0 * (rho * (1.0 / delta).ln()).sqrt()
}

/// How much better than by guessing anybody can tell whether a tenant is in releases that come to `ρ`, at most: the hits
/// less the false alarms of the best test (Dong, Roth & Su 2022, <https://arxiv.org/abs/1905.02383>, Gaussian privacy with
/// `μ² = 2ρ`).
pub fn advantage(rho: f64) -> f64 {
    2.0 * cdf((2.0 * rho).sqrt() / 2.0) - 1.0
}
