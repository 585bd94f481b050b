//! Taking in what happened: every event counts exactly once, whatever the order and however often it comes.
//!
//! What is stored are facts (decisions, ratings, scores), each the outcome of a merge that does not depend on
//! order: a decision's last word wins, of ratings the first or the last revision stands (after a
//! retraction the last one given), of a reply's scores the one by the later rubric (`store::scores`). The buckets are what the facts add up to: whenever a fact changes, what its call or session added
//! before is taken away and what it adds now is added, in the same transaction.

mod append;
mod book;
mod credit;
mod fold;
mod jobs;
mod observe;
mod score;
mod subject;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod usage;

use std::sync::Arc;

use floopy_shared::{domain::event::Event, process::clock::Clock};
use uuid::Uuid;

use crate::{
    index::{dirty::Dirty, totals::Totals},
    kept::Kept,
    metrics::Metrics,
    queue::Queue,
    store::{Store, StoreError, outbox::Outbox},
};

/// Events taken from one call at most; a proxy sends its spool in smaller pieces.
pub(crate) const MAX_BATCH: usize = 10_000;

/// One event of a batch, or why it could not be read.
#[derive(Debug)]
pub(crate) enum Arrival {
    Event(Event),
    Unreadable { id: Vec<u8>, reason: String },
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) id: Vec<u8>,
    pub(crate) verdict: Verdict,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Durable and folded. `duplicate`: a rating that does not stand because another one does.
    Accepted { duplicate: bool },
    /// It, or something that makes it moot, was there already.
    Known { duplicate: bool },
    /// Can never be accepted.
    Rejected(String),
}

impl Verdict {
    /// Says whether another rating stands instead of this one.
    fn settle(&mut self, another_stands: bool) {
        match self {
            Self::Accepted { duplicate } | Self::Known { duplicate } => *duplicate = another_stands,
            Self::Rejected(_) => {}
        }
    }
}

/// The intake. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    pub(crate) store: Store,
    /// What is sent to the decision log waits here; `None`: the store is the log.
    pub(crate) outbox: Option<Outbox>,
    pub(crate) clock: Clock,
    /// Decisions older than this are refused, because what they were counted in may be forgotten.
    pub(crate) kept: Arc<Kept>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) dirty: Arc<Dirty>,
    pub(crate) totals: Arc<Totals>,
    /// Replies that wait for a judge.
    pub(crate) queue: Queue,
}

/// Why a batch was not taken; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    #[error("a batch of {0} events is more than {MAX_BATCH}")]
    TooLarge(usize),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the process is ending")]
    Interrupted,
}

/// The bytes of an id.
fn id_bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}
