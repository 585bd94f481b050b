//! Routing against the best single model, over all requests and by kind of task.

use floopy_shared::domain::{decision::Reason, shape::ShapeKey};
use serde_json::json;

use super::*;
use crate::{
    learn::credit::Credit,
    store::settings::{self, Document, Kind},
};

/// Requests of each kind of task.
const REQUESTS: u64 = 400;

impl Fixture {
    /// Requests of a kind that `a` served, every second of them copied to `b`; what both scored.
    async fn compared(&self, kind: &str, first: u64, (served, copied): (f64, f64)) {
        let shapes = || {
            let shape = |name| ShapeKey::named(name).expect("valid");
            vec![shape(kind), ShapeKey::root()]
        };
        let mut events = Vec::new();
        let mut scores = Vec::new();
        for n in first..first + REQUESTS {
            let mut call = turn(n, &format!("s-{n}"), "a");
            call.shapes = shapes();
            events.push(decided(n, call));
            scores.push(score(n, served));
            if n.is_multiple_of(2) {
                let copy = n + 100_000;
                let mut call = turn(copy, &format!("s-{n}"), "b");
                call.shapes = shapes();
                call.session_id = None;
                call.reason = Reason::Shadow;
                call.shadow_of = Some(request(n));
                call.propensity = 0.5;
                call.created_at_ms = NOW - 500;
                events.push(decided(copy, call));
                scores.push(score(copy, copied));
            }
        }
        append(&self.intake, events).await;
        self.intake.report(scores, vec![]).await.expect("works");
    }
}

#[tokio::test]
async fn each_kind_of_task_is_compared_with_its_own_best_single_model() {
    let fixture = Fixture::new().await;
    let number = fixture.intake.store.write_number();
    let totals = &fixture.intake.totals;
    totals.put(tenant(), Credit::new(), (number, None));
    fixture.compared("class:code", 1, (0.9, 0.4)).await;
    fixture.compared("class:chat", 1_001, (0.4, 0.9)).await;
    let (status, body) = fixture.get("/v1/routing/baseline").await;
    assert_eq!(status, 200, "{body}");
    let kinds = body["task_shapes"].as_array().expect("kinds");
    let told: Vec<(&str, &str, &Value)> = kinds
        .iter()
        .map(|kind| {
            let text = |key: &str| kind[key].as_str().expect("text");
            (
                text("task_shape"),
                text("verdict"),
                &kind["best_single"]["model"],
            )
        })
        .collect();
    let (a, b) = (json!("a"), json!("b"));
    // Who served every request of a kind is no better than itself.
    let expected = [
        ("class:chat", "behind", &b),
        ("class:code", "undecided", &a),
    ];
    assert_eq!(told, expected, "{body}");
    assert_eq!(kinds[0]["serves_best_single"], false);
    // Over both kinds neither model alone is better than the other.
    assert_eq!(body["routing"]["requests"], 2 * REQUESTS);
    assert_eq!(body["verdict"], "undecided", "{body}");
    // A model that the tenant does not allow is no rival.
    let denied = Document {
        id: "routing".to_owned(),
        body: json!({"deny_models": ["b"]}).to_string(),
        created_ms: NOW,
        changed_ms: NOW,
    };
    let mut tx = fixture.intake.store.write().await.expect("writes");
    let put = settings::put(&mut tx, (&tenant(), Kind::Constraints), &denied).await;
    put.expect("put");
    tx.commit().await.expect("commits");
    let (_, body) = fixture.get("/v1/routing/baseline").await;
    assert_eq!(
        body["task_shapes"][0]["best_single"]["model"], "a",
        "{body}"
    );
}
