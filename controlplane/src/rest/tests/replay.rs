//! Replaying a recorded decision under other constraints.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, ModelKind},
    decision::Decision,
    draw::{DrawKey, Purpose, draw},
    ranking::Role,
    snapshot::{TableBody, TableName, Tenant},
};
use serde_json::json;

use super::*;

const PATH: &str = "/v1/routing/replay";

impl Fixture {
    async fn post(&self, key: &str, body: impl Into<Body>) -> (StatusCode, Vec<u8>) {
        let request = http::Request::post(PATH)
            .header("authorization", format!("Bearer {key}"))
            .body(body.into())
            .expect("valid");
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 22).await.expect("whole").to_vec();
        (parts.status, body)
    }

    async fn replay(&self, body: &Value) -> (StatusCode, Value) {
        let (status, body) = self.post(&self.key, body.to_string()).await;
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// What every proxy would be told: three models, and the tenant.
    fn publish(&self) {
        let model = |name: &str| CatalogModel::unlisted(key(name), ModelKind::Chat);
        let catalog = Catalog::new(["a", "b", "c"].map(model).to_vec()).expect("valid");
        let named = Tenant::new(tenant());
        let wanted = BTreeMap::from([
            (TableName::Catalog, TableBody::Catalog(catalog.into())),
            (TableName::Tenant(tenant()), TableBody::Tenant(named.into())),
        ]);
        let changes = self.index.current().changes_to(wanted);
        self.index.publish(changes, 1);
    }
}

/// Of two who were drawn between as the record says; `b` costs less, and is believed to be worse.
fn drawn(n: u64) -> Decision {
    let mut decision = turn(n, "s", "a");
    decision.candidates[1].role = Some(Role::Canary);
    decision.candidates[1].expected_cost_micro_usd = Some(20);
    if let Some(posterior) = &mut decision.candidates[1].posterior {
        posterior.mean = 0.6;
    }
    decision.draw_key = "s".to_owned();
    let key = DrawKey {
        session: &decision.draw_key,
        shape: "class:code",
        purpose: Purpose::Serve,
    };
    let weighted = decision
        .candidates
        .iter()
        .map(|c| (c.key.as_str(), c.propensity));
    let winner = draw(key, weighted).expect("drawn");
    assert_eq!(winner, 0, "this session draws the incumbent");
    decision
}

#[tokio::test]
async fn a_decision_is_what_it_was_and_what_it_would_have_been() {
    let fixture = Fixture::new().await;
    fixture.publish();
    append(&fixture.intake, vec![decided(1, drawn(1))]).await;
    let id = request(1).to_string();
    let (status, same) = fixture.replay(&json!({"request_id": id})).await;
    assert_eq!(status, StatusCode::OK, "{same}");
    assert_eq!(
        (&same["reproducible"], &same["changed"]),
        (&json!(true), &json!(false)),
        "{same}"
    );
    assert_eq!(same["replayed"]["winner"], same["original"]["winner"]);
    assert_eq!(same["delta"]["winner_cost_micro_usd"], 0);
    let constraints = json!({"max_cost_micro_usd": 100});
    let (_, other) = fixture
        .replay(&json!({"request_id": id, "constraints": constraints}))
        .await;
    assert_eq!(
        (&other["reproducible"], &other["changed"]),
        (&json!(true), &json!(true)),
        "{other}"
    );
    assert_eq!(
        other["original"]["winner"],
        json!({"provider": "p", "model": "a"})
    );
    assert_eq!(
        other["replayed"]["winner"],
        json!({"provider": "p", "model": "b"})
    );
    assert_eq!(other["replayed"]["propensity"], 1.0);
    assert_eq!(
        other["replayed"]["filtered"][0]["reason"],
        "constraint_max_cost_micro_usd"
    );
    assert_eq!(other["delta"]["winner_cost_micro_usd"], -100);
    let quality = other["delta"]["winner_quality"].as_f64().expect("known");
    assert!((quality + 0.2).abs() < 1e-9, "{quality}");
    assert_eq!(other["constraints"]["max_cost_micro_usd"], 100);
    let told = other["constraints"].clone();
    assert_eq!(told["max_latency_ms"], Value::Null, "{told}");
    let asked = json!({"request_id": id, "constraints": told});
    let (_, again) = fixture.replay(&asked).await;
    assert_eq!(again, other, "what is told can be asked");
    let denied = json!({"deny_models": ["a", "b"]});
    let (_, nobody) = fixture
        .replay(&json!({"request_id": id, "constraints": denied}))
        .await;
    assert_eq!(nobody["replayed"]["winner"], Value::Null, "{nobody}");
    assert_eq!(
        (&nobody["replayed"]["reason"], &nobody["changed"]),
        (&json!("no_candidate"), &json!(true))
    );
    assert_eq!(nobody["delta"]["winner_cost_micro_usd"], Value::Null);
}

#[tokio::test]
async fn a_record_that_does_not_give_what_it_says_is_told_of() {
    let fixture = Fixture::new().await;
    fixture.publish();
    let mut false_winner = drawn(1);
    false_winner.chosen = Some(key("b"));
    let mut refused = drawn(2);
    (refused.candidates, refused.chosen) = (Vec::new(), None);
    append(
        &fixture.intake,
        vec![decided(1, false_winner), decided(2, refused)],
    )
    .await;
    for (n, why) in [
        (1, "gives p/a with probability 0.95"),
        (2, "refused before any candidate"),
    ] {
        let (status, body) = fixture
            .replay(&json!({"request_id": request(n).to_string()}))
            .await;
        assert_eq!(
            (status, &body["reproducible"]),
            (StatusCode::OK, &json!(false))
        );
        let said = body["not_reproducible_because"].as_str().expect("why");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn another_tenants_decision_is_answered_as_one_that_never_was() {
    let fixture = Fixture::new().await;
    fixture.publish();
    let mut copy = drawn(3);
    copy.shadow_of = Some(request(1));
    append(
        &fixture.intake,
        vec![decided(1, drawn(1)), decided(3, copy)],
    )
    .await;
    let body = |n| json!({"request_id": request(n).to_string()}).to_string();
    let theirs = fixture.post(&fixture.stranger, body(1)).await;
    let unknown = fixture.post(&fixture.stranger, body(2)).await;
    assert_eq!(theirs.0, StatusCode::NOT_FOUND);
    assert_eq!(theirs, unknown);
    let (status, _) = fixture.post("fl_nobody", body(1)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, shadow) = fixture.post(&fixture.key, body(3)).await;
    let said = String::from_utf8(shadow).expect("text");
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(said.contains(&request(1).to_string()), "{said}");
}

/// A question, the code and the field that are wrong with it, and what the message mentions.
type Wrong = (Value, &'static str, &'static str);

/// What is wrong with a question: the code and the field, and what the message mentions.
fn wrong_questions(id: &str) -> Vec<Wrong> {
    vec![
        (json!([]), "invalid_body -", "must be a JSON object"),
        (
            json!({}),
            "invalid_request request_id",
            "request_id is missing",
        ),
        (
            json!({"request_id": "x"}),
            "invalid_request_id request_id",
            "\"x\"",
        ),
        (
            json!({"request_id": id, "constraint": {}}),
            "invalid_request constraint",
            "only request_id",
        ),
        (
            json!({"request_id": id, "default_model": "p/z"}),
            "invalid_request default_model",
            "\"p/z\": it is not a known model",
        ),
        (
            json!({"request_id": id, "default_model": "p/a", "constraints": {"deny_models": ["a"]}}),
            "invalid_request default_model",
            "ruled out by constraints.deny_models",
        ),
    ]
}

/// The same of constraints.
const WRONG_CONSTRAINTS: [(&str, &str, &str); 7] = [
    ("[1]", "invalid_request constraints", "constraints is [1]"),
    (
        r#"{"max_cost": 1}"#,
        "invalid_request constraints.max_cost",
        "unknown field",
    ),
    (
        r#"{"max_cost_micro_usd": 0}"#,
        "invalid_request constraints.max_cost_micro_usd",
        "is 0",
    ),
    (
        r#"{"min_quality": {"floor": 2}}"#,
        "invalid_request constraints.min_quality",
        "2",
    ),
    (
        r#"{"deny_models": ["a"], "allow_models": ["a"]}"#,
        "invalid_request constraints",
        "\"a\" is also in allow_models",
    ),
    (
        r#"{"deny_providers": ["q"]}"#,
        "invalid_request constraints.deny_providers",
        "\"q\" is not the provider",
    ),
    (
        r#"{"deny_providers": ["p"]}"#,
        "invalid_request constraints",
        "leave no chat model",
    ),
];

#[tokio::test]
async fn what_is_asked_is_checked_field_by_field() {
    let fixture = Fixture::new().await;
    fixture.publish();
    let id = request(1).to_string();
    let mut cases = wrong_questions(&id);
    cases.extend(WRONG_CONSTRAINTS.map(|(constraints, named, mention)| {
        let constraints: Value = serde_json::from_str(constraints).expect("JSON");
        let body = json!({"request_id": id, "constraints": constraints});
        (body, named, mention)
    }));
    for (body, named, mention) in cases {
        let (status, said) = fixture.replay(&body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {said}");
        let text = |name: &str| said["error"][name].as_str().unwrap_or("-").to_owned();
        assert_eq!(format!("{} {}", text("code"), text("param")), named);
        assert!(text("message").contains(mention), "{said}");
    }
    let (status, said) = fixture.post(&fixture.key, "x".repeat(65 << 10)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        String::from_utf8(said)
            .expect("text")
            .contains("body_too_large")
    );
}

#[tokio::test]
async fn a_method_that_is_not_taken_is_told_which_are() {
    let fixture = Fixture::new().await;
    let (status, headers, _) = fixture.raw(PATH, Some(&fixture.key)).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(headers["allow"], "POST");
}
