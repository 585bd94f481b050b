//! Tenants made, changed, switched off and ended while everything runs.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Floopy, Settings, Shape, Upstream, checks::assert_error, eventually_within, in_both_shapes,
    operator::question,
};
use serde_json::{Value, json};

in_both_shapes!(
    a_tenant_made_here_is_served_within_two_seconds_and_listed,
    a_tenant_that_is_switched_off_is_refused_until_it_is_switched_on,
    a_tenant_that_is_ended_is_unknown_and_its_id_stays_taken,
    what_a_tenant_cannot_be_is_told_and_changes_nothing,
    what_the_configuration_says_is_changed_there,
    the_operator_caps_what_a_tenant_may_set_for_itself,
    every_change_of_the_operator_is_in_the_audit_of_whom_it_concerns,
);

const TENANT: &str = "PATCH /v1/operator/tenants/initech";
const ACME: &str = "PATCH /v1/operator/tenants/acme";

async fn start(shape: Shape) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::with(shape, Settings::for_upstream(&upstream)).await;
    (upstream, floopy)
}

async fn a_tenant_made_here_is_served_within_two_seconds_and_listed(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let operator = floopy.operator_api();
    let body = json!({"id": "initech", "plan": "free", "default_model": "alpha"});
    let key = floopy.tenant(body).await;
    let app = floopy.api().with_key(&key);
    eventually_within(Duration::from_secs(2), || async {
        let answer = app.chat("s", &question()).await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
    let told = operator.told("/v1/operator/tenants/initech").await;
    let found = (&told["plan"], &told["default_model"], &told["source"]);
    assert_eq!(found, (&json!("free"), &json!("up/alpha"), &json!("store")));
    assert!(told.get("key").is_none(), "{told}");
    let first = operator.told("/v1/operator/tenants?limit=2").await;
    assert_eq!(first["items"][0]["source"], "configuration", "{first}");
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let rest = format!("/v1/operator/tenants?cursor={cursor}");
    let rest = operator.told(&rest).await;
    let last = (&rest["items"][0]["id"], &rest["has_more"]);
    assert_eq!(last, (&json!("initech"), &json!(false)));
}

async fn a_tenant_that_is_switched_off_is_refused_until_it_is_switched_on(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let operator = floopy.operator_api();
    let key = floopy.tenant(json!({"id": "initech"})).await;
    let app = floopy.api().with_key(&key);
    app.answers(200, "").await;
    operator.send(TENANT, json!({"enabled": false})).await.ok();
    let control = floopy.control_api().with_key(&key);
    let refused = control.get("/v1/keys").await;
    assert_error(&refused, 403, "tenant_disabled", &["disabled"]);
    app.answers(403, "tenant_disabled").await;
    let refused = app.get("/v1/keys").await;
    assert_error(&refused, 403, "tenant_disabled", &["disabled"]);
    floopy.other_api().answers(200, "").await;
    operator.send(TENANT, json!({"enabled": true})).await.ok();
    app.answers(200, "").await;
}

async fn a_tenant_that_is_ended_is_unknown_and_its_id_stays_taken(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let operator = floopy.operator_api();
    let key = floopy.tenant(json!({"id": "initech"})).await;
    let app = floopy.api().with_key(&key);
    app.answers(200, "").await;
    let end = "DELETE /v1/operator/tenants/initech";
    let gone = operator.send(end, json!({})).await.ok();
    assert_eq!(gone.json()["deleted"], true);
    let control = floopy.control_api().with_key(&key);
    let refused = control.get("/v1/keys").await;
    assert_error(&refused, 401, "invalid_api_key", &["not known"]);
    app.answers(401, "invalid_api_key").await;
    let again = operator.send(end, json!({})).await;
    assert_error(&again, 404, "not_found", &["no such tenant"]);
    // Nobody gets its id, and with it what is kept under it.
    let body = json!({"id": "initech"});
    let taken = operator.send("POST /v1/operator/tenants", body).await;
    assert_error(&taken, 400, "id_taken", &["initech"]);
}

/// A body that is refused, by which code and for which field, and what the message shows.
type Refusal = (Value, (&'static str, &'static str), &'static str);

fn refusals() -> [Refusal; 11] {
    let body = "invalid_body";
    let plans = "\"gold\" is not a plan; it must be one of enterprise, free, pro, starter";
    let limits = |limits: Value| json!({"id": "a", "limits": limits});
    let rate = "limits.max_requests_per_minute";
    let cost = "limits.cost_limit_monthly_usd";
    [
        (json!({}), (body, "id"), "missing"),
        (json!({"id": 7}), (body, "id"), "7"),
        (json!({"id": "a/b"}), (body, "id"), "a/b"),
        (json!({"id": "acme"}), ("id_taken", "id"), "acme"),
        (json!({"id": "a", "plan": "gold"}), (body, "plan"), plans),
        (
            json!({"id": "a", "default_model": "up/omega"}),
            (body, "default_model"),
            "up/omega",
        ),
        (
            limits(json!({"max_requests_per_minute": 0})),
            (body, rate),
            "0",
        ),
        (
            limits(json!({"cost_limit_monthly_usd": -1.5})),
            (body, cost),
            "-1.5",
        ),
        (limits(json!({"speed": 1})), (body, "limits.speed"), "speed"),
        (json!({"id": "a", "colour": 1}), (body, "colour"), "colour"),
        (
            json!({"id": "a", "name": "x".repeat(101)}),
            (body, "name"),
            "101",
        ),
    ]
}

async fn what_a_tenant_cannot_be_is_told_and_changes_nothing(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let operator = floopy.operator_api();
    let before = operator.told("/v1/operator/tenants").await;
    for (body, (code, param), said) in refusals() {
        let answer = operator
            .send("POST /v1/operator/tenants", body.clone())
            .await;
        assert_error(&answer, 400, code, &[said]);
        assert_eq!(answer.json()["error"]["param"], param, "{body}");
    }
    for path in ["tenants/nobody", "tenants/a%2Fb", "tenants/nobody/keys"] {
        let answer = operator.get(&format!("/v1/operator/{path}")).await;
        assert_error(&answer, 404, "not_found", &["no such tenant"]);
    }
    let answer = operator.get("/v1/operator/audit?action=think").await;
    let known = "create, update, delete";
    assert_error(&answer, 400, "invalid_request", &["think", known]);
    assert_eq!(operator.told("/v1/operator/tenants").await, before);
}

async fn what_the_configuration_says_is_changed_there(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let operator = floopy.operator_api();
    for (field, value) in [("plan", json!("free")), ("zero_retention", json!(true))] {
        let answer = operator.send(ACME, json!({field: value})).await;
        assert_error(&answer, 400, "configured", &["acme", "configuration"]);
        assert_eq!(answer.json()["error"]["param"], field);
    }
    let answer = operator
        .send("DELETE /v1/operator/tenants/acme", json!({}))
        .await;
    assert_error(&answer, 400, "configured", &["acme", "enabled"]);
    // What the file cannot say can be said of these, too.
    let told = operator.send(ACME, json!({"name": "Acme"})).await.ok();
    assert_eq!(told.json()["name"], "Acme");
    operator.send(ACME, json!({"enabled": false})).await.ok();
    floopy.api().answers(403, "tenant_disabled").await;
}

async fn the_operator_caps_what_a_tenant_may_set_for_itself(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let operator = floopy.operator_api();
    let limits = json!({"max_requests_per_minute": 1, "cost_limit_monthly_usd": 5.0});
    operator.send(ACME, json!({"limits": limits})).await.ok();
    let control = floopy.control_api();
    let own = json!({"max_requests_per_minute": 1000});
    control.send("PUT /v1/constraints", own).await.ok();
    floopy.api().answers(429, "rate_limited").await;
    let used = control.told("/v1/usage").await;
    assert_eq!(used["quotas"]["cost_micro_usd"]["limit"], 5_000_000);
    // What is not mentioned stays, and what is null is taken away.
    let more = json!({"limits": {"max_requests_per_minute": null}});
    let told = operator.send(ACME, more).await.ok().json();
    assert_eq!(
        told["limits"],
        json!({"max_requests_per_minute": null, "cost_limit_monthly_usd": 5.0})
    );
    floopy.api().answers(200, "").await;
}

async fn every_change_of_the_operator_is_in_the_audit_of_whom_it_concerns(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let operator = floopy.operator_api();
    let key = floopy.tenant(json!({"id": "initech"})).await;
    let named = json!({"name": "Initech"});
    operator.send(TENANT, named.clone()).await.ok();
    // What changes nothing is no change.
    operator.send(TENANT, named.clone()).await.ok();
    operator.send(ACME, named).await.ok();
    let seen = floopy.control_api().with_key(&key).told("/v1/audit").await;
    let seen = seen["items"].as_array().expect("a list").clone();
    let line = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        [text("role"), text("action"), text("resource")].join(" ")
    };
    let lines: Vec<String> = seen.iter().map(line).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "operator update tenant/initech");
    assert!(
        lines[1].starts_with("operator create key/key_"),
        "{lines:?}"
    );
    assert_eq!(lines[2], "operator create tenant/initech");
    let (was, is) = (&seen[0]["before_sha256"], &seen[0]["after_sha256"]);
    assert_eq!(was, &seen[2]["after_sha256"], "one follows the other");
    assert_ne!(was, is);
    let all = "/v1/operator/audit?actor=operator&resource=tenant/";
    let all = operator.told(all).await;
    let whom = all["items"].as_array().expect("a list").iter();
    let whom: Vec<&Value> = whom.map(|entry| &entry["tenant"]).collect();
    assert_eq!(whom, ["acme", "initech", "initech"]);
    let page = "/v1/operator/audit?tenant=initech&limit=1";
    let first = operator.told(page).await;
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let next = operator.told(&format!("{page}&cursor={cursor}")).await;
    assert_eq!(next["items"][0]["id"], seen[1]["id"]);
}
