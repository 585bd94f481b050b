//! Every event counts exactly once, whatever the order and however often it comes.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    constraints::Constraints,
    decision::{Attempt, AttemptResult, Stage},
    event::{EventBody, RatingSubject, Score},
};

mod agreement;
mod bounds;
mod property;
mod retraction;

use super::*;
use crate::{
    fixture::*,
    learn::{
        credit::{Cell, Source, day_of},
        sums::{ONE, Sums},
    },
    store::{
        buckets, calls, retention,
        tenants::{self, Profile},
    },
};

const NEW: Verdict = Verdict::Accepted { duplicate: false };
const KNOWN: Verdict = Verdict::Known { duplicate: false };
const DUPLICATE: Verdict = Verdict::Accepted { duplicate: true };

async fn sums(intake: &Intake) -> BTreeMap<Cell, Sums> {
    buckets::daily(&intake.store, &tenant())
        .await
        .expect("reads")
}

/// The root shape's sums of one model and source, in thousandths.
async fn root(intake: &Intake, model: &str, source: Source) -> (i64, i64) {
    let all = sums(intake).await;
    let found = all.iter().filter(|(cell, _)| {
        let arm = if model.is_empty() {
            String::new()
        } else {
            format!("p/{model}")
        };
        cell.shape == "all" && cell.arm == arm && cell.source == source
    });
    found.fold((0, 0), |(n, sum), (_, s)| {
        (n + s.n / 1_000, sum + s.sum / 1_000)
    })
}

#[tokio::test]
async fn a_rating_credits_every_model_of_the_session_by_its_share() {
    let intake = intake().await;
    let events = vec![
        decided(1, turn(1, "s", "a")),
        decided(2, turn(2, "s", "b")),
        rated(3, "s", 8),
        decided(4, turn(4, "other", "a")),
    ];
    assert_eq!(append(&intake, events).await, [NEW, NEW, NEW, NEW]);
    assert_eq!(root(&intake, "a", Source::Session).await, (500, 400));
    assert_eq!(root(&intake, "b", Source::Session).await, (500, 400));
    assert_eq!(root(&intake, "", Source::Rated).await, (1_000, 800));
}

#[tokio::test]
async fn a_call_that_arrives_after_its_sessions_rating_changes_the_shares() {
    let intake = intake().await;
    append(
        &intake,
        vec![decided(1, turn(1, "s", "a")), rated(2, "s", 10)],
    )
    .await;
    assert_eq!(root(&intake, "a", Source::Session).await, (1_000, 1_000));
    append(&intake, vec![decided(3, turn(3, "s", "b"))]).await;
    assert_eq!(root(&intake, "a", Source::Session).await, (500, 500));
    assert_eq!(root(&intake, "b", Source::Session).await, (500, 500));
}

#[tokio::test]
async fn a_rating_waits_for_its_session_and_finds_it_by_any_of_its_names() {
    let request = request(2).to_string();
    for name in ["s", "chatcmpl-2", &request] {
        let intake = intake().await;
        assert_eq!(append(&intake, vec![rated(1, name, 6)]).await, [NEW]);
        assert!(sums(&intake).await.is_empty());
        append(
            &intake,
            vec![decided(2, turn(2, "s", "a")), decided(3, turn(3, "s", "a"))],
        )
        .await;
        assert_eq!(
            root(&intake, "a", Source::Session).await,
            (1_000, 600),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_call_without_a_session_is_rated_by_its_completion_id() {
    let intake = intake().await;
    append(
        &intake,
        vec![
            decided(1, decision(1)),
            decided(2, decision(2)),
            rated(3, "chatcmpl-1", 4),
        ],
    )
    .await;
    assert_eq!(root(&intake, "a", Source::Session).await, (1_000, 400));
}

#[tokio::test]
async fn the_first_rating_stands_until_it_is_revised() {
    let intake = intake().await;
    append(&intake, vec![decided(1, turn(1, "s", "a"))]).await;
    let again = adjusted(rated(3, "chatcmpl-1", 2), |r| r.rated_at_ms += 5);
    let results = append(
        &intake,
        vec![rated(2, "s", 9), rated(2, "s", 9), again.clone()],
    )
    .await;
    assert_eq!(results, [NEW, KNOWN, DUPLICATE]);
    assert_eq!(root(&intake, "a", Source::Session).await, (1_000, 900));
    let revision = adjusted(rated(4, "s", 3), |r| {
        (r.revise, r.rated_at_ms) = (true, NOW + 9)
    });
    assert_eq!(
        append(&intake, vec![revision, again]).await,
        [NEW, Verdict::Known { duplicate: true }]
    );
    assert_eq!(root(&intake, "a", Source::Session).await, (1_000, 300));
}

#[tokio::test]
async fn scores_and_ratings_of_one_reply_count_beside_each_other() {
    let intake = intake().await;
    let manual = event(
        2,
        EventBody::Rating(rating(RatingSubject::Request(request(1)), 7)),
    );
    let report = async |score| intake.report(vec![score], vec![]).await.expect("works");
    let by = |rubric, composite| Score {
        rubric,
        ..score(1, composite)
    };
    assert_eq!(report(by(1, 0.9)).await, 1);
    append(&intake, vec![manual, decided(1, decision(1))]).await;
    assert_eq!(root(&intake, "a", Source::Auto).await, (1_000, 900));
    assert_eq!(report(by(2, 0.25)).await, 1, "by a later rubric");
    assert_eq!(report(by(1, 0.9)).await, 0);
    assert_eq!(report(by(2, 0.25)).await, 0);
    assert_eq!(root(&intake, "a", Source::Auto).await, (1_000, 250));
    assert_eq!(root(&intake, "a", Source::Manual).await, (1_000, 700));
    assert_eq!(root(&intake, "a", Source::Session).await, (0, 0));
}

#[tokio::test]
async fn a_failed_candidate_gets_a_failure_and_the_one_that_stepped_in_its_own_score() {
    let intake = intake().await;
    let mut fallback = turn(1, "s", "b");
    let failed = Attempt {
        key: key("a"),
        result: AttemptResult::TimedOut,
        status: None,
        latency_ms: 9,
        wasted_micro_usd: None,
        upstream_request_id: None,
    };
    let refused = Attempt {
        key: key("c"),
        result: AttemptResult::UpstreamError,
        status: Some(400),
        latency_ms: 9,
        wasted_micro_usd: None,
        upstream_request_id: None,
    };
    fallback.attempts = vec![failed.clone(), failed, refused];
    append(&intake, vec![decided(1, fallback)]).await;
    intake
        .report(vec![score(1, 0.5)], vec![])
        .await
        .expect("works");
    assert_eq!(root(&intake, "a", Source::Failed).await, (1_000, 0));
    assert_eq!(root(&intake, "a", Source::Auto).await, (0, 0));
    assert_eq!(root(&intake, "b", Source::Auto).await, (1_000, 500));
    assert_eq!(root(&intake, "c", Source::Auto).await, (0, 0));
}

#[tokio::test]
async fn shadows_are_judged_but_have_no_part_in_their_session() {
    let intake = intake().await;
    let mut shadow = turn(2, "s", "b");
    shadow.shadow_of = Some(request(1));
    append(
        &intake,
        vec![
            decided(1, turn(1, "s", "a")),
            decided(2, shadow),
            rated(3, "s", 5),
        ],
    )
    .await;
    intake
        .report(vec![score(2, 1.0)], vec![])
        .await
        .expect("works");
    assert_eq!(root(&intake, "a", Source::Session).await, (1_000, 500));
    assert_eq!(root(&intake, "b", Source::Session).await, (0, 0));
    assert_eq!(root(&intake, "b", Source::Auto).await, (1_000, 1_000));
}

#[tokio::test]
async fn finished_replaces_started_whatever_the_order() {
    for finished_first in [false, true] {
        let intake = intake().await;
        let mut started = turn(1, "s", "a");
        started.stage = Stage::Started;
        let mut events = vec![decided(9, started), decided(1, turn(1, "s", "a"))];
        if finished_first {
            events.reverse();
        }
        append(&intake, events).await;
        append(&intake, vec![rated(5, "s", 10)]).await;
        assert_eq!(root(&intake, "a", Source::Session).await, (1_000, 1_000));
    }
}

#[tokio::test]
async fn a_bad_event_is_refused_alone_and_with_a_reason() {
    let intake = intake().await;
    let mut old = decision(1);
    old.created_at_ms = NOW - 91 * 86_400_000;
    let mut absurd = decision(2);
    absurd.created_at_ms = u64::MAX;
    let mut theirs = decision(3);
    theirs.tenant = floopy_shared::domain::ids::TenantId::new("other").expect("valid");
    let arrivals = vec![
        Arrival::Unreadable {
            id: vec![1],
            reason: "body is missing".into(),
        },
        Arrival::Event(decided(1, old)),
        Arrival::Event(decided(2, absurd)),
        Arrival::Event(decided(3, decision(3))),
        Arrival::Event(decided(4, theirs)),
    ];
    let receipts = intake.append(arrivals).await.expect("the batch is taken");
    let reasons: Vec<String> = receipts
        .iter()
        .map(|r| match &r.verdict {
            Verdict::Rejected(reason) => reason.clone(),
            Verdict::Accepted { .. } | Verdict::Known { .. } => "taken".to_owned(),
        })
        .collect();
    let parts = [
        "body is missing",
        "older than what is kept",
        "not a time",
        "taken",
        "another tenant",
    ];
    for (reason, part) in reasons.iter().zip(parts) {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(receipts[0].id, [1]);
}

#[tokio::test]
async fn a_waiting_judge_is_woken_by_a_new_job() {
    let intake = intake().await;
    let queue = intake.queue.clone();
    let leasing = tokio::spawn(async move {
        queue
            .lease(&ask(8), std::time::Duration::from_secs(20))
            .await
    });
    tokio::task::yield_now().await;
    append(&intake, vec![job(1, 1)]).await;
    let jobs = leasing.await.expect("no panic").expect("works");
    assert_eq!(jobs.len(), 1);
}

#[tokio::test]
async fn evidence_counts_on_the_day_of_the_decision() {
    let intake = intake().await;
    let mut early = turn(1, "s", "a");
    early.created_at_ms = NOW - 3 * 86_400_000;
    append(&intake, vec![decided(1, early), rated(2, "s", 10)]).await;
    let all = sums(&intake).await;
    let days: Vec<i64> = all.keys().map(|cell| cell.day).collect();
    assert!(days.iter().all(|day| *day == day_of(NOW) - 3), "{days:?}");
    let labels = all
        .iter()
        .filter(|(cell, _)| cell.source == Source::Session);
    let labels: Vec<Sums> = labels.map(|(_, sums)| *sums).collect();
    assert_eq!(labels, vec![Sums::of(ONE, ONE); labels.len()]);
    assert!(!labels.is_empty());
}

#[tokio::test]
async fn old_sessions_are_forgotten_whole_and_their_sums_stay() {
    let intake = intake().await;
    let day = 86_400_000;
    let at = |n: u64, session: &str, days: u64| {
        let mut decision = turn(n, session, "a");
        decision.created_at_ms = NOW - days * day;
        decided(n, decision)
    };
    let events = vec![
        at(1, "old", 80),
        at(2, "old", 70),
        at(3, "alive", 80),
        at(4, "alive", 1),
        rated(5, "old", 9),
    ];
    append(&intake, events).await;
    let before = sums(&intake).await;
    let horizon = retention::Horizon {
        decisions_before_ms: NOW - 60 * day,
        ..retention::Horizon::default()
    };
    let mut tx = intake.store.write().await.expect("writes");
    assert!(
        retention::forget(&mut tx, &horizon)
            .await
            .expect("forgets")
            .rows
            > 0
    );
    for (n, kept) in [(1, false), (2, false), (3, true), (4, true)] {
        let found = calls::get(&mut tx, (&tenant(), request(n)))
            .await
            .expect("reads");
        assert_eq!(found.is_some(), kept, "call {n}");
    }
    assert_eq!(
        retention::forget(&mut tx, &horizon)
            .await
            .expect("forgets")
            .rows,
        0
    );
    tx.commit().await.expect("commits");
    assert_eq!(sums(&intake).await, before);
}
