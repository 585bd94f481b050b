//! What tenants set for themselves over HTTP.

use super::*;
use crate::index::KnownModels;

impl Fixture {
    /// As the tenant itself.
    pub(super) async fn call(&self, call: &str, body: Value) -> (StatusCode, Value) {
        self.send(&self.key, call, body).await
    }

    /// What is refused, by its code, its field and what the message shows.
    pub(super) async fn refused(&self, call: &str, body: Value) -> (u16, String, String, String) {
        let (status, answer) = self.call(call, body).await;
        let text = |name: &str| {
            answer["error"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        (
            status.as_u16(),
            text("code"),
            text("param"),
            text("message"),
        )
    }
}

#[tokio::test]
async fn a_group_of_constraints_is_replaced_whole_and_the_others_stay() {
    let fixture = Fixture::with_models().await;
    let (status, before) = fixture.get("/v1/constraints").await;
    assert_eq!(status, 200);
    assert_eq!(before["max_requests_per_minute"], Value::Null);
    assert_eq!(
        (
            &before["max_cost_increase"],
            &before["defaults"]["max_cost_increase"]
        ),
        (&Value::Null, &json!({"value": 0.1, "window": "rolling_7d"})),
        "nobody is held back before gates are set"
    );
    let gates = json!({"confidence_threshold": 0.5, "max_regression": null});
    let (status, body) = fixture.call("PUT /v1/constraints", gates).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["max_regression"], &body["confidence_threshold"]),
        (&Value::Null, &json!(0.5))
    );
    assert_eq!(
        body["max_cost_increase"],
        body["defaults"]["max_cost_increase"]
    );
    // As the packages send it: all four keys, and nothing else.
    let limits = json!({
        "cost_limit_monthly_usd": 12.5, "token_window_seconds": null, "max_tokens_per_window": 1000,
        "max_requests_per_minute": null,
    });
    let (_, body) = fixture.call("PUT /v1/constraints", limits).await;
    assert_eq!(
        (
            &body["cost_limit_monthly_usd"],
            &body["max_tokens_per_window"]
        ),
        (&json!(12.5), &json!(1000))
    );
    assert_eq!(body["confidence_threshold"], 0.5);
    let routing = json!({"routing": {"deny_providers": ["openai"], "min_quality": {"floor": 0.9}}});
    let (_, body) = fixture.call("PUT /v1/constraints", routing).await;
    assert_eq!(body["routing"]["deny_providers"], json!(["openai"]));
    assert_eq!(
        body["routing"]["min_quality"],
        json!({"floor": 0.9, "assurance": 0.7})
    );
    assert_eq!(fixture.get("/v1/constraints").await.1, body);
    let (status, again) = fixture.call("PUT /v1/constraints", body.clone()).await;
    assert_eq!(
        (status.as_u16(), again),
        (200, body),
        "what is read can be written"
    );
    let (_, body) = fixture
        .call("PUT /v1/constraints", json!({"routing": null}))
        .await;
    assert_eq!(body["routing"]["deny_providers"], json!([]));
}

/// Each with its code and its field, and what the message mentions.
fn wrong_constraints() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (
            json!({"max_outcome_variance": 0.0}),
            "out_of_range_max_outcome_variance max_outcome_variance",
            "0 is",
        ),
        (
            json!({"max_regression": {"value": 0.6, "window": "rolling_7d"}}),
            "out_of_range_max_regression max_regression",
            "0.6",
        ),
        (
            json!({"max_regression": {"value": 0.1, "window": "weekly"}}),
            "invalid_body max_regression.window",
            "weekly",
        ),
        (
            json!({"cost_limit_monthly_usd": -1}),
            "out_of_range_cost_limit_monthly_usd cost_limit_monthly_usd",
            "-1",
        ),
        (
            json!({"max_requests_per_minute": 1.5}),
            "invalid_body max_requests_per_minute",
            "1.5",
        ),
        (
            json!({"max_requests_per_minute": 0}),
            "out_of_range_max_requests_per_minute max_requests_per_minute",
            "0 lets",
        ),
        (json!({"colour": "red"}), "invalid_body colour", "colour"),
        (
            json!({"routing": {"colour": 1}}),
            "invalid_body routing.colour",
            "colour",
        ),
        (
            json!({"routing": {"deny_models": ["openai/nothing"]}}),
            "invalid_body routing.deny_models",
            "openai/nothing",
        ),
        (json!({}), "invalid_body ", "no constraint"),
        (json!([1]), "invalid_body ", "an array"),
    ]
}

#[tokio::test]
async fn wrong_constraints_are_refused_by_field_and_value_and_change_nothing() {
    let fixture = Fixture::with_models().await;
    let cases = wrong_constraints();
    let before = fixture.get("/v1/constraints").await.1;
    for (body, named, part) in cases {
        let (status, code, field, message) = fixture.refused("PUT /v1/constraints", body).await;
        assert_eq!((status, format!("{code} {field}")), (400, named.to_owned()));
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(fixture.get("/v1/constraints").await.1, before);
    assert_eq!(fixture.get("/v1/audit").await.1["items"], json!([]));
}

#[tokio::test]
async fn a_change_that_was_made_of_what_is_not_there_any_more_is_refused() {
    let fixture = Fixture::with_models().await;
    let put = async |tag: &str| {
        let request = http::Request::put("/v1/constraints")
            .header("authorization", format!("Bearer {}", fixture.key))
            .header("if-match", tag)
            .body(Body::from(r#"{"confidence_threshold": 0.2}"#))
            .expect("valid");
        let response = fixture
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("answers");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("whole");
        let told: Value = serde_json::from_slice(&body).expect("JSON");
        let tag = parts.headers.get("etag").cloned();
        (parts.status.as_u16(), tag, told)
    };
    let (_, headers, _) = fixture.raw("/v1/constraints", Some(&fixture.key)).await;
    let tag = headers["etag"].to_str().expect("text").to_owned();
    let (status, new, _) = put(&tag).await;
    assert_eq!(status, 200);
    assert_ne!(new.expect("told").to_str().expect("text"), tag);
    let (status, _, refused) = put(&tag).await;
    let error = &refused["error"];
    assert_eq!(
        (status, &error["code"], &error["param"]),
        (412, &json!("precondition_failed"), &json!("If-Match"))
    );
}

#[tokio::test]
async fn what_is_another_tenants_does_not_exist() {
    let fixture = Fixture::with_models().await;
    let (_, project) = fixture
        .call("POST /v1/projects", json!({"name": "Mine"}))
        .await;
    let (_, rule) = fixture
        .call(
            "POST /v1/routing/rules",
            json!({"name": "r", "strategy": "smart_cost"}),
        )
        .await;
    let key = fixture.get("/v1/keys").await.1["items"][0]["id"].clone();
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (path, id) in [
        ("projects", &project["id"]),
        ("routing/rules", &rule["id"]),
        ("keys", &key),
    ] {
        let id = id.as_str().expect("an id");
        for method in ["GET", "PUT", "DELETE"] {
            if path == "keys" && method != "DELETE" {
                continue;
            }
            let body = json!({"name": "x", "strategy": "smart_cost"});
            let body = if path == "projects" {
                json!({"name": "x"})
            } else {
                body
            };
            let theirs = fixture
                .send(
                    &fixture.stranger,
                    &format!("{method} /v1/{path}/{id}"),
                    body.clone(),
                )
                .await;
            let nobodys = fixture
                .send(
                    &fixture.stranger,
                    &format!("{method} /v1/{path}/{unknown}"),
                    body,
                )
                .await;
            assert_eq!(theirs, nobodys);
            assert_eq!(theirs.0, 404, "{method} {path}");
        }
    }
    let (_, listed) = fixture
        .send(&fixture.stranger, "GET /v1/projects", json!({}))
        .await;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn every_change_is_written_down_with_what_was_and_what_is() {
    let fixture = Fixture::with_models().await;
    for threshold in [0.1, 0.2, 0.2] {
        fixture
            .call(
                "PUT /v1/constraints",
                json!({"confidence_threshold": threshold}),
            )
            .await;
    }
    fixture
        .call("POST /v1/projects", json!({"name": "Mine"}))
        .await;
    let (_, first) = fixture.get("/v1/audit?limit=2").await;
    let items = first["items"].as_array().expect("a list");
    assert_eq!(items[0]["action"], "create");
    assert!(
        items[0]["resource"]
            .as_str()
            .expect("told")
            .starts_with("project/")
    );
    assert_eq!(items[1]["resource"], "constraints/gates");
    let cursor = first["next_cursor"].as_str().expect("more");
    let (_, second) = fixture
        .get(&format!("/v1/audit?limit=2&cursor={cursor}"))
        .await;
    assert_eq!(second["has_more"], false);
    let oldest = &second["items"][0];
    assert_eq!(
        (&oldest["before_sha256"], &oldest["after_sha256"]),
        (&Value::Null, &items[1]["before_sha256"])
    );
    let (_, theirs) = fixture
        .send(&fixture.stranger, "GET /v1/audit", json!({}))
        .await;
    assert_eq!(theirs["items"], json!([]));
}

#[tokio::test]
async fn what_a_smaller_catalog_left_behind_does_not_keep_a_tenant_from_changing_the_rest() {
    let fixture = Fixture::with_models().await;
    let rule = |name: &str| json!({"name": name, "strategy": "fallback", "models": ["openai/gpt-4o-mini"]});
    let (_, a) = fixture.call("POST /v1/routing/rules", rule("a")).await;
    fixture.call("POST /v1/routing/rules", rule("b")).await;
    // The models are gone.
    let smaller = Fixture {
        router: router(fixture.api(KnownModels::default())),
        ..fixture
    };
    let gates = json!({"confidence_threshold": 0.3});
    assert_eq!(smaller.call("PUT /v1/constraints", gates).await.0, 200);
    let (status, key) = smaller.call("POST /v1/keys", json!({"name": "new"})).await;
    assert_eq!(status, 201);
    let id = key["id"].as_str().expect("an id");
    assert_eq!(
        smaller
            .call(&format!("DELETE /v1/keys/{id}"), json!({}))
            .await
            .0,
        200
    );
    let id = a["id"].as_str().expect("an id");
    let gone = smaller
        .call(&format!("DELETE /v1/routing/rules/{id}"), json!({}))
        .await;
    assert_eq!(gone.0, 200);
}

#[tokio::test]
async fn a_wrong_rule_is_refused_with_what_its_tenant_can_write_and_whom_it_can_ask() {
    let fixture = Fixture::with_models().await;
    let rule = |key: &str, value: Value| {
        let mut rule =
            json!({"name": "r", "strategy": "fallback", "models": ["openai/gpt-4o-mini"]});
        rule[key] = value;
        rule
    };
    let create = "POST /v1/routing/rules";
    let (status, code, param, message) = fixture.refused(create, rule("colour", json!(1))).await;
    let found = (status, code.as_str(), param.as_str());
    assert_eq!(found, (400, "invalid_body", "colour"));
    assert!(
        message.ends_with("name, strategy, models, weights, floor, assurance, default"),
        "{message}"
    );
    let unknown = rule("models", json!(["openai/gpt-99"]));
    let (_, _, param, message) = fixture.refused(create, unknown).await;
    assert_eq!(param, "models");
    assert!(
        message.contains("operator") && !message.contains("[["),
        "{message}"
    );
    let (status, made) = fixture.call(create, rule("default", json!(true))).await;
    assert_eq!(status, 201, "{made}");
    // What is told of a rule may come back.
    let id = made["id"].as_str().expect("an id");
    let put = format!("PUT /v1/routing/rules/{id}");
    let (status, same) = fixture.call(&put, made.clone()).await;
    assert_eq!(status, 200, "{same}");
}
