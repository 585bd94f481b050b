//! A judge that disagrees with a tenant's people is told once.

use serde_json::json;

use super::*;
use crate::{
    fixture::{append, decided, decision, event, rating, request, score, tenant},
    store::settings::{self as documents, Document, Kind},
};
use floopy_shared::domain::event::{EventBody, RatingSubject};

async fn told(intake: &Intake) -> Vec<String> {
    sql::query_scalar("SELECT body FROM webhook_deliveries WHERE event = 'judge_disagrees'")
        .fetch_all(intake.store.read())
        .await
        .expect("read")
}

/// Replies that a judge and a person scored, each as this says.
async fn rate(intake: &Intake, ids: std::ops::Range<u64>, of: impl Fn(u64) -> (f64, i64)) {
    for n in ids {
        let (judged, rated) = of(n);
        let manual = EventBody::Rating(rating(RatingSubject::Request(request(n)), rated));
        let events = vec![decided(n, decision(n)), event(10_000 + n, manual)];
        append(intake, events).await;
        let reported = intake.report(vec![score(n, judged)], vec![]).await;
        reported.expect("works");
    }
}

#[tokio::test]
async fn a_judge_that_disagrees_is_told_once_also_after_a_restart_and_anew_after_it_agreed() {
    let intake = intake().await;
    let mut job = started(&intake, &[tenant().as_str()]).await;
    let hook = json!({
        "url": "https://receiver.example/", "events": ["judge_disagrees"], "description": null,
        "is_active": true, "salt": "x", "previous": null,
    });
    let document = Document {
        id: "hook".to_owned(),
        body: hook.to_string(),
        created_ms: 1,
        changed_ms: 1,
    };
    let mut tx = intake.store.write().await.expect("writes");
    let put = documents::put(&mut tx, (&tenant(), Kind::Webhook), &document).await;
    put.expect("put");
    tx.commit().await.expect("commits");
    let turned = |n: u64| ((n % 10) as f64 / 10.0 + 0.05, 10 - (n % 10) as i64);
    rate(&intake, 1..31, turned).await;
    job.attempt().await;
    let body = told(&intake).await;
    assert_eq!(body.len(), 1, "{body:?}");
    assert!(body[0].contains("\"status\":\"disagrees\""), "{body:?}");
    rate(&intake, 31..33, turned).await;
    job.attempt().await;
    let mut restarted = started(&intake, &[]).await;
    rate(&intake, 33..35, turned).await;
    restarted.attempt().await;
    assert_eq!(told(&intake).await.len(), 1);
    let right = |n: u64| ((n % 10) as f64 / 10.0 + 0.05, (n % 10) as i64);
    rate(&intake, 100..220, right).await;
    restarted.attempt().await;
    assert_eq!(restarted.disagreeing.len(), 0);
    rate(&intake, 300..900, turned).await;
    restarted.attempt().await;
    assert_eq!(told(&intake).await.len(), 2);
}
