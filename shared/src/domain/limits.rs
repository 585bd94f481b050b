//! What a tenant lets itself spend: in a month, in a window of tokens, in a minute of calls.

use super::constraints::InvalidConstraints;

/// A tenant's limits; what is `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Between two firsts of a month UTC.
    pub cost_micro_usd_per_month: Option<u64>,
    /// The length of the window that `tokens_per_window` is counted in; [`TOKEN_WINDOW_S`] where it is not given.
    pub token_window_s: Option<u32>,
    pub tokens_per_window: Option<u64>,
    pub requests_per_minute: Option<u32>,
}

/// Tokens are counted by the minute where nothing else is written down.
pub const TOKEN_WINDOW_S: u32 = 60;
/// A day: what is longer is a budget, which money says better.
pub const MAX_TOKEN_WINDOW_S: u32 = 86_400;

impl Limits {
    /// Refuses limits that let nothing pass, which are more likely mistakes than wishes.
    pub fn validate(&self) -> Result<(), InvalidConstraints> {
        let zero = [
            ("cost_limit_monthly_usd", self.cost_micro_usd_per_month),
            ("token_window_seconds", self.token_window_s.map(u64::from)),
            ("max_tokens_per_window", self.tokens_per_window),
            (
                "max_requests_per_minute",
                self.requests_per_minute.map(u64::from),
            ),
        ]
        .into_iter()
        .find(|(_, value)| *value == Some(0));
        if let Some((field, _)) = zero {
            let reason = "0 lets nothing pass; it must be above 0, or null for no limit".to_owned();
            return Err(InvalidConstraints::new(field, reason));
        }
        match self.token_window_s.filter(|s| *s > MAX_TOKEN_WINDOW_S) {
            Some(seconds) => Err(InvalidConstraints::new(
                "token_window_seconds",
                format!("{seconds} is not allowed; it must be at most {MAX_TOKEN_WINDOW_S}, a day"),
            )),
            None => Ok(()),
        }
    }

    /// The window that tokens are counted in, and how many may be.
    pub fn token_window(&self) -> Option<(u32, u64)> {
        let seconds = self.token_window_s.unwrap_or(TOKEN_WINDOW_S);
        self.tokens_per_window.map(|tokens| (seconds, tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_let_nothing_pass_are_refused_by_field() {
        let none = Limits::default();
        let cases = [
            (
                Limits {
                    cost_micro_usd_per_month: Some(0),
                    ..none
                },
                "cost_limit_monthly_usd",
            ),
            (
                Limits {
                    tokens_per_window: Some(0),
                    ..none
                },
                "max_tokens_per_window",
            ),
            (
                Limits {
                    requests_per_minute: Some(0),
                    ..none
                },
                "max_requests_per_minute",
            ),
            (
                Limits {
                    token_window_s: Some(86_401),
                    ..none
                },
                "token_window_seconds",
            ),
        ];
        for (limits, field) in cases {
            assert_eq!(limits.validate().expect_err(field).field, field);
        }
        assert_eq!(none.validate(), Ok(()));
    }

    #[test]
    fn tokens_are_counted_by_the_minute_unless_told() {
        let tokens = Limits {
            tokens_per_window: Some(9),
            ..Limits::default()
        };
        assert_eq!(tokens.token_window(), Some((60, 9)));
        let window = Limits {
            token_window_s: Some(5),
            ..Limits::default()
        };
        assert_eq!(window.token_window(), None);
    }
}
