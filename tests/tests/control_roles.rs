//! Who may do what: the operator's key, and the roles of API keys, through the proxy and at the control plane.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::os::unix::fs::PermissionsExt;

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually, in_both_shapes,
    operator::question,
};
use serde_json::{Value, json};

in_both_shapes!(
    only_the_operators_key_opens_the_operators_routes_and_it_opens_no_other,
    roles_hold_through_the_proxy,
    a_key_that_the_operator_ends_is_refused,
    the_operator_sees_what_each_proxy_has_and_delivered,
    what_is_known_of_a_model_names_no_tenant,
    the_operators_key_is_made_once_and_reaches_no_log,
);

const KEYS: &str = "/v1/operator/tenants/acme/keys";

async fn start(shape: Shape) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant("plan = \"pro\"\n");
    let floopy = Floopy::with(shape, settings).await;
    (upstream, floopy)
}

/// A new key of this role.
async fn key(floopy: &Floopy, role: &str) -> Api {
    let body = json!({"name": role, "role": role});
    let made = floopy
        .operator_api()
        .send(&format!("POST {KEYS}"), body)
        .await;
    let made = made.ok().json();
    assert_eq!(made["role"], role);
    floopy.api().with_key(made["key"].as_str().expect("told"))
}

async fn only_the_operators_key_opens_the_operators_routes_and_it_opens_no_other(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let (operator, tenant) = (floopy.operator_api(), floopy.control_api());
    let paths = [
        "tenants",
        "tenants/acme",
        "tenants/acme/keys",
        "plans",
        "proxies",
        "pool",
        "audit",
        "status",
    ];
    for path in paths.map(|path| format!("/v1/operator/{path}")) {
        operator.told(&path).await;
        let refused = tenant.get(&path).await;
        assert_error(&refused, 403, "operator_required", &["operator"]);
        let wrong = tenant.with_key("fl_operator_guessed").get(&path).await;
        assert_error(&wrong, 401, "invalid_api_key", &["not known"]);
        let none = tenant.without_key().get(&path).await;
        assert_error(&none, 401, "invalid_api_key", &["Bearer"]);
        // The customers' address leads nobody there.
        let through = floopy.api().with_key(operator.key()).get(&path).await;
        assert_eq!(through.status, 404, "{path}");
    }
    let body = json!({"id": "mine"});
    let refused = tenant.send("POST /v1/operator/tenants", body).await;
    assert_error(&refused, 403, "operator_required", &["operator"]);
    let tenants_own = [
        "/v1/keys",
        "/v1/audit",
        "/v1/decisions",
        "/v1/export/decisions",
        "/v1/constraints",
    ];
    for path in tenants_own {
        let refused = operator.get(path).await;
        assert_error(&refused, 403, "tenant_key_required", &["operator"]);
    }
    let refused = operator.send("POST /v1/keys", json!({"name": "a"})).await;
    assert_error(&refused, 403, "tenant_key_required", &["operator"]);
}

async fn roles_hold_through_the_proxy(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let reader = key(&floopy, "read_only").await;
    let member = key(&floopy, "member").await;
    let admin = key(&floopy, "admin").await;
    member.answers(200, "").await;
    admin.answers(200, "").await;
    reader.answers(403, "write_permission").await;
    reader.told("/v1/constraints").await;
    let limits = json!({"max_requests_per_minute": 500});
    let refused = member.send("PUT /v1/constraints", limits.clone()).await;
    assert_error(&refused, 403, "role_required", &["admin", "member"]);
    admin.send("PUT /v1/constraints", limits).await.ok();
    let owner = json!({"name": "more", "role": "owner"});
    for (api, needed) in [(&member, "admin"), (&admin, "owner")] {
        let refused = api.send("POST /v1/keys", owner.clone()).await;
        assert_error(&refused, 403, "role_required", &[needed]);
        assert!(refused.json()["error"].get("feature").is_none());
    }
    // Those that come from the configuration do what they always did.
    floopy.api().send("POST /v1/keys", owner).await.ok();
    let audit = floopy.api().told("/v1/audit").await;
    let roles = audit["items"].as_array().expect("a list").iter();
    let roles: Vec<&Value> = roles.map(|entry| &entry["role"]).collect();
    assert_eq!(roles[..2], ["owner", "admin"], "{audit}");
}

async fn a_key_that_the_operator_ends_is_refused(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let member = key(&floopy, "member").await;
    member.answers(200, "").await;
    let operator = floopy.operator_api();
    let listed = operator.told(KEYS).await;
    let mut listed = listed["items"].as_array().expect("a list").iter();
    let found = listed.find(|key| key["role"] == "member");
    let id = found.and_then(|key| key["id"].as_str()).expect("an id");
    let call = format!("DELETE {KEYS}/{id}");
    operator.send(&call, json!({})).await.ok();
    member.answers(401, "invalid_api_key").await;
    let again = operator.send(&call, json!({})).await;
    assert_error(&again, 404, "not_found", &["no such API key"]);
}

async fn the_operator_sees_what_each_proxy_has_and_delivered(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let operator = floopy.operator_api();
    let answer = floopy.api().chat("s", &question()).await.ok();
    floopy.api().decision(&answer.request_id()).await;
    let proxy = eventually(|| async {
        let found = operator.told("/v1/operator/proxies").await;
        let proxy = found["items"][0].clone();
        let is_there = proxy["connected"] == true && proxy["tables_behind"] == 0;
        if is_there && proxy["events_received"].as_u64() > Some(0) {
            Ok(proxy)
        } else {
            Err(found)
        }
    })
    .await;
    assert_eq!(proxy["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(proxy["snapshot_version"], proxy["newest_snapshot_version"]);
    assert_eq!(proxy["rejected"], json!([]));
    assert_eq!(proxy["providers"], json!(["up"]));
    for moment in ["connected_since", "last_seen", "last_ack", "last_event"] {
        assert!(proxy[moment].is_string(), "{moment}: {proxy}");
    }
    let status = operator.told("/v1/operator/status").await;
    assert_eq!(status["proxies"]["connected"], 1, "{status}");
    assert_eq!(status["tenants"], json!({"total": 2, "disabled": 0}));
    let plans = operator.told("/v1/operator/plans").await;
    let mut plans = plans["items"].as_array().expect("a list").iter();
    let pro = plans.find(|plan| plan["name"] == "pro").expect("listed");
    let found = (&pro["tenants"], &pro["source"]);
    assert_eq!(found, (&json!(1), &json!("builtin")));
}

async fn what_is_known_of_a_model_names_no_tenant(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    floopy.api().chat("s", &question()).await.ok();
    let rating = json!({"session_id": "s", "score": 9, "useful": true});
    floopy.api().rate(&rating).await.ok();
    let operator = floopy.operator_api();
    let pool = eventually(|| async {
        let pool = operator.told("/v1/operator/pool").await;
        let mut models = pool["items"].as_array().expect("a list").iter();
        let alpha = models.find(|model| model["model"] == "alpha");
        let alpha = alpha.expect("listed");
        if alpha["rated_sessions"] == 1.0 && alpha["tenants"] == 1 {
            Ok(pool)
        } else {
            Err(pool)
        }
    })
    .await;
    assert!(!pool.to_string().contains("acme"), "{pool}");
}

async fn the_operators_key_is_made_once_and_reaches_no_log(shape: Shape) {
    let (_upstream, mut floopy) = start(shape).await;
    let operator = floopy.operator_api();
    let mode = floopy.operator_key_file().metadata().expect("there");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let key = floopy.tenant(json!({"id": "initech"})).await;
    match shape {
        Shape::Standalone => {
            floopy.stop_proxy().await;
            floopy.start_proxy().await;
        }
        Shape::Split => {
            floopy.kill_control();
            floopy.start_control().await;
        }
    }
    let told = operator.told("/v1/operator/tenants/initech").await;
    assert_eq!(told["enabled"], true, "it survives a restart");
    floopy.api().with_key(&key).answers(200, "").await;
    let log = floopy.logs();
    for secret in [operator.key(), key.as_str()] {
        assert!(!log.contains(secret), "{log}");
    }
}
