//! Runs in a store: what is asked again after a crash, what ends with a run, and what is forgotten.

use floopy_shared::domain::ids::RequestId;

use super::{
    items::{Answer, Decided},
    *,
};
use crate::{
    fixture::{NOW, tenant},
    store::{
        Location,
        datasets::{self, Dataset, NewRow},
    },
};

async fn store(rows: usize) -> (Store, Run) {
    let store = Store::open(&Location::Memory).await.expect("opens");
    let mut tx = store.write().await.expect("writes");
    let dataset = Dataset {
        id: Uuid::from_u128(1),
        name: "d".into(),
        description: None,
        row_count: 0,
        bytes: 0,
        created_ms: NOW,
        changed_ms: NOW,
    };
    datasets::put(&mut tx, &tenant(), &dataset)
        .await
        .expect("put");
    let row = |n| NewRow {
        id: format!("r{n}"),
        body: format!(r#"{{"input":"{n}"}}"#),
    };
    let rows: Vec<NewRow> = (0..rows).map(row).collect();
    datasets::add(&mut tx, dataset.id, &rows, NOW)
        .await
        .expect("added");
    let run = Run {
        id: Uuid::from_u128(2),
        tenant: tenant(),
        dataset: dataset.id,
        model: "auto".into(),
        prompt: None,
        config: None,
        status: Status::Pending,
        failure: None,
        created_ms: NOW,
        started_ms: None,
        finished_ms: None,
    };
    create(&mut tx, &run).await.expect("created");
    tx.commit().await.expect("commits");
    (store, run)
}

fn answered() -> Answer {
    Answer {
        request: Some(RequestId(Uuid::from_u128(7))),
        output: "o".into(),
        about: "{}".into(),
        error: None,
        unscored: None,
        latency_ms: 3,
    }
}

/// Takes one item; its input.
async fn take(store: &Store, run: Uuid) -> Option<items::Item> {
    let mut tx = store.write().await.expect("writes");
    let item = items::take(&mut tx, run, NOW).await.expect("taken");
    tx.commit().await.expect("commits");
    item
}

async fn answer(store: &Store, item: &items::Item) {
    let mut tx = store.write().await.expect("writes");
    let done = items::answer(&mut tx, item, &answered(), NOW).await;
    done.expect("answered");
    tx.commit().await.expect("commits");
}

async fn inputs(store: &Store, run: Uuid) -> Vec<String> {
    let mut conn = store.read().acquire().await.expect("a connection");
    let page = results::page(&mut conn, run, 0, 100).await.expect("reads");
    page.into_iter().map(|result| result.input_id).collect()
}

#[tokio::test]
async fn what_was_under_way_is_asked_again_after_a_crash_and_what_was_answered_is_not() {
    let (store, run) = store(3).await;
    let first = take(&store, run.id).await.expect("an item");
    let second = take(&store, run.id).await.expect("another");
    assert_eq!(first.row.as_deref(), Some(r#"{"input":"0"}"#));
    answer(&store, &second).await;
    let mut tx = store.write().await.expect("writes");
    assert_eq!(items::restart(&mut tx).await.expect("restarts"), 1);
    tx.commit().await.expect("commits");
    let again = take(&store, run.id).await.expect("again");
    assert_eq!((again.seq, again.attempts), (first.seq, 2));
    answer(&store, &again).await;
    assert_eq!(inputs(&store, run.id).await, ["r1", "r0"]);
}

#[tokio::test]
async fn an_answer_that_comes_after_its_run_ended_is_none() {
    let (store, run) = store(2).await;
    let late = take(&store, run.id).await.expect("an item");
    let mut tx = store.write().await.expect("writes");
    let ended = finish(&mut tx, run.id, End::Cancelled, NOW).await;
    assert!(ended.expect("ended"));
    let again = finish(&mut tx, run.id, End::Completed, NOW).await;
    assert!(!again.expect("was over"));
    tx.commit().await.expect("commits");
    answer(&store, &late).await;
    assert!(inputs(&store, run.id).await.is_empty());
    assert!(take(&store, run.id).await.is_none());
}

#[tokio::test]
async fn what_is_spent_is_known_once_the_record_of_the_call_is_there() {
    let (store, run) = store(2).await;
    let item = take(&store, run.id).await.expect("an item");
    answer(&store, &item).await;
    let before = items::spent(&store, run.id).await.expect("reads");
    assert_eq!((before.unknown, before.dearest), (1, 0));
    let mut tx = store.write().await.expect("writes");
    let decided = Decided {
        served: Some("p/a".into()),
        cost_micro_usd: Some(40),
        latency_ms: 9,
    };
    items::decide(&mut tx, item.seq, &decided)
        .await
        .expect("kept");
    tx.commit().await.expect("commits");
    let after = items::spent(&store, run.id).await.expect("reads");
    assert_eq!((after.unknown, after.micro_usd, after.dearest), (0, 40, 40));
}

#[tokio::test]
async fn runs_that_are_not_over_are_kept_however_old_and_others_go_with_their_results() {
    let (store, run) = store(2).await;
    let long_after = to_i64(NOW + 1_000_000);
    let mut tx = store.write().await.expect("writes");
    assert_eq!(forget(&mut tx, long_after).await.expect("looks"), 0);
    let ended = finish(&mut tx, run.id, End::Completed, NOW).await;
    assert!(ended.expect("ended"));
    assert_eq!(forget(&mut tx, to_i64(NOW)).await.expect("looks"), 0);
    let gone = forget(&mut tx, long_after).await.expect("forgets");
    assert_eq!(gone, 3, "two results and their run");
    assert!(
        get(&mut tx, &tenant(), run.id)
            .await
            .expect("reads")
            .is_none()
    );
}
