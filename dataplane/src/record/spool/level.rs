//! How full the spool is, and what it still takes.

use super::Refused;
use crate::metrics::KindLabel;

/// What the spool still takes, from everything to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Level {
    Ok = 0,
    /// Scoring jobs and what sessions said are dropped.
    NoJobs = 1,
    /// Decisions are dropped as well.
    OnlyRatings = 2,
    /// Nothing more fits.
    Full = 3,
    /// The last write failed; jobs are not even tried.
    Failing = 4,
}

impl Level {
    /// Ratings are worth most and jobs least, so each is refused at a different fill.
    pub(super) fn of(bytes: u64, max_bytes: u64) -> Self {
        if bytes >= max_bytes {
            Self::Full
        } else if bytes >= max_bytes / 10 * 9 {
            Self::OnlyRatings
        } else if bytes >= max_bytes / 10 * 7 {
            Self::NoJobs
        } else {
            Self::Ok
        }
    }

    pub(super) fn admits(self, kind: KindLabel) -> Result<(), Refused> {
        match (self, kind) {
            (Self::Ok, _) | (Self::NoJobs, KindLabel::Decision | KindLabel::Rating) => Ok(()),
            (Self::OnlyRatings, KindLabel::Rating) => Ok(()),
            // Trying again is how it is found out that space has returned.
            (Self::Failing, KindLabel::Decision | KindLabel::Rating) => Ok(()),
            (Self::Failing, KindLabel::ScoringJob | KindLabel::Content) => Err(Refused::Failing),
            (Self::NoJobs | Self::OnlyRatings | Self::Full, _) => Err(Refused::Full),
        }
    }

    /// For people.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoJobs => "nearly full: scoring jobs and content are dropped",
            Self::OnlyRatings => "nearly full: scoring jobs, content and decisions are dropped",
            Self::Full => "full: nothing is taken",
            Self::Failing => "cannot be written to: events are dropped",
        }
    }

    pub(super) fn from_u8(value: u8) -> Self {
        [Self::Ok, Self::NoJobs, Self::OnlyRatings, Self::Full]
            .into_iter()
            .find(|level| *level as u8 == value)
            .unwrap_or(Self::Failing)
    }
}
