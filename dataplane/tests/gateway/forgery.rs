//! Providers whose names lead where they should not: only what may be called is called, at every connection.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use floopy_dataplane::{Config, Resolver};
use floopy_proto::v1::AttemptResult;
use http::StatusCode;

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, config, no_control},
    upstream::{NOW, Upstream, completion},
};

/// Every name leads to this address.
fn leading_to(address: &str) -> Resolver {
    let found = SocketAddr::new(address.parse().unwrap(), 0);
    Resolver::custom(move |_| std::future::ready(Ok(vec![found])))
}

/// A proxy whose provider `a` has a name at the port of this upstream.
async fn proxy(
    upstream: &Upstream,
    resolver: Resolver,
    change: impl FnOnce(&mut Config),
) -> (Proxy, Control, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let port = upstream.addr.port();
    let url = format!("http://rebound.example:{port}/v1");
    let literal = format!("http://127.0.0.1:{port}/v1");
    let mut config = config(&[url, literal], dir.path());
    config.limits.workers = 1;
    change(&mut config);
    let (control, dialer) = Control::start();
    (
        Proxy::launch_with(config, dialer, resolver).await,
        control,
        dir,
    )
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_not_called_and_not_tried_again() {
    let upstream = Upstream::start(|_, _| completion("never")).await;
    let resolver = leading_to("127.0.0.1");
    let (proxy, control, _dir) = proxy(&upstream, resolver, |_| ()).await;
    let got = proxy.chat("a/m").await;
    assert_eq!(
        (got.status, got.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_address_refused")
    );
    assert_eq!(
        got.message(),
        "a/m was not called: rebound.example is at 127.0.0.1, which is loopback: the provider's allow_private = true, \
         or upstream.allow_networks, allows it"
    );
    let decision = eventually("the decision arrives", || control.finished()).await;
    let results: Vec<_> = decision.attempts.iter().map(|a| a.result()).collect();
    assert_eq!(results, [AttemptResult::AddressRefused]);
    let metrics = proxy.admin("/metrics").await.text();
    let counted = r#"floopy_upstream_attempts_total{result="address_refused"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    assert!(upstream.seen().is_empty());
    proxy.finish().await;
}

#[tokio::test]
async fn the_next_candidate_serves_instead() {
    let upstream = Upstream::start(|_, _| completion("saved")).await;
    let resolver = leading_to("10.0.0.1");
    let (proxy, _, _dir) = proxy(&upstream, resolver, |_| ()).await;
    let got = proxy.chat("a/m,b/n").await;
    assert_eq!(
        (got.status, got.header("floopy-model")),
        (StatusCode::OK, "b/n")
    );
    proxy.finish().await;
}

#[tokio::test]
async fn a_name_that_was_fine_at_first_and_leads_elsewhere_later_is_refused() {
    // It answers on all addresses of this machine, and closes each connection.
    let upstream = Upstream::start_at("0.0.0.0:0", |_, _| completion("hello")).await;
    let rebound = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&rebound);
    let resolver = Resolver::custom(move |_| {
        let last = if switch.load(Ordering::Relaxed) { 1 } else { 2 };
        std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, last], 0))]))
    });
    let (proxy, _, _dir) = proxy(&upstream, resolver, |config| {
        // In the place of an address of the internet.
        config.upstream.allow_networks = vec!["127.0.0.2".parse().unwrap()];
    })
    .await;
    assert_eq!(proxy.chat("a/m").await.status, StatusCode::OK);
    rebound.store(true, Ordering::Relaxed);
    // Connections that the proxy keeps ready lead to the old address; nobody is led to the new one.
    let mut served = 1;
    let refused = loop {
        let got = proxy.chat("a/m").await;
        if got.status != StatusCode::OK {
            break got;
        }
        served += 1;
        assert!(served < 9, "every connection is judged anew");
    };
    assert_eq!(refused.code(), "upstream_address_refused");
    assert_eq!(upstream.seen().len(), served);
    proxy.finish().await;
}

#[tokio::test]
async fn an_operator_can_allow_a_name_or_a_network() {
    let upstream = Upstream::start(|_, _| completion("hello")).await;
    let by_name = |config: &mut Config| config.providers[0].allow_private = true;
    let by_network = |config: &mut Config| {
        config.upstream.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let by_host = |config: &mut Config| {
        let url = config.providers[0].base_url.as_mut().unwrap();
        *url = url.replace("rebound.example", "localhost");
    };
    let changes: [fn(&mut Config); 3] = [by_name, by_network, by_host];
    for change in changes {
        let resolver = leading_to("127.0.0.1");
        let (proxy, _, _dir) = proxy(&upstream, resolver, change).await;
        let got = proxy.chat("a/m").await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text());
        proxy.finish().await;
    }
}

#[tokio::test]
async fn nothing_allows_a_metadata_service_but_its_own_address() {
    let upstream = Upstream::start(|_, _| completion("never")).await;
    for address in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"] {
        let resolver = leading_to(address);
        let (proxy, _, _dir) = proxy(&upstream, resolver, |config| {
            config.providers[0].allow_private = true;
            config.upstream.allow_networks =
                vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        })
        .await;
        let got = proxy.chat("a/m").await;
        assert_eq!(got.code(), "upstream_address_refused", "{address}");
        proxy.finish().await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Upstream::start(|_, _| completion("never")).await;
    let target = elsewhere.base_url();
    let upstream = Upstream::start(move |_, _| {
        let head = format!(
            "HTTP/1.1 307 X\r\nlocation: {target}/chat/completions\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        vec![(NOW, head.into_bytes())]
    })
    .await;
    let proxy = Proxy::start(&[upstream.base_url()], no_control()).await;
    let got = proxy.chat("a/m").await;
    assert_eq!(got.code(), "upstream_invalid_response");
    assert_eq!((upstream.seen().len(), elsewhere.seen().len()), (1, 0));
    proxy.finish().await;
}

#[tokio::test]
async fn a_configuration_that_may_not_be_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&["http://169.254.169.254/v1".to_owned()], dir.path());
    let refused = config.check().unwrap_err().to_string();
    let expected =
        "providers[0].base_url is \"http://169.254.169.254/v1\" (a cloud's metadata service)";
    assert!(refused.starts_with(expected), "{refused}");
    config.upstream.allow_networks = vec!["169.254.169.254".parse().unwrap()];
    assert!(config.check().is_ok());
}
