//! Conversations told again over HTTP, and forgotten.

use floopy_shared::domain::{
    event::{Content, Event},
    ids::SessionId,
};
use sha2::{Digest, Sha256};

use super::*;
use crate::store::sql;
use crate::{
    ingest::Verdict,
    store::{
        contents,
        retention::{self, Horizon},
    },
};

/// What call `n` of a session said, a second after the one before it.
fn said(n: u64, session: &str, messages: Value, reply: Option<&str>) -> Event {
    let content = Content {
        request_id: request(n),
        tenant: tenant(),
        session_id: SessionId::new(session).expect("valid"),
        created_at_ms: NOW + n * 1_000,
        candidate: key("a"),
        messages: messages.to_string(),
        reply: reply.map(str::to_owned),
        truncated: false,
    };
    event(n, EventBody::Content(content))
}

fn message(role: &str, content: &str) -> Value {
    json!({"role": role, "content": content})
}

/// Three turns of a conversation whose replies come back as clients send them.
fn conversation(session: &str) -> Vec<Event> {
    let (system, user) = (message("system", "be brief"), message("user", "hi"));
    let hello =
        json!({"role": "assistant", "content": "hello", "refusal": null, "annotations": []});
    let call = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function",
        "function": {"name": "f", "arguments": "{}"}}]});
    let result = json!({"role": "tool", "tool_call_id": "c", "content": "42"});
    let first = json!([system, user]);
    let second = json!([system, user, hello, message("user", "what is it?")]);
    let third = json!([
        system,
        user,
        hello,
        message("user", "what is it?"),
        call,
        result
    ]);
    vec![
        said(1, session, first, Some("hello")),
        said(2, session, second, None),
        said(3, session, third, Some("It is 42.")),
    ]
}

fn told() -> Value {
    json!([
        message("system", "be brief"),
        message("user", "hi"),
        message("assistant", "hello"),
        message("user", "what is it?"),
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function",
            "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "42"},
        message("assistant", "It is 42."),
    ])
}

async fn rows(fixture: &Fixture, table: &str) -> i64 {
    let query = format!("SELECT COUNT(*) FROM {table}");
    let count = sql::query_scalar(&query).fetch_one(fixture.intake.store.read());
    count.await.expect("counts")
}

#[tokio::test]
async fn a_session_is_told_once_from_beginning_to_end_whatever_the_order_of_arrival() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let fixture = Fixture::with_models().await;
        let events = conversation("s/1");
        for at in order {
            append(&fixture.intake, vec![events[at].clone()]).await;
        }
        let again = append(&fixture.intake, events).await;
        assert_eq!(again, vec![Verdict::Known { duplicate: false }; 3]);
        let (status, session) = fixture.get("/v1/session/%20s%2F1").await;
        assert_eq!(status, 200, "{session}");
        assert_eq!(
            (&session["session_id"], &session["messages"]),
            (&json!("s/1"), &told())
        );
        assert_eq!(
            (&session["turn_count"], &session["truncated"]),
            (&json!(3), &json!(false))
        );
        let turn = &session["turns"][0];
        assert_eq!(turn["request_id"], request(1).to_string());
        assert_eq!(
            (&turn["provider"], &turn["model"]),
            (&json!("p"), &json!("a"))
        );
        assert_eq!(
            rows(&fixture, "content_messages").await,
            7,
            "each message once"
        );
    }
}

#[tokio::test]
async fn a_session_of_another_tenant_does_not_exist() {
    let fixture = Fixture::with_models().await;
    append(&fixture.intake, conversation("s")).await;
    for method in ["GET", "DELETE"] {
        let ask = async |id: &str| {
            let call = format!("{method} /v1/session/{id}");
            fixture.send(&fixture.stranger, &call, json!({})).await
        };
        let (foreign, unknown) = (ask("s").await, ask("nobody").await);
        assert_eq!(foreign.0, 404);
        assert_eq!(foreign, unknown);
        for empty in ["", "%20%09"] {
            let (status, body) = ask(empty).await;
            assert_eq!(
                (status.as_u16(), &body["error"]["param"]),
                (400, &json!("session_id"))
            );
        }
    }
    assert_eq!(fixture.get("/v1/session/s").await.0, 200);
}

#[tokio::test]
async fn what_is_deleted_stays_deleted_and_later_calls_begin_anew() {
    let fixture = Fixture::with_models().await;
    append(&fixture.intake, conversation("s")).await;
    append(
        &fixture.intake,
        conversation("other").into_iter().map(renumbered).collect(),
    )
    .await;
    let (status, gone) = fixture.call("DELETE /v1/session/s", json!({})).await;
    assert_eq!(
        (status.as_u16(), &gone["turn_count"]),
        (200, &json!(3)),
        "{gone}"
    );
    let (status, _) = fixture.call("DELETE /v1/session/s", json!({})).await;
    assert_eq!(status, 404);
    // Said before it was deleted, and late to come.
    let late = said(9, "s", json!([message("user", "late")]), None);
    let EventBody::Content(mut late_content) = late.body.clone() else {
        panic!("content");
    };
    late_content.created_at_ms = NOW;
    let late = event(9, EventBody::Content(late_content));
    append(&fixture.intake, vec![late]).await;
    assert_eq!(fixture.get("/v1/session/s").await.0, 404);
    append(
        &fixture.intake,
        vec![said(10, "s", json!([message("user", "new")]), Some("yes"))],
    )
    .await;
    let (_, session) = fixture.get("/v1/session/s").await;
    assert_eq!(
        session["messages"],
        json!([message("user", "new"), message("assistant", "yes")])
    );
    assert_eq!(fixture.get("/v1/session/other").await.1["messages"], told());
    let (_, audit) = fixture.get("/v1/audit").await;
    assert_eq!(audit["items"][0]["resource"], "session/s");
    assert_eq!(audit["items"][0]["action"], "delete");
}

/// A reply to judge, of a call of a session at that time.
fn to_judge(n: u64, session: Option<&str>, asked_at_ms: u64) -> Event {
    let mut event = job(100 + n, n);
    if let EventBody::ScoringJob(job) = &mut event.body {
        job.session_id = session.map(|id| SessionId::new(id).expect("valid"));
        job.asked_at_ms = asked_at_ms;
    }
    event
}

#[tokio::test]
async fn what_is_to_be_judged_goes_with_its_session_whenever_it_comes() {
    let fixture = Fixture::with_models().await;
    let queued = async || rows(&fixture, "scoring_jobs").await;
    append(&fixture.intake, conversation("s")).await;
    // The second is of a shadow, which no decision names a session for.
    let jobs = vec![
        to_judge(1, Some("s"), NOW),
        to_judge(50, Some("s"), NOW),
        to_judge(2, Some("t"), NOW),
    ];
    append(&fixture.intake, jobs).await;
    assert_eq!(queued().await, 3);
    let (status, _) = fixture.call("DELETE /v1/session/s", json!({})).await;
    assert_eq!((status.as_u16(), queued().await), (200, 1));
    let late = append(&fixture.intake, vec![to_judge(3, Some("s"), NOW)]).await;
    assert_eq!(late, vec![Verdict::Known { duplicate: false }]);
    let new = vec![to_judge(4, Some("s"), NOW + 1), to_judge(5, None, 0)];
    let new = append(&fixture.intake, new).await;
    assert_eq!(new, vec![Verdict::Accepted { duplicate: false }; 2]);
}

#[tokio::test]
async fn what_comes_after_its_session_was_deleted_is_not_kept_though_nothing_was_there() {
    let fixture = Fixture::with_models().await;
    let (status, _) = fixture.call("DELETE /v1/session/s", json!({})).await;
    assert_eq!(status, 404);
    let mut late = said(1, "s", json!([message("user", "late")]), None);
    if let EventBody::Content(content) = &mut late.body {
        content.created_at_ms = NOW;
    }
    let late = vec![late, to_judge(2, Some("s"), NOW)];
    let late = append(&fixture.intake, late).await;
    assert_eq!(late, vec![Verdict::Known { duplicate: false }; 2]);
    assert_eq!(fixture.get("/v1/session/s").await.0, 404);
    let new = said(3, "s", json!([message("user", "new")]), None);
    append(&fixture.intake, vec![new]).await;
    assert_eq!(fixture.get("/v1/session/s").await.0, 200);
}

/// The same as another call.
fn renumbered(mut said: Event) -> Event {
    if let EventBody::Content(content) = &mut said.body {
        content.request_id.0 = Uuid::from_u128(content.request_id.0.as_u128() + 1_000);
    }
    said
}

#[tokio::test]
async fn content_goes_with_its_session_and_with_the_will_to_keep_it() {
    let fixture = Fixture::with_models().await;
    append(&fixture.intake, conversation("s")).await;
    let forget = async |before_ms: u64| {
        let mut tx = fixture.intake.store.write().await.expect("writes");
        let horizon = Horizon {
            decisions_before_ms: before_ms,
            buckets_before_day: 0,
            answers_before_ms: 0,
            sooner: Vec::new(),
        };
        retention::forget(&mut tx, &horizon).await.expect("forgets");
        tx.commit().await.expect("commits");
    };
    forget(NOW + 3_000).await;
    assert_eq!(
        fixture.get("/v1/session/s").await.0,
        200,
        "its last call is not too old"
    );
    forget(NOW + 3_001).await;
    assert_eq!(fixture.get("/v1/session/s").await.0, 404);
    for table in ["content_sessions", "content_messages", "content_turns"] {
        assert_eq!(rows(&fixture, table).await, 0, "{table}");
    }
    append(&fixture.intake, conversation("t")).await;
    let mut tx = fixture.intake.store.write().await.expect("writes");
    sql::query("UPDATE tenants SET zero_retention = 1")
        .execute(&mut *tx)
        .await
        .expect("written");
    tx.commit().await.expect("commits");
    assert_eq!(fixture.get("/v1/session/t").await.0, 404);
    let verdicts = append(&fixture.intake, conversation("u")).await;
    assert!(matches!(&verdicts[0], Verdict::Rejected(why) if why.contains("keeps no content")));
    forget(0).await;
    assert_eq!(rows(&fixture, "content_messages").await, 0);
}

#[tokio::test]
async fn a_session_without_end_keeps_its_newest_part() {
    let fixture = Fixture::with_models().await;
    // What cannot be made shorter.
    let noise = |n: u64| {
        let hashes = (0..6_000).map(|m| hex::encode(Sha256::digest(format!("{n}/{m}"))));
        hashes.collect::<String>()
    };
    for n in 1..=50 {
        let messages = json!([message("user", &noise(n))]);
        append(&fixture.intake, vec![said(n, "s", messages, None)]).await;
    }
    let stored = "SELECT SUM(LENGTH(body)) FROM content_messages";
    let stored: i64 = sql::query_scalar(stored)
        .fetch_one(fixture.intake.store.read())
        .await
        .expect("sums");
    assert!((1..=8 << 20).contains(&stored), "{stored}");
    let (_, session) = fixture.get("/v1/session/s").await;
    let turns = session["turn_count"].as_u64().expect("a number");
    assert!((1..50).contains(&turns), "{turns}");
    let last = session["messages"].as_array().and_then(|all| all.last());
    assert_eq!(last, Some(&message("user", &noise(50))));
}

#[tokio::test]
async fn of_calls_with_more_messages_than_anybody_waits_for_the_newest_are_told() {
    let fixture = Fixture::with_models().await;
    let many = vec![message("user", "again"); 9_000];
    for n in 1..=14 {
        let event = said(n, "s", json!(many), Some(&format!("reply {n}")));
        append(&fixture.intake, vec![event]).await;
    }
    let mut conn = fixture.intake.store.read().acquire().await.expect("reads");
    let session = contents::get(&mut conn, &tenant(), "s").await;
    let session = session.expect("reads").expect("is there");
    // There may be one connection only.
    drop(conn);
    let newest: Vec<_> = session.turns.iter().map(|turn| turn.request).collect();
    let expected: Vec<_> = (3..=14).map(request).collect();
    assert_eq!((newest, session.is_cut), (expected, true));
    let (_, told) = fixture.get("/v1/session/s").await;
    assert_eq!(
        (&told["turn_count"], &told["truncated"]),
        (&json!(12), &json!(true))
    );
    let last = told["messages"].as_array().and_then(|all| all.last());
    assert_eq!(last, Some(&message("assistant", "reply 14")));
}

#[tokio::test]
async fn what_is_no_conversation_is_refused_alone() {
    let fixture = Fixture::with_models().await;
    let events = vec![
        said(1, "s", json!("hi"), None),
        said(2, "s", json!([message("user", "hi")]), None),
    ];
    let verdicts = append(&fixture.intake, events).await;
    assert!(matches!(&verdicts[0], Verdict::Rejected(why) if why.contains("no array of objects")));
    assert_eq!(verdicts[1], Verdict::Accepted { duplicate: false });
    let mut conn = fixture.intake.store.read().acquire().await.expect("reads");
    let session = contents::get(&mut conn, &tenant(), "s")
        .await
        .expect("reads");
    assert_eq!(session.map(|session| session.turns.len()), Some(1));
}
