//! Labels: closed sets, so that the number of series is bounded.

use std::fmt;

use floopy_shared::domain::decision::{AttemptResult, Strategy};
use http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// A label whose values are a closed set.
pub(super) trait Closed {
    /// How many values there are.
    const COUNT: usize;
}

/// One, with the text of each value.
macro_rules! label {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl Closed for $name {
            const COUNT: usize = [$($text),+].len();
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                let text = match self { $(Self::$variant => $text,)+ };
                EncodeLabelValue::encode(&text, encoder)
            }
        }
    };
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) route: RouteLabel,
    pub(super) status: StatusLabel,
    pub(super) strategy: StrategyLabel,
}

label! {
    pub(crate) enum RouteLabel {
        Chat = "chat",
        Responses = "responses",
        Messages = "messages",
        CountTokens = "count_tokens",
        Embeddings = "embeddings",
        Models = "models",
        Feedback = "feedback",
        Explain = "explain",
        Files = "files",
        Batches = "batches",
        Mcp = "mcp",
        Decisions = "decisions",
        /// All else that the control plane answers.
        Control = "control",
        Health = "health",
        Other = "other",
    }
}

label! {
    pub(super) enum StatusLabel {
        S2xx = "2xx",
        S3xx = "3xx",
        S4xx = "4xx",
        S5xx = "5xx",
        /// The client left before it was answered.
        Gone = "gone",
    }
}

impl StatusLabel {
    pub(super) fn of(status: Option<StatusCode>) -> Self {
        match status.map(|status| status.as_u16() / 100) {
            None => Self::Gone,
            Some(0..=2) => Self::S2xx,
            Some(3) => Self::S3xx,
            Some(4) => Self::S4xx,
            Some(_) => Self::S5xx,
        }
    }
}

label! {
    pub(crate) enum StrategyLabel {
        FeedbackDriven = "feedback_driven",
        Fallback = "fallback",
        LegacyModel = "legacy_model",
        RoundRobin = "round_robin",
        Weighted = "weighted",
        LatencyBased = "latency_based",
        SmartCost = "smart_cost",
        None = "none",
    }
}

impl From<Strategy> for StrategyLabel {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::FeedbackDriven => Self::FeedbackDriven,
            Strategy::Fallback => Self::Fallback,
            Strategy::LegacyModel => Self::LegacyModel,
            Strategy::RoundRobin => Self::RoundRobin,
            Strategy::Weighted => Self::Weighted,
            Strategy::LatencyBased => Self::LatencyBased,
            Strategy::SmartCost => Self::SmartCost,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AttemptLabels {
    pub(super) result: AttemptLabel,
}

label! {
    pub(crate) enum AttemptLabel {
        Ok = "ok",
        ConnectFailed = "connect_failed",
        TimedOut = "timed_out",
        UpstreamError = "upstream_error",
        InvalidReply = "invalid_reply",
        BrokenStream = "broken_stream",
        ClientGone = "client_gone",
        Cancelled = "cancelled",
        Unsupported = "unsupported",
        AddressRefused = "address_refused",
    }
}

impl AttemptLabel {
    pub(crate) fn of(result: AttemptResult) -> Self {
        match result {
            AttemptResult::Ok => Self::Ok,
            AttemptResult::ConnectFailed => Self::ConnectFailed,
            AttemptResult::TimedOut => Self::TimedOut,
            AttemptResult::UpstreamError => Self::UpstreamError,
            AttemptResult::InvalidReply => Self::InvalidReply,
            AttemptResult::BrokenStream => Self::BrokenStream,
            AttemptResult::ClientGone => Self::ClientGone,
            AttemptResult::Cancelled => Self::Cancelled,
            AttemptResult::Unsupported => Self::Unsupported,
            AttemptResult::AddressRefused => Self::AddressRefused,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CacheLabels {
    pub(super) result: CacheLabel,
}

label! {
    /// What came of asking the cache.
    pub(crate) enum CacheLabel {
        Exact = "exact",
        Semantic = "semantic",
        Advanced = "advanced",
        Miss = "miss",
        Bypass = "bypass",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ComparisonLabels {
    pub(super) result: ComparisonLabel,
}

label! {
    /// What a stored reply to a question in other words said, beside a fresh one.
    pub(crate) enum ComparisonLabel {
        Same = "same",
        Wrong = "wrong",
        Unknown = "unknown",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: KindLabel,
}

label! {
    /// Kinds of events.
    pub(crate) enum KindLabel {
        Decision = "decision",
        Rating = "rating",
        ScoringJob = "scoring_job",
        Content = "content",
    }
}

label! {
    /// What Redis is asked for.
    pub(crate) enum RedisLabel {
        CacheGet = "cache_get",
        CacheSet = "cache_set",
        CacheFlush = "cache_flush",
        Rates = "rates",
        Budgets = "budgets",
        Ping = "ping",
    }
}

label! {
    /// What Qdrant is asked for.
    pub(crate) enum QdrantLabel {
        Search = "search",
        Fetch = "fetch",
        Store = "store",
        Delete = "delete",
        Count = "count",
        Look = "look",
    }
}

label! {
    /// What came of asking a store.
    pub(crate) enum AnswerLabel {
        Ok = "ok",
        /// Not within its deadline.
        Late = "late",
        /// The connection broke.
        Failed = "failed",
        /// It answered that it would not.
        Refused = "refused",
        /// It is gone: nothing was asked.
        Skipped = "skipped",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ScreeningLabels {
    pub(super) verdict: ScreeningLabel,
}

label! {
    /// What the firewall made of a call.
    pub(crate) enum ScreeningLabel {
        Passed = "passed",
        Flagged = "flagged",
        Blocked = "blocked",
        Skipped = "skipped",
        Refused = "refused",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SkipLabels {
    pub(super) reason: SkipLabel,
}

label! {
    /// Why it could not score one.
    pub(crate) enum SkipLabel {
        QueueFull = "queue_full",
        Deadline = "deadline",
        Unavailable = "unavailable",
        Failed = "failed",
    }
}
