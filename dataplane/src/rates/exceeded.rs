//! What a call is told of limits: that it would exceed one, or what is left of the nearest.

use http::{HeaderMap, HeaderName, HeaderValue};

static RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
static RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
static RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

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
    #[error("this tenant has spent what it may in a month (cost_limit_monthly_usd)")]
    MonthlyCost,
    #[error("this tenant has made the requests that its plan has in a month")]
    MonthlyRequests,
    #[error("this tenant has given the ratings that its plan has in a month")]
    MonthlyRatings,
}

impl Exceeded {
    /// Says what is left of a limit of requests, which is nothing.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        match self {
            Self::Requests { limit, wait_s, .. }
            | Self::Address { limit, wait_s }
            | Self::Own {
                of: REQUESTS,
                limit,
                wait_s,
                ..
            } => Left {
                limit: *limit,
                remaining: 0,
                reset_s: *wait_s,
            }
            .tell(headers),
            Self::Tokens { .. }
            | Self::Own { .. }
            | Self::MonthlyCost
            | Self::MonthlyRequests
            | Self::MonthlyRatings => {}
        }
    }
}

/// How much is left of the limit that is nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Until a whole window has passed.
    pub(crate) reset_s: u64,
}

impl Left {
    /// Says it in the headers of a reply.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(&RATE_LIMIT, HeaderValue::from(self.limit));
        headers.insert(&RATE_REMAINING, HeaderValue::from(self.remaining));
        headers.insert(&RATE_RESET, HeaderValue::from(self.reset_s));
    }
}
