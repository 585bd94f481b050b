//! Attacks are told once in an hour for each key.

use floopy_shared::domain::{
    firewall::{
        Skip,
        output::{Leaked, Watched},
    },
    sensitive,
};
use serde_json::json;

use super::*;
use crate::{
    fixture::{NOW, append, decided, decision, intake, tenant},
    ingest::Intake,
    store::{
        settings::{self as documents, Document, Kind},
        sql,
    },
};

async fn subscribed() -> Intake {
    let intake = intake().await;
    let hook = json!({
        "url": "https://receiver.example/", "events": ["security_alert"], "description": null, "is_active": true,
        "salt": "x", "previous": null,
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
    intake
}

async fn told(intake: &Intake) -> Vec<Value> {
    let all: Vec<String> =
        sql::query_scalar("SELECT body FROM webhook_deliveries WHERE event = ? ORDER BY id")
            .bind("security_alert")
            .fetch_all(intake.store.read())
            .await
            .expect("read");
    let read = |text: &String| serde_json::from_str::<Value>(text).expect("JSON");
    all.iter().map(|text| read(text)["data"].clone()).collect()
}

fn screened(number: u64, key: &str, verdict: Verdict) -> Decision {
    let finding = Finding {
        score: 981,
        threshold: 500,
        place: None,
        partial: false,
    };
    Decision {
        key_id: key.to_owned(),
        firewall: Some(Box::new(Screening::Scored { verdict, finding })),
        ..decision(number)
    }
}

#[tokio::test]
async fn replies_that_give_something_away_are_told_apart_from_attacks() {
    let intake = subscribed().await;
    let gave = |number, verdict, leaked: Option<Leaked>| {
        let spot = leaked.map(|leaked| Spot {
            leaked,
            choice: 0,
            start: 12,
        });
        let watched = Watched {
            verdict,
            spot,
            partial: false,
        };
        let decision = Decision {
            watched: Some(Box::new(watched)),
            ..screened(number, "k", Verdict::Passed)
        };
        decided(number, decision)
    };
    let card = Some(Leaked::Sensitive(sensitive::Kind::Card));
    append(&intake, vec![gave(1, Verdict::Passed, None)]).await;
    assert_eq!(told(&intake).await.len(), 0);
    append(
        &intake,
        vec![decided(2, screened(2, "k", Verdict::Blocked))],
    )
    .await;
    let blocked = [3, 4].map(|number| gave(number, Verdict::Blocked, card));
    append(&intake, blocked.into()).await;
    let prompt = Some(Leaked::SystemPrompt);
    append(&intake, vec![gave(5, Verdict::Flagged, prompt)]).await;
    let all = told(&intake).await;
    let threats = all.iter().map(|data| &data["threat_type"]);
    let expected = [
        "prompt_injection",
        "personal_data_leak",
        "system_prompt_leak",
    ];
    assert!(threats.eq(expected.iter()), "{all:?}");
    let details = &all[1]["details"];
    assert_eq!(
        (&details["found"], &details["start"]),
        (&json!("card"), &json!(12))
    );
    assert_eq!(all[2]["severity"], "warning");
}

#[tokio::test]
async fn attacks_are_told_once_an_hour_for_each_key_and_apart_if_they_were_let_through() {
    let intake = subscribed().await;
    let skipped = Decision {
        firewall: Some(Box::new(Screening::Skipped {
            why: Skip::Late,
            refused: true,
        })),
        ..decision(9)
    };
    let harmless = vec![
        decided(1, screened(1, "k", Verdict::Passed)),
        decided(9, skipped),
    ];
    append(&intake, harmless).await;
    assert_eq!(told(&intake).await.len(), 0);
    let attacks = vec![
        decided(2, screened(2, "k", Verdict::Blocked)),
        decided(3, screened(3, "k", Verdict::Blocked)),
    ];
    append(&intake, attacks).await;
    append(
        &intake,
        vec![decided(4, screened(4, "k", Verdict::Blocked))],
    )
    .await;
    let first = told(&intake).await;
    assert_eq!(first.len(), 1, "{first:?}");
    let told_of = &first[0];
    assert_eq!(told_of["threat_type"], "prompt_injection");
    assert_eq!(told_of["affected_key_id"], "k");
    assert_eq!(told_of["details"]["blocked"], true);
    assert_eq!(told_of["details"]["score"], 0.981);
    append(
        &intake,
        vec![decided(5, screened(5, "other", Verdict::Blocked))],
    )
    .await;
    append(
        &intake,
        vec![decided(6, screened(6, "k", Verdict::Flagged))],
    )
    .await;
    let earlier = Decision {
        created_at_ms: NOW - 2 * HOUR_MS,
        ..screened(7, "k", Verdict::Blocked)
    };
    append(&intake, vec![decided(7, earlier)]).await;
    let all = told(&intake).await;
    let severities: Vec<&str> = all
        .iter()
        .filter_map(|data| data["severity"].as_str())
        .collect();
    assert_eq!(severities, ["info", "info", "warning", "info"]);
}
