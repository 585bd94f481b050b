//! Snapshots: taken table by table, answered, kept on disk, and acted on.

use floopy_proto::v1;
use floopy_shared::{
    domain::{
        catalog::{Catalog, CatalogModel, ModelKind},
        confidence::ConfidenceReason,
        ids::{CandidateKey, KeyHash, TenantId},
        ranking::{Evidence, Objective, Posterior, RankedCandidate, Rankings, Role, ShapeRanking},
        shape::ShapeKey,
        snapshot::{ApiKey, KeyScope, TableBody, TableName, Tenant},
        weights::{Phase, phase_weights},
    },
    wire::snapshot::table_to_wire,
};
use http::StatusCode;
use serde_json::json;

use crate::{
    control::{Control, eventually},
    proxy::{KEY, Proxy, config, no_control},
    upstream::{Upstream, completion},
};

pub fn catalog(version: u64, models: &[&str]) -> v1::Table {
    let model =
        |key: &&str| CatalogModel::unlisted(CandidateKey::parse(key).unwrap(), ModelKind::Chat);
    let catalog = Catalog::new(models.iter().map(model).collect()).unwrap();
    table_to_wire(
        &TableName::Catalog,
        version,
        &TableBody::Catalog(catalog.into()),
    )
}

pub fn tenant(version: u64, zero_retention: bool) -> v1::Table {
    let id = TenantId::new("acme").unwrap();
    let key = ApiKey {
        id: "k".to_owned(),
        hash: KeyHash::of(KEY),
        read: true,
        write: true,
        scope: KeyScope::default(),
        default_project: None,
    };
    let tenant = Tenant {
        keys: vec![key],
        zero_retention,
        ..Tenant::new(id.clone())
    };
    table_to_wire(
        &TableName::Tenant(id),
        version,
        &TableBody::Tenant(tenant.into()),
    )
}

/// The first serves, the second is shadowed.
pub fn ranking(version: u64, keys: [&str; 2], shadow_rate: f64) -> v1::Table {
    let id = TenantId::new("acme").unwrap();
    let candidate = |(index, key): (usize, &&str)| RankedCandidate {
        key: CandidateKey::parse(key).unwrap(),
        score: 0.9,
        posterior: Posterior {
            mean: 0.9,
            lower: 0.8,
            upper: 1.0,
            n: 10.0,
        },
        probability: if index == 0 { 1.0 } else { 0.0 },
        shadow_probability: if index == 1 { 1.0 } else { 0.0 },
        latency_p95_ms: None,
        p_floor: None,
        p_best: None,
        gate: None,
        role: if index == 0 {
            Role::Incumbent
        } else {
            Role::Fallback
        },
    };
    let shape = ShapeRanking {
        shape: ShapeKey::root(),
        phase: Phase::Auto,
        weights: phase_weights(10.0, 0.0),
        candidates: keys.iter().enumerate().map(candidate).collect(),
        confidence: Some(0.7),
        confidence_reason: ConfidenceReason::Ok,
        evidence: Evidence::default(),
        baseline: None,
        calibrated: None,
    };
    let rankings = Rankings {
        tenant: id.clone(),
        shapes: vec![shape],
        shadow_rate,
        objective: Objective::Quality,
        quality_per_usd: 0.0,
    };
    table_to_wire(
        &TableName::Ranking(id),
        version,
        &TableBody::Rankings(rankings.into()),
    )
}

pub const MODELS: [&str; 2] = ["a/one", "b/two"];

#[tokio::test]
async fn a_bad_table_is_refused_alone_and_the_rest_is_acted_on() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let urls = [upstream.base_url(), upstream.base_url()];
    let proxy = Proxy::start(&urls, dialer).await;
    let unknown = ranking(1, ["a/one", "z/unknown"], 0.0);
    control
        .push(1, vec![unknown, catalog(1, &MODELS), tenant(1, false)])
        .await;
    let hello = control.hellos().remove(0);
    assert_eq!(
        (hello.snapshot_version, hello.providers),
        (0, vec!["a".to_owned(), "b".to_owned()])
    );
    let ack = control.acks().remove(0);
    assert_eq!(ack.rejected.len(), 1);
    assert_eq!(
        (ack.rejected[0].table.as_str(), ack.rejected[0].version),
        ("ranking/acme", 1)
    );
    assert!(
        ack.rejected[0].reason.contains("z/unknown"),
        "{}",
        ack.rejected[0].reason
    );
    assert_eq!(proxy.chat("auto").await.status, StatusCode::OK);
    control
        .push(2, vec![ranking(2, ["b/two", "a/one"], 0.0)])
        .await;
    let got = proxy.chat("auto").await;
    assert_eq!(got.header("floopy-model"), "b/two");
    let decision = eventually("the record", || {
        control
            .decisions()
            .into_iter()
            .find(|d| d.snapshot_version == 2)
    })
    .await;
    assert_eq!(
        (decision.ranked_shape.as_str(), decision.confidence),
        ("all", Some(0.7))
    );
    let metrics = proxy.admin("/metrics").await.text();
    assert!(
        metrics.contains("floopy_snapshot_nacks_total 1")
            && metrics.contains("floopy_snapshot_version 2")
    );
    proxy.finish().await;
}

#[tokio::test]
async fn the_last_good_snapshot_serves_after_a_restart_without_the_control_plane() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let mut config = config(&[upstream.base_url(), upstream.base_url()], dir.path());
    config.tenants.clear();
    let proxy = Proxy::launch(config.clone(), dialer).await;
    let cold = proxy.chat("auto").await;
    assert_eq!(
        (cold.status, cold.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "no_snapshot")
    );
    assert_eq!(
        proxy.admin("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    control
        .push(
            7,
            vec![
                catalog(3, &MODELS),
                tenant(4, false),
                ranking(5, ["b/two", "a/one"], 0.0),
            ],
        )
        .await;
    assert_eq!(proxy.chat("auto").await.header("floopy-model"), "b/two");
    proxy.finish().await;
    config.spool.flush_ms = 10;
    let alone = Proxy::launch(config.clone(), no_control()).await;
    assert_eq!(alone.chat("auto").await.header("floopy-model"), "b/two");
    let ready = alone.admin("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()["control_plane"].as_str()),
        (StatusCode::OK, Some("lost"))
    );
    shows_what_it_goes_by(&alone).await;
    alone.finish().await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::launch(config.clone(), dialer).await;
    let hello = eventually("hello", || control.hellos().pop()).await;
    let known: Vec<(&str, u64)> = hello
        .known
        .iter()
        .map(|t| (t.name.as_str(), t.version))
        .collect();
    assert_eq!(hello.snapshot_version, 7);
    assert_eq!(
        known,
        [("catalog", 3), ("tenant/acme", 4), ("ranking/acme", 5)]
    );
    proxy.finish().await;
}

async fn shows_what_it_goes_by(proxy: &Proxy) {
    let shown = proxy.admin("/debug/snapshot").await.json();
    let expected = json!([
        {"name": "catalog", "version": 3},
        {"name": "tenant/acme", "version": 4},
        {"name": "ranking/acme", "version": 5},
    ]);
    assert_eq!(
        (&shown["version"], &shown["tenants"], &shown["tables"]),
        (&json!(7), &json!(1), &expected)
    );
    let configured = proxy.admin("/debug/configuration").await.text();
    assert!(configured.contains("\"flush_ms\":10") && configured.contains("***"));
    assert!(!configured.contains("sk-"), "{configured}");
}

#[tokio::test]
async fn a_damaged_snapshot_file_is_a_cold_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&["http://127.0.0.1:9".to_owned()], dir.path());
    config.tenants.clear();
    std::fs::write(dir.path().join("snapshot.bin"), b"FLPSNAP1 garbage").unwrap();
    let damaged = Proxy::launch(config, no_control()).await;
    assert_eq!(damaged.chat("auto").await.code(), "no_snapshot");
    assert!(
        damaged
            .admin("/metrics")
            .await
            .text()
            .contains("floopy_snapshot_file_errors_total 1")
    );
    damaged.finish().await;
}

#[tokio::test]
async fn an_update_of_many_megabytes_is_taken() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let names: Vec<String> = (0..60_000)
        .map(|index| format!("a/{index:0>100}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    control
        .push(1, vec![catalog(1, &names), tenant(1, false)])
        .await;
    eventually("it is acknowledged", || control.acks().pop()).await;
    proxy.finish().await;
}
