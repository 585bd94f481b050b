//! Routing against the baseline, over HTTP.

use floopy_shared::domain::{
    decision::Decision,
    event::{Event, Score},
};
use serde_json::json;

use super::*;
use crate::store::sql;

const DAY_MS: u64 = 86_400_000;

impl Fixture {
    /// A rule of the tenant, whose default model is `p/base`; its id.
    async fn cheap_rule(&self) -> String {
        let mut tx = self.intake.store.write().await.expect("writes");
        sql::query("UPDATE tenants SET default_model = 'p/base' WHERE id = 'acme'")
            .execute(&mut *tx)
            .await
            .expect("updated");
        tx.commit().await.expect("commits");
        let rule =
            json!({"name": "frugal", "strategy": "fallback", "models": ["openai/gpt-4o-mini"]});
        let (status, rule) = self.call("POST /v1/routing/rules", rule).await;
        assert_eq!(status, 201, "{rule}");
        rule["id"].as_str().expect("an id").to_owned()
    }

    /// Calls under the rule with their scores: numbers from `first` on.
    async fn replies(&self, (first, n): (u64, u64), adjust: impl Fn(&mut Decision), judged: f64) {
        let call = |n: u64| {
            let mut call = turn(n, &format!("s-{n}"), "b");
            call.rule = Some("frugal".to_owned());
            adjust(&mut call);
            decided(n, call)
        };
        let calls: Vec<Event> = (first..first + n).map(call).collect();
        append(&self.intake, calls).await;
        let graded = |n| Score {
            cost_micro_usd: 2,
            ..score(n, judged)
        };
        let scores = (first..first + n).map(graded).collect();
        self.intake.report(scores, vec![]).await.expect("works");
    }
}

fn costing(model: &'static str, cost: u64) -> impl Fn(&mut Decision) {
    move |call| {
        call.served = Some(key(model));
        call.outcome.cost_micro_usd = Some(cost);
    }
}

#[tokio::test]
async fn what_routing_did_under_a_rule_is_compared_with_what_the_baseline_did_there() {
    let fixture = Fixture::with_models().await;
    let id = fixture.cheap_rule().await;
    fixture.replies((1, 60), costing("base", 400), 0.8).await;
    fixture.replies((100, 60), costing("b", 100), 0.79).await;
    // None of these counts: too old, without a rule, not answered.
    let old = |call: &mut Decision| call.created_at_ms = NOW - 7 * DAY_MS - 1;
    fixture.replies((200, 60), old, 0.1).await;
    fixture
        .replies((300, 60), |call| call.rule = None, 0.1)
        .await;
    fixture
        .replies((400, 60), |call| call.outcome.status = 502, 0.1)
        .await;
    // A copy of the baseline's counts for the baseline alone.
    let copy = |call: &mut Decision| {
        costing("base", 400)(call);
        call.shadow_of = Some(request(1));
        call.session_id = None;
    };
    fixture.replies((500, 40), copy, 0.8).await;
    let path = format!("/v1/optimization/verification?route_id={id}&window=7d");
    let (status, body) = fixture.get(&path).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["status"], "verified", "{body}");
    assert_eq!(
        body["baseline"],
        json!({"samples": 100, "avg_cost_micro_usd": 400, "composite_quality": 0.8, "p50_latency_ms": 412})
    );
    assert_eq!(
        body["floopy"],
        json!({"samples": 120, "avg_cost_micro_usd": 250, "composite_quality": 0.795, "p50_latency_ms": 412})
    );
    assert_eq!(
        body["delta"],
        json!({"cost_pct": -37.5, "quality_abs": -0.005, "p50_latency_ms": 0})
    );
    let gates = json!({"max_regression": {"value": 0.001, "window": "rolling_7d"}});
    fixture.call("PUT /v1/constraints", gates).await;
    let (_, body) = fixture.get(&path).await;
    assert_eq!(body["status"], "regression_detected", "{body}");
}

#[tokio::test]
async fn what_was_saved_is_told_by_rule_in_whole_micro_usd() {
    let fixture = Fixture::with_models().await;
    let id = fixture.cheap_rule().await;
    fixture.replies((1, 60), costing("base", 400), 0.8).await;
    fixture.replies((100, 60), costing("b", 100), 0.8).await;
    let copy = |call: &mut Decision| {
        costing("c", 50)(call);
        call.shadow_of = Some(request(1));
    };
    fixture.replies((200, 10), copy, 0.8).await;
    let (status, body) = fixture.get("/v1/optimization/savings").await;
    assert_eq!(status, 200, "{body}");
    let expected = json!({
        "status": "measured", "baseline_samples": 60, "requests": 120, "rerouted_requests": 60,
        "actual_cost_micro_usd": 30_000, "counterfactual_cost_micro_usd": 48_000,
        "savings_micro_usd": 18_000,
        "savings_interval": {"lower_micro_usd": 18_000, "upper_micro_usd": 18_000},
        "shadow_cost_micro_usd": 500, "judge_cost_micro_usd": 260, "net_savings_micro_usd": 17_500,
    });
    for (field, value) in expected.as_object().expect("an object") {
        assert_eq!(body[field], *value, "{field} of {body}");
        assert_eq!(body["routes"][0][field], *value, "{field} of {body}");
    }
    assert_eq!(body["routes"][0]["route_id"], id.as_str());
    assert_eq!(
        body["baseline_model"],
        json!({"provider": "p", "model": "base"})
    );
    let one = format!("/v1/optimization/savings?route_id={id}&window=24h");
    let (status, body) = fixture.get(&one).await;
    assert_eq!((status.as_u16(), &body["window"]), (200, &json!("24h")));
}

#[tokio::test]
async fn without_replies_nothing_is_concluded() {
    let fixture = Fixture::with_models().await;
    let id = fixture.cheap_rule().await;
    let path = format!("/v1/optimization/verification?route_id={id}");
    let (_, body) = fixture.get(&path).await;
    assert_eq!(body["status"], "insufficient_data");
    assert_eq!(
        body["baseline"],
        json!({"samples": 0, "avg_cost_micro_usd": null, "composite_quality": null, "p50_latency_ms": null})
    );
    for query in ["", "?route_id=&window="] {
        let path = format!("/v1/optimization/savings{query}");
        let (_, body) = fixture.get(&path).await;
        assert_eq!(
            (&body["status"], &body["savings_micro_usd"]),
            (&json!("insufficient_data"), &Value::Null)
        );
    }
}

#[tokio::test]
async fn wrong_questions_are_refused_by_field_and_another_tenants_rule_does_not_exist() {
    let fixture = Fixture::with_models().await;
    let id = fixture.cheap_rule().await;
    let path = "/v1/optimization/verification";
    let cases = [
        (String::new(), "invalid_route_id route_id"),
        ("?route_id=7".to_owned(), "invalid_route_id route_id"),
        (
            "?route_id=6ba7b810-9dad-11d1-80b4-00c04fd430c8".to_owned(),
            "invalid_route_id route_id",
        ),
        (
            format!("?route_id={id}&window=30d"),
            "invalid_request window",
        ),
        (format!("?route_id={id}&from=1"), "invalid_request from"),
    ];
    for (query, expected) in cases {
        let (status, code, param, _) = fixture
            .refused(&format!("GET {path}{query}"), json!({}))
            .await;
        assert_eq!(
            (status, format!("{code} {param}").as_str()),
            (400, expected),
            "{query}"
        );
    }
    let unknown = "00000000-0000-4000-8000-000000000000";
    for endpoint in ["verification", "savings"] {
        let asked = |id: &str| format!("/v1/optimization/{endpoint}?route_id={id}");
        let (status, _, nothing) = fixture.raw(&asked(unknown), Some(&fixture.key)).await;
        let (_, _, theirs) = fixture.raw(&asked(&id), Some(&fixture.stranger)).await;
        assert_eq!(status, 404);
        assert_eq!(nothing, theirs);
    }
}
