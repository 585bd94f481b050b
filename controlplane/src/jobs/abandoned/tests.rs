//! That an agent that was left is told of once, and one that goes on never.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use floopy_shared::{
    domain::{decision::Ending, ids::SessionId},
    process::clock::Clock,
};

use super::*;
use crate::{
    fixture::{BOUNDS, NOW, append, decided, decision, intake_with, tenant},
    store::sql,
};

const HOUR_MS: u64 = 3_600_000;

/// A reply in a loop of tools that calls some again.
fn asking(n: u64, session: &str) -> Decision {
    let mut asking = decision(n);
    asking.session_id = Some(SessionId::new(session).expect("valid"));
    asking.affinity.tool_loop = true;
    asking.outcome.calls_tools = true;
    asking
}

async fn told_of(intake: &Intake, of: &Decision) -> Vec<ImplicitKind> {
    let mut tx = intake.store.write().await.expect("writes");
    let found = calls::get(&mut tx, (&tenant(), of.request_id)).await;
    let found = found.expect("reads").expect("there").decision;
    found
        .implicit
        .into_iter()
        .map(|implicit| implicit.kind)
        .collect()
}

async fn look(intake: &Intake) {
    let job = Abandoned {
        intake: intake.clone(),
        after_ms: HOUR_MS,
    };
    job.look(&CancellationToken::new()).await.expect("works");
}

#[tokio::test]
async fn who_is_left_in_the_middle_is_told_once_and_who_goes_on_is_not() {
    let now = Arc::new(AtomicU64::new(NOW));
    let at = Arc::clone(&now);
    let clock = Clock::from_source(move || at.load(Ordering::Relaxed));
    let intake = intake_with(BOUNDS, clock).await;
    let left = asking(1, "left");
    let went_on = asking(2, "on");
    let next = Decision {
        session_id: went_on.session_id.clone(),
        ..decision(3)
    };
    let (mut over, mut broken) = (asking(4, "over"), asking(5, "broken"));
    over.outcome.calls_tools = false;
    broken.outcome.ending = Ending::BrokenStream;
    let others = [&went_on, &next, &over, &broken];
    let all = others.into_iter().chain([&left]).enumerate();
    let events = all.map(|(id, of)| decided(id as u64, of.clone()));
    append(&intake, events.collect()).await;
    now.fetch_add(HOUR_MS / 2, Ordering::Relaxed);
    let young = asking(6, "young");
    append(&intake, vec![decided(9, young.clone())]).await;
    look(&intake).await;
    assert_eq!(told_of(&intake, &left).await, [], "it is not known yet");
    now.fetch_add(HOUR_MS / 2 + 1, Ordering::Relaxed);
    for _ in 0..2 {
        look(&intake).await;
        assert_eq!(told_of(&intake, &left).await, [ImplicitKind::Abandoned]);
        for other in others.into_iter().chain([&young]) {
            assert_eq!(told_of(&intake, other).await, [], "{}", other.request_id);
        }
    }
    // The same record once more, as a proxy sends it that had no answer.
    append(&intake, vec![decided(4, left.clone())]).await;
    assert_eq!(told_of(&intake, &left).await, [ImplicitKind::Abandoned]);
    let waiting = sql::query_scalar::<i64>("SELECT count(*) FROM open_loops");
    let waiting = waiting.fetch_one(intake.store.read()).await.expect("reads");
    assert_eq!(waiting, 1, "the young one");
}
