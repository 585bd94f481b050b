//! What each role may change, over every route that changes anything.

use std::collections::BTreeSet;

use super::*;
use crate::{
    rest::openapi,
    role::Role,
    store::keys::{self, Wanted},
};

/// Every route that is not only read, and what it needs.
const WRITING: &[(&str, Role)] = &[
    ("PUT /v1/constraints", Role::Admin),
    ("POST /v1/keys", Role::Admin),
    ("DELETE /v1/keys/{id}", Role::Admin),
    ("PUT /v1/cache", Role::Admin),
    ("POST /v1/cache/flush", Role::Admin),
    ("PUT /v1/firewall", Role::Admin),
    ("POST /v1/mcp/servers", Role::Admin),
    ("PATCH /v1/mcp/servers/{id}", Role::Admin),
    ("DELETE /v1/mcp/servers/{id}", Role::Admin),
    ("PUT /v1/mcp/agent", Role::Admin),
    ("PUT /v1/pool", Role::Admin),
    ("POST /v1/projects", Role::Admin),
    ("PUT /v1/projects/{id}", Role::Admin),
    ("DELETE /v1/projects/{id}", Role::Admin),
    ("PUT /v1/providers/{name}", Role::Admin),
    ("DELETE /v1/providers/{name}", Role::Admin),
    ("POST /v1/routing/rules", Role::Admin),
    ("PUT /v1/routing/rules/{id}", Role::Admin),
    ("DELETE /v1/routing/rules/{id}", Role::Admin),
    ("POST /v1/experiments", Role::Admin),
    ("POST /v1/experiments/{id}/rollback", Role::Admin),
    ("POST /v1/experiments/{id}/complete", Role::Admin),
    ("PUT /v1/promotions/settings", Role::Admin),
    ("POST /v1/promotions/pins", Role::Admin),
    ("DELETE /v1/promotions/pins/{id}", Role::Admin),
    ("POST /v1/promotions/{id}/rollback", Role::Admin),
    ("POST /v1/webhooks", Role::Admin),
    ("PUT /v1/webhooks/{id}", Role::Admin),
    ("PATCH /v1/webhooks/{id}", Role::Admin),
    ("DELETE /v1/webhooks/{id}", Role::Admin),
    ("POST /v1/webhooks/{id}/rotate_secret", Role::Admin),
    ("POST /v1/webhooks/{id}/test", Role::Admin),
    (
        "POST /v1/webhooks/{id}/deliveries/{delivery}/redeliver",
        Role::Admin,
    ),
    ("POST /v1/prompts", Role::Member),
    ("PUT /v1/prompts/{id}", Role::Member),
    ("DELETE /v1/prompts/{id}", Role::Member),
    ("POST /v1/prompts/{id}/versions", Role::Member),
    ("DELETE /v1/prompts/{id}/versions/{version}", Role::Member),
    (
        "POST /v1/prompts/{id}/versions/{version}/restore",
        Role::Member,
    ),
    ("POST /v1/datasets", Role::Member),
    ("DELETE /v1/datasets/{id}", Role::Member),
    ("POST /v1/datasets/{id}/rows", Role::Member),
    ("POST /v1/evaluations", Role::Member),
    ("POST /v1/evaluations/{id}/cancel", Role::Member),
    ("POST /v1/routing/replay", Role::Member),
    ("DELETE /v1/session/{session_id}", Role::Owner),
];

impl Fixture {
    async fn key_of(&self, role: Role) -> String {
        let wanted = Wanted {
            role,
            write: role != Role::ReadOnly,
            ..Wanted::default()
        };
        let mut tx = self.intake.store.write().await.expect("writes");
        let key = keys::mint(&mut tx, &tenant(), &wanted, NOW).await;
        tx.commit().await.expect("commits");
        key.expect("minted")
    }
}

#[tokio::test]
async fn every_route_that_changes_something_asks_for_its_role_and_no_more() {
    let fixture = Fixture::with_models().await;
    for role in Role::ALL {
        let key = fixture.key_of(role).await;
        for (route, needed) in WRITING {
            let call = route
                .replace("{id}", "nobody")
                .replace("{name}", "openai")
                .replace("{version}", "1")
                .replace("{delivery}", "none")
                .replace("{session_id}", "s");
            let (status, body) = fixture.send(&key, &call, json!({})).await;
            let code = body["error"]["code"].as_str().unwrap_or_default();
            let why = format!("{route} as {}: {status} {body}", role.as_str());
            if role >= *needed {
                assert_ne!(status, 403, "{why}");
            } else if role == Role::ReadOnly {
                assert_eq!((status.as_u16(), code), (403, "write_permission"), "{why}");
            } else {
                assert_eq!((status.as_u16(), code), (403, "role_required"), "{why}");
                let said = body["error"]["message"].as_str().unwrap_or_default();
                assert!(
                    said.contains(needed.as_str()) && said.contains(role.as_str()),
                    "{why}"
                );
                assert!(body["error"].get("feature").is_none(), "{why}");
            }
        }
    }
}

#[test]
fn no_route_that_changes_something_is_left_out() {
    let mounted = openapi::routes();
    let writing = mounted.mounted().filter(|(method, _)| *method != "get");
    let found: BTreeSet<String> = writing
        .map(|(method, path)| format!("{} {path}", method.to_uppercase()))
        .collect();
    let listed = WRITING.iter().map(|(route, _)| (*route).to_owned());
    assert_eq!(found, listed.collect());
}

#[tokio::test]
async fn nobody_makes_or_ends_a_key_above_their_own_role() {
    let fixture = Fixture::with_models().await;
    let admin = fixture.key_of(Role::Admin).await;
    let make = |role: &str| json!({"name": "a", "role": role});
    for role in ["read_only", "member", "admin"] {
        let (status, made) = fixture.send(&admin, "POST /v1/keys", make(role)).await;
        assert_eq!((status.as_u16(), &made["role"]), (201, &json!(role)));
        assert_eq!(made["write_permission"], json!(role != "read_only"));
    }
    let (status, body) = fixture.send(&admin, "POST /v1/keys", make("owner")).await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (403, &json!("role_required"))
    );
    // Where no role is asked for it is the most that may be given.
    let (_, made) = fixture
        .send(&admin, "POST /v1/keys", json!({"name": "b"}))
        .await;
    assert_eq!(made["role"], json!("admin"));
    let (_, made) = fixture.call("POST /v1/keys", make("owner")).await;
    let call = format!("DELETE /v1/keys/{}", made["id"].as_str().expect("an id"));
    let (status, body) = fixture.send(&admin, &call, json!({})).await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (403, &json!("role_required"))
    );
    assert_eq!(fixture.call(&call, json!({})).await.0, 200);
}

#[tokio::test]
async fn a_role_that_the_rest_of_the_key_contradicts_is_refused() {
    let fixture = Fixture::with_models().await;
    let cases = [
        (json!({"role": "king"}), "\"king\", it must be one of"),
        (
            json!({"role": "read_only", "write_permission": true}),
            "write_permission is true",
        ),
        (
            json!({"role": "admin", "write_permission": false}),
            "write_permission is false",
        ),
        (
            json!({"role": "admin", "requests_per_minute": 5}),
            "at most a member",
        ),
    ];
    for (mut body, said) in cases {
        body["name"] = json!("a");
        let (status, code, param, message) = fixture.refused("POST /v1/keys", body).await;
        assert_eq!(
            (status, code.as_str(), param.as_str()),
            (400, "invalid_body", "role")
        );
        assert!(message.contains(said), "{message}");
    }
}

#[tokio::test]
async fn the_last_owner_stays_even_where_there_are_administrators() {
    let fixture = Fixture::with_models().await;
    fixture.key_of(Role::Admin).await;
    let (_, listed) = fixture.get("/v1/keys").await;
    let listed = listed["items"].as_array().expect("a list").clone();
    let owner = listed.iter().find(|key| key["role"] == "owner");
    let id = owner.expect("there").get("id").and_then(Value::as_str);
    let call = format!("DELETE /v1/keys/{}", id.expect("an id"));
    let (status, _, param, message) = fixture.refused(&call, json!({})).await;
    assert_eq!((status, param.as_str()), (400, "id"), "{message}");
}

#[tokio::test]
async fn the_audit_says_as_what_somebody_changed_something() {
    let fixture = Fixture::with_models().await;
    let admin = fixture.key_of(Role::Admin).await;
    fixture
        .send(&admin, "POST /v1/projects", json!({"name": "a"}))
        .await;
    let (_, told) = fixture.get("/v1/audit").await;
    assert_eq!(told["items"][0]["role"], json!("admin"), "{told}");
}

#[tokio::test]
async fn a_key_that_ends_itself_is_told_that_it_did() {
    let fixture = Fixture::with_models().await;
    let own = fixture.key_of(Role::Owner).await;
    fixture.key_of(Role::Owner).await;
    let call = format!("DELETE /v1/keys/{}", keys::id_of(&own));
    let (status, body) = fixture.send(&own, &call, json!({})).await;
    assert_eq!(status.as_u16(), 200, "{body}");
    let (status, _) = fixture.send(&own, "GET /v1/keys", json!({})).await;
    assert_eq!(status.as_u16(), 401);
}
