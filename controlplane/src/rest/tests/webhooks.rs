//! Webhooks over HTTP: what is told, what is refused, and that nobody reads a secret twice.

use super::*;
use crate::store::sql;
use crate::{
    store::{
        settings::{self, Document, Kind},
        webhooks::{self as deliveries, Attempted, Full, State as Sent},
    },
    webhooks::{Event, emit},
};

fn webhook() -> Value {
    json!({"url": "https://receiver.example/hook", "events": ["budget_exceeded", "security_alert"]})
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

impl Fixture {
    async fn subscribed(&self) -> (String, Value) {
        let (status, made) = self.call("POST /v1/webhooks", webhook()).await;
        assert_eq!(status, 201, "{made}");
        (text(&made, "id"), made)
    }

    async fn emit(&self, event: Event) -> usize {
        let mut tx = self.intake.store.write().await.expect("writes");
        let told = emit(&mut tx, &tenant(), event, &json!({"n": 1}), NOW).await;
        tx.commit().await.expect("commits");
        told.expect("emitted")
    }
}

#[tokio::test]
async fn a_secret_is_told_once_and_a_webhook_is_changed_in_part_or_as_a_whole() {
    let fixture = Fixture::new().await;
    let (id, made) = fixture.subscribed().await;
    assert!(text(&made, "secret").starts_with("whsec_"), "{made}");
    assert_eq!(made["events"], json!(["security_alert", "budget_exceeded"]));
    let path = format!("/v1/webhooks/{id}");
    let (_, told) = fixture.get(&path).await;
    assert!(told.get("secret").is_none(), "{told}");
    let (_, listed) = fixture.get("/v1/webhooks").await;
    assert_eq!(listed["items"], json!([told]));
    let (status, changed) = fixture
        .call(&format!("PATCH {path}"), json!({"active": false}))
        .await;
    assert_eq!((status.as_u16(), &changed["active"]), (200, &json!(false)));
    assert_eq!(changed["url"], told["url"]);
    let whole = json!({"url": "https://other.example/", "events": ["alert_triggered"]});
    let (_, changed) = fixture.call(&format!("PUT {path}"), whole).await;
    assert_eq!(
        (&changed["active"], &changed["events"]),
        (&json!(true), &json!(["alert_triggered"]))
    );
    let (_, rotated) = fixture
        .call(&format!("POST {path}/rotate_secret"), json!({}))
        .await;
    assert_ne!(rotated["secret"], made["secret"]);
    assert!(rotated["previous_secret_valid_until"].is_string());
    let (_, audit) = fixture.get("/v1/audit").await;
    let actions: Vec<_> = audit["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|c| text(c, "action"))
        .collect();
    assert_eq!(actions, ["update", "update", "update", "create"]);
    // What is stored of a secret is no secret.
    let all: Vec<String> = sql::query_scalar("SELECT body FROM settings")
        .fetch_all(fixture.intake.store.read())
        .await
        .expect("reads");
    assert!(!all.concat().contains("whsec_"));
}

#[tokio::test]
async fn wrong_webhooks_are_refused_by_field_and_value_and_foreign_ones_do_not_exist() {
    let fixture = Fixture::new().await;
    let with = |field: &str, value: Value| {
        let mut body = webhook();
        body[field] = value;
        body
    };
    for (body, field, mention) in [
        (
            with("url", json!("https://192.168.1.1/")),
            "url",
            "192.168.1.1",
        ),
        (with("url", json!("nowhere")), "url", "nowhere"),
        (with("events", json!([])), "events", "[]"),
        (with("events", json!(["sunrise"])), "events", "sunrise"),
        (with("active", json!("yes")), "active", "yes"),
        (with("colour", json!(1)), "colour", "colour"),
        (json!({"events": ["security_alert"]}), "url", "url"),
    ] {
        let (status, code, param, message) = fixture.refused("POST /v1/webhooks", body).await;
        assert_eq!(
            (status, code.as_str(), param.as_str()),
            (400, "invalid_body", field)
        );
        assert!(message.contains(mention), "{message}");
    }
    let (id, _) = fixture.subscribed().await;
    for path in ["", "/deliveries"] {
        let read = async |id: &str, key: &str| {
            let path = format!("/v1/webhooks/{id}{path}");
            let (status, _, body) = fixture.raw(&path, Some(key)).await;
            (status.as_u16(), body)
        };
        let foreign = read(&id, &fixture.stranger).await;
        assert_eq!(foreign.0, 404);
        assert_eq!(foreign, read("x", &fixture.key).await);
    }
    for _ in 1..20 {
        fixture.subscribed().await;
    }
    let (status, ..) = fixture.refused("POST /v1/webhooks", webhook()).await;
    assert_eq!(status, 400, "as many as there may be");
}

#[tokio::test]
async fn an_event_is_queued_for_those_who_want_it_and_seen_page_by_page() {
    let fixture = Fixture::new().await;
    let (id, _) = fixture.subscribed().await;
    let (asleep, _) = fixture.subscribed().await;
    let off = json!({"active": false});
    fixture
        .call(&format!("PATCH /v1/webhooks/{asleep}"), off)
        .await;
    assert_eq!(
        fixture.emit(Event::AlertTriggered).await,
        0,
        "nobody asked for it"
    );
    for _ in 0..3 {
        assert_eq!(fixture.emit(Event::BudgetExceeded).await, 1);
    }
    let path = format!("/v1/webhooks/{id}/deliveries");
    let (_, first) = fixture.get(&format!("{path}?limit=2")).await;
    let newest = &first["items"][0];
    assert_eq!(
        (&newest["status"], &newest["event"]),
        (&json!("pending"), &json!("budget_exceeded"))
    );
    let cursor = text(&first, "next_cursor");
    let (_, rest) = fixture
        .get(&format!("{path}?limit=2&cursor={cursor}"))
        .await;
    assert_eq!(
        (rest["items"].as_array().map(Vec::len), &rest["has_more"]),
        (Some(1), &json!(false))
    );
    let other = format!("/v1/webhooks/{asleep}/deliveries?cursor={cursor}");
    assert_eq!(
        fixture.get(&other).await.0,
        400,
        "a cursor is of its own list"
    );
    let again = format!("POST {path}/{}/redeliver", text(newest, "delivery_id"));
    assert_eq!(fixture.call(&again, json!({})).await.1["status"], "pending");
}

#[tokio::test]
async fn a_lease_keeps_a_delivery_from_being_sent_twice_and_ends_by_itself() {
    let fixture = Fixture::new().await;
    fixture.subscribed().await;
    fixture.emit(Event::SecurityAlert).await;
    let store = &fixture.intake.store;
    let mut tx = store.write().await.expect("writes");
    let due = deliveries::due(&mut tx, &Full::default(), 9, NOW)
        .await
        .expect("reads");
    assert_eq!(due.len(), 1);
    let webhooks = Full {
        webhooks: vec![&due[0].webhook],
        ..Full::default()
    };
    let tenants = Full {
        tenants: vec![due[0].tenant.as_str()],
        ..Full::default()
    };
    for full in [webhooks, tenants] {
        let found = deliveries::due(&mut tx, &full, 9, NOW).await;
        assert!(found.expect("reads").is_empty(), "{full:?}");
    }
    deliveries::lease(&mut tx, due[0].seq, NOW + 60_000)
        .await
        .expect("leased");
    assert!(
        deliveries::due(&mut tx, &Full::default(), 9, NOW)
            .await
            .expect("reads")
            .is_empty()
    );
    assert_eq!(
        deliveries::due(&mut tx, &Full::default(), 9, NOW + 60_000)
            .await
            .expect("reads"),
        due
    );
    let done = Attempted {
        state: Sent::Delivered,
        next_ms: NOW,
        status: Some(200),
        error: None,
    };
    deliveries::settle(&mut tx, due[0].seq, &done, NOW)
        .await
        .expect("settled");
    assert!(
        deliveries::due(&mut tx, &Full::default(), 9, NOW + 60_000)
            .await
            .expect("reads")
            .is_empty()
    );
    assert_eq!(deliveries::forget(&mut tx, NOW).await.expect("kept"), 0);
    assert_eq!(
        deliveries::forget(&mut tx, NOW + 1)
            .await
            .expect("forgotten"),
        1
    );
}

#[tokio::test]
async fn what_waits_for_one_webhook_is_bounded() {
    let fixture = Fixture::new().await;
    let (id, _) = fixture.subscribed().await;
    let mut tx = fixture.intake.store.write().await.expect("writes");
    for _ in 0..1_001 {
        emit(&mut tx, &tenant(), Event::SecurityAlert, &json!({}), NOW)
            .await
            .expect("emitted");
    }
    tx.commit().await.expect("commits");
    let (_, page) = fixture
        .get(&format!("/v1/webhooks/{id}/deliveries?limit=2"))
        .await;
    assert_eq!(page["items"][0]["status"], "failed", "{page}");
    assert!(
        text(&page["items"][0], "last_error").contains("1000 deliveries wait"),
        "{page}"
    );
    assert_eq!(page["items"][1]["status"], "pending");
    let path = format!("POST /v1/webhooks/{id}");
    let (status, answer) = fixture.call(&format!("{path}/test"), json!({})).await;
    assert_eq!(status, 429, "{answer}");
    let failed = text(&page["items"][0], "delivery_id");
    let again = format!("{path}/deliveries/{failed}/redeliver");
    assert_eq!(fixture.call(&again, json!({})).await.0, 429);
}

#[tokio::test]
async fn failures_of_one_webhook_are_bounded() {
    let fixture = Fixture::new().await;
    fixture.subscribed().await;
    let store = &fixture.intake.store;
    let mut tx = store.write().await.expect("writes");
    for _ in 0..2_010 {
        emit(&mut tx, &tenant(), Event::SecurityAlert, &json!({}), NOW)
            .await
            .expect("emitted");
    }
    tx.commit().await.expect("commits");
    let rows =
        sql::query("SELECT state, count(*) FROM webhook_deliveries GROUP BY state ORDER BY state")
            .fetch_all(store.read())
            .await
            .expect("read");
    let count = |row: &sql::Row| {
        (
            row.try_get(0).expect("a state"),
            row.try_get(1).expect("a number"),
        )
    };
    let counts: Vec<(i64, i64)> = rows.iter().map(count).collect();
    assert_eq!(counts, [(0, 1_000), (2, 1_000)]);
}

#[tokio::test]
async fn a_webhook_that_cannot_be_read_keeps_no_other_from_being_told() {
    let fixture = Fixture::new().await;
    fixture.subscribed().await;
    let unreadable = Document {
        id: "unreadable".to_owned(),
        body: "{}".to_owned(),
        created_ms: 1,
        changed_ms: 1,
    };
    let mut tx = fixture.intake.store.write().await.expect("writes");
    let put = settings::put(&mut tx, (&tenant(), Kind::Webhook), &unreadable).await;
    put.expect("put");
    tx.commit().await.expect("commits");
    assert_eq!(fixture.emit(Event::SecurityAlert).await, 1);
}

/// What there was to be sent is done: the delivery as it is listed.
async fn delivered(fixture: &Fixture, id: &str) -> Value {
    let mut tx = fixture.intake.store.write().await.expect("writes");
    let due = deliveries::due(&mut tx, &Full::default(), 9, NOW).await;
    let done = Attempted {
        state: Sent::Delivered,
        next_ms: NOW,
        status: Some(204),
        error: None,
    };
    for due in due.expect("reads") {
        let settled = deliveries::settle(&mut tx, due.seq, &done, NOW).await;
        settled.expect("settled");
    }
    tx.commit().await.expect("commits");
    let (_, page) = fixture.get(&format!("/v1/webhooks/{id}/deliveries")).await;
    page["items"][0].clone()
}

#[tokio::test]
async fn nothing_is_sent_by_hand_to_an_inactive_webhook_and_what_came_of_a_delivery_stays() {
    let fixture = Fixture::new().await;
    let (id, _) = fixture.subscribed().await;
    fixture.emit(Event::BudgetExceeded).await;
    let done = delivered(&fixture, &id).await;
    assert_eq!(done["last_status"], 204, "{done}");
    let path = format!("/v1/webhooks/{id}");
    let switch = async |active: bool| {
        let call = format!("PATCH {path}");
        fixture.call(&call, json!({"active": active})).await
    };
    switch(false).await;
    let again = format!(
        "POST {path}/deliveries/{}/redeliver",
        text(&done, "delivery_id")
    );
    for call in [again.clone(), format!("POST {path}/test")] {
        let (status, code, param, message) = fixture.refused(&call, json!({})).await;
        let found = (status, code.as_str(), param.as_str());
        assert_eq!(found, (400, "invalid_request", "active"), "{call}");
        assert!(message.contains("not active"), "{message}");
    }
    let (_, page) = fixture.get(&format!("{path}/deliveries")).await;
    assert_eq!(page["items"], json!([done]), "nothing was touched or added");
    let unknown = format!("POST {path}/deliveries/x/redeliver");
    assert_eq!(fixture.call(&unknown, json!({})).await.0, 404);
    switch(true).await;
    let (status, told) = fixture.call(&again, json!({})).await;
    assert_eq!((status.as_u16(), &told["status"]), (202, &json!("pending")));
}

#[tokio::test]
async fn what_is_given_up_counts_no_attempt_and_keeps_its_last_answer() {
    let fixture = Fixture::new().await;
    let (id, _) = fixture.subscribed().await;
    fixture.emit(Event::BudgetExceeded).await;
    let done = delivered(&fixture, &id).await;
    let again = format!(
        "POST /v1/webhooks/{id}/deliveries/{}/redeliver",
        text(&done, "delivery_id")
    );
    fixture.call(&again, json!({})).await;
    let mut tx = fixture.intake.store.write().await.expect("writes");
    let due = deliveries::due(&mut tx, &Full::default(), 9, NOW).await;
    let seq = due.expect("reads")[0].seq;
    let given_up = deliveries::give_up(&mut tx, seq, "switched off", NOW).await;
    given_up.expect("written");
    tx.commit().await.expect("commits");
    let (_, page) = fixture.get(&format!("/v1/webhooks/{id}/deliveries")).await;
    let told = &page["items"][0];
    let found = (&told["status"], &told["attempts"], &told["last_status"]);
    assert_eq!(found, (&json!("failed"), &json!(0), &json!(204)), "{told}");
    assert_eq!(told["last_error"], "switched off");
}
