//! Waiting for a fact to become true, instead of sleeping and hoping.

use std::{fmt::Debug, future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// How often a fact is looked at.
const EVERY: Duration = Duration::from_millis(15);

/// How long most facts may take; far above what they need, so that a slow machine is no failure.
const PATIENCE: Duration = Duration::from_secs(15);

/// Polls until `probe` gives `Ok`; panics with its last `Err` after a generous deadline.
pub async fn eventually<T, E: Debug, F>(probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
{
    eventually_within(PATIENCE, probe).await
}

/// The same where the deadline is part of the fact.
pub async fn eventually_within<T, E: Debug, F>(
    deadline: Duration,
    mut probe: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Result<T, E>>,
{
    let until = Instant::now() + deadline;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(reason) if Instant::now() >= until => panic!("not within {deadline:?}: {reason:?}"),
            Err(_) => sleep(EVERY).await,
        }
    }
}
