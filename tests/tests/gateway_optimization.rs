//! Routing under a rule is measured against the default model's own replies there, through the proxy.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually, in_both_shapes,
};
use serde_json::{Value, json};

in_both_shapes!(a_rule_that_saves_is_verified_and_its_savings_are_told);

/// `tiny` costs a tenth of what `alpha` costs.
const MODELS: &str = r#"
default_model = "up/alpha"

[[models]]
provider = "up"
model = "tiny"
benchmark = 0.5
input_usd_per_mtok = 0.2
output_usd_per_mtok = 0.6
"#;

/// Calls under the rule: of each half, more than the fifty that a conclusion needs.
const CALLS: usize = 160;

fn hello() -> Value {
    json!({"model": "auto", "messages": [{"role": "user", "content": "Good morning"}]})
}

async fn rule(api: &Api) -> String {
    let rule = json!({
        "name": "half", "strategy": "weighted", "models": ["up/alpha", "up/tiny"], "weights": [1, 1],
    });
    let made = api.post("/v1/routing/rules").json(&rule).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// Makes the calls, and waits until the last of them is judged.
async fn call_under_the_rule(api: &Api) {
    let by_rule = |session: String| {
        api.post("/v1/chat/completions")
            .header("floopy-session-id", &session)
            .header("floopy-routing-rule", "half")
            .json(&hello())
    };
    eventually(|| async {
        let answer = by_rule("known".to_owned()).send().await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
    let mut last = String::new();
    for n in 0..CALLS {
        last = by_rule(format!("s-{n}")).send().await.ok().request_id();
    }
    eventually(|| async {
        let decision = api.decision(&last).await;
        let judged = decision["decision_trace"]["judge"].is_object();
        if judged { Ok(()) } else { Err(decision) }
    })
    .await;
}

async fn a_rule_that_saves_is_verified_and_its_savings_are_told(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant(MODELS);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let id = rule(&api).await;
    let verification = format!("/v1/optimization/verification?route_id={id}&window=7d");
    let early = api.get(&verification).await.ok().json();
    assert_eq!(early["status"], "insufficient_data", "{early}");
    call_under_the_rule(&api).await;
    let found = eventually(|| async {
        let found = api.get(&verification).await.ok().json();
        if found["status"] == "verified" {
            Ok(found)
        } else {
            Err(found)
        }
    })
    .await;
    let (baseline, floopy_side) = (&found["baseline"], &found["floopy"]);
    let integer = |side: &Value, field: &str| side[field].as_i64().expect("an integer");
    let (dear, mean) = (
        integer(baseline, "avg_cost_micro_usd"),
        integer(floopy_side, "avg_cost_micro_usd"),
    );
    assert!(mean < dear && mean > dear / 10, "{found}");
    assert!(integer(baseline, "p50_latency_ms") >= 0, "{found}");
    assert!(
        found["delta"]["cost_pct"].as_f64().expect("a number") < -20.0,
        "{found}"
    );
    let saved = api
        .get("/v1/optimization/savings?window=24h")
        .await
        .ok()
        .json();
    assert_eq!(saved["status"], "measured", "{saved}");
    let money = |field: &str| integer(&saved, field);
    assert!(money("savings_micro_usd") > 0, "{saved}");
    assert_eq!(
        money("counterfactual_cost_micro_usd") - money("actual_cost_micro_usd"),
        money("savings_micro_usd"),
        "{saved}"
    );
    let wrong = api.get("/v1/optimization/verification?route_id=half").await;
    assert_error(&wrong, 400, "invalid_route_id", &["\"half\""]);
    let foreign = floopy.other_api().get(&verification).await;
    assert_error(&foreign, 404, "not_found", &[]);
}
