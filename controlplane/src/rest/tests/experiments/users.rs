//! What was known of users when an experiment began is kept with it.

use floopy_shared::domain::tags::Tags;

use super::*;
use crate::{
    fixture::*,
    store::settings::{self, Kind},
};

/// Sessions of six users, each of whom is always answered as well.
async fn before(fixture: &Fixture) {
    let (mut events, mut scores) = (Vec::new(), Vec::new());
    for n in 1..=60 {
        let user = u32::try_from(n % 6).expect("small");
        let mut call = turn(n, &format!("s{n}"), "a");
        call.created_at_ms = NOW - 1_000 + n;
        call.tags = Some(Box::new(Tags {
            user: Some(format!("user-{user}")),
            ..Tags::default()
        }));
        events.push(decided(n, call));
        scores.push(score(n, 0.2 + 0.1 * f64::from(user)));
    }
    append(&fixture.intake, events).await;
    let report = fixture.intake.report(scores, Vec::new()).await;
    report.expect("taken");
}

#[tokio::test]
async fn users_who_were_there_before_are_known_to_an_experiment_for_good() {
    let fixture = Fixture::with_models().await;
    let (a, b) = (
        fixture.rule("a", A, false).await,
        fixture.rule("b", B, false).await,
    );
    let (_, early) = fixture.begin(by_models("canary")).await;
    before(&fixture).await;
    let (_, late) = fixture.begin(by_rules(&a, &b)).await;
    let reduction = async |experiment: &Value| {
        let path = format!("/v1/experiments/{}/results", text(experiment, "/id"));
        let (status, results) = fixture.get(&path).await;
        assert_eq!(status, 200, "{results}");
        results["test"]["variance_reduction"].clone()
    };
    let known = reduction(&late).await;
    assert_eq!(
        (&known["users"], &known["sessions"]),
        (&json!(6), &json!(60)),
        "{known}"
    );
    assert!(known["explained"].as_f64() > Some(0.9), "{known}");
    assert_eq!(reduction(&early).await, Value::Null, "it began before");
    // They are known by hashes, and not told of anywhere.
    let kept = settings_of(&fixture, &text(&late, "/id")).await;
    assert!(kept.contains("lifts") && !kept.contains("user-"), "{kept}");
}

async fn settings_of(fixture: &Fixture, id: &str) -> String {
    let conn = fixture.intake.store.read().acquire().await;
    let kind = Kind::ExperimentUsers;
    let found = settings::get(&mut conn.expect("a connection"), (&tenant(), kind), id).await;
    found.expect("reads").expect("kept").body
}
