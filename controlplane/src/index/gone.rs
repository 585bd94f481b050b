//! Shapes' days whose sums are no longer kept, on their way to whoever forgets parts of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::buckets::ShapeDay;

/// The queue. Every refresh empties it, and retention removes a few hundred days at a time.
#[derive(Debug, Default)]
pub(crate) struct Gone(Mutex<Vec<ShapeDay>>);

impl Gone {
    /// Adds; what went must have been committed.
    pub(crate) fn put(&self, days: Vec<ShapeDay>) {
        self.lock().extend(days);
    }

    /// Takes everything.
    pub(crate) fn take(&self) -> Vec<ShapeDay> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ShapeDay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
