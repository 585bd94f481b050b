//! The HTTP side, driven through its router.

mod baseline;
mod evaluations;
mod experiments;
mod feedback;
mod fixture;
mod keys;
mod mcp;
mod once;
mod operator;
mod optimization;
mod people;
mod prompts;
mod providers;
mod reading;
mod recorded;
mod replay;
mod roles;
mod session;
mod settings;
mod webhooks;

use axum::body::{Body, to_bytes};
use floopy_shared::domain::event::{EventBody, RatingSubject};
use serde_json::Value;
use tower::ServiceExt;

pub(super) use self::fixture::Fixture;
use super::*;
use crate::fixture::*;

const SDK_KEYS: &[&str] = &[
    "request_id",
    "session_id",
    "request_created_at",
    "provider",
    "model",
    "status",
    "latency_ms",
    "cost_micro_usd",
    "cache_enabled",
    "threat",
    "decision_trace",
    "confidence",
    "confidence_reason",
    "explanation",
];
const DOCS_KEYS: &[&str] = &[
    "routing_strategy",
    "phase",
    "weights",
    "candidates",
    "filtered",
    "winner",
    "reason",
    "exploration_rate_effective",
    "used_shared_pool_prior",
    "outcome",
    "evidence",
    "explanation_detail",
];

#[tokio::test]
async fn a_decision_has_the_keys_of_the_docs_and_of_the_sdks() {
    let fixture = Fixture::new().await;
    let manual = event(
        3,
        EventBody::Rating(rating(RatingSubject::Request(request(1)), 7)),
    );
    append(
        &fixture.intake,
        vec![decided(1, turn(1, "s", "a")), rated(2, "s", 9), manual],
    )
    .await;
    fixture
        .intake
        .report(vec![score(1, 0.5)], vec![])
        .await
        .expect("works");
    let (status, body) = fixture.get(&format!("/v1/decisions/{}", request(1))).await;
    assert_eq!(status, 200);
    for key in SDK_KEYS.iter().chain(DOCS_KEYS) {
        assert!(body.get(key).is_some(), "{key} is missing");
    }
    assert!(
        body["explanation"].is_string()
            && body["latency_ms"].is_u64()
            && body["cost_micro_usd"].is_u64()
    );
    assert_eq!(
        (&body["provider"], &body["model"], &body["status"]),
        (&json!("p"), &json!("a"), &json!("ok"))
    );
    assert_eq!(body["request_created_at"], "2027-01-15T07:59:59.001Z");
    let trace = &body["decision_trace"];
    assert_eq!(
        (&trace["session_score"], &trace["request_score"]),
        (&json!(9), &json!(7))
    );
    assert_eq!(trace["judge"]["composite"], 0.5);
    assert_eq!(trace["candidates"][0]["posterior"]["n"], 12.0);
    assert_eq!(trace["attempts"][0]["upstream_request_id"], "req-1");
    assert_eq!(trace["snapshot_version"], 7);
    assert_eq!(trace["task_shape"], "class:code");
    assert_eq!(
        body["explanation_detail"]["template_id"],
        "feedback_driven_moderate_confidence"
    );
}

#[tokio::test]
async fn another_tenants_decision_looks_exactly_like_none() {
    let fixture = Fixture::new().await;
    append(&fixture.intake, vec![decided(1, decision(1))]).await;
    let theirs = fixture
        .raw(
            &format!("/v1/decisions/{}", request(1)),
            Some(&fixture.stranger),
        )
        .await;
    let none = fixture
        .raw(
            &format!("/v1/decisions/{}", request(2)),
            Some(&fixture.stranger),
        )
        .await;
    assert_eq!((theirs.0, &theirs.2), (StatusCode::NOT_FOUND, &none.2));
    let names =
        |headers: &http::HeaderMap| headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&theirs.1), names(&none.1));
}

#[tokio::test]
async fn malformed_ids_keys_and_paths_have_their_own_errors() {
    let fixture = Fixture::new().await;
    let simple = request(1).0.simple().to_string();
    for id in [
        "abc",
        &simple,
        "00000000-0000-0000-0000-000000000000",
        "%2e%2e",
        "%FF",
    ] {
        let (status, body) = fixture.get(&format!("/v1/decisions/{id}")).await;
        assert_eq!(
            (status.as_u16(), &body["error"]["code"]),
            (400, &json!("invalid_request_id")),
            "{id}"
        );
        let message = body["error"]["message"].as_str().expect("text");
        assert!(message.contains(id) || id == "%2e%2e", "{message}");
    }
    let (status, body) = fixture
        .get(&format!("/v1/decisions/{}", "a".repeat(300)))
        .await;
    let message = body["error"]["message"].as_str().expect("text");
    let shown = format!("\"{}\"", "a".repeat(80));
    assert!(status == 400 && message.contains(&shown), "{message}");
    let (status, _, _) = fixture.raw("/v1/decisions/%FF", None).await;
    assert_eq!(status, 401);
    let (status, body) = fixture.get("/v1/decisions?cursor=xyz").await;
    let message = body["error"]["message"].as_str().expect("text");
    assert!(status == 400 && message.contains("xyz"), "{message}");
    for key in [None, Some("fl_wrong"), Some("")] {
        let (status, _, body) = fixture.raw("/v1/decisions", key).await;
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            (status.as_u16(), &body["error"]["code"]),
            (401, &json!("invalid_api_key"))
        );
        assert!(body["error"]["message"].is_string() && body["error"]["param"].is_null());
    }
    let (status, body) = fixture.get("/v1/nothing").await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (404, &json!("not_found"))
    );
    for (query, param) in [
        ("colour=red", "colour"),
        ("colour=", "colour"),
        ("session_id=%ff", "session_id"),
        ("limit=%2B5", "limit"),
    ] {
        let (status, body) = fixture.get(&format!("/v1/decisions?{query}")).await;
        assert_eq!(
            (status.as_u16(), &body["error"]["param"]),
            (400, &json!(param)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn pages_follow_each_other_newest_first_without_shadows() {
    let fixture = Fixture::new().await;
    let mut events: Vec<_> = (1..=7).map(|n| decided(n, turn(n, "s", "a"))).collect();
    let mut shadow = turn(8, "s", "b");
    shadow.shadow_of = Some(request(1));
    events.push(decided(8, shadow));
    append(&fixture.intake, events).await;
    let mut seen = Vec::new();
    let mut path = "/v1/decisions?limit=3".to_owned();
    loop {
        let (status, page) = fixture.get(&path).await;
        assert_eq!(status, 200);
        seen.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|i| i["request_id"].clone()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(page["has_more"], false);
            break;
        };
        assert_eq!(page["has_more"], true);
        path = format!("/v1/decisions?limit=3&cursor={cursor}");
    }
    let expected: Vec<Value> = (1..=7)
        .rev()
        .map(|n| json!(request(n).to_string()))
        .collect();
    assert_eq!(seen, expected);
    let (_, asked) = fixture
        .get(&format!(
            "/v1/decisions?request_ids={},{}",
            request(8),
            request(2)
        ))
        .await;
    assert_eq!(asked["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn shadows_are_listed_on_request_and_told_apart_by_who_pays() {
    let fixture = Fixture::new().await;
    let mut shadow = turn(2, "s", "b");
    shadow.shadow_of = Some(request(1));
    let events = vec![decided(1, turn(1, "s", "a")), decided(2, shadow)];
    append(&fixture.intake, events).await;
    for (query, expected) in [
        ("", vec!["serving"]),
        ("?shadow=exclude", vec!["serving"]),
        ("?shadow=include", vec!["shadow", "serving"]),
        ("?shadow=only", vec!["shadow"]),
    ] {
        let (_, page) = fixture.get(&format!("/v1/decisions{query}")).await;
        let items = page["items"].as_array().expect("items").iter();
        let charged: Vec<&str> = items.filter_map(|i| i["charged_to"].as_str()).collect();
        assert_eq!(charged, expected, "{query}");
    }
    let (status, body) = fixture.get("/v1/decisions?shadow=yes").await;
    assert_eq!(
        (status.as_u16(), &body["error"]["param"]),
        (400, &json!("shadow"))
    );
}

#[tokio::test]
async fn filters_restrict_and_a_foreign_cursor_is_refused() {
    let fixture = Fixture::new().await;
    append(
        &fixture.intake,
        vec![
            decided(1, turn(1, "s/1", "a")),
            decided(2, turn(2, "t", "b")),
        ],
    )
    .await;
    let cases = [
        ("session_id=s%2F1", 1),
        ("model=b", 1),
        ("model=p/b", 1),
        ("model=c", 0),
        ("min_confidence=0.9", 0),
        ("max_confidence=0.6", 2),
        ("routing_strategy=fallback", 0),
        ("routing_strategy=feedback_driven", 2),
        ("from=2027-01-15T00%3A00%3A00Z", 2),
        ("from=2027-01-16T00:00:00Z&to=2027-01-17T00:00:00Z", 0),
    ];
    for (filter, count) in cases {
        let (_, page) = fixture.get(&format!("/v1/decisions?{filter}")).await;
        assert_eq!(
            page["items"].as_array().map(Vec::len),
            Some(count),
            "{filter}"
        );
    }
    let (_, page) = fixture.get("/v1/decisions?limit=1").await;
    let cursor = page["next_cursor"].as_str().expect("more").to_owned();
    let (status, body) = fixture
        .get(&format!("/v1/decisions?limit=1&model=a&cursor={cursor}"))
        .await;
    assert_eq!(
        (status.as_u16(), &body["error"]["param"]),
        (400, &json!("cursor"))
    );
}

#[tokio::test]
async fn operators_see_health_readiness_and_metrics() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.raw("/health", None).await.0, 200);
    assert_eq!(fixture.raw("/readyz", None).await.0, 503);
    let (status, headers, _) = fixture.raw("/metrics", None).await;
    assert_eq!(status, 200);
    assert!(
        headers["content-type"]
            .to_str()
            .is_ok_and(|v| v.starts_with("application/openmetrics-text"))
    );
}

#[tokio::test]
async fn the_baseline_is_asked_for_with_a_key_and_says_when_it_does_not_know_yet() {
    let fixture = Fixture::new().await;
    let (status, _, _) = fixture.raw("/v1/routing/baseline", None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, body) = fixture.get("/v1/routing/baseline").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["verdict"], "unknown");
    assert_eq!(body["shadow_today"]["cost_micro_usd"], 0);
}
