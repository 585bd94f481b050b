//! Upstreams that fail: what is tried next, and what the caller is told in the end.

use std::time::Duration;

use floopy_proto::v1::{AttemptResult, Reason};
use http::StatusCode;

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, no_control},
    upstream::{NOW, Script, Upstream, completion, delta, events, json, json_with},
};

const DOWN: &str = "http://127.0.0.1:9/v1";

/// What the first candidate does, and whether the second one is asked then.
async fn check(first: fn() -> Script, served_by: &str, expected: AttemptResult) {
    let bad = Upstream::start(move |_, _| first()).await;
    let good = Upstream::start(|_, _| completion("saved")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[bad.base_url(), good.base_url()], dialer).await;
    let got = proxy.chat("a/m,b/n").await;
    assert_eq!(got.header("floopy-model"), served_by, "{}", got.text());
    let decision = eventually("the decision arrives", || control.decisions().pop()).await;
    assert_eq!(decision.attempts[0].result, i32::from(expected));
    if served_by == "b/n" {
        assert_eq!(got.status, StatusCode::OK);
        assert_eq!(got.header("floopy-decision-reason"), "fallback");
        assert_eq!(decision.reason, i32::from(Reason::Fallback));
        assert!(decision.outcome.unwrap().fallback_used);
    }
    proxy.finish().await;
}

#[tokio::test]
async fn a_failing_candidate_is_followed_by_the_next() {
    check(|| json(500, "{}"), "b/n", AttemptResult::UpstreamError).await;
    check(|| json(429, "{}"), "b/n", AttemptResult::UpstreamError).await;
    check(|| json(401, "{}"), "b/n", AttemptResult::UpstreamError).await;
    check(|| json(402, "{}"), "b/n", AttemptResult::UpstreamError).await;
    check(
        || vec![(Duration::from_secs(3), vec![])],
        "b/n",
        AttemptResult::TimedOut,
    )
    .await;
    check(|| json(200, "<html>"), "b/n", AttemptResult::InvalidReply).await;
    check(
        || json(200, r#"{"error":{"message":"x"}}"#),
        "b/n",
        AttemptResult::InvalidReply,
    )
    .await;
    check(
        || vec![(NOW, b"SSH-2.0-x\r\n".to_vec())],
        "b/n",
        AttemptResult::ConnectFailed,
    )
    .await;
    check(
        || events(&[(0, "data: {\"error\":{}}\n\n")]),
        "b/n",
        AttemptResult::InvalidReply,
    )
    .await;
    check(
        || events(&[(0, ": ping\n\n")]),
        "b/n",
        AttemptResult::InvalidReply,
    )
    .await;
}

#[tokio::test]
async fn the_callers_own_mistake_is_not_tried_elsewhere() {
    check(
        || json(400, r#"{"error":{"message":"bad temperature"}}"#),
        "a/m",
        AttemptResult::UpstreamError,
    )
    .await;
    check(|| json(422, "{}"), "a/m", AttemptResult::UpstreamError).await;
}

#[tokio::test]
async fn the_last_upstream_error_comes_back_as_it_was() {
    let upstream = Upstream::start(|_, _| {
        json_with(
            429,
            r#"{"error":{"message":"m","code":"slow"}}"#,
            "retry-after: 9\r\n",
        )
    })
    .await;
    for model in ["b/n", "a/m,b/n"] {
        let proxy = Proxy::start(&[DOWN.to_owned(), upstream.base_url()], no_control()).await;
        let got = proxy.chat(model).await;
        assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(
            (got.text().as_str(), got.header("retry-after")),
            (r#"{"error":{"message":"m","code":"slow"}}"#, "9")
        );
        assert_eq!(
            (
                got.header("floopy-model"),
                got.header("floopy-decision-reason")
            ),
            ("b/n", "error")
        );
        assert!(!got.header("x-request-id").is_empty());
        proxy.finish().await;
    }
}

#[tokio::test]
async fn what_cannot_be_passed_on_is_named_without_content() {
    let slow = Upstream::start(|_, _| vec![(Duration::from_secs(3), vec![])]).await;
    let garbage = Upstream::start(|_, _| json(200, "secret garbage")).await;
    let urls = [DOWN.to_owned(), slow.base_url(), garbage.base_url()];
    let proxy = Proxy::start(&urls, no_control()).await;
    let cases = [
        (
            "a/m",
            502,
            "upstream_unreachable",
            "a/m could not be reached",
        ),
        (
            "b/m",
            504,
            "upstream_timeout",
            "b/m did not answer within 400 ms",
        ),
        (
            "c/m",
            502,
            "upstream_invalid_response",
            "c/m sent a body that is not a JSON object",
        ),
        (
            "b/m,a/m",
            502,
            "upstream_unreachable",
            "(2 candidates were tried)",
        ),
    ];
    for (model, status, code, message) in cases {
        let got = proxy.chat(model).await;
        assert_eq!(
            (got.status.as_u16(), got.code().as_str()),
            (status, code),
            "{model}"
        );
        assert!(
            got.message().contains(message) && !got.text().contains("secret"),
            "{}",
            got.text()
        );
    }
    proxy.finish().await;
}

#[tokio::test]
async fn repeated_failures_open_the_circuit_and_lists_skip_it() {
    let bad = Upstream::start(|_, _| json(500, "{}")).await;
    let good = Upstream::start(|_, _| completion("ok")).await;
    let proxy = Proxy::start(&[bad.base_url(), good.base_url()], no_control()).await;
    for _ in 0..8 {
        assert_eq!(proxy.chat("a/m,b/n").await.status, StatusCode::OK);
    }
    assert_eq!(
        bad.seen().len(),
        5,
        "the circuit opened after five failures"
    );
    assert_eq!(good.seen().len(), 8);
    assert_eq!(
        proxy.chat("a/m").await.status,
        StatusCode::INTERNAL_SERVER_ERROR,
        "asked for by name"
    );
    let metrics = proxy.admin("/metrics").await.text();
    assert!(
        metrics.contains("floopy_circuits_opened_total 1"),
        "{metrics}"
    );
    proxy.finish().await;
}

#[tokio::test]
async fn streams_that_always_break_open_the_circuit() {
    let text = delta("par");
    let bad = Upstream::start(move |_, _| events(&[(0, text.as_str())])).await;
    let good = Upstream::start(|_, _| completion("ok")).await;
    let proxy = Proxy::start(&[bad.base_url(), good.base_url()], no_control()).await;
    for _ in 0..8 {
        assert_eq!(proxy.stream("a/m,b/n").await.status, StatusCode::OK);
    }
    assert_eq!((bad.seen().len(), good.seen().len()), (5, 3));
    proxy.finish().await;
}

#[tokio::test]
async fn a_refused_name_that_only_the_caller_knows_opens_no_circuit() {
    for (status, asked) in [(404, 8), (403, 8), (500, 5)] {
        let bad = Upstream::start(move |_, _| json(status, "{}")).await;
        let good = Upstream::start(|_, _| completion("ok")).await;
        let proxy = Proxy::start(&[bad.base_url(), good.base_url()], no_control()).await;
        for _ in 0..8 {
            assert_eq!(proxy.chat("a/invented,b/n").await.status, StatusCode::OK);
        }
        assert_eq!(bad.seen().len(), asked, "{status}");
        proxy.finish().await;
    }
}

#[tokio::test]
async fn what_providers_call_a_request_is_kept_with_each_attempt() {
    let long = "x".repeat(129);
    for (model, script, expected) in [
        ("a/m", completion("hello"), "up-1"),
        ("a/m", json(500, "{}"), "up-1"),
        ("a/m", json(200, "<html>"), "up-1"),
        (
            "a/m",
            json_with(400, "{}", "cf-ray: ray-1\r\nrequest-id: req-1\r\n"),
            "req-1",
        ),
        ("a/m", json_with(400, "{}", "cf-ray: ray-1\r\n"), "ray-1"),
        (
            "a/m",
            json_with(400, "{}", &format!("x-request-id: {long}\r\n")),
            "",
        ),
        ("b/m", completion("never"), ""),
    ] {
        let upstream = Upstream::start(move |_, _| script.clone()).await;
        let (control, dialer) = Control::start();
        let urls = [upstream.base_url(), DOWN.to_owned()];
        let proxy = Proxy::start_with(&urls, dialer, |config| config.retry.times = 0).await;
        let got = proxy.chat(model).await;
        let decision = eventually("the decision arrives", || control.finished()).await;
        let ids: Vec<_> = decision
            .attempts
            .iter()
            .map(|a| a.upstream_request_id.as_str())
            .collect();
        assert_eq!(ids, [expected], "{}", got.text());
        proxy.finish().await;
    }
}

#[tokio::test]
async fn where_all_of_several_fail_the_status_of_the_last_is_not_taken_for_an_answer() {
    let said = r#"{"error":{"message":"boom","type":"server_error","param":null,"code":null}}"#;
    let first = Upstream::start(|_, _| json(503, "{}")).await;
    let last = Upstream::start(move |_, _| json_with(500, said, "retry-after: 1.5\r\n")).await;
    let urls = [first.base_url(), last.base_url()];
    let proxy = Proxy::start_with(&urls, no_control(), |config| config.retry.times = 0).await;
    let got = proxy.chat("a/m,b/n").await;
    assert_eq!(got.status, StatusCode::BAD_GATEWAY, "{}", got.text());
    assert_eq!(got.header("retry-after"), "2");
    let error = got.json()["error"].clone();
    assert_eq!(error["code"], "upstream_failed");
    assert_eq!(
        error["message"],
        "b/n answered with status 500 (2 candidates were tried): boom"
    );
    let alone = proxy.chat("b/n").await;
    assert_eq!(
        (alone.status, alone.text()),
        (StatusCode::INTERNAL_SERVER_ERROR, said.to_owned())
    );
    proxy.finish().await;
}

#[tokio::test]
async fn an_error_in_no_form_of_the_callers_api_becomes_one() {
    for (status, said, message, code) in [
        (
            500,
            "<html>nope</html>",
            "the provider answered with status 500",
            "server_error",
        ),
        (
            503,
            "",
            "the provider answered with status 503",
            "overloaded",
        ),
        (
            429,
            r#"{"error":{"message":"slow","code":429}}"#,
            "slow",
            "rate_limit_exceeded",
        ),
        (
            422,
            r#"{"error":"just text"}"#,
            "just text",
            "invalid_request",
        ),
    ] {
        let upstream = Upstream::start(move |_, _| json(status, said)).await;
        let urls = [upstream.base_url(), DOWN.to_owned()];
        let proxy = Proxy::start_with(&urls, no_control(), |config| config.retry.times = 0).await;
        let got = proxy.chat("a/m").await;
        assert_eq!(got.status.as_u16(), status, "{}", got.text());
        assert_eq!(got.header("content-type"), "application/json");
        let error = got.json()["error"].clone();
        assert_eq!(
            (&error["message"], &error["code"]),
            (&message.into(), &code.into())
        );
        assert!(
            error["type"].is_string() && error["param"].is_null(),
            "{error}"
        );
        proxy.finish().await;
    }
}
