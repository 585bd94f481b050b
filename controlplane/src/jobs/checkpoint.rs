//! Moves what was committed from the journal into the database beside the writer, so that commits need not.

use std::{convert::Infallible, time::Duration};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// How often; what is older than this is on the disk itself and survives the loss of power.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until stopped.
pub(crate) async fn run(store: Store, stop: CancellationToken) -> Result<(), Infallible> {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut done = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = tick.tick() => {}
        }
        let writes = store.write_number();
        if writes == done {
            continue;
        }
        match store.checkpoint().await {
            Ok(()) => done = writes,
            Err(error) => {
                tracing::warn!(%error, "the journal could not be shortened; trying again")
            }
        }
    }
}
