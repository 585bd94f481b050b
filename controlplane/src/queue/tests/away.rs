//! What is Redis' alone: it is away, or full, or has what must be nowhere any more.

use std::time::Duration;

use floopy_shared::domain::{
    event::{Event, EventBody},
    ids::SessionId,
};
use tokio::net::TcpListener;

use super::{target::*, *};
use crate::{
    queue::{QueueError, RedisQueue, Setup, Shipped},
    store::{contents::deleted, tenants},
};

#[tokio::test]
async fn while_redis_is_away_jobs_are_taken_and_wait_in_the_store() {
    let target = Target::redis(ROOMY).await;
    target.put(vec![job(1, 1)]).await;
    target.server().freeze();
    let taken = append(&target.intake, vec![job(2, 2), job(3, 3)]).await;
    assert_eq!(taken, [NEW, NEW]);
    let error = target.ship().await.expect_err("nobody answers");
    assert!(matches!(error, QueueError::Late { .. }), "{error}");
    let asked = target.intake.queue.lease(&ask(8), Duration::ZERO).await;
    asked.expect_err("nobody answers");
    target.server().thaw();
    target.ship_all().await;
    // What was asked of it meanwhile, it did when it woke up.
    target.pass().await;
    let mut leased = target.lease(8).await;
    leased.sort_unstable();
    assert_eq!(leased, [1, 2, 3]);
    target.score(&[1, 2, 3]).await;
    assert_eq!(target.depth().await, (0, 0, 0));
    assert_eq!(target.server().names().await, 0, "nothing stays behind");
}

#[tokio::test]
async fn what_redis_has_no_room_for_waits_in_the_store() {
    let target = Target::redis(Bounds { jobs: 2, ..ROOMY }).await;
    target.put(vec![job(1, 1), job(2, 2)]).await;
    append(&target.intake, vec![job(3, 3), job(4, 4)]).await;
    assert_eq!(target.ship().await.expect("there"), Shipped::Full);
    assert_eq!(target.depth().await, (4, 0, 0));
    assert_eq!(target.lease(8).await, [1, 2]);
    target.score(&[1]).await;
    target.ship().await.expect("there");
    assert_eq!(target.lease(8).await, [3]);
    assert_eq!(target.depth().await, (1, 2, 0));
}

#[tokio::test]
async fn the_dead_in_redis_are_bounded() {
    let target = Target::redis(Bounds { dead: 2, ..ROOMY }).await;
    for n in 1..=3 {
        target.put(vec![job(n, n)]).await;
        target.let_die().await;
    }
    let dead: Vec<_> = target.dead(None).await.iter().map(|d| d.request).collect();
    assert_eq!(dead, [3, 2].map(request));
}

/// A job of a session.
fn of_session(n: u64) -> Event {
    let mut event = job(n, n);
    if let EventBody::ScoringJob(job) = &mut event.body {
        job.session_id = Some(SessionId::new("s").expect("valid"));
        job.asked_at_ms = NOW;
    }
    event
}

async fn delete_session(target: &Target) {
    let mut tx = target.intake.store.write().await.expect("writes");
    tenants::ensure(&mut tx, &tenant(), NOW)
        .await
        .expect("made");
    let deleted = deleted::delete(&mut tx, (&tenant(), "s"), NOW + 1).await;
    deleted.expect("deleted");
    tx.commit().await.expect("commits");
    target.intake.queue.forget_now().await;
}

#[tokio::test]
async fn what_a_deleted_session_said_is_gone_from_redis() {
    let target = Target::redis(ROOMY).await;
    target.put(vec![of_session(1)]).await;
    target.let_die().await;
    target.put(vec![of_session(2), job(3, 3)]).await;
    delete_session(&target).await;
    assert_eq!(target.depth().await, (1, 0, 0));
    assert_eq!(target.lease(8).await, [3]);
}

#[tokio::test]
async fn what_was_deleted_while_redis_was_away_is_handed_out_to_nobody() {
    let target = Target::redis(ROOMY).await;
    target.put(vec![of_session(1), job(2, 2)]).await;
    target.server().freeze();
    delete_session(&target).await;
    target.server().thaw();
    assert_eq!(target.lease(8).await, [2]);
    assert_eq!(target.depth().await, (0, 1, 0));
}

#[tokio::test]
async fn what_a_tenant_said_is_gone_once_it_keeps_nothing() {
    let target = Target::redis(ROOMY).await;
    target.put(vec![job(1, 1), job_of(&other(), 2)]).await;
    let mut tx = target.intake.store.write().await.expect("writes");
    tenants::ensure(&mut tx, &tenant(), NOW)
        .await
        .expect("made");
    let keeps_nothing = "UPDATE tenants SET zero_retention = 1";
    let kept = crate::store::sql::query(keeps_nothing);
    kept.execute(&mut *tx).await.expect("written");
    tx.commit().await.expect("commits");
    target.intake.queue.forget();
    assert_eq!(target.lease(8).await, [2]);
    target.score(&[2]).await;
    assert_eq!(target.server().names().await, 0);
}

#[tokio::test]
async fn a_redis_that_says_nothing_is_waited_for_a_moment_and_then_left_alone() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let at = silent.local_addr().expect("bound");
    let setup = Setup {
        url: &format!("redis://:secret@{at}"),
        prefix: "floopy",
        deadline: Duration::from_millis(50),
        kept_ms: 1_000,
    };
    let redis = RedisQueue::new(&setup).expect("valid");
    for _ in 0..3 {
        let error = redis.ping().await.expect_err("late");
        assert!(matches!(error, QueueError::Late { .. }), "{error}");
    }
    let error = redis.ping().await.expect_err("left alone");
    assert!(matches!(error, QueueError::LeftAlone { .. }), "{error}");
    let said = error.to_string();
    assert!(
        said.contains(&at.to_string()) && !said.contains("secret"),
        "{said}"
    );
}
