//! Asking again: whom, how often, and when; and whom to leave alone meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use floopy_proto::v1::{self, AttemptResult};
use http::StatusCode;

use crate::{
    control::{Control, eventually, eventually_holds},
    proxy::{Proxy, no_control},
    snapshots::{MODELS, catalog, ranking, tenant},
    upstream::{NOW, Script, Upstream, completion, json, json_with},
};

fn results(decision: &v1::Decision) -> Vec<(String, AttemptResult)> {
    let attempts = decision.attempts.iter();
    attempts
        .map(|a| (a.candidate.clone(), a.result()))
        .collect()
}

/// The only candidate fails once like this.
async fn check_asked_again(first: fn() -> Script, result: AttemptResult) {
    let upstream = Upstream::start(move |_, before| {
        if before == 0 {
            first()
        } else {
            completion("ok")
        }
    })
    .await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let got = proxy.chat("a/m").await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    assert_eq!(got.header("floopy-decision-reason"), "dispatched");
    let decision = eventually("the decision", || control.decisions().pop()).await;
    let expected = [
        ("a/m".to_owned(), result),
        ("a/m".to_owned(), AttemptResult::Ok),
    ];
    assert_eq!(results(&decision), expected);
    assert!(!decision.outcome.unwrap().fallback_used);
    proxy.finish().await;
}

#[tokio::test]
async fn the_only_candidate_is_asked_again_after_a_failure_that_may_pass() {
    check_asked_again(|| json(503, "{}"), AttemptResult::UpstreamError).await;
    check_asked_again(|| json(502, "{}"), AttemptResult::UpstreamError).await;
    check_asked_again(|| json(429, "{}"), AttemptResult::UpstreamError).await;
    check_asked_again(|| vec![(NOW, vec![])], AttemptResult::ConnectFailed).await;
}

#[tokio::test]
async fn what_will_not_pass_or_was_carried_out_is_asked_once() {
    let scripts: [fn() -> Script; 5] = [
        || json(500, "{}"),
        || json(401, "{}"),
        || json(400, "{}"),
        || json(200, "<html>"),
        || vec![(Duration::from_secs(3), vec![])],
    ];
    for script in scripts {
        let upstream = Upstream::start(move |_, _| script()).await;
        let proxy = Proxy::start(&[upstream.base_url()], no_control()).await;
        assert_ne!(proxy.chat("a/m").await.status, StatusCode::OK);
        assert_eq!(upstream.seen().len(), 1);
        proxy.finish().await;
    }
}

fn said(n: usize) -> String {
    format!(r#"{{"error":{{"message":"{n}"}}}}"#)
}

#[tokio::test]
async fn a_call_is_retried_so_often_and_its_last_error_comes_back() {
    let upstream = Upstream::start(|_, before| json(503, &said(before))).await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |c| {
        c.retry.times = 3;
        c.retry.first_ms = 5;
    })
    .await;
    let got = proxy.chat("a/m").await;
    assert_eq!(
        (got.status.as_u16(), got.text().as_str()),
        (503, said(3).as_str())
    );
    let metrics = proxy.admin("/metrics").await.text();
    assert!(
        metrics.contains("floopy_upstream_retries_total 3"),
        "{metrics}"
    );
    proxy.finish().await;
}

#[tokio::test]
async fn retries_end_where_their_budget_does() {
    let upstream = Upstream::start(|_, _| json(503, "{}")).await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |c| {
        c.retry.first_ms = 1;
        c.retry.share = 0.2;
        c.retry.per_second = 0;
    })
    .await;
    for _ in 0..40 {
        assert_eq!(proxy.chat("a/m").await.status.as_u16(), 503);
    }
    assert_eq!(
        upstream.seen().len(),
        48,
        "a fifth of the calls, not twice all"
    );
    let metrics = proxy.admin("/metrics").await.text();
    assert!(
        metrics.contains("floopy_upstream_retries_refused_total 40"),
        "{metrics}"
    );
    proxy.finish().await;
}

#[tokio::test]
async fn no_retry_is_begun_after_the_deadline_of_the_call() {
    let upstream = Upstream::start(|_, _| json(503, "{}")).await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |c| {
        c.timeouts.total_ms = 400;
        c.retry.times = 1_000;
        c.retry.first_ms = 50;
        c.retry.max_wait_ms = 100;
        c.retry.per_second = 1_000;
    })
    .await;
    let begun = Instant::now();
    assert_eq!(proxy.chat("a/m").await.status.as_u16(), 503);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert!(upstream.seen().len() > 1);
    proxy.finish().await;
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept_and_a_long_one_is_passed_on() {
    let upstream = Upstream::start(|_, before| match before {
        0 => json_with(429, "{}", "retry-after-ms: 250\r\n"),
        1 => completion("ok"),
        _ => json_with(429, "{}", "retry-after: 7\r\n"),
    })
    .await;
    let proxy = Proxy::start(&[upstream.base_url()], no_control()).await;
    let begun = Instant::now();
    assert_eq!(proxy.chat("a/m").await.status, StatusCode::OK);
    assert!(begun.elapsed() >= Duration::from_millis(250));
    let got = proxy.chat("a/m").await;
    assert_eq!((got.status.as_u16(), got.header("retry-after")), (429, "7"));
    assert_eq!(upstream.seen().len(), 3);
    proxy.finish().await;
}

#[tokio::test]
async fn a_candidate_whose_provider_asks_for_a_pause_is_left_alone() {
    let date =
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:37 GMT\r\n";
    for headers in ["retry-after: 60\r\n", date] {
        let busy = Upstream::start(move |_, _| json_with(429, "{}", headers)).await;
        let good = Upstream::start(|_, _| completion("ok")).await;
        let proxy = Proxy::start(&[busy.base_url(), good.base_url()], no_control()).await;
        for _ in 0..3 {
            let got = proxy.chat("a/m,b/n").await;
            assert_eq!(
                (got.status, got.header("floopy-model")),
                (StatusCode::OK, "b/n")
            );
        }
        assert_eq!(busy.seen().len(), 1, "{headers}");
        let metrics = proxy.admin("/metrics").await.text();
        assert!(metrics.contains("floopy_candidates_resting 1"), "{metrics}");
        proxy.finish().await;
    }
}

#[tokio::test]
async fn others_are_asked_before_anybody_is_asked_again() {
    let one = Upstream::start(|_, before| {
        if before == 0 {
            json(503, "{}")
        } else {
            completion("ok")
        }
    })
    .await;
    let two = Upstream::start(|_, _| json(500, "{}")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[one.base_url(), two.base_url()], dialer).await;
    let got = proxy.chat("a/m,b/n").await;
    assert_eq!(
        (got.status, got.header("floopy-model")),
        (StatusCode::OK, "a/m")
    );
    let decision = eventually("the decision", || control.decisions().pop()).await;
    let asked: Vec<String> = results(&decision).into_iter().map(|(key, _)| key).collect();
    assert_eq!(asked, ["a/m", "b/n", "a/m"]);
    proxy.finish().await;
}

#[tokio::test]
async fn fallbacks_come_in_the_order_of_the_ranking() {
    let (one, two) = (
        Upstream::start(|_, _| completion("ok")).await,
        Upstream::start(|_, _| json(500, "{}")).await,
    );
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[one.base_url(), two.base_url()], dialer).await;
    let [first, second] = MODELS;
    let tables = vec![
        catalog(1, &MODELS),
        tenant(1, true),
        ranking(1, [second, first], 0.0),
    ];
    control.push(1, tables).await;
    let got = proxy.chat("auto").await;
    assert_eq!(
        (got.status, got.header("floopy-decision-reason")),
        (StatusCode::OK, "fallback")
    );
    let decision = eventually("the decision", || control.decisions().pop()).await;
    let expected = [
        (second.to_owned(), AttemptResult::UpstreamError),
        (first.to_owned(), AttemptResult::Ok),
    ];
    assert_eq!(results(&decision), expected);
    proxy.finish().await;
}

#[tokio::test]
async fn a_failing_candidate_loses_its_traffic_and_regains_it_by_one_probe_at_a_time() {
    let (is_bad, hits) = (Arc::new(AtomicBool::new(true)), 2);
    let state = Arc::clone(&is_bad);
    let flaky = Upstream::start(move |_, before| {
        let mut script = if state.load(Ordering::SeqCst) {
            json(500, "{}")
        } else {
            completion("back")
        };
        // Long enough for many others to come while a probe is on its way.
        script[0].0 = Duration::from_millis(if before < hits { 0 } else { 150 });
        script
    })
    .await;
    let good = Upstream::start(|_, _| completion("ok")).await;
    let proxy = Proxy::start_with(&[flaky.base_url(), good.base_url()], no_control(), |c| {
        c.breaker.failures = 2;
        c.breaker.open_ms = 1_000;
    })
    .await;
    for _ in 0..10 {
        assert_eq!(proxy.chat("a/m,b/n").await.status, StatusCode::OK);
    }
    assert_eq!(flaky.seen().len(), hits, "two failures were enough");
    eventually_holds("a probe is sent", async || {
        let calls = (0..8).map(|_| proxy.chat("a/m,b/n"));
        let got = futures::future::join_all(calls).await;
        assert!(got.iter().all(|got| got.header("floopy-model") == "b/n"));
        flaky.seen().len() > hits
    })
    .await;
    assert_eq!(flaky.seen().len(), hits + 1, "one of many at a time");
    is_bad.store(false, Ordering::SeqCst);
    eventually_holds("it serves again", async || {
        proxy.chat("a/m,b/n").await.header("floopy-model") == "a/m"
    })
    .await;
    let metrics = proxy.admin("/metrics").await.text();
    for expected in ["floopy_circuits_open 0", "floopy_circuits_half_open 0"] {
        assert!(metrics.contains(expected), "{metrics}");
    }
    proxy.finish().await;
}
