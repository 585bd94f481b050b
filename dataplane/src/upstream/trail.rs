//! The attempts of one call, kept so that an abandoned one is not lost.

use std::time::Instant;

use floopy_shared::domain::{
    decision::{Attempt, AttemptResult},
    ids::CandidateKey,
};

/// Finished attempts and the one under way.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    done: Vec<Attempt>,
    current: Option<(CandidateKey, Instant)>,
}

impl Trail {
    pub(crate) fn begin(&mut self, key: &CandidateKey) {
        self.current = Some((key.clone(), Instant::now()));
    }

    pub(crate) fn end(&mut self, result: AttemptResult, status: Option<u16>) {
        if let Some((key, begun)) = self.current.take() {
            let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.done.push(Attempt {
                key,
                result,
                status,
                latency_ms,
            });
        }
    }

    /// What the last attempt came to after it had begun well.
    pub(crate) fn revise(&mut self, result: AttemptResult) {
        if let Some(last) = self.done.last_mut() {
            last.result = result;
        }
    }

    /// How many there were, the one under way included.
    pub(crate) fn len(&self) -> usize {
        self.done.len() + usize::from(self.current.is_some())
    }

    /// All attempts so far.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.done.clone()
    }

    /// All attempts; one still under way was abandoned by the client.
    pub(crate) fn close(&mut self) -> Vec<Attempt> {
        self.end(AttemptResult::ClientGone, None);
        std::mem::take(&mut self.done)
    }
}
