//! What a call is told of limits: that it would exceed one, or what is left of the nearest.

use http::{HeaderMap, HeaderName, HeaderValue};

static RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
static RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
static RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
static TOKENS_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
static TOKENS_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
static TOKENS_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset-tokens");

/// What a limit is of.
pub(super) const REQUESTS: &str = "requests";
pub(super) const TOKENS: &str = "tokens";

/// A limit that a call would exceed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    /// `by`: the setting that says so.
    #[error("this API key may make {limit} requests a minute ({by})")]
    Requests {
        limit: u64,
        by: &'static str,
        wait_s: u64,
    },
    #[error("{limit} requests a minute may come from one address (addresses.requests_per_minute)")]
    Address { limit: u64, wait_s: u64 },
    #[error("this tenant may use {limit} tokens in {window_s} s (max_tokens_per_window)")]
    Tokens {
        limit: u64,
        window_s: u32,
        wait_s: u64,
    },
    #[error("the rate limit {name:?} lets {limit} {of} pass in {window_s} s (rate_limits)")]
    Own {
        name: String,
        of: &'static str,
        limit: u64,
        window_s: u32,
        wait_s: u64,
    },
    /// `wait_s`: until the month ends.
    #[error("this tenant has spent what it may in a month (cost_limit_monthly_usd)")]
    MonthlyCost { wait_s: u64 },
    /// `wait_s`: until the month ends.
    #[error("this tenant has made the requests that its plan has in a month")]
    MonthlyRequests { wait_s: u64 },
    #[error("this tenant has given the ratings that its plan has in a month")]
    MonthlyRatings,
}

impl Exceeded {
    /// Says what is left of the limit, which is nothing.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let left = |limit: u64, wait_s: u64| Left {
            limit,
            remaining: 0,
            reset_s: wait_s,
        };
        match self {
            Self::Requests { limit, wait_s, .. }
            | Self::Address { limit, wait_s }
            | Self::Own {
                of: REQUESTS,
                limit,
                wait_s,
                ..
            } => left(*limit, *wait_s).tell_requests(headers),
            Self::Tokens { limit, wait_s, .. } | Self::Own { limit, wait_s, .. } => {
                left(*limit, *wait_s).tell_tokens(headers);
            }
            Self::MonthlyCost { .. } | Self::MonthlyRequests { .. } | Self::MonthlyRatings => {}
        }
    }
}

/// How much is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// Until a whole window has passed.
    pub(super) reset_s: u64,
}

impl Left {
    fn tell_requests(self, headers: &mut HeaderMap) {
        self.tell(headers, [&RATE_LIMIT, &RATE_REMAINING, &RATE_RESET]);
    }

    fn tell_tokens(self, headers: &mut HeaderMap) {
        self.tell(headers, [&TOKENS_LIMIT, &TOKENS_REMAINING, &TOKENS_RESET]);
    }

    fn tell(self, headers: &mut HeaderMap, names: [&HeaderName; 3]) {
        let values = [self.limit, self.remaining, self.reset_s];
        for (name, value) in names.into_iter().zip(values) {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

/// What is left of the nearest limit of each kind; `None`: nothing limits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Remaining {
    pub(super) requests: Option<Left>,
    /// Before this call: what it takes is known when it is over.
    pub(super) tokens: Option<Left>,
}

impl Remaining {
    /// Says it in the headers of a reply.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        if let Some(left) = self.requests {
            left.tell_requests(headers);
        }
        if let Some(left) = self.tokens {
            left.tell_tokens(headers);
        }
    }
}

/// The one of which less is left.
pub(super) fn nearest(one: Option<Left>, other: Left) -> Left {
    one.filter(|one| one.remaining <= other.remaining)
        .unwrap_or(other)
}
