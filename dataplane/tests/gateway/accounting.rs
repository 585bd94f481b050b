//! What a call cost is known whether or not its caller asks, or stays.

use std::time::Duration;

use floopy_proto::v1::{self, AttemptResult, Ending};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;

use crate::{
    control::{Control, eventually, eventually_holds},
    proxy::{Proxy, chat_body},
    upstream::{Script, Upstream, completion, delta, events},
};

const FINISH: &str = "data: {\"id\":\"chatcmpl-s\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"id\":\"chatcmpl-s\",\"choices\":[],\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":40}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn stream(gap_ms: u64) -> Script {
    let first = delta("Hel");
    let second = delta("lo");
    events(&[
        (0, &first),
        (gap_ms, &second),
        (gap_ms, FINISH),
        (0, &[USAGE, DONE].concat()),
    ])
}

async fn finished(control: &Control) -> v1::Decision {
    eventually("the end", || {
        control.decisions().into_iter().find(|d| d.stage == 2)
    })
    .await
}

fn tokens(decision: &v1::Decision) -> (u64, u64, bool) {
    let outcome = decision.outcome.unwrap();
    (
        outcome.input_tokens,
        outcome.output_tokens,
        outcome.usage_estimated,
    )
}

#[tokio::test]
async fn a_stream_is_asked_for_its_usage_and_the_caller_does_not_see_it() {
    let upstream = Upstream::start(|_, _| stream(5)).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let got = proxy.stream("a/m").await;
    let expected = [&delta("Hel"), &delta("lo"), FINISH, DONE].concat();
    assert_eq!((got.status, got.text()), (StatusCode::OK, expected));
    let sent = String::from_utf8(upstream.seen()[0].body.clone()).unwrap();
    let asked = "\"model\":\"m\",\"stream_options\":{\"include_usage\":true},";
    assert!(sent.contains(asked), "{sent}");
    assert_eq!(tokens(&finished(&control).await), (30, 40, false));
    proxy.finish().await;
}

#[tokio::test]
async fn a_caller_who_asks_for_usage_gets_every_byte() {
    let upstream = Upstream::start(|_, _| stream(0)).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let body =
        chat_body("a/m", true).replacen('{', "{\"stream_options\": {\"include_usage\":true}, ", 1);
    let got = proxy.send(proxy.post("/v1/chat/completions", &body)).await;
    assert!(got.text().contains(USAGE), "{}", got.text());
    let sent = String::from_utf8(upstream.seen()[0].body.clone()).unwrap();
    assert_eq!(sent, body.replace("a/m", "m"));
    assert_eq!(tokens(&finished(&control).await), (30, 40, false));
    proxy.finish().await;
}

#[tokio::test]
async fn a_provider_that_refuses_the_question_is_not_asked() {
    let upstream = Upstream::start(|_, _| stream(0)).await;
    let (_control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |c| {
        c.providers[0].stream_usage = Some(false);
    })
    .await;
    let got = proxy.stream("a/m").await;
    assert!(got.text().contains(USAGE), "it came unasked, and passes");
    let sent = String::from_utf8(upstream.seen()[0].body.clone()).unwrap();
    assert!(!sent.contains("stream_options"), "{sent}");
    proxy.finish().await;
}

/// Opens a stream, reads its first piece and leaves.
async fn read_one_and_leave(proxy: &Proxy) {
    let request = proxy.post("/v1/chat/completions", &chat_body("a/m", true));
    let mut response = proxy.open(request).await;
    response.body_mut().frame().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_whose_caller_leaves_is_read_on_to_its_usage() {
    let upstream = Upstream::start(|_, _| stream(150)).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |c| {
        c.disconnect.linger_ms = 5_000;
    })
    .await;
    read_one_and_leave(&proxy).await;
    let decision = finished(&control).await;
    assert_eq!(tokens(&decision), (30, 40, false));
    let ending = decision.outcome.unwrap().ending();
    assert_eq!(ending, Ending::ClientDisconnected);
    assert_eq!(decision.attempts[0].result(), AttemptResult::ClientGone);
    assert!(control.jobs().is_empty(), "nobody saw it");
    eventually_holds("nothing lingers", async || {
        let metrics = proxy.admin("/metrics").await.text();
        metrics.contains("floopy_replies_lingering 0")
            && metrics.contains("floopy_requests_in_flight 0")
    })
    .await;
    proxy.finish().await;
}

#[tokio::test]
async fn beyond_its_time_the_provider_is_left_and_the_cost_is_an_estimate() {
    let upstream = Upstream::start(|_, _| stream(390)).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |c| {
        c.disconnect.linger_ms = 100;
    })
    .await;
    read_one_and_leave(&proxy).await;
    let (input, output, is_estimated) = tokens(&finished(&control).await);
    assert!(is_estimated && input > 0 && output > 0, "{input} {output}");
    proxy.finish().await;
}

async fn ask_and_leave(proxy: &Proxy, model: &str, patience: Duration) {
    let asking = proxy.chat(model);
    assert!(tokio::time::timeout(patience, asking).await.is_err());
}

#[tokio::test]
async fn a_reply_that_comes_after_its_caller_left_is_paid_for() {
    let upstream = Upstream::start(|_, _| {
        let mut script = completion("late");
        script[0].0 = Duration::from_millis(300);
        script
    })
    .await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |c| {
        c.disconnect.linger_ms = 5_000;
    })
    .await;
    ask_and_leave(&proxy, "a/m", Duration::from_millis(100)).await;
    let decision = finished(&control).await;
    assert_eq!(tokens(&decision), (10, 5, false));
    let outcome = decision.outcome.unwrap();
    assert_eq!(
        (outcome.ending(), outcome.status),
        (Ending::ClientDisconnected, 499)
    );
    assert_eq!(decision.served, "a/m");
    assert!(control.jobs().is_empty());
    proxy.finish().await;
}

#[tokio::test]
async fn nobody_else_is_asked_for_a_caller_who_left() {
    let slow = Upstream::start(|_, _| {
        let mut script = crate::upstream::json(503, "{}");
        script[0].0 = Duration::from_millis(300);
        script
    })
    .await;
    let other = Upstream::start(|_, _| completion("unwanted")).await;
    let (control, dialer) = Control::start();
    let urls = [slow.base_url(), other.base_url()];
    let proxy = Proxy::start_with(&urls, dialer, |c| c.disconnect.linger_ms = 5_000).await;
    ask_and_leave(&proxy, "a/m,b/n", Duration::from_millis(100)).await;
    let decision = finished(&control).await;
    assert_eq!(decision.attempts.len(), 1, "{:?}", decision.attempts);
    assert_eq!((slow.seen().len(), other.seen().len()), (1, 0));
    proxy.finish().await;
}

#[tokio::test]
async fn what_was_given_up_in_the_middle_of_its_work_is_estimated() {
    let slow = Upstream::start(|_, _| vec![(Duration::from_secs(9), vec![])]).await;
    let good = Upstream::start(|_, _| completion("ok")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[slow.base_url(), good.base_url()], dialer, |c| {
        c.providers[0].name = "openai".to_owned();
    })
    .await;
    let mut request = proxy.post(
        "/v1/chat/completions",
        &chat_body("openai/gpt-4o,b/n", false),
    );
    let session = HeaderValue::from_static("timed-out");
    request.headers_mut().insert("floopy-session-id", session);
    assert_eq!(proxy.send(request).await.status, StatusCode::OK);
    ask_and_leave(&proxy, "openai/gpt-4o", Duration::from_millis(100)).await;
    eventually("both", || (control.decisions().len() == 2).then_some(())).await;
    for (decision, result) in control
        .decisions()
        .iter()
        .zip([AttemptResult::TimedOut, AttemptResult::ClientGone])
    {
        let first = &decision.attempts[0];
        assert_eq!(first.result(), result);
        assert!(
            first.wasted_micro_usd.is_some_and(|cost| cost > 0),
            "{first:?}"
        );
    }
    proxy.finish().await;
}
