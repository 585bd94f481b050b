//! Outcomes on their way to the drift monitors. Bounded: what overflows is dropped, oldest first, and counted;
//! a monitor that misses some is a little later.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::learn::monitor::Observation;

/// Outcomes that may wait: a second of ten thousand a second, several times over.
const MOST: usize = 65_536;

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Observations(Mutex<VecDeque<Observation>>);

impl Observations {
    /// Adds; how many had to go.
    pub(crate) fn put(&self, new: Vec<Observation>) -> usize {
        let mut queue = self.lock();
        queue.extend(new);
        let excess = queue.len().saturating_sub(MOST);
        queue.drain(..excess);
        excess
    }

    /// Takes everything, oldest first.
    pub(crate) fn take(&self) -> VecDeque<Observation> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Observation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
