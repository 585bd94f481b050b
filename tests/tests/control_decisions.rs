//! What can be asked about decisions: the shape clients rely on, whose they are, and lists of them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Api, Floopy, Shape, Upstream,
    checks::{assert_error, number},
    eventually, in_both_shapes,
};
use serde_json::{Value, json};

in_both_shapes!(
    a_decision_explains_itself,
    a_decision_has_the_fields_and_types_that_clients_decode,
    the_decision_of_another_tenant_does_not_exist,
    malformed_ids_and_queries_are_refused,
    lists_come_newest_first_in_pages,
    the_same_decisions_are_read_on_both_planes,
    calls_are_found_by_what_their_caller_says_of_them,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

async fn a_decision_explains_itself(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("auto")).await.ok().request_id();
    let decision = api.decision(&id).await;
    assert_eq!(
        decision["routing_strategy"], "feedback_driven",
        "{decision}"
    );
    assert_eq!(decision["phase"], "day0", "{decision}");
    assert_eq!(decision["reason"], "dispatched", "{decision}");
    assert_eq!(
        decision["winner"],
        json!({"provider": "up", "model": "alpha"})
    );
    let weights = ["session", "auto", "manual", "benchmark"]
        .map(|w| number(&decision["weights"], &format!("/{w}")));
    assert!(
        (weights.iter().sum::<f64>() - 1.0).abs() < 1e-6,
        "{weights:?}"
    );
    assert_eq!(decision["used_shared_pool_prior"], false);
    let candidates = decision["candidates"].as_array().expect("candidates");
    let names: Vec<_> = candidates
        .iter()
        .map(|c| c["model"].as_str().unwrap_or_default())
        .collect();
    assert!(
        names.contains(&"alpha") && names.contains(&"beta"),
        "{names:?}"
    );
    let trace = &decision["decision_trace"];
    let traced = trace["candidates"].as_array().expect("traced candidates");
    let propensities: f64 = traced.iter().map(|c| number(c, "/propensity")).sum();
    assert!(
        (propensities - 1.0).abs() < 1e-6,
        "propensities sum to {propensities}: {trace}"
    );
    assert!(trace["task_shape"].is_string(), "{trace}");
    assert!(number(trace, "/snapshot_version") >= 0.0);
}

async fn a_decision_has_the_fields_and_types_that_clients_decode(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("up/alpha")).await.ok().request_id();
    let decision = api.decision(&id).await;
    let strings = [
        "request_id",
        "session_id",
        "request_created_at",
        "provider",
        "model",
        "status",
    ];
    for key in strings {
        assert!(decision[key].is_string(), "{key} in {decision}");
    }
    for key in ["latency_ms", "cost_micro_usd"] {
        assert!(
            decision[key].is_u64(),
            "{key} must be an integer in {decision}"
        );
    }
    let nullable = [
        "cache_enabled",
        "threat",
        "decision_trace",
        "confidence",
        "confidence_reason",
        "explanation",
    ];
    for key in nullable {
        assert!(
            decision.get(key).is_some(),
            "{key} is missing in {decision}"
        );
    }
    assert!(decision["explanation"].is_string(), "{decision}");
    assert_eq!(decision["status"], "ok");
    let created = decision["request_created_at"].as_str().unwrap_or_default();
    assert!(created.ends_with('Z') && created.contains('T'), "{created}");
    assert_eq!(decision["outcome"]["status"], 200);
    // 11 tokens in at 2 USD and 7 out at 6 USD per million: 64 micro-USD.
    assert_eq!(decision["cost_micro_usd"], 64, "{decision}");
}

async fn the_decision_of_another_tenant_does_not_exist(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("auto")).await.ok().request_id();
    api.decision(&id).await;
    let other = floopy.other_api();
    let foreign = other.get(&format!("/v1/decisions/{id}")).await;
    let unknown = other
        .get("/v1/decisions/8f14e45f-ceea-467f-a8b3-5f3b1c2d3e4f")
        .await;
    assert_error(&foreign, 404, "not_found", &[]);
    assert_eq!(
        (foreign.status, foreign.body),
        (unknown.status, unknown.body)
    );
    let list = other.get("/v1/decisions?session_id=s").await.ok().json();
    assert_eq!(
        list,
        json!({"items": [], "next_cursor": null, "has_more": false})
    );
}

async fn malformed_ids_and_queries_are_refused(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    for id in [
        "x",
        "8f14e45f-ceea-167f-a8b3-5f3b1c2d3e4f",
        "8f14e45fceea467fa8b35f3b1c2d3e4f",
    ] {
        let answer = api.get(&format!("/v1/decisions/{id}")).await;
        assert_error(
            &answer,
            400,
            "invalid_request_id",
            &["request_id", "UUID v4"],
        );
    }
    let queries = [
        ("limit=0", "limit"),
        ("limit=201", "201"),
        ("limit=x", "limit"),
        ("cursor=forged", "cursor"),
        ("from=yesterday", "yesterday"),
        ("from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z", "31"),
        ("colour=red", "colour"),
        ("min_confidence=2", "min_confidence"),
    ];
    for (query, mention) in queries {
        let answer = api.get(&format!("/v1/decisions?{query}")).await;
        assert_error(&answer, 400, "invalid_request", &[mention]);
    }
}

async fn lists_come_newest_first_in_pages(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let mut sent = Vec::new();
    for n in 0..7 {
        let session = if n % 2 == 0 { "even" } else { "odd" };
        sent.push(api.chat(session, &hello("auto")).await.ok().request_id());
    }
    for id in &sent {
        api.decision(id).await;
    }
    let pages = api.decision_pages(3).await;
    let listed = pages.concat();
    let column = |key: &str| -> Vec<String> {
        listed
            .iter()
            .map(|item| item[key].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!((listed.len(), pages.len()), (7, 3));
    assert!(sent.iter().all(|id| column("request_id").contains(id)));
    // Fixed-width RFC 3339 sorts as text; fractions are cut off where they are zero.
    let times: Vec<String> = column("request_created_at")
        .iter()
        .map(|t| t[..19].to_owned())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let odd = api.get("/v1/decisions?session_id=odd").await.ok().json();
    assert_eq!(odd["items"].as_array().map(Vec::len), Some(3));
    let named = format!("/v1/decisions?request_ids={},{}", sent[0], sent[3]);
    assert_eq!(
        api.get(&named).await.ok().json()["items"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

async fn the_same_decisions_are_read_on_both_planes(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("auto")).await.ok().request_id();
    // The judge's verdict arrives later; compare what no longer changes.
    let path = format!("/v1/decisions/{id}");
    eventually(|| async {
        let judged = api.decision(&id).await["decision_trace"]["judge"].is_object();
        judged.then_some(()).ok_or("not judged yet")
    })
    .await;
    let proxied = api.get(&path).await.ok();
    let direct = floopy.control_api().get(&path).await.ok();
    assert_eq!(proxied.json(), direct.json());
}

async fn labelled(api: &Api, headers: &[(&str, &str)], user: &str) -> Answer {
    let mut body = hello("auto");
    body["user"] = json!(user);
    let mut call = api.post("/v1/chat/completions").json(&body);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await
}

async fn calls_are_found_by_what_their_caller_says_of_them(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let ask = async |headers: &[(&str, &str)], user: &str| labelled(&api, headers, user).await;
    let labels = [
        ("floopy-session-name", "First steps"),
        ("floopy-session-path", "/app/onboarding"),
        ("floopy-property-plan", "pro"),
        ("Floopy-Property-Team", "a&b"),
    ];
    let first = ask(&labels, "ann").await.ok().request_id();
    let named = [("floopy-user-id", "bob"), ("floopy-property-plan", "pro")];
    let named = ask(&named, "ann").await.ok().request_id();
    let decision = api.decision(&first).await;
    for (key, expected) in [
        ("session_name", json!("First steps")),
        ("session_path", json!("/app/onboarding")),
        ("user_id", json!("ann")),
        ("properties", json!({"plan": "pro", "team": "a&b"})),
    ] {
        assert_eq!(decision[key], expected, "{decision}");
    }
    assert_eq!(api.decision(&named).await["user_id"], "bob");
    for (query, expected) in [
        ("user_id=ann", vec![&first]),
        ("user_id=an", vec![]),
        ("property=plan%3Dpro", vec![&named, &first]),
        ("property=plan%3Dpro&property=team%3Da%26b", vec![&first]),
        (
            "session_name=First%20steps&session_path=%2Fapp%2Fonboarding",
            vec![&first],
        ),
        ("property=team%3Da", vec![]),
    ] {
        let found = api.get(&format!("/v1/decisions?{query}")).await.ok().json();
        let items = found["items"].as_array().expect("items");
        let mut ids: Vec<_> = items
            .iter()
            .map(|item| item["request_id"].as_str())
            .collect();
        let mut expected: Vec<_> = expected.into_iter().map(|id| Some(id.as_str())).collect();
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected, "{query}");
    }
    let long = "x".repeat(257);
    let refused = ask(&[("floopy-property-plan", &long)], "ann").await;
    assert_error(
        &refused,
        400,
        "invalid_request",
        &["floopy-property-plan", "257", "256"],
    );
    assert_eq!(refused.json()["error"]["param"], "floopy-property-plan");
}
