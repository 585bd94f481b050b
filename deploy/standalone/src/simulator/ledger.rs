//! What really happened in each call, by the id of its reply. Simulated users look here to learn whether
//! their reply was any good; nothing else in the system can.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use super::kind::Kind;

/// Calls remembered; a user looks right after the reply, so only the latest matter.
const CAPACITY: usize = 100_000;

/// One answered call.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub kind: Kind,
    /// Stands for the request's content.
    pub nonce: u64,
    /// Index into the table of models.
    pub model: usize,
    pub good: bool,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost_micro_usd: f64,
}

/// Sums over all calls, served or not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    pub calls: u64,
    pub failed: u64,
    /// Of all calls that were charged, embeddings included.
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost_micro_usd: f64,
    /// Entries dropped because nobody had asked for them in time.
    pub forgotten: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<String, Entry>,
    order: VecDeque<String>,
    totals: Totals,
}

/// The book of one simulator.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<State>);

impl Ledger {
    /// Writes down an answered call.
    pub fn record(&self, completion_id: &str, entry: Entry) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.totals.calls += 1;
        state.totals.input_tokens += entry.input_tokens;
        state.totals.output_tokens += entry.output_tokens;
        state.totals.cost_micro_usd += entry.cost_micro_usd;
        state.entries.insert(completion_id.to_owned(), entry);
        state.order.push_back(completion_id.to_owned());
        if state.order.len() > CAPACITY
            && let Some(oldest) = state.order.pop_front()
            && state.entries.remove(&oldest).is_some()
        {
            state.totals.forgotten += 1;
        }
    }

    /// Counts a call whose reply has no id to look it up by.
    pub fn record_embedding(&self, input_tokens: u64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.totals.calls += 1;
        state.totals.input_tokens += input_tokens;
    }

    /// Counts a call that failed.
    pub fn record_failure(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.totals.calls += 1;
        state.totals.failed += 1;
    }

    /// What really happened in the call with this reply.
    pub fn entry(&self, completion_id: &str) -> Option<Entry> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entries
            .get(completion_id)
            .copied()
    }

    /// The sums so far.
    pub fn totals(&self) -> Totals {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).totals
    }
}
