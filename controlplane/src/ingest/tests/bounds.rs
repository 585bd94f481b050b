//! What keeps the intake going: nothing that is stored, however much or however broken, gets in its way.

use std::time::Duration;

use super::*;
use crate::store::sql;
use crate::store::{sessions, units};

#[tokio::test]
async fn a_job_that_cannot_be_read_is_dead_and_the_next_one_handed_out() {
    let intake = intake().await;
    append(&intake, vec![job(1, 1), job(2, 2)]).await;
    let mut tx = intake.store.write().await.expect("writes");
    sql::query("UPDATE scoring_jobs SET job = x'ff' WHERE request_id = ?")
        .bind(request(1).0.as_bytes().as_slice())
        .execute(&mut *tx)
        .await
        .expect("written");
    tx.commit().await.expect("commits");
    let leased = intake.queue.lease(&ask(8), Duration::ZERO).await;
    let leased = leased.expect("works");
    let ids: Vec<_> = leased.iter().map(|job| job.request_id).collect();
    assert_eq!(ids, [request(2)]);
    let dead = intake.queue.dead(None, None, 8).await.expect("reads");
    let [dead] = &dead[..] else {
        panic!("one is dead: {dead:?}");
    };
    assert_eq!(dead.request, request(1));
    assert!(dead.error.contains("cannot be read"), "{}", dead.error);
}

#[tokio::test]
async fn only_the_first_calls_of_an_endless_session_are_credited_whatever_the_order() {
    let most = u64::try_from(units::MAX_TURNS).expect("positive");
    let first = (1..=most).map(|n| decided(n, turn(n, "s", "a")));
    let later = (most + 1..most + 9).map(|n| decided(n, turn(n, "s", "b")));
    let rating = rated(most + 9, "s", 10);
    let forward = intake().await;
    let events = first.clone().chain(later.clone()).chain([rating.clone()]);
    append(&forward, events.collect()).await;
    let backward = intake().await;
    append(&backward, later.chain([rating]).collect()).await;
    append(&backward, first.collect()).await;
    assert_eq!(sums(&forward).await, sums(&backward).await);
    assert_eq!(root(&forward, "a", Source::Session).await, (1_000, 1_000));
    assert_eq!(root(&forward, "b", Source::Session).await, (0, 0));
}

#[tokio::test]
async fn a_forgotten_session_that_is_resumed_takes_nothing_from_what_was_learned() {
    let intake = intake().await;
    let day = 86_400_000;
    let mut old = turn(1, "s", "a");
    old.created_at_ms = NOW - 70 * day;
    append(&intake, vec![decided(1, old), rated(2, "s", 9)]).await;
    let learned = async || {
        let mut sums = sums(&intake).await;
        // How fast the new call was answered is news.
        sums.retain(|cell, _| {
            !matches!(cell.source, Source::Latency | Source::Cost | Source::Parent)
        });
        sums
    };
    let before = learned().await;
    assert!(!before.is_empty());
    let horizon = retention::Horizon {
        decisions_before_ms: NOW - 60 * day,
        buckets_before_day: 0,
        answers_before_ms: 0,
        sooner: Vec::new(),
    };
    let mut tx = intake.store.write().await.expect("writes");
    retention::forget(&mut tx, &horizon).await.expect("forgets");
    let name = (tenant(), units::Unit::of(&turn(1, "s", "a")).key());
    let credits = sessions::credits(&mut tx, &[name]).await;
    assert_eq!(credits.expect("reads"), [None]);
    tx.commit().await.expect("commits");
    append(&intake, vec![decided(3, turn(3, "s", "b"))]).await;
    assert_eq!(learned().await, before);
}

#[tokio::test]
async fn an_old_rating_under_a_request_id_is_kept_with_its_call() {
    let intake = intake().await;
    let name = request(1).to_string();
    let old = adjusted(rated(2, &name, 9), |rating| {
        rating.rated_at_ms = NOW - 70 * 86_400_000;
    });
    append(&intake, vec![decided(1, decision(1)), old]).await;
    let horizon = retention::Horizon {
        decisions_before_ms: NOW - 60 * 86_400_000,
        buckets_before_day: 0,
        answers_before_ms: 0,
        sooner: Vec::new(),
    };
    let mut tx = intake.store.write().await.expect("writes");
    retention::forget(&mut tx, &horizon).await.expect("forgets");
    tx.commit().await.expect("commits");
    let another = Verdict::Accepted { duplicate: true };
    assert_eq!(
        append(&intake, vec![rated(3, &name, 2)]).await,
        [another],
        "the old one stands"
    );
}

#[tokio::test]
async fn content_of_a_tenant_with_zero_retention_is_never_stored() {
    let intake = intake().await;
    let mut tx = intake.store.write().await.expect("writes");
    let profile = Profile {
        id: tenant(),
        zero_retention: true,
        default_model: None,
        constraints: Constraints::default(),
        shadow_budget_micro_usd_per_day: None,
        routing: Default::default(),
        plan: None,
        caching: Default::default(),
        firewall: Default::default(),
        mcp: Default::default(),
    };
    tenants::put(&mut tx, &profile, NOW).await.expect("made");
    tx.commit().await.expect("commits");
    let verdicts = append(&intake, vec![job(1, 1)]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Rejected(reason) if reason.contains("keeps no content")),
        "{verdicts:?}"
    );
    let status = intake.queue.status().await.expect("counts");
    assert_eq!(status, Default::default());
}
