//! Identical calls at the same time: the first one asks, the others wait for what it stores.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use floopy_shared::domain::cache::CacheKey;
use tokio::sync::watch;

/// The calls that others wait for. Dropping a sender wakes whoever waits.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<CacheKey, watch::Sender<()>>>);

/// What a call does that found nothing.
#[derive(Debug)]
pub(super) enum Turn {
    /// It asks, and others may wait for it.
    Lead(Lead),
    /// Somebody else asks already.
    Wait(watch::Receiver<()>),
    /// It asks by itself: too many wait.
    Alone,
}

/// The others wait until it is dropped, whatever came of the call.
#[derive(Debug)]
pub(super) struct Lead {
    flights: Arc<Flights>,
    key: CacheKey,
}

impl Flights {
    pub(super) fn join(self: &Arc<Self>, key: CacheKey, max_waiting: usize) -> Turn {
        let mut open = self.lock();
        match open.get(&key) {
            Some(lead) if lead.receiver_count() < max_waiting => Turn::Wait(lead.subscribe()),
            Some(_) => Turn::Alone,
            None => {
                open.insert(key, watch::Sender::new(()));
                let flights = Arc::clone(self);
                Turn::Lead(Lead { flights, key })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_leads_some_wait_and_all_go_on_when_it_is_over() {
        let flights = Arc::new(Flights::default());
        let Turn::Lead(lead) = flights.join([1; 32], 1) else {
            panic!("the first leads");
        };
        let Turn::Wait(mut waiting) = flights.join([1; 32], 1) else {
            panic!("the second waits");
        };
        assert!(matches!(flights.join([1; 32], 1), Turn::Alone));
        assert!(matches!(flights.join([2; 32], 1), Turn::Lead(_)));
        drop(lead);
        assert!(waiting.changed().await.is_err());
        assert!(matches!(flights.join([1; 32], 1), Turn::Lead(_)));
    }
}
