//! Warnings and stops are told once, whatever is looked at again.

use floopy_shared::domain::{
    budget::{BudgetBy, Charge, Charged, Grain, Limit, Stopped},
    decision::Decision,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    fixture::{NOW, append, decided, decision, intake, tenant},
    ingest::Intake,
    store::{
        settings::{self as documents, Document, Kind},
        sql,
    },
};

async fn put(intake: &Intake, kind: Kind, id: &str, body: Value) {
    let document = Document {
        id: id.to_owned(),
        body: body.to_string(),
        created_ms: 1,
        changed_ms: 1,
    };
    let mut tx = intake.store.write().await.expect("writes");
    let put = documents::put(&mut tx, (&tenant(), kind), &document).await;
    put.expect("put");
    tx.commit().await.expect("commits");
}

async fn told(intake: &Intake, event: &str) -> Vec<Value> {
    let all: Vec<String> =
        sql::query_scalar("SELECT body FROM webhook_deliveries WHERE event = ? ORDER BY id")
            .bind(event)
            .fetch_all(intake.store.read())
            .await
            .expect("read");
    let read = |text: &String| serde_json::from_str::<Value>(text).expect("JSON");
    all.iter().map(|text| read(text)["data"].clone()).collect()
}

async fn subscribed() -> Intake {
    let intake = intake().await;
    let hook = json!({
        "url": "https://receiver.example/", "events": ["budget_exceeded", "budget_warning"], "description": null,
        "is_active": true, "salt": "x", "previous": null,
    });
    put(&intake, Kind::Webhook, "hook", hook).await;
    intake
}

fn account() -> Account {
    Account {
        by: BudgetBy::Key,
        grain: Grain::Month,
        subject: "key_1".to_owned(),
    }
}

fn booked(number: u64) -> Decision {
    let charge = Charge {
        account: account(),
        bucket: Grain::Month.bucket(NOW),
    };
    let charged = Charged {
        proxy: Uuid::from_u128(1),
        charges: vec![charge],
    };
    Decision {
        charged: Some(charged),
        ..decision(number)
    }
}

#[tokio::test]
async fn each_share_is_warned_of_once_in_a_window_also_after_a_restart() {
    let intake = subscribed().await;
    let budgets = json!([
        {"name": "keys", "by": "key", "max_calls": 4, "warn_at": [0.5, 0.75]},
        {"name": "others", "by": "key", "only": "key_2", "max_calls": 1, "warn_at": [0.5]},
        {"name": "quiet", "by": "key", "max_calls": 1, "warn_at": []},
    ]);
    put(&intake, Kind::Constraints, "budgets", budgets).await;
    let mut job = Warnings::new(intake.store.clone(), intake.clock.clone());
    let mut shares = Vec::new();
    for number in 1..=4 {
        append(&intake, vec![decided(number, booked(number))]).await;
        for _ in 0..2 {
            job.look().await.expect("looks");
        }
        job = Warnings::new(intake.store.clone(), intake.clock.clone());
        job.look().await.expect("looks");
        shares.push(told(&intake, "budget_warning").await.len());
    }
    assert_eq!(shares, [0, 1, 2, 2]);
    let warned = told(&intake, "budget_warning").await;
    assert_eq!(warned[0]["budget"], "keys");
    assert_eq!(warned[0]["subject"], "key_1");
    assert_eq!(
        (&warned[0]["threshold"], &warned[0]["used"]),
        (&json!(0.5), &json!(2))
    );
    assert!(warned[0]["resets_at"].is_string(), "{warned:?}");
}

#[tokio::test]
async fn a_budget_that_ends_calls_is_told_once_in_a_window() {
    let intake = subscribed().await;
    let stopped = |number: u64, window: u64, needs: u64| Decision {
        stopped: Some(Box::new(Stopped {
            name: "keys".to_owned(),
            account: account(),
            limit: Limit::Usd,
            max: 2_000_000,
            used: 1_900_000,
            held: 0,
            needs,
            opens_ms: Some(NOW),
            window,
        })),
        ..decision(number)
    };
    let events = vec![
        decided(1, stopped(1, 7, 200_000)),
        decided(2, stopped(2, 7, 200_000)),
        decided(3, stopped(3, 8, 3_000_000)),
    ];
    append(&intake, events).await;
    let exceeded = told(&intake, "budget_exceeded").await;
    assert_eq!(
        exceeded.len(),
        1,
        "what no budget has is not its end: {exceeded:?}"
    );
    let message = exceeded[0]["message"].as_str().expect("a text");
    assert!(message.contains("1.9 USD of 2 USD"), "{message}");
    append(&intake, vec![decided(4, stopped(4, 8, 200_000))]).await;
    assert_eq!(told(&intake, "budget_exceeded").await.len(), 2);
}
