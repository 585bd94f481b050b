//! Gates keep candidates back from serving instead of the tenant's default model: every decision says whom and by
//! which gate, and a change of the gates reaches routing within seconds.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Answer, Api, Floopy, Reply, Settings, Shape, Upstream, checks::assert_decision_headers,
    eventually, eventually_within, in_both_shapes,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    a_candidate_without_the_samples_asked_for_is_filtered_until_the_gate_is_taken_away,
    a_regression_is_filtered_and_steps_in_last,
    a_candidate_serves_once_the_shadow_has_tried_it,
);

/// `alpha` has the better benchmark, so that it serves as soon as nothing keeps it back.
const BASELINE: &str = "default_model = \"up/beta\"";

/// How long the shadow may take: twenty of its calls, each a tenth of the traffic, judged.
const TRIED_WITHIN: Duration = Duration::from_secs(90);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant(BASELINE);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

/// Gates with only these ones on.
async fn put_gates(api: &Api, gates: Value) {
    let mut all = json!({"max_regression": null, "max_cost_increase": null});
    let fields = all.as_object_mut().expect("an object");
    fields.extend(gates.as_object().expect("an object").clone());
    let put = api.call(Method::PUT, "/v1/constraints").json(&all);
    let now = put.send().await.ok().json();
    assert_eq!(now["baseline"], "up/beta", "{now}");
    for (key, value) in gates.as_object().expect("an object") {
        assert_eq!(now[key], *value, "{now}");
    }
}

/// A reply to a new session, once this model gives it: within the seconds that a change may take.
async fn served_by(api: &Api, model: &str) -> Answer {
    eventually(|| async {
        let session = uuid::Uuid::new_v4().to_string();
        let answer = api.chat(&session, &hello("auto")).await.ok();
        let found = answer.header("floopy-model").to_owned();
        if found == model {
            Ok(answer)
        } else {
            Err(found)
        }
    })
    .await
}

fn filtered(found: &Value) -> Vec<(&str, &str)> {
    found
        .as_array()
        .expect("filtered")
        .iter()
        .filter_map(|f| Some((f["model"].as_str()?, f["reason"].as_str()?)))
        .collect()
}

async fn a_candidate_without_the_samples_asked_for_is_filtered_until_the_gate_is_taken_away(
    shape: Shape,
) {
    let (_upstream, _floopy, api) = start(shape).await;
    let fresh = api.get("/v1/constraints").await.ok().json();
    assert_eq!(fresh["min_samples_before_promotion"], Value::Null);
    served_by(&api, "up/alpha").await;
    put_gates(&api, json!({"min_samples_before_promotion": 100_000})).await;
    let answer = served_by(&api, "up/beta").await;
    assert_decision_headers(&answer, "up/beta", "constraint_no_candidate");
    let reason = [("alpha", "constraint_min_samples_before_promotion")];
    let decision = api.decision(&answer.request_id()).await;
    assert_eq!(filtered(&decision["decision_trace"]["filtered"]), reason);
    assert_eq!(
        decision["explanation_detail"]["template_id"],
        "constraint_filtered"
    );
    let asked = api.post("/v1/routing/explain").json(&hello("auto"));
    let explained = asked.send().await.ok().json();
    assert_eq!(explained["would_select"]["model"], "beta", "{explained}");
    assert_eq!(filtered(&explained["filtered"]), reason, "{explained}");
    let again = json!({"request_id": answer.request_id()});
    let again = api.post("/v1/routing/replay").json(&again).send().await;
    let again = again.ok().json();
    assert_eq!(again["reproducible"], true, "{again}");
    assert_eq!(filtered(&again["replayed"]["filtered"]), reason, "{again}");
    put_gates(&api, json!({})).await;
    let answer = served_by(&api, "up/alpha").await;
    assert_decision_headers(&answer, "up/alpha", "dispatched");
}

async fn a_regression_is_filtered_and_steps_in_last(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for n in 0..40 {
        for (model, score) in [("up/alpha", 1), ("up/beta", 9)] {
            let session = format!("{model}-{n}");
            api.chat(&session, &hello(model)).await.ok();
            let rating = json!({"session_id": session, "score": score, "useful": true});
            api.rate(&rating).await.ok();
        }
    }
    served_by(&api, "up/beta").await;
    let broken = json!({"error": {"message": "down"}});
    upstream.script("beta", Reply::json(500, &broken));
    let steps_in = api.chat("before", &hello("auto")).await.ok();
    assert_decision_headers(&steps_in, "up/alpha", "fallback");
    upstream.script("beta", Reply::Normal);
    let gate = json!({"max_regression": {"value": 0.05, "window": "rolling_24h"}});
    put_gates(&api, gate).await;
    let decision = eventually(|| async {
        let session = uuid::Uuid::new_v4().to_string();
        let answer = api.chat(&session, &hello("auto")).await.ok();
        let decision = api.decision(&answer.request_id()).await;
        match filtered(&decision["decision_trace"]["filtered"]).as_slice() {
            [("alpha", "constraint_max_regression")] => Ok(decision),
            _ => Err(decision),
        }
    })
    .await;
    assert_eq!(
        decision["decision_trace"]["reason"],
        "constraint_no_candidate"
    );
    upstream.script("beta", Reply::json(500, &broken));
    let steps_in = api.chat("after", &hello("auto")).await.ok();
    assert_decision_headers(&steps_in, "up/alpha", "fallback");
    upstream.script("beta", Reply::Normal);
}

async fn a_candidate_serves_once_the_shadow_has_tried_it(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    served_by(&api, "up/alpha").await;
    put_gates(&api, json!({"require_shadow_before_live": true})).await;
    let answer = served_by(&api, "up/beta").await;
    let decision = api.decision(&answer.request_id()).await;
    assert_eq!(
        filtered(&decision["decision_trace"]["filtered"]),
        [("alpha", "constraint_require_shadow_before_live")]
    );
    eventually_within(TRIED_WITHIN, || async {
        let mut served = Vec::new();
        for _ in 0..20 {
            let session = uuid::Uuid::new_v4().to_string();
            let answer = api.chat(&session, &hello("auto")).await.ok();
            served.push(answer.header("floopy-model").to_owned());
        }
        if served.iter().any(|model| model == "up/alpha") {
            Ok(())
        } else {
            Err(served.len())
        }
    })
    .await;
}
