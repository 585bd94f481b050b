//! Scores beside ratings, and what callers did: counted once, whatever comes first.

use floopy_shared::domain::implicit::{Earlier, Implicit, ImplicitKind};

use super::*;
use crate::learn::{credit::pair, stats::TenantStats};

/// Places of the joint histogram, with how many pairs are there in thousandths.
async fn places(intake: &Intake) -> Vec<(String, i64)> {
    let all = sums(intake).await;
    let of_pairs = all
        .into_iter()
        .filter(|(cell, _)| cell.source == Source::Agreement && cell.arm.contains('\n'));
    of_pairs.map(|(cell, s)| (cell.arm, s.n / 1_000)).collect()
}

#[tokio::test]
async fn a_sessions_rating_lies_beside_the_mean_of_its_scores_whatever_comes_first() {
    let calls = || vec![decided(1, turn(1, "s", "a")), decided(2, turn(2, "s", "b"))];
    let scores = || vec![score(1, 0.4), score(2, 0.8)];
    let expected = vec![(pair("session", ("6", "9")), 1_000)];
    for order in 0..3 {
        let intake = intake().await;
        let report = intake.clone();
        let report = async move { report.report(scores(), vec![]).await.expect("works") };
        match order {
            0 => {
                append(&intake, calls()).await;
                append(&intake, vec![rated(3, "s", 9)]).await;
                report.await;
            }
            1 => {
                report.await;
                append(&intake, vec![rated(3, "s", 9)]).await;
                append(&intake, calls()).await;
            }
            _ => {
                append(&intake, vec![rated(3, "s", 9)]).await;
                append(&intake, calls()).await;
                report.await;
            }
        }
        assert_eq!(places(&intake).await, expected, "order {order}");
        let revision = adjusted(rated(4, "s", 2), |r| {
            (r.revise, r.rated_at_ms) = (true, NOW + 9)
        });
        append(&intake, vec![revision]).await;
        let revised = vec![(pair("session", ("6", "2")), 1_000)];
        assert_eq!(places(&intake).await, revised, "order {order}");
    }
}

#[tokio::test]
async fn a_session_is_compared_once_half_of_its_replies_are_judged() {
    let intake = intake().await;
    let calls = (1..=3).map(|n| decided(n, turn(n, "s", "a"))).collect();
    append(&intake, calls).await;
    append(&intake, vec![rated(9, "s", 9)]).await;
    let judged = |n, s| intake.report(vec![score(n, s)], vec![]);
    judged(1, 0.2).await.expect("works");
    assert_eq!(places(&intake).await, []);
    judged(2, 0.5).await.expect("works");
    assert_eq!(
        places(&intake).await,
        [(pair("session", ("3", "9")), 1_000)]
    );
}

#[tokio::test]
async fn what_a_caller_did_is_counted_for_the_reply_it_is_about_and_taken_back_with_its_record() {
    let intake = intake().await;
    let mut started = turn(2, "s", "a");
    started.stage = Stage::Started;
    started.implicit = vec![Implicit {
        kind: ImplicitKind::AskedAgain,
        about: Some(Earlier {
            request_id: request(1),
            candidate: key("b"),
            shapes: decision(1).shapes,
            created_at_ms: NOW,
        }),
    }];
    let mut finished = turn(2, "s", "a");
    finished.implicit = started.implicit.clone();
    let left = Implicit {
        kind: ImplicitKind::Left,
        about: None,
    };
    finished.implicit.push(left);
    append(&intake, vec![decided(2, started)]).await;
    assert_eq!(root(&intake, "b", Source::AskedAgain).await, (1_000, 0));
    append(&intake, vec![decided(3, finished)]).await;
    assert_eq!(root(&intake, "b", Source::AskedAgain).await, (1_000, 0));
    assert_eq!(root(&intake, "a", Source::Left).await, (1_000, 0));
    let mut stats = TenantStats::collect(sums(&intake).await);
    let implied = |stats: &TenantStats, model| {
        stats.shapes["all"]
            .arms
            .get(&key(model))
            .map(|arm| arm.implied)
    };
    assert_eq!(implied(&stats, "a"), Some(0), "nothing unless it is wanted");
    stats.imply(&[ImplicitKind::Left]);
    assert_eq!(implied(&stats, "a"), Some(ONE));
}

#[tokio::test]
async fn what_grading_cost_is_summed_by_day_and_a_score_counts_for_its_weight() {
    let intake = intake().await;
    let graded = floopy_shared::domain::event::Score {
        cost_micro_usd: 250,
        weight: 0.5,
        ..score(1, 0.8)
    };
    intake.report(vec![graded], vec![]).await.expect("works");
    append(&intake, vec![decided(1, decision(1))]).await;
    assert_eq!(root(&intake, "a", Source::Auto).await, (500, 400));
    let stats = TenantStats::collect(sums(&intake).await);
    let days: Vec<i64> = stats.judging.values().map(|sums| sums.sum).collect();
    assert_eq!(days, [250]);
}
