//! Explaining a call: the choice that it would get, and no trace of having asked.

use floopy_proto::v1;
use floopy_shared::{
    domain::{
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
use serde_json::{Value, json};

use crate::{
    control::{Control, eventually},
    proxy::{KEY, Proxy, Reply, no_control},
    snapshots::{MODELS, catalog, tenant},
    upstream::{Upstream, completion},
};

const OTHER_KEY: &str = "fl_other";
const READ_ONLY: &str = "fl_reader";

/// One has four fifths of the sessions, the other is a canary.
fn shares() -> v1::Table {
    let id = TenantId::new("acme").unwrap();
    let candidate = |key: &str, probability, role| RankedCandidate {
        key: CandidateKey::parse(key).unwrap(),
        score: 0.9,
        posterior: Posterior {
            mean: 0.9,
            lower: 0.8,
            upper: 1.0,
            n: 10.0,
        },
        probability,
        shadow_probability: 0.0,
        latency_p95_ms: None,
        p_floor: None,
        p_best: None,
        gate: None,
        role,
    };
    let shape = ShapeRanking {
        shape: ShapeKey::root(),
        phase: Phase::Auto,
        weights: phase_weights(10.0, 0.0),
        candidates: vec![
            candidate(MODELS[0], 0.8, Role::Incumbent),
            candidate(MODELS[1], 0.2, Role::Canary),
        ],
        confidence: Some(0.7),
        confidence_reason: ConfidenceReason::Ok,
        evidence: Evidence::default(),
        baseline: None,
        calibrated: None,
    };
    let rankings = Rankings {
        tenant: id.clone(),
        shapes: vec![shape],
        shadow_rate: 0.0,
        objective: Objective::Quality,
        quality_per_usd: 0.0,
    };
    table_to_wire(
        &TableName::Ranking(id),
        1,
        &TableBody::Rankings(rankings.into()),
    )
}

fn keys() -> v1::Table {
    let id = TenantId::new("acme").unwrap();
    let key = |name: &str, write| ApiKey {
        id: name.to_owned(),
        hash: KeyHash::of(name),
        read: true,
        write,
        scope: KeyScope::default(),
        default_project: None,
    };
    let tenant = Tenant {
        keys: vec![key(KEY, true), key(OTHER_KEY, true), key(READ_ONLY, false)],
        ..Tenant::new(id.clone())
    };
    table_to_wire(&TableName::Tenant(id), 1, &TableBody::Tenant(tenant.into()))
}

async fn ask(proxy: &Proxy, key: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let mut request = proxy.post("/v1/routing/explain", &body.to_string());
    let bearer = format!("Bearer {key}");
    for (name, value) in headers.iter().chain([&("authorization", bearer.as_str())]) {
        let name = http::HeaderName::try_from(*name).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    proxy.send(request).await
}

fn call() -> Value {
    json!({"model": "auto", "messages": [{"role": "user", "content": "say hi"}]})
}

/// What both forms of the question are answered, which call nobody.
async fn explained(proxy: &Proxy, upstream: &Upstream, session: &str) -> Value {
    let calls = upstream.seen().len();
    let flat = ask(proxy, KEY, &[("floopy-session-id", session)], &call()).await;
    assert_eq!(flat.status, StatusCode::OK, "{}", flat.text());
    assert_eq!(flat.header("content-language"), "en");
    let own = json!({"Floopy-Session-Id": session, "Cookie": "c"});
    let enveloped = json!({"request": call(), "headers": own});
    let enveloped = ask(proxy, KEY, &[("floopy-session-id", "no")], &enveloped).await;
    assert_eq!(flat.json(), enveloped.json(), "both forms say the same");
    assert_eq!(upstream.seen().len(), calls, "nobody was called");
    flat.json()
}

/// The call went as it was explained; to whom.
fn is_what_was_said(said: &Value, served: &Reply, record: &v1::Decision) -> String {
    let part = |name: &str| said["would_select"][name].as_str().unwrap();
    let winner = format!("{}/{}", part("provider"), part("model"));
    assert_eq!(served.header("floopy-model"), winner);
    let reason = served.header("floopy-decision-reason");
    assert_eq!(said["reason"].as_str(), Some(reason));
    assert_eq!(said["propensity"].as_f64(), Some(record.propensity));
    let version = said["snapshot_version"].as_u64();
    assert_eq!(version, Some(record.snapshot_version));
    assert_eq!(said["draw_key"].as_str(), Some(record.draw_key.as_str()));
    winner
}

#[tokio::test]
async fn what_is_explained_is_what_the_very_next_call_gets_and_asking_leaves_no_trace() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let urls = [upstream.base_url(), upstream.base_url()];
    let proxy = Proxy::start_with(&urls, dialer, |config| {
        config.limits.tenant_explains_per_minute = 1_000;
        config.limits.key_explains_per_minute = 1_000;
    })
    .await;
    control
        .push(1, vec![catalog(1, &MODELS), keys(), shares()])
        .await;
    let mut winners = std::collections::BTreeSet::new();
    for index in 0..40 {
        let session = format!("session-{index}");
        let said = explained(&proxy, &upstream, &session).await;
        if index == 0 {
            let open = proxy.post("/v1/feedback", r#"{"score":1,"useful":true}"#);
            let open = proxy.send(open).await;
            let message = open.message();
            assert!(message.contains("no session open"), "{message}");
            assert!(control.events().is_empty(), "nothing was recorded");
        }
        let mut request = proxy.post("/v1/chat/completions", &call().to_string());
        let header = session.parse().unwrap();
        request.headers_mut().insert("floopy-session-id", header);
        let served = proxy.send(request).await;
        let record = eventually("the call's record", || {
            let records = control.decisions();
            records
                .into_iter()
                .find(|d| d.session_id == session && !d.served.is_empty())
        })
        .await;
        let winner = is_what_was_said(&said, &served, &record);
        winners.insert(winner);
    }
    assert_eq!(winners.len(), 2, "the draw is by session");
    assert_eq!(control.decisions().len(), 40);
    proxy.finish().await;
}

#[tokio::test]
async fn what_spoke_for_the_class_is_explained_and_recorded_and_not_kept_of_who_keeps_nothing() {
    let body = json!({"model": MODELS[0], "messages": [{"role": "user", "content": "Write a poem about the sea."}]});
    for zero_retention in [false, true] {
        let upstream = Upstream::start(|_, _| completion("Blue.")).await;
        let (control, dialer) = Control::start();
        let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |_| ()).await;
        let tables = vec![catalog(1, &MODELS), tenant(1, zero_retention)];
        control.push(1, tables).await;
        let said = ask(&proxy, KEY, &[], &body).await.json();
        assert_eq!(said["task_shapes"][0], "class:creative");
        let said = said["class_signals"].as_array().unwrap();
        let strongest = (said[0]["name"].as_str(), said[0]["points"].as_u64());
        assert!(
            strongest.0 == Some("poem") && strongest.1 >= Some(100),
            "{said:?}"
        );
        let served = proxy.post("/v1/chat/completions", &body.to_string());
        assert_eq!(proxy.send(served).await.status, StatusCode::OK);
        let record = eventually("the record", || control.decisions().pop()).await;
        let kept = record.class_signals.iter();
        let kept: Vec<Value> = kept
            .map(|s| json!({"name": s.name, "points": s.points}))
            .collect();
        let expected = if zero_retention { &[] } else { said.as_slice() };
        assert_eq!(kept, expected);
        proxy.finish().await;
    }
}

#[tokio::test]
async fn an_explanation_has_the_keys_of_the_sdks_and_of_the_documentation() {
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&["http://127.0.0.1:9/v1".to_owned()], dialer, |_| ()).await;
    control
        .push(1, vec![catalog(1, &MODELS), keys(), shares()])
        .await;
    let said = ask(
        &proxy,
        KEY,
        &[],
        &json!({"model": "auto", "messages": null}),
    )
    .await
    .json();
    assert_eq!(
        said["would_select"],
        json!({"provider": "a", "model": "one"})
    );
    assert_eq!(
        (
            said["firewall_decision"].as_str(),
            said["dry_run"].as_bool()
        ),
        (Some("allow"), Some(true))
    );
    assert!(
        said["reasoning"].is_string() && said["explanation"].is_string(),
        "{said}"
    );
    assert_eq!(said["routing_rule_id"], Value::Null);
    assert_eq!(
        (said["strategy_id"].as_str(), said["phase"].as_str()),
        (Some("feedback_driven"), Some("auto"))
    );
    assert_eq!(said["weights"]["auto"], 0.5);
    assert_eq!(
        said["propensity"], 1.0,
        "the other one's provider has no key"
    );
    assert_eq!(said["filtered"][0]["reason"], "no_provider_key");
    assert_eq!(said["candidates"][0]["posterior"]["n"], 10.0);
    assert_eq!(
        (
            said["confidence"].as_f64(),
            said["confidence_reason"].as_str()
        ),
        (Some(0.7), Some("ok"))
    );
    assert_eq!(said["winner"], said["would_select"]);
    let list = json!({"model": "b/two,b/three", "messages": null});
    let nobody = ask(&proxy, KEY, &[], &list).await;
    assert_eq!(
        (nobody.status, nobody.code().as_str()),
        (StatusCode::BAD_REQUEST, "provider_not_configured")
    );
    proxy.finish().await;
}

#[tokio::test]
async fn where_nobody_could_serve_the_reasons_are_the_answer() {
    let proxy = Proxy::start_with(
        &["http://127.0.0.1:9/v1".to_owned()],
        no_control(),
        |config| {
            config.tenants[0].constraints.deny_providers = vec!["a".to_owned()];
        },
    )
    .await;
    let body =
        json!({"request": {"model": "a/one", "messages": [{"role": "user", "content": "x"}]}});
    let said = ask(&proxy, KEY, &[], &body).await;
    let call = proxy
        .send(proxy.post("/v1/chat/completions", &body["request"].to_string()))
        .await;
    let said = said.json();
    assert_eq!(said["would_select"], Value::Null);
    assert_eq!(said["firewall_decision"], "allow");
    assert_eq!(said["filtered"][0]["reason"], "constraint_deny_providers");
    assert_eq!(said["would_refuse"]["status"], call.status.as_u16());
    assert_eq!(
        said["would_refuse"]["code"].as_str(),
        Some(call.code().as_str())
    );
    assert_eq!(
        said["would_refuse"]["message"].as_str(),
        Some(call.message().as_str())
    );
    proxy.finish().await;
}

#[tokio::test]
async fn a_key_and_its_tenant_may_ask_so_often_and_are_told_when_again() {
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&["http://127.0.0.1:9/v1".to_owned()], dialer, |config| {
        config.limits.tenant_explains_per_minute = 4;
        config.limits.key_explains_per_minute = 3;
    })
    .await;
    control
        .push(1, vec![catalog(1, &MODELS), keys(), shares()])
        .await;
    let denied = ask(&proxy, READ_ONLY, &[], &call()).await;
    assert_eq!(
        (denied.status, denied.code().as_str()),
        (StatusCode::FORBIDDEN, "write_permission")
    );
    let statuses = [
        (KEY, 200),
        (KEY, 200),
        (KEY, 200),
        (KEY, 429),
        (OTHER_KEY, 200),
        (OTHER_KEY, 429),
    ];
    for (key, status) in statuses {
        let got = ask(&proxy, key, &[], &call()).await;
        assert_eq!(got.status.as_u16(), status, "{key}: {}", got.text());
        if status == 429 {
            assert_eq!(got.code(), "rate_limited");
            let seconds: u64 = got.header("retry-after").parse().expect("whole seconds");
            assert!((1..=60).contains(&seconds), "{seconds}");
        }
    }
    proxy.finish().await;
}

#[tokio::test]
async fn questions_are_bounded_and_checked() {
    let proxy = Proxy::start_with(
        &["http://127.0.0.1:9/v1".to_owned()],
        no_control(),
        |config| {
            config.limits.key_explains_per_minute = 100;
            config.limits.tenant_explains_per_minute = 100;
        },
    )
    .await;
    let long = "x".repeat(64 << 10);
    let cases = [
        (
            json!({"request": call(), "other": 1}),
            "invalid_body",
            "\"other\" is not known",
        ),
        (
            json!({"request": call(), "headers": {"floopy-session-id": 7}}),
            "invalid_body",
            "is 7",
        ),
        (
            json!({"messages": null}),
            "invalid_request",
            "model is missing",
        ),
        (
            json!({"model": "auto"}),
            "invalid_request",
            "messages is missing",
        ),
        (
            json!({"model": "auto", "messages": null, "x": long}),
            "body_too_large",
            "65536 bytes",
        ),
        (json!([]), "invalid_body", "an array"),
    ];
    for (body, code, mention) in cases {
        let got = ask(&proxy, KEY, &[], &body).await;
        assert_eq!(
            (got.status, got.code().as_str()),
            (StatusCode::BAD_REQUEST, code),
            "{}",
            got.text()
        );
        assert!(got.message().contains(mention), "{}", got.message());
    }
    proxy.finish().await;
}
