//! A tenant that floods the proxy is refused before others are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use floopy_dataplane::config::BootstrapTenant;
use floopy_shared::process::config::Secret;
use http::{Request, StatusCode};
use http_body_util::Full;

use crate::{
    proxy::{Proxy, Reply, chat_body, no_control},
    upstream::{Upstream, completion},
};

const OTHER_KEY: &str = "fl_other";

/// As many as fit: a tenant alone gets 72 of them, of two each 40.
const IN_FLIGHT: usize = 90;

async fn start(upstream: &Upstream, change: impl FnOnce(&mut floopy_dataplane::Config)) -> Proxy {
    Proxy::start_with(&[upstream.base_url()], no_control(), |config| {
        config.limits.in_flight = IN_FLIGHT;
        config.tenants.push(BootstrapTenant {
            id: "globex".to_owned(),
            key: Secret::new(OTHER_KEY),
            zero_retention: false,
            constraints: Default::default(),
            rules: Vec::new(),
            rule: None,
            passthrough: false,
            cache: Default::default(),
            firewall: Default::default(),
        });
        change(config);
    })
    .await
}

fn as_other(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let key = format!("Bearer {OTHER_KEY}").parse().unwrap();
    request.headers_mut().insert("authorization", key);
    request
}

async fn other_chat(proxy: &Proxy) -> Reply {
    let body = chat_body("a/m", false);
    proxy
        .send(as_other(proxy.post("/v1/chat/completions", &body)))
        .await
}

/// One client of many; how often it was served.
async fn keep_asking(proxy: &Proxy, stop: &AtomicBool, shed: &AtomicUsize) -> usize {
    let mut served = 0;
    while !stop.load(Ordering::Relaxed) {
        let got = proxy.chat("a/m").await;
        if got.status == StatusCode::OK {
            served += 1;
            continue;
        }
        assert_eq!(
            (got.status.as_u16(), got.code().as_str()),
            (429, "tenant_overloaded")
        );
        assert_eq!(got.header("retry-after"), "1");
        shed.fetch_add(1, Ordering::Relaxed);
    }
    served
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_one_tenant_costs_another_nothing() {
    let upstream = Upstream::start(|_, _| {
        let mut script = completion("ok");
        script[0].0 = Duration::from_millis(100);
        script
    })
    .await;
    // The flood keeps the machine busy, the upstream included: that is not what is tested here.
    let patient = |config: &mut floopy_dataplane::Config| config.timeouts.first_byte_ms = 60_000;
    let proxy = Arc::new(start(&upstream, patient).await);
    let (stop, shed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let flood = (0..10 * IN_FLIGHT / 2).map(|_| {
        let (proxy, stop, shed) = (Arc::clone(&proxy), Arc::clone(&stop), Arc::clone(&shed));
        tokio::spawn(async move { keep_asking(&proxy, &stop, &shed).await })
    });
    let flood: Vec<_> = flood.collect();
    crate::control::eventually("the flood is there", || {
        (shed.load(Ordering::Relaxed) > 100).then_some(())
    })
    .await;
    for round in 0..10 {
        let calls = (0..8).map(|_| other_chat(&proxy));
        for got in futures::future::join_all(calls).await {
            assert_eq!(got.status, StatusCode::OK, "round {round}: {}", got.text());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut served = 0;
    for worker in flood {
        served += worker.await.unwrap();
    }
    assert!(served > 100, "whoever floods gets its share, too: {served}");
    let proxy = Arc::into_inner(proxy).expect("the only one");
    proxy.finish().await;
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused_before_they_are_read() {
    let upstream = Upstream::start(|_, _| {
        let mut script = completion("ok");
        script[0].0 = Duration::from_millis(300);
        script
    })
    .await;
    let proxy = start(&upstream, |config| {
        config.limits.body_bytes_in_flight = 10_000
    })
    .await;
    let long = |bytes: usize| {
        let body = chat_body("a/m", false).replace("say hi", &"x".repeat(bytes));
        proxy.post("/v1/chat/completions", &body)
    };
    let (first, (second, third, fourth)) = tokio::join!(proxy.send(long(7_000)), async {
        crate::control::eventually("the first is inside", || {
            (!upstream.seen().is_empty()).then_some(())
        })
        .await;
        let over_share = proxy.send(long(1_500)).await;
        let too_big = proxy.send(as_other(long(5_000))).await;
        (over_share, too_big, other_chat(&proxy).await)
    });
    assert_eq!(first.status, StatusCode::OK);
    let refused = [
        (second, 429, "tenant_overloaded"),
        (third, 503, "overloaded"),
    ];
    for (got, status, code) in refused {
        assert_eq!((got.status.as_u16(), got.code().as_str()), (status, code));
        assert_eq!(got.header("retry-after"), "1");
        assert!(got.message().contains("bytes"), "{}", got.message());
    }
    assert_eq!(fourth.status, StatusCode::OK);
    let metrics = proxy.admin("/metrics").await.text();
    assert!(
        metrics.contains("floopy_requests_over_share_total 1"),
        "{metrics}"
    );
    proxy.finish().await;
}
