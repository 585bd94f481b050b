//! What tenants and keys may use, as the snapshot says it.

use floopy_proto::v1;
use floopy_shared::{
    domain::{
        decision::Strategy,
        ids::{CandidateKey, KeyHash, TenantId},
        limits::Limits,
        rule::Rule,
        snapshot::{ApiKey, Closed, KeyScope, TableBody, TableName, Tenant},
    },
    process::clock::Clock,
    wire::snapshot::table_to_wire,
};
use http::StatusCode;

use crate::{
    control::Control,
    proxy::{KEY, Proxy},
    snapshots::{MODELS, catalog, ranking},
    upstream::{Upstream, completion},
};

fn limited(version: u64, change: impl FnOnce(&mut Tenant)) -> v1::Table {
    let id = TenantId::new("acme").unwrap();
    let mut tenant = Tenant {
        keys: vec![ApiKey {
            id: "k".to_owned(),
            hash: KeyHash::of(KEY),
            read: true,
            write: true,
            scope: KeyScope::default(),
            default_project: None,
        }],
        ..Tenant::new(id.clone())
    };
    change(&mut tenant);
    table_to_wire(
        &TableName::Tenant(id),
        version,
        &TableBody::Tenant(tenant.into()),
    )
}

/// A proxy whose tenant was changed so.
async fn started(change: impl FnOnce(&mut Tenant)) -> (Proxy, Upstream, Control) {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url(), upstream.base_url()], dialer).await;
    let tables = vec![
        catalog(1, &MODELS),
        limited(1, change),
        ranking(1, MODELS, 0.0),
    ];
    control.push(1, tables).await;
    (proxy, upstream, control)
}

#[tokio::test]
async fn requests_above_the_limit_are_refused_with_a_wait_and_reach_nobody() {
    let (proxy, upstream, _control) = started(|tenant| {
        tenant.limits = Limits {
            requests_per_minute: Some(2),
            ..Limits::default()
        };
    })
    .await;
    let first = proxy.chat("auto").await;
    assert_eq!(
        (
            first.header("x-ratelimit-limit"),
            first.header("x-ratelimit-remaining")
        ),
        ("2", "1")
    );
    assert_eq!(proxy.chat("auto").await.status, StatusCode::OK);
    let third = proxy.chat("auto").await;
    assert_eq!(
        (third.status, third.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "rate_limited")
    );
    assert!(
        third.message().contains("2 requests a minute"),
        "{}",
        third.message()
    );
    let wait: u64 = third.header("retry-after").parse().expect("whole seconds");
    assert!((1..=120).contains(&wait), "{wait}");
    assert_eq!(upstream.seen().len(), 2);
    let metrics = proxy.admin("/metrics").await.text();
    assert!(metrics.contains("floopy_requests_limited_total 1"));
    proxy.finish().await;
}

#[tokio::test]
async fn a_keys_own_limit_and_rule_hold_for_its_calls() {
    let (proxy, _upstream, _control) = started(|tenant| {
        tenant.keys[0].scope = KeyScope {
            requests_per_minute: Some(1),
            rule: Some("second".to_owned()),
            ..KeyScope::default()
        };
        tenant.routing.rules = vec![Rule {
            id: String::new(),
            name: "second".to_owned(),
            strategy: Strategy::LegacyModel,
            models: vec![CandidateKey::parse("b/two").unwrap()],
            weights: Vec::new(),
            min_quality: None,
        }];
    })
    .await;
    let first = proxy.chat("auto").await;
    assert_eq!(
        (first.status, first.header("floopy-model")),
        (StatusCode::OK, "b/two")
    );
    let second = proxy.chat("auto").await;
    assert_eq!(second.code(), "rate_limited");
    assert!(
        second.message().contains("this API key"),
        "{}",
        second.message()
    );
    proxy.finish().await;
}

#[tokio::test]
async fn tokens_are_counted_as_replies_end() {
    let (proxy, _upstream, _control) = started(|tenant| {
        tenant.limits = Limits {
            tokens_per_window: Some(1),
            token_window_s: Some(3_600),
            ..Limits::default()
        };
    })
    .await;
    assert_eq!(proxy.chat("auto").await.status, StatusCode::OK);
    let second = proxy.chat("auto").await;
    assert_eq!(
        (second.status, second.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "rate_limited")
    );
    assert!(
        second.message().contains("1 tokens in 3600 s"),
        "{}",
        second.message()
    );
    proxy.finish().await;
}

#[tokio::test]
async fn a_tenant_that_spent_its_month_is_told_so_and_when_it_ends() {
    let until_ms = Clock::system().now_ms() + 3_600_000;
    let (proxy, upstream, _control) = started(|tenant| {
        tenant.closed = Some(Closed::MonthlyCost { until_ms });
    })
    .await;
    let refused = proxy.chat("auto").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "cost_limit_reached")
    );
    assert_eq!(refused.json()["error"]["type"], "insufficient_quota");
    let retry_after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((3_000..=3_600).contains(&retry_after), "{retry_after}");
    assert_eq!(refused.header("x-should-retry"), "false");
    assert!(upstream.seen().is_empty());
    proxy.finish().await;
}
