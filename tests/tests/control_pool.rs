//! What tenants know together: given with noise, proven to each, taken by whoever is new and by nobody who left.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually_within,
    in_both_shapes, operator::question,
};
use serde_json::{Value, json};

in_both_shapes!(
    new_tenants_start_from_what_the_others_learned_and_each_sees_what_it_gave,
    leaving_needs_a_plan_that_has_it_and_no_release_can_be_asked_for_where_nothing_is_pooled,
);

const PATIENCE: Duration = Duration::from_secs(90);
/// With little noise, twelve who know enough are clear of it.
const TENANTS: usize = 20;
const CALLS: usize = 12;

async fn start(shape: Shape, pool: &str) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).learning(pool);
    let floopy = Floopy::with(shape, settings).await;
    (upstream, floopy)
}

async fn tenant(floopy: &Floopy, id: &str, plan: Option<&str>) -> Api {
    let key = floopy.tenant(json!({"id": id, "plan": plan})).await;
    let api = floopy.api().with_key(&key);
    api.answers(200, "").await;
    api
}

/// Everybody finds the model with the worse benchmark the better one.
async fn teach(api: &Api) {
    for (model, score) in [("up/alpha", 2), ("up/beta", 10)] {
        for n in 0..CALLS {
            let mut body = question();
            body["model"] = json!(model);
            let session = format!("{model}-{n}");
            let id = api.chat(&session, &body).await.ok().request_id();
            let rating = json!({"request_id": id, "score": score, "useful": score > 5});
            api.rate(&rating).await.ok();
        }
    }
}

async fn until_rated(api: &Api) {
    let rated = |decisions: &[Value]| {
        decisions
            .iter()
            .filter(|d| d["decision_trace"]["request_score"].is_number())
            .count()
    };
    eventually_within(PATIENCE, || async {
        let decisions = api.decisions().await;
        let rated = rated(&decisions);
        if rated == 2 * CALLS {
            Ok(())
        } else {
            Err(rated)
        }
    })
    .await;
}

/// Has what is known told, and waits for it.
async fn release(floopy: &Floopy) -> Value {
    let operator = floopy.operator_api();
    let path = "/v1/operator/pool/releases";
    let before = operator.told(path).await["items"]
        .as_array()
        .map_or(0, Vec::len);
    let asked = operator.call(http::Method::POST, path).send().await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    eventually_within(PATIENCE, || async {
        let told = operator.told(path).await;
        let items = told["items"].as_array().cloned().unwrap_or_default();
        if items.len() > before {
            Ok(items[0].clone())
        } else {
            Err(told)
        }
    })
    .await
}

/// Whether the last decision of a tenant follows from what others know.
async fn takes(api: &Api) -> bool {
    let mut body = question();
    body["model"] = json!("auto");
    let id = api.chat("asking", &body).await.ok().request_id();
    let decision = api.decision(&id).await;
    let uses = decision["used_shared_pool_prior"].as_bool();
    uses.unwrap_or_else(|| panic!("{decision}"))
}

async fn until_takes(api: &Api, expected: bool) {
    eventually_within(PATIENCE, || async {
        let uses = takes(api).await;
        if uses == expected { Ok(()) } else { Err(uses) }
    })
    .await;
}

async fn new_tenants_start_from_what_the_others_learned_and_each_sees_what_it_gave(shape: Shape) {
    let pool = "[learning.pool]\nepsilon = 100.0\nevery_days = 100\n";
    let (_upstream, floopy) = start(shape, pool).await;
    let mut apis = Vec::new();
    for n in 0..TENANTS {
        apis.push(tenant(&floopy, &format!("donor-{n}"), None).await);
    }
    futures::future::join_all(apis.iter().map(teach)).await;
    futures::future::join_all(apis.iter().map(until_rated)).await;
    let told = release(&floopy).await;
    assert!(
        told["tenants"].as_u64().expect("a number") >= TENANTS as u64,
        "{told}"
    );
    // Each is shown what left it, which names nothing of its own.
    let proof = apis[0].told("/v1/pool").await;
    let cells = proof["given"][0]["cells"]
        .as_array()
        .expect("cells")
        .clone();
    let gap = |model: &str| {
        let of_model = |cell: &&Value| cell["model"] == model && cell["task_shape"] == "all";
        let cell = cells
            .iter()
            .find(of_model)
            .unwrap_or_else(|| panic!("{proof}"));
        cell["gap"].as_f64().expect("a number")
    };
    assert!(gap("alpha") < 0.0 && gap("beta") > 0.0, "{proof}");
    assert_eq!(
        proof["spent"]["releases"],
        proof["given"].as_array().map(Vec::len).expect("a list")
    );
    leaving_is_at_once(&floopy, &apis, &told).await;
}

async fn leaving_is_at_once(floopy: &Floopy, apis: &[Api], told: &Value) {
    // Who is new starts from it, and who left does not.
    let new = tenant(floopy, "new", None).await;
    until_takes(&new, true).await;
    let left = new
        .send("PUT /v1/pool", json!({"member": false}))
        .await
        .ok()
        .json();
    assert_eq!(
        (&left["member"], &left["given"]),
        (&json!(false), &json!([])),
        "{left}"
    );
    until_takes(&new, false).await;
    until_takes(&apis[1], true).await;
    // What a tenant gave goes with it; what it cost stays.
    let left = apis[2]
        .send("PUT /v1/pool", json!({"member": false}))
        .await
        .ok()
        .json();
    assert_eq!(left["given"][0]["cells"], json!([]), "{left}");
    assert!(
        left["spent"]["epsilon"].as_f64().expect("a number") > 0.0,
        "{left}"
    );
    let later = release(floopy).await;
    let difference =
        told["tenants"].as_u64().expect("a number") - later["tenants"].as_u64().expect("a number");
    assert_eq!(
        difference, 1,
        "one left, and who is new and left was never in it: {later}"
    );
}

async fn leaving_needs_a_plan_that_has_it_and_no_release_can_be_asked_for_where_nothing_is_pooled(
    shape: Shape,
) {
    let (_upstream, floopy) = start(shape, "[learning.pool]\nenabled = false\n").await;
    let leave = json!({"member": false});
    let pro = tenant(&floopy, "sold-pro", Some("pro")).await;
    let refused = pro.send("PUT /v1/pool", leave.clone()).await;
    assert_error(&refused, 403, "plan_required", &["pro", "has_pool_opt_out"]);
    assert_eq!(pro.told("/v1/pool").await["member"], true);
    let enterprise = tenant(&floopy, "sold-enterprise", Some("enterprise")).await;
    let left = enterprise.send("PUT /v1/pool", leave).await.ok().json();
    assert_eq!(
        (&left["member"], &left["enabled"]),
        (&json!(false), &json!(false))
    );
    let wrong = enterprise
        .send("PUT /v1/pool", json!({"member": "no"}))
        .await;
    assert_error(&wrong, 400, "invalid_body", &["member"]);
    let none = enterprise.send("PUT /v1/pool", json!({})).await;
    assert_error(&none, 400, "invalid_body", &["member"]);
    let path = "/v1/operator/pool/releases";
    let asked = floopy
        .operator_api()
        .call(http::Method::POST, path)
        .send()
        .await;
    assert_error(&asked, 400, "pool_disabled", &["learning.pool.enabled"]);
}
