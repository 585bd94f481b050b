//! Why a candidate brought no reply, and what that means.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use floopy_protocols::Unsupported;
use floopy_shared::domain::decision::AttemptResult;
use http::{HeaderMap, StatusCode};

use super::super::{client::ClientError, headers};
use crate::network::Forbidden;

/// An upstream's own error.
#[derive(Debug)]
pub(crate) struct ErrorReply {
    pub status: StatusCode,
    /// What the caller is told: the same, but for the differences between APIs.
    pub shown: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// How long its sender asks to be left alone.
    pub pause: Option<Duration>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("could not be reached")]
    Connect,
    /// Nothing was sent: its address is not one of the internet, and nobody allowed it.
    #[error("was not called: {0}")]
    Forbidden(Box<Forbidden>),
    #[error("broke the connection before it answered")]
    Reset,
    #[error("did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("answered with status {}", .0.status.as_u16())]
    Status(Box<ErrorReply>),
    #[error("sent {0}")]
    Invalid(Cow<'static, str>),
    /// Nothing was sent.
    #[error("was not asked: {0}")]
    Unsupported(Unsupported),
    /// Nothing was sent, for want of a token to send it with.
    #[error("was not asked: its credentials were refused: {0}")]
    Credentials(String),
    /// It was at work, and did not end it.
    #[error("sent {0}")]
    Cut(&'static str),
    /// After the provider had begun to answer.
    #[error("{}", .0.failure)]
    Late(Box<Late>),
}

/// A failure of which more is known.
#[derive(Debug)]
pub(crate) struct Late {
    pub failure: Failure,
    /// How much of several requests was answered: between 0 and 1.
    done: f64,
    /// What the provider calls the request.
    upstream_request_id: Option<Box<str>>,
}

impl Failure {
    pub(crate) fn result(&self) -> AttemptResult {
        match self {
            Self::Connect | Self::Reset | Self::Credentials(_) => AttemptResult::ConnectFailed,
            Self::Forbidden(_) => AttemptResult::AddressRefused,
            Self::TimedOut(_) => AttemptResult::TimedOut,
            Self::Status(_) => AttemptResult::UpstreamError,
            Self::Invalid(_) | Self::Cut(_) => AttemptResult::InvalidReply,
            Self::Unsupported(_) => AttemptResult::Unsupported,
            Self::Late(late) => late.failure.result(),
        }
    }

    /// What failed, without what more is known of it.
    pub(crate) fn first(self) -> Self {
        let Self::Late(late) = self else {
            return self;
        };
        late.failure
    }

    /// The same, after so many of all inputs were answered.
    pub(in crate::upstream) fn partly(failure: Self, (done, all): (usize, usize)) -> Self {
        if done == 0 {
            return failure;
        }
        let upstream_request_id = failure.upstream_request_id();
        let failure = failure.first();
        let done = done as f64 / all.max(done) as f64;
        Self::Late(Box::new(Late {
            failure,
            done,
            upstream_request_id,
        }))
    }

    /// The same, of a request to which these headers came.
    pub(super) fn late(self, headers: &HeaderMap) -> Self {
        let id = headers::upstream_request_id(&headers::returned(headers));
        // An upstream's own error has its headers.
        match (self, id) {
            (failure @ (Self::Status(_) | Self::Late(_)), _) | (failure, None) => failure,
            (failure, Some(id)) => Self::Late(Box::new(Late {
                failure,
                done: 0.0,
                upstream_request_id: Some(id),
            })),
        }
    }

    pub(super) fn upstream_request_id(&self) -> Option<Box<str>> {
        if let Self::Late(late) = self {
            return late.upstream_request_id.clone();
        }
        headers::upstream_request_id(&self.error_reply()?.headers)
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.error_reply().map(|reply| reply.status)
    }

    /// What the upstream itself said, where it did.
    fn error_reply(&self) -> Option<&ErrorReply> {
        match self {
            Self::Status(reply) => Some(reply),
            Self::Late(late) => late.failure.error_reply(),
            Self::Connect
            | Self::Forbidden(_)
            | Self::Reset
            | Self::TimedOut(_)
            | Self::Invalid(_)
            | Self::Unsupported(_)
            | Self::Credentials(_)
            | Self::Cut(_) => None,
        }
    }

    /// How much of its work the provider had done or begun, and will want to be paid for: between 0 and 1.
    pub(super) fn worked_in_vain(&self) -> f64 {
        match self {
            Self::TimedOut(_) | Self::Cut(_) => 1.0,
            Self::Late(late) => late.done.max(late.failure.worked_in_vain()),
            Self::Connect
            | Self::Forbidden(_)
            | Self::Reset
            | Self::Status(_)
            | Self::Invalid(_)
            | Self::Unsupported(_)
            | Self::Credentials(_) => 0.0,
        }
    }

    /// How long the provider asks to be left alone: only with an error that passes.
    pub(in crate::upstream) fn pause(&self) -> Option<Duration> {
        let reply = self.error_reply()?;
        let passes = matches!(reply.status.as_u16(), 429 | 500..=599);
        reply.pause.filter(|pause| passes && !pause.is_zero())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Forbidden(forbidden) => Self::Forbidden(Box::new(forbidden)),
            ClientError::NoHost(_) | ClientError::Connect(_) => Self::Connect,
            ClientError::Broken(_) => Self::Reset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_requests_those_that_were_answered_are_paid_for() {
        let invalid = || Failure::Invalid("x".into());
        for (done, expected) in [(0, 0.0), (1, 0.25), (4, 1.0)] {
            let failure = Failure::partly(invalid(), (done, 4));
            assert!((failure.worked_in_vain() - expected).abs() < 1e-9, "{done}");
            assert!(matches!(failure.first(), Failure::Invalid(_)));
        }
        let late = Failure::partly(Failure::partly(invalid(), (1, 4)), (1, 4));
        assert!(matches!(late.first(), Failure::Invalid(_)), "never nested");
    }
}
