//! Stores of older versions are brought forward.

use std::sync::Arc;

use floopy_shared::domain::shape::ShapeKey;

use super::*;
use crate::{
    fixture::*,
    ingest::Intake,
    learn::{
        alarm::PROOF,
        credit::{Cell, Credit, Source},
        sums::Sums,
    },
    store::{
        self, buckets,
        calls::{self, StoredCall},
        record,
    },
};

/// A store as version 2 left it: two calls of a session, credited for its rating of 8.
async fn version_2() -> Store {
    let store = store::sqlite::open_memory().await.expect("opens");
    run(&store, &STEPS[..2]).await.expect("made");
    let mut tx = store.write().await.expect("writes");
    for (n, model) in [(1, "a"), (2, "b")] {
        let decision = turn(n, "s", model);
        sql::query(
            "INSERT INTO decisions (request_id, tenant, event_id, stage, created_ms, session_id, completion_id,
                shadow, strategy, record) VALUES (?, 'acme', ?, 1, ?, 's', ?, 0, 'feedback_driven', ?)",
        )
        .bind(decision.request_id.0.as_bytes().to_vec())
        .bind(uuid(n).as_bytes().to_vec())
        .bind(store::to_i64(decision.created_at_ms))
        .bind(decision.completion_id.clone())
        .bind(record::encode_decision(&decision))
        .execute(&mut *tx)
        .await
        .expect("written");
    }
    let day = NOW / 86_400_000;
    let entry = |arm: &str| format!(r#"["all","p/{arm}",1,{day},[250000,200000,160000]]"#);
    let credit = format!("[{},{}]", entry("a"), entry("b"));
    for statement in [
        "INSERT INTO ratings VALUES ('acme', 1, 's', 0, x'07070707070747078000000000000009', 8, 1, 1)".to_owned(),
        format!("INSERT INTO sessions VALUES ('acme', 's:s', 8, '{credit}', 1)"),
        format!("INSERT INTO buckets VALUES ('acme', 'all', 'p/a', 1, {day}, 250000, 200000, 160000)"),
        format!("INSERT INTO buckets VALUES ('acme', 'all', 'p/b', 1, {day}, 250000, 200000, 160000)"),
    ] {
        sql::query(&statement).execute(&mut *tx).await.expect("written");
    }
    tx.commit().await.expect("commits");
    store
}

#[tokio::test]
async fn a_store_of_version_2_is_brought_forward_and_its_ratings_can_be_revised() {
    let store = version_2().await;
    migrate(&store).await.expect("migrates");
    let intake = Intake {
        store,
        totals: Arc::default(),
        ..intake().await
    };
    let revision = adjusted(rated(5, "chatcmpl-2", 10), |rating| rating.revise = true);
    append(&intake, vec![revision]).await;
    let sums = buckets::daily(&intake.store, &tenant())
        .await
        .expect("reads");
    let root = sums
        .iter()
        .filter(|(cell, _)| cell.shape == "all" && cell.source == Source::Session);
    let root: Vec<Sums> = root.map(|(_, sums)| *sums).collect();
    assert_eq!(root, [Sums::of(500_000, 1_000_000); 2]);
    migrate(&intake.store).await.expect("nothing is left to do");
}

#[tokio::test]
async fn decisions_of_an_older_version_are_read_whole_and_can_be_replaced() {
    let store = version_2().await;
    migrate(&store).await.expect("migrates");
    let read = async |n| {
        let mut tx = store.write().await.expect("locks");
        let call = calls::get(&mut tx, (&tenant(), request(n)))
            .await
            .expect("reads");
        call.expect("is there")
    };
    let old = read(1).await;
    assert_eq!(old.decision, turn(1, "s", "a"));
    assert!(!old.decision.candidates.is_empty());
    let new = StoredCall {
        decision: turn(1, "s", "b"),
        ..old
    };
    let mut tx = store.write().await.expect("writes");
    let put = calls::put_many(&mut tx, &[&new]).await;
    put.expect("put");
    tx.commit().await.expect("commits");
    let replaced = read(1).await;
    assert_eq!((replaced.id, replaced.decision), (new.id, new.decision));
    assert_eq!(read(2).await.decision, turn(2, "s", "b"));
}

#[tokio::test]
async fn what_was_usual_before_the_monitors_were_kept_is_what_they_start_from() {
    let store = store::sqlite::open_memory().await.expect("opens");
    run(&store, &STEPS[..DRIFT_ADDED]).await.expect("made");
    let scored = |day, quality| {
        let cell = Cell {
            shape: "all".into(),
            arm: "p/a".into(),
            source: Source::Auto,
            day,
        };
        (cell, Sums::of(30_000_000, quality))
    };
    let credit: Credit = [scored(1, 900_000), scored(2, 500_000)].into();
    let mut deltas = [(tenant(), credit)].into_iter().collect();
    let mut tx = store.write().await.expect("writes");
    buckets::apply(&mut tx, &mut deltas).await.expect("applied");
    sql::query("INSERT INTO alarms VALUES ('acme', 'p/b', 1, 0, '[]', '[]')")
        .execute(&mut *tx)
        .await
        .expect("written");
    tx.commit().await.expect("commits");
    migrate(&store).await.expect("migrates");
    let state = store::drift::load(&store).await.expect("reads");
    let (spot, usual) = &state.usual.kept[0];
    assert_eq!(spot, &(tenant(), ShapeKey::root(), key("a")));
    assert_eq!((usual.held.n, usual.seen.n), (60.0, 60_000_000));
    assert!((usual.held.mean - 0.7).abs() < 1e-9, "{usual:?}");
    let (alarmed, own) = &state.own.kept[0];
    assert_eq!((&alarmed.1, own.unproven), (&key("b"), PROOF));
}
