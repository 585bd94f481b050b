//! Facts about comparisons with the baseline, and about what was saved.

use super::*;

fn replies(n: usize, reply: &Reply) -> Vec<Reply> {
    vec![reply.clone(); n]
}

fn baseline(cost: u64) -> Reply {
    Reply {
        kind: "class:code".into(),
        by_baseline: true,
        cost_micro_usd: Some(cost),
        latency_ms: 600,
        judged: Some(0.8),
        ..Reply::default()
    }
}

fn other(cost: u64) -> Reply {
    Reply {
        by_baseline: false,
        latency_ms: 500,
        ..baseline(cost)
    }
}

fn status(baseline_n: usize, others: usize, adjust: impl FnOnce(&mut Reply)) -> Status {
    let copy = Reply {
        is_copy: true,
        ..baseline(400)
    };
    let mut served = other(200);
    adjust(&mut served);
    let all = [replies(baseline_n, &copy), replies(others, &served)].concat();
    compare(&all).status(0.05)
}

#[test]
fn cheaper_and_as_good_is_verified_and_worse_is_a_regression() {
    assert_eq!(status(50, 50, |_| {}), Status::Verified);
    assert_eq!(status(49, 50, |_| {}), Status::InsufficientData);
    assert_eq!(status(50, 49, |_| {}), Status::InsufficientData);
    let worse = |drop: f64| status(50, 50, |reply| reply.judged = Some(0.8 - drop));
    assert_eq!(worse(0.04), Status::Verified);
    assert_eq!(worse(0.06), Status::RegressionDetected);
    let dear = |reply: &mut Reply| reply.cost_micro_usd = Some(400);
    assert_eq!(status(50, 50, dear), Status::NotVerified);
    let unjudged = |reply: &mut Reply| reply.judged = None;
    assert_eq!(
        status(50, 50, unjudged),
        Status::InsufficientData,
        "nobody knows how good it is"
    );
    let unpriced = |reply: &mut Reply| reply.cost_micro_usd = None;
    assert_eq!(status(50, 50, unpriced), Status::InsufficientData);
}

#[test]
fn a_source_counts_where_both_sides_have_it() {
    let rated = Reply {
        rated: Some(0.2),
        ..other(200)
    };
    let all = [replies(60, &baseline(400)), replies(60, &rated)].concat();
    let found = compare(&all);
    let judged = found.baseline.quality.expect("judged");
    assert!((judged - 0.8).abs() < 1e-9, "{judged}: by the judge alone");
    let gain = found.quality_gain().expect("judged");
    assert!(
        gain.abs() < 1e-9,
        "{gain}: the baseline's sessions are not rated"
    );
}

#[test]
fn what_was_served_is_all_that_was_served_and_latencies_have_their_median() {
    let copy = Reply {
        is_copy: true,
        latency_ms: 900,
        ..other(9_999)
    };
    let all = [
        replies(60, &baseline(400)),
        replies(20, &other(100)),
        replies(70, &copy),
    ]
    .concat();
    let found = compare(&all);
    assert_eq!((found.baseline.samples, found.routed.samples), (60, 80));
    assert_eq!(found.routed.mean_cost, Some(325.0));
    assert_eq!(found.routed.p50_latency_ms, Some(600));
    let cost = found.cost_pct().expect("priced");
    assert!((cost + 18.75).abs() < 1e-9, "{cost}");
    assert_eq!(compare(&[]).baseline, Side::default());
}

#[test]
fn savings_are_what_calls_of_the_same_kind_cost_at_the_baseline_less_what_was_paid() {
    let chat = |reply: Reply| Reply {
        kind: "class:chat".into(),
        ..reply
    };
    // The baseline was asked for dear things, and the others for cheap ones.
    let all = [
        replies(90, &baseline(1_000)),
        replies(10, &chat(baseline(100))),
        replies(100, &chat(other(50))),
    ]
    .concat();
    let found = savings(&all);
    let saved = found.saved.expect("known");
    assert_eq!(saved.micro_usd, 5_000.0, "not 86,000");
    assert_eq!((saved.lower, saved.upper), (5_000.0, 5_000.0));
    assert_eq!((found.requests, found.rerouted), (200, 100));
    assert_eq!(found.actual_micro_usd, 96_000);
}

#[test]
fn savings_are_negative_where_routing_cost_more_and_unknown_without_a_measured_baseline() {
    let dear = [replies(50, &baseline(100)), replies(10, &other(300))].concat();
    assert_eq!(
        savings(&dear).saved.map(|saved| saved.micro_usd),
        Some(-2_000.0)
    );
    assert_eq!(savings(&dear[1..]).saved, None);
    let alone = replies(50, &baseline(100));
    assert_eq!(
        savings(&alone).saved.map(|saved| saved.micro_usd),
        Some(0.0)
    );
    let copies = Reply {
        is_copy: true,
        ..other(70)
    };
    let shadowed = [alone, replies(3, &copies)].concat();
    assert_eq!(savings(&shadowed).shadow_micro_usd, 210);
    assert_eq!(savings(&shadowed).requests, 50);
}

#[test]
fn the_interval_covers_what_the_baselines_mean_does_not_tell() {
    let kinds = |n: usize| {
        let spread = [
            replies(n / 2, &baseline(100)),
            replies(n / 2, &baseline(300)),
        ]
        .concat();
        [spread, replies(1_000, &other(50))].concat()
    };
    let width = |n| {
        let saved = savings(&kinds(n)).saved.expect("known");
        assert!((saved.micro_usd - 150_000.0).abs() < 1e-6, "{saved:?}");
        saved.upper - saved.lower
    };
    // 1,000 calls times 1.96 standard errors of 100 / sqrt(n) on either side.
    assert!((width(100) - 39_400.0).abs() < 300.0, "{}", width(100));
    assert!(width(10_000) < width(100) / 9.0);
}
