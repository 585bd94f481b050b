//! Limits as they are written: the four keys of the customers' API.

use floopy_shared::domain::{constraints::InvalidConstraints, limits::Limits, money::micro_usd};
use serde::{Deserialize, Serialize};

/// The keys in the order in which they are told.
pub(crate) const KEYS: [&str; 4] = [
    "cost_limit_monthly_usd",
    "token_window_seconds",
    "max_tokens_per_window",
    "max_requests_per_minute",
];

/// A billion USD, which is not an amount that can be written.
pub(crate) const MAX_MICRO_USD: u64 = 1_000_000_000_000_000;

/// A group of constraints: a key that is missing or `null` limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WrittenLimits {
    cost_limit_monthly_usd: Option<f64>,
    token_window_seconds: Option<u32>,
    max_tokens_per_window: Option<u64>,
    max_requests_per_minute: Option<u32>,
}

impl WrittenLimits {
    /// As routing knows them, if they let something pass.
    pub(crate) fn to_domain(self) -> Result<Limits, InvalidConstraints> {
        let cost = self.cost_limit_monthly_usd.map(|usd| {
            let micro_usd = micro_usd(usd).filter(|micro_usd| *micro_usd < MAX_MICRO_USD);
            micro_usd.ok_or_else(|| {
                InvalidConstraints::new(
                    "cost_limit_monthly_usd",
                    format!("{usd} is not allowed; it must be above 0 and below a billion"),
                )
            })
        });
        let limits = Limits {
            cost_micro_usd_per_month: cost.transpose()?,
            token_window_s: self.token_window_seconds,
            tokens_per_window: self.max_tokens_per_window,
            requests_per_minute: self.max_requests_per_minute,
        };
        limits.validate()?;
        Ok(limits)
    }
}

impl From<Limits> for WrittenLimits {
    fn from(limits: Limits) -> Self {
        Self {
            // Amounts up to billions keep their micro-dollars.
            #[expect(
                clippy::cast_precision_loss,
                reason = "told in dollars by the contract"
            )]
            cost_limit_monthly_usd: limits
                .cost_micro_usd_per_month
                .map(|micro| micro as f64 / 1e6),
            token_window_seconds: limits.token_window_s,
            max_tokens_per_window: limits.tokens_per_window,
            max_requests_per_minute: limits.requests_per_minute,
        }
    }
}
