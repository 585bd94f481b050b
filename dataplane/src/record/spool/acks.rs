//! Who waits for the control plane's answer to an event; few do, and not for long.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use uuid::Uuid;

/// More than this many do not wait.
const MAX_WAITING: usize = 4_096;

/// What the control plane made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted { duplicate_rating: bool },
    Rejected { reason: String },
}

/// The waiting, by event id.
#[derive(Debug, Default)]
pub(super) struct Acks(Mutex<HashMap<Uuid, oneshot::Sender<Verdict>>>);

impl Acks {
    /// Registers; `None` where too many wait already.
    pub(super) fn expect(&self, id: Uuid) -> Option<Waiter<'_>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.len() >= MAX_WAITING {
            return None;
        }
        waiting.insert(id, sender);
        Some(Waiter {
            acks: self,
            id,
            receiver,
        })
    }

    /// Tells whoever waits for this event.
    pub(super) fn resolve(&self, id: &[u8], verdict: impl FnOnce() -> Verdict) {
        let Ok(id) = Uuid::from_slice(id) else { return };
        let waiter = self.lock().remove(&id);
        if let Some(waiter) = waiter {
            // Whoever waited may have given up.
            let _ = waiter.send(verdict());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, oneshot::Sender<Verdict>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the waiting, given up when dropped.
#[derive(Debug)]
pub(crate) struct Waiter<'a> {
    acks: &'a Acks,
    id: Uuid,
    receiver: oneshot::Receiver<Verdict>,
}

impl Waiter<'_> {
    /// The answer, if it comes in time.
    pub(crate) async fn within(mut self, deadline: Duration) -> Option<Verdict> {
        tokio::time::timeout(deadline, &mut self.receiver)
            .await
            .ok()?
            .ok()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.acks.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_find_their_waiter_and_nobody_is_kept() {
        let acks = Acks::default();
        let id = Uuid::new_v4();
        let waiter = acks.expect(id).expect("room");
        acks.resolve(id.as_bytes(), || Verdict::Accepted {
            duplicate_rating: true,
        });
        let verdict = waiter.within(Duration::from_millis(300)).await;
        assert_eq!(
            verdict,
            Some(Verdict::Accepted {
                duplicate_rating: true
            })
        );
        let late = acks.expect(id).expect("room");
        assert_eq!(late.within(Duration::from_millis(300)).await, None);
        assert!(acks.lock().is_empty());
    }
}
