//! One try at one candidate.

use super::CandidateKey;

/// What came of one try at one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    Ok,
    ConnectFailed,
    TimedOut,
    /// The upstream answered with an error.
    UpstreamError,
    /// The upstream answered with something that is not a reply.
    InvalidReply,
    BrokenStream,
    ClientGone,
    /// A hedge: another candidate answered first.
    Cancelled,
    /// Nothing was sent: the candidate's API cannot say what was asked.
    Unsupported,
    /// Nothing was sent: the candidate is at an address that may not be called.
    AddressRefused,
}

impl AttemptResult {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ConnectFailed => "connect_failed",
            Self::TimedOut => "timed_out",
            Self::UpstreamError => "upstream_error",
            Self::InvalidReply => "invalid_reply",
            Self::BrokenStream => "broken_stream",
            Self::ClientGone => "client_gone",
            Self::Cancelled => "cancelled",
            Self::Unsupported => "unsupported",
            Self::AddressRefused => "address_refused",
        }
    }
}

/// One try at one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub key: CandidateKey,
    pub result: AttemptResult,
    /// The upstream's HTTP status, where one came.
    pub status: Option<u16>,
    pub latency_ms: u64,
    /// Estimated charge for a try that did not serve and was given up while its provider worked on it.
    /// `None`: nothing was charged, its price is unknown, or it served (see [`Outcome`]).
    pub wasted_micro_usd: Option<u64>,
    /// What the provider calls the request, where it said so: at most [`UPSTREAM_REQUEST_ID_BYTES`].
    pub upstream_request_id: Option<Box<str>>,
}

/// Longest id of a provider that is kept. Those that are known have at most some sixty characters.
pub const UPSTREAM_REQUEST_ID_BYTES: usize = 128;
