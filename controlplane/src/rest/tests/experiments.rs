//! Experiments over HTTP: both forms, what is refused, how they end, and what is written down.

mod scope;
mod users;

use super::*;

const A: &str = "openai/gpt-4o";
const B: &str = "openai/gpt-4o-mini";

impl Fixture {
    async fn confirmed(&self, key: &str, call: &str, body: &str) -> (u16, Value) {
        let (method, path) = call.split_once(' ').expect("METHOD path");
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("x-floopy-confirm", "experiments")
            .body(Body::from(body.to_owned()))
            .expect("valid");
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 22)
            .await
            .expect("whole");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    async fn begin(&self, body: Value) -> (u16, Value) {
        let key = &self.key;
        self.confirmed(key, "POST /v1/experiments", &body.to_string())
            .await
    }

    async fn rule(&self, name: &str, model: &str, default: bool) -> String {
        let body = json!({
            "name": name, "strategy": "legacy_model", "models": [model], "default": default,
        });
        let (status, body) = self.call("POST /v1/routing/rules", body).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().expect("an id").to_owned()
    }
}

fn by_rules(a: &str, b: &str) -> Value {
    json!({"name": "mini", "variant_a_routing_rule_id": a, "variant_b_routing_rule_id": b})
}

fn by_models(arrangement: &str) -> Value {
    json!({
        "type": arrangement, "traffic_pct": 10,
        "baseline": {"provider": "openai", "model": "gpt-4o"},
        "candidate": {"provider": "openai", "model": "gpt-4o-mini"},
    })
}

fn text(body: &Value, pointer: &str) -> String {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn both_forms_begin_an_experiment_and_are_told_with_the_keys_of_both() {
    let fixture = Fixture::with_models().await;
    let (a, b) = (
        fixture.rule("a", A, false).await,
        fixture.rule("b", B, false).await,
    );
    let (status, rules) = fixture.begin(by_rules(&a, &b)).await;
    assert_eq!(status, 201, "{rules}");
    assert_eq!(
        (&rules["split_percentage"], &rules["traffic_pct"]),
        (&json!(50), &json!(50))
    );
    assert_eq!(
        (&rules["status"], &rules["type"]),
        (&json!("active"), &json!("canary"))
    );
    assert_eq!(
        rules["baseline"],
        json!({"provider": "openai", "model": "gpt-4o"})
    );
    for absent in ["description", "rolled_back_at", "ended_at", "summary"] {
        assert_eq!(rules.get(absent), Some(&Value::Null), "{absent}");
    }
    let (status, models) = fixture.begin(by_models("shadow")).await;
    assert_eq!(status, 201, "{models}");
    assert_eq!(models["type"], "shadow");
    // Its rules are there as long as it is, and nobody else changes them.
    let (_, listed) = fixture.get("/v1/routing/rules").await;
    let id = text(&models, "/variant_a_routing_rule_id");
    let items = listed["items"].as_array().expect("items");
    let implicit = items
        .iter()
        .find(|rule| rule["id"] == id.as_str())
        .expect("listed");
    assert_eq!(
        (&implicit["source"], &implicit["models"]),
        (&json!("experiment"), &json!([A]))
    );
    let (status, ..) = fixture
        .refused(&format!("DELETE /v1/routing/rules/{id}"), json!({}))
        .await;
    assert_eq!(status, 400);
    let (_, page) = fixture.get("/v1/experiments").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&page["has_more"], &page["next_cursor"]),
        (&json!(false), &Value::Null)
    );
    let (_, array) = fixture.get("/v1/experiments?shape=array").await;
    assert_eq!(array, page["items"]);
}

#[tokio::test]
async fn asked_again_it_is_the_same_one_and_ended_twice_it_ended_once() {
    let fixture = Fixture::with_models().await;
    let (a, b) = (
        fixture.rule("a", A, false).await,
        fixture.rule("b", B, false).await,
    );
    let first = fixture.begin(by_rules(&a, &b)).await;
    let again = fixture.begin(by_rules(&a, &b)).await;
    assert_eq!((first.0, again.0), (201, 200));
    assert_eq!(first.1, again.1);
    let id = text(&first.1, "/id");
    let (status, rolled) = fixture
        .confirmed(
            &fixture.key,
            &format!("POST /v1/experiments/{id}/rollback"),
            "",
        )
        .await;
    assert_eq!(
        (status, &rolled["status"]),
        (200, &json!("rolled_back")),
        "{rolled}"
    );
    assert_eq!(rolled["ended_at"], rolled["rolled_back_at"]);
    assert_eq!(rolled["summary"]["variant_a"]["sample_size"], 0);
    for end in ["rollback", "complete"] {
        let path = format!("POST /v1/experiments/{id}/{end}");
        assert_eq!(
            fixture.confirmed(&fixture.key, &path, "").await,
            (200, rolled.clone())
        );
    }
    let (_, audit) = fixture.get("/v1/audit").await;
    let changes = audit["items"].as_array().expect("items").iter();
    let of_it = changes.filter(|change| text(change, "/resource") == format!("experiment/{id}"));
    let actions: Vec<String> = of_it.map(|change| text(change, "/action")).collect();
    assert_eq!(actions, ["update", "create"]);
    let (status, completed) = fixture.begin(by_models("canary")).await;
    assert_eq!(status, 201);
    let path = format!("POST /v1/experiments/{}/complete", text(&completed, "/id"));
    let (_, completed) = fixture.confirmed(&fixture.key, &path, "").await;
    assert_eq!(
        (&completed["status"], &completed["rolled_back_at"]),
        (&json!("completed"), &Value::Null)
    );
    assert!(completed["ended_at"].is_string(), "{completed}");
    let (_, left) = fixture.get("/v1/routing/rules").await;
    assert_eq!(
        left["items"].as_array().map(Vec::len),
        Some(2),
        "its rules went with it"
    );
}

/// The body with another value in one field.
fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

/// A body with its code and field, and what the message mentions.
type Wrong = (Value, &'static str, &'static str);

const UNKNOWN: &str = "2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f";

fn wrong_rules(a: &str, b: &str) -> Vec<Wrong> {
    let rules = || by_rules(a, b);
    let share = |value| with(rules(), "split_percentage", json!(value));
    let (of_a, of_b) = (
        "invalid_body variant_a_routing_rule_id",
        "invalid_body variant_b_routing_rule_id",
    );
    vec![
        (by_rules(UNKNOWN, b), of_a, UNKNOWN),
        (by_rules(a, UNKNOWN), of_b, UNKNOWN),
        (by_rules(a, a), of_b, "variant A"),
        (share(101), "invalid_body split_percentage", "101"),
        (share(-1), "invalid_body split_percentage", "-1"),
        (
            with(rules(), "name", json!(" ")),
            "invalid_body name",
            "0 characters",
        ),
        (
            with(rules(), "colour", json!(1)),
            "invalid_body colour",
            "colour",
        ),
        (
            with(rules(), "type", json!("canary")),
            of_a,
            "unknown field",
        ),
    ]
}

fn wrong_models() -> Vec<Wrong> {
    let models = |field: &str, value: Value| with(by_models("canary"), field, value);
    let candidate =
        |model: &str| models("candidate", json!({"provider": "openai", "model": model}));
    let of_candidate = "invalid_body candidate";
    let half = json!({"provider": "openai"});
    vec![
        (models("type", json!("blue")), "invalid_body type", "blue"),
        (
            models("traffic_pct", json!(200)),
            "invalid_body traffic_pct",
            "200",
        ),
        (candidate("gpt-4o"), of_candidate, "the baseline, too"),
        (candidate("none"), of_candidate, "openai/none"),
        (
            candidate("text-embedding-3-small"),
            of_candidate,
            "another kind",
        ),
        (
            models("baseline", half),
            "invalid_body baseline.model",
            "model",
        ),
    ]
}

#[tokio::test]
async fn wrong_experiments_are_refused_by_field_and_value_and_foreign_rules_as_unknown_ones() {
    let fixture = Fixture::with_models().await;
    let (a, b) = (
        fixture.rule("a", A, false).await,
        fixture.rule("b", B, false).await,
    );
    let wrong = wrong_rules(&a, &b).into_iter().chain(wrong_models());
    for (body, named, mention) in wrong {
        let (status, answer) = fixture.begin(body.clone()).await;
        let said = format!(
            "{} {}",
            text(&answer, "/error/code"),
            text(&answer, "/error/param")
        );
        assert_eq!((status, said.as_str()), (400, named), "{body}: {answer}");
        assert!(
            text(&answer, "/error/message").contains(mention),
            "{answer}"
        );
    }
    let (status, foreign) = fixture
        .confirmed(
            &fixture.stranger,
            "POST /v1/experiments",
            &by_rules(&a, &b).to_string(),
        )
        .await;
    assert_eq!(
        (status, text(&foreign, "/error/param")),
        (400, "variant_a_routing_rule_id".to_owned())
    );
    let long = json!({"name": "x".repeat(9_000)});
    let (status, answer) = fixture.begin(long).await;
    assert_eq!(
        (status, text(&answer, "/error/code")),
        (400, "body_too_large".to_owned())
    );
    assert_eq!(fixture.get("/v1/experiments").await.1["items"], json!([]));
}

#[tokio::test]
async fn what_changes_live_traffic_must_be_confirmed() {
    let fixture = Fixture::with_models().await;
    let (_, made) = fixture.begin(by_models("canary")).await;
    let id = text(&made, "/id");
    for path in [
        "".to_owned(),
        format!("/{id}/rollback"),
        format!("/{id}/complete"),
    ] {
        let call = format!("POST /v1/experiments{path}");
        let (status, code, param, message) = fixture.refused(&call, by_models("canary")).await;
        assert_eq!(
            (status, code.as_str(), param.as_str()),
            (400, "confirmation_required", "x-floopy-confirm")
        );
        assert!(message.contains("experiments"), "{message}");
    }
    assert_eq!(
        fixture.get(&format!("/v1/experiments/{id}")).await.1["status"],
        "active"
    );
}

#[tokio::test]
async fn an_experiment_of_somebody_else_does_not_exist_and_ids_are_uuids() {
    let fixture = Fixture::with_models().await;
    let (_, made) = fixture.begin(by_models("canary")).await;
    let (id, unknown) = (text(&made, "/id"), "2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f");
    for path in ["", "/results"] {
        let read = async |id: &str, key: &str| {
            let path = format!("/v1/experiments/{id}{path}");
            let (status, _, body) = fixture.raw(&path, Some(key)).await;
            (status.as_u16(), body)
        };
        assert_eq!(read(&id, &fixture.key).await.0, 200);
        let foreign = read(&id, &fixture.stranger).await;
        assert_eq!(foreign.0, 404);
        assert_eq!(foreign, read(unknown, &fixture.key).await);
        let (status, body) = read("x", &fixture.key).await;
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            (status, text(&body, "/error/code")),
            (400, "invalid_experiment_id".to_owned())
        );
    }
    let path = format!("POST /v1/experiments/{id}/rollback");
    let (status, foreign) = fixture.confirmed(&fixture.stranger, &path, "").await;
    assert_eq!(
        (status, text(&foreign, "/error/code")),
        (404, "not_found".to_owned())
    );
}
