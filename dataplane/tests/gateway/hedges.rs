//! Hedged requests: off unless wanted, whoever is first serves, the other is paid for.

use std::time::Duration;

use floopy_proto::v1::AttemptResult;
use http::StatusCode;

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, no_control},
    upstream::{Script, Upstream, completion, json},
};

fn late(ms: u64, text: &str) -> Script {
    let mut script = completion(text);
    script[0].0 = Duration::from_millis(ms);
    script
}

#[tokio::test]
async fn a_slow_candidate_is_not_hedged_by_default() {
    let slow = Upstream::start(|_, _| late(300, "slow")).await;
    let other = Upstream::start(|_, _| completion("other")).await;
    let proxy = Proxy::start(&[slow.base_url(), other.base_url()], no_control()).await;
    let got = proxy.chat("a/m,b/n").await;
    assert_eq!(got.header("floopy-model"), "a/m");
    assert!(other.seen().is_empty());
    proxy.finish().await;
}

#[tokio::test]
async fn whoever_answers_first_serves_and_the_other_is_recorded_with_its_cost() {
    let slow = Upstream::start(|_, _| late(5_000, "slow")).await;
    let other = Upstream::start(|_, _| completion("other")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[slow.base_url(), other.base_url()], dialer, |c| {
        c.providers[0].name = "openai".to_owned();
        c.timeouts.first_byte_ms = 10_000;
        c.hedge.after_ms = 50;
    })
    .await;
    let got = proxy.chat("openai/gpt-4o,b/n").await;
    assert_eq!(
        (got.status, got.header("floopy-model")),
        (StatusCode::OK, "b/n")
    );
    let decision = eventually("the decision", || control.decisions().pop()).await;
    let [first, second] = &decision.attempts[..] else {
        panic!("{:?}", decision.attempts)
    };
    assert_eq!(
        (first.result(), second.result()),
        (AttemptResult::Cancelled, AttemptResult::Ok)
    );
    assert!(
        first.wasted_micro_usd.is_some_and(|cost| cost > 0),
        "{first:?}"
    );
    assert!(second.wasted_micro_usd.is_none());
    let metrics = proxy.admin("/metrics").await.text();
    assert!(
        metrics.contains("floopy_upstream_hedges_total 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("attempts_total{result=\"cancelled\"} 1"),
        "{metrics}"
    );
    proxy.finish().await;
}

#[tokio::test]
async fn where_one_of_two_fails_the_other_is_awaited() {
    for (first, second, serves) in [(150, 503, "a/m"), (0, 200, "b/n")] {
        let one = Upstream::start(move |_, _| match first {
            0 => json(500, "{}"),
            ms => late(ms, "one"),
        })
        .await;
        let two = Upstream::start(move |_, _| match second {
            200 => completion("two"),
            status => json(status, "{}"),
        })
        .await;
        let proxy = Proxy::start_with(&[one.base_url(), two.base_url()], no_control(), |c| {
            c.hedge.after_ms = 30;
        })
        .await;
        let got = proxy.chat("a/m,b/n").await;
        assert_eq!(
            (got.status, got.header("floopy-model")),
            (StatusCode::OK, serves)
        );
        assert_eq!((one.seen().len(), two.seen().len()), (1, 1));
        proxy.finish().await;
    }
}
