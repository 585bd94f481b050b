//! API keys and routing rules over HTTP.

use floopy_shared::domain::snapshot::KeyScope;

use super::*;
use crate::{fixture::NOW, plans::Plans};

impl Fixture {
    /// What proxies are told of a key.
    async fn scope_of(&self, id: &Value) -> KeyScope {
        let tenants = crate::settings::tenants(&self.intake.store, &Plans::default(), NOW).await;
        let tenants = tenants.expect("read");
        let mut keys = tenants.iter().flat_map(|tenant| &tenant.keys);
        let key = keys.find(|key| *id == key.id.as_str());
        key.expect("known").scope.clone()
    }
}

#[tokio::test]
async fn a_key_is_told_once_held_to_its_scope_and_ended() {
    let fixture = Fixture::with_models().await;
    let (status, project) = fixture
        .call("POST /v1/projects", json!({"name": "Checkout"}))
        .await;
    assert_eq!(status, 201, "{project}");
    let rule = json!({"name": "cheap", "strategy": "smart_cost"});
    let (_, rule) = fixture.call("POST /v1/routing/rules", rule).await;
    let wanted = json!({
        "name": "app", "project_id": project["id"], "environment": "production", "requests_per_minute": 60,
        "routing_rule_id": rule["id"],
    });
    let (status, made) = fixture.call("POST /v1/keys", wanted).await;
    assert_eq!(status, 201, "{made}");
    let secret = made["key"].as_str().expect("told").to_owned();
    let (_, listed) = fixture.get("/v1/keys").await;
    let listed = listed["items"].as_array().expect("a list");
    let found = listed
        .iter()
        .find(|key| key["id"] == made["id"])
        .expect("listed");
    assert_eq!(
        (&found["key"], &found["environment"]),
        (&Value::Null, &json!("production"))
    );
    assert!(secret.ends_with(found["hint"].as_str().expect("told")));
    let scope = fixture.scope_of(&made["id"]).await;
    assert_eq!(
        (scope.rule.as_deref(), scope.requests_per_minute),
        (Some("cheap"), Some(60))
    );
    // Held to something, it changes nothing of everybody's.
    let (status, body) = fixture
        .send(&secret, "POST /v1/keys", json!({"name": "more"}))
        .await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (403, &json!("write_permission"))
    );
    let id = made["id"].as_str().expect("an id");
    let call = format!(
        "DELETE /v1/projects/{}",
        project["id"].as_str().expect("an id")
    );
    assert!(
        fixture.refused(&call, json!({})).await.3.contains(id),
        "a project in use stays"
    );
    let (status, _) = fixture
        .call(&format!("DELETE /v1/keys/{id}"), json!({}))
        .await;
    assert_eq!(status, 200);
    let (status, _) = fixture
        .send(&secret, "GET /v1/constraints", json!({}))
        .await;
    assert_eq!(status, 401);
    assert_eq!(fixture.call(&call, json!({})).await.0, 200);
}

#[tokio::test]
async fn keys_that_make_no_sense_are_refused_by_field_and_the_last_one_stays() {
    let fixture = Fixture::with_models().await;
    let cases = [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "a", "environment": "moon"}), "environment"),
        (json!({"name": "a", "project_id": "p"}), "project_id"),
        (
            json!({"name": "a", "default_project_id": "p"}),
            "default_project_id",
        ),
        (
            json!({"name": "a", "project_id": "p", "default_project_id": "p"}),
            "default_project_id",
        ),
        (
            json!({"name": "a", "routing_rule_id": "r"}),
            "routing_rule_id",
        ),
        (
            json!({"name": "a", "requests_per_minute": 0}),
            "requests_per_minute",
        ),
        (
            json!({"name": "a", "read_permission": false, "write_permission": false}),
            "read_permission",
        ),
        (json!({"name": "a", "admin": true}), "admin"),
    ];
    for (body, field) in cases {
        let (status, _, param, message) = fixture.refused("POST /v1/keys", body).await;
        assert_eq!((status, param.as_str()), (400, field), "{message}");
    }
    let only = fixture.get("/v1/keys").await.1["items"][0]["id"].clone();
    let call = format!("DELETE /v1/keys/{}", only.as_str().expect("an id"));
    assert!(
        fixture
            .refused(&call, json!({}))
            .await
            .3
            .contains("last key")
    );
}

#[tokio::test]
async fn rules_are_named_once_and_one_is_the_default() {
    let fixture = Fixture::with_models().await;
    let rule = |name: &str, default: bool| json!({"name": name, "strategy": "fallback", "models": ["openai/gpt-4o-mini"], "default": default});
    let (status, a) = fixture
        .call("POST /v1/routing/rules", rule("a", true))
        .await;
    assert_eq!(
        (status.as_u16(), &a["default"], &a["source"]),
        (201, &json!(true), &json!("api")),
        "{a}"
    );
    let (_, b) = fixture
        .call("POST /v1/routing/rules", rule("b", true))
        .await;
    let defaults = async || {
        let items = fixture.get("/v1/routing/rules").await.1["items"].clone();
        let items = items.as_array().expect("a list").clone();
        items
            .into_iter()
            .filter(|rule| rule["default"] == true)
            .map(|rule| rule["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(defaults().await, ["b"]);
    for (body, field) in [
        (rule("b", false), "name"),
        (
            json!({"name": "c", "strategy": "fallback", "models": ["p/none"]}),
            "models",
        ),
        (json!({"name": "c", "strategy": "magic"}), "strategy"),
        (
            json!({"name": "c", "strategy": "smart_cost", "default": 1}),
            "default",
        ),
    ] {
        let (status, _, param, message) = fixture.refused("POST /v1/routing/rules", body).await;
        assert_eq!(status, 400);
        assert!(
            param == field || message.contains(field),
            "{param} {message}"
        );
    }
    let call = format!("PUT /v1/routing/rules/{}", a["id"].as_str().expect("an id"));
    let (status, renamed) = fixture.call(&call, rule("z", false)).await;
    assert_eq!(
        (status.as_u16(), &renamed["name"], &renamed["created_at"]),
        (200, &json!("z"), &a["created_at"])
    );
    let call = format!(
        "DELETE /v1/routing/rules/{}",
        b["id"].as_str().expect("an id")
    );
    assert_eq!(fixture.call(&call, json!({})).await.0, 200);
    assert!(defaults().await.is_empty());
}

#[tokio::test]
async fn a_key_that_is_held_to_anything_makes_no_keys() {
    let fixture = Fixture::with_models().await;
    for scope in [
        json!({"requests_per_minute": 9}),
        json!({"environment": "staging"}),
    ] {
        let mut wanted = scope;
        wanted["name"] = json!("app");
        let (_, made) = fixture.call("POST /v1/keys", wanted).await;
        let secret = made["key"].as_str().expect("told");
        let more = fixture
            .send(secret, "POST /v1/keys", json!({"name": "more"}))
            .await;
        assert_eq!(more.0, 403);
        let read = fixture.send(secret, "GET /v1/constraints", json!({})).await;
        assert_eq!(read.0, 200);
    }
}
