//! Money in integer micro-USD, prices in micro-USD per million tokens.

/// What a model costs; one token at 1 USD per million costs one micro-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Per million input tokens.
    pub input_micro_usd_per_mtok: u64,
    /// Per million output tokens.
    pub output_micro_usd_per_mtok: u64,
    /// Per million input tokens read from the provider's prompt cache; the input price where unknown.
    pub cached_input_micro_usd_per_mtok: Option<u64>,
}

/// USD as whole micro-USD; `None` where it is no amount of money.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be in range"
)]
pub fn micro_usd(usd: f64) -> Option<u64> {
    (0.0..1e9)
        .contains(&usd)
        .then(|| (usd * 1e6).round() as u64)
}

/// Tokens of one call. `cached_input` is part of `input`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub input: u64,
    pub cached_input: u64,
    pub output: u64,
}

impl Prices {
    /// Cost in micro-USD, rounded half up once over the whole call.
    pub fn cost_micro_usd(&self, usage: Usage) -> u64 {
        let cached_price = self
            .cached_input_micro_usd_per_mtok
            .unwrap_or(self.input_micro_usd_per_mtok);
        let cached = usage.cached_input.min(usage.input);
        let of = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        // Saturating: three of the largest products are more than 128 bits hold.
        let total = of(usage.input - cached, self.input_micro_usd_per_mtok)
            .saturating_add(of(cached, cached_price))
            .saturating_add(of(usage.output, self.output_micro_usd_per_mtok))
            .saturating_add(500_000);
        // Nearly every call fits 64 bits, whose division by a constant is a multiplication.
        match u64::try_from(total) {
            Ok(total) => total / 1_000_000,
            Err(_) => u64::try_from(total / 1_000_000).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_counts_cached_tokens_at_their_own_price_and_rounds_once() {
        let prices = Prices {
            input_micro_usd_per_mtok: 2_500_000,
            output_micro_usd_per_mtok: 10_000_000,
            cached_input_micro_usd_per_mtok: Some(1_250_000),
        };
        let usage = Usage {
            input: 1_000,
            cached_input: 400,
            output: 100,
        };
        assert_eq!(prices.cost_micro_usd(usage), 1_500 + 500 + 1_000);
        let tiny = Usage {
            input: 1,
            cached_input: 0,
            output: 0,
        };
        assert_eq!(prices.cost_micro_usd(tiny), 3);
    }

    #[test]
    fn absurd_token_counts_saturate() {
        let prices = Prices {
            input_micro_usd_per_mtok: u64::MAX,
            output_micro_usd_per_mtok: u64::MAX,
            cached_input_micro_usd_per_mtok: None,
        };
        let usage = Usage {
            input: u64::MAX,
            cached_input: u64::MAX,
            output: u64::MAX,
        };
        assert_eq!(prices.cost_micro_usd(usage), u64::MAX);
    }
}
