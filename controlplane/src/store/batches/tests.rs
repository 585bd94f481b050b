//! Whose files and batches are whose, and what is given to whom.

use floopy_shared::domain::batch::{BatchFile, Place};

use super::{
    files::{Listing, NotKept},
    *,
};
use crate::store::sql;
use crate::{
    fixture::NOW,
    store::{Location, Store},
};

const ALL: Listing<'_> = Listing {
    purpose: None,
    after: None,
    limit: 10,
    oldest_first: false,
};

const ONE: Lessee<'_> = Lessee {
    node: "proxy",
    instance: "1",
    resumes: true,
    lease_ms: 1_000,
};

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

fn file(id: &str, of: &str, place: Place) -> BatchFile {
    BatchFile {
        id: id.to_owned(),
        tenant: tenant(of),
        provider: "anthropic".to_owned(),
        purpose: "batch".to_owned(),
        filename: "in.jsonl".to_owned(),
        bytes: 3,
        created_at_ms: NOW,
        models: vec!["claude-haiku-4-5".to_owned()],
        place,
        question: String::new(),
        digest: String::new(),
    }
}

fn batch(id: &str, of: &str) -> Batch {
    Batch {
        id: id.to_owned(),
        tenant: tenant(of),
        key_id: "key_1".to_owned(),
        project: None,
        environment: None,
        provider: "anthropic".to_owned(),
        provider_id: None,
        input_file: "file-1".to_owned(),
        models: vec!["alpha".to_owned()],
        object: "{}".to_owned(),
        created_at_ms: NOW,
        is_open: true,
        version: 0,
        question: id.to_owned(),
        digest: String::new(),
    }
}

async fn store() -> Store {
    Store::open(&Location::Memory).await.expect("opens")
}

#[tokio::test]
async fn a_file_is_its_tenants_alone() {
    let store = store().await;
    let mut tx = store.write().await.expect("writes");
    let own = file("file-1", "acme", Place::Provider("x".to_owned()));
    assert!(files::put(&mut tx, &own, true, NOW).await.expect("put"));
    let others = file("file-1", "globex", Place::Kept);
    assert!(!files::put(&mut tx, &others, true, NOW).await.expect("put"));
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let found = files::get(&mut tx, (&acme, "file-1")).await.expect("reads");
    assert_eq!(found, Some(own.clone()));
    let foreign = (&globex, "file-1");
    assert_eq!(files::get(&mut tx, foreign).await.expect("reads"), None);
    assert!(!files::delete(&mut tx, foreign).await.expect("deletes"));
    let page = files::list(&mut tx, &globex, &ALL).await.expect("reads");
    assert_eq!(page.expect("no place to begin at").rows, []);
    let after = Listing {
        after: Some("file-1"),
        ..ALL
    };
    let page = files::list(&mut tx, &globex, &after).await.expect("reads");
    assert_eq!(page, None, "it has no such file to begin at");
    let page = files::list(&mut tx, &acme, &ALL).await.expect("reads");
    assert_eq!(page.expect("its own").rows, [own]);
}

#[tokio::test]
async fn pieces_are_kept_once_read_when_complete_and_bounded_per_tenant() {
    let store = store().await;
    let mut tx = store.write().await.expect("writes");
    let own = file("file-1", "acme", Place::Kept);
    files::put(&mut tx, &own, false, NOW).await.expect("put");
    let acme = tenant("acme");
    let name = (&acme, "file-1");
    for _ in 0..2 {
        let kept = files::keep(&mut tx, name, (0, b"abc"), 6).await;
        assert_eq!(kept.expect("writes"), Ok(()));
    }
    let kept = files::keep(&mut tx, name, (1, b"defg"), 6).await;
    assert_eq!(kept.expect("reads"), Err(NotKept::Full(3)));
    assert_eq!(files::get(&mut tx, name).await.expect("reads"), None);
    assert_eq!(files::piece(&mut tx, name, 0).await.expect("reads"), None);
    files::put(&mut tx, &own, true, NOW).await.expect("put");
    let piece = files::piece(&mut tx, name, 0).await.expect("reads");
    assert_eq!(piece.as_deref(), Some(&b"abc"[..]));
    let late = files::keep(&mut tx, name, (1, b"d"), 6).await;
    assert_eq!(late.expect("reads"), Err(NotKept::Unknown));
    assert!(files::delete(&mut tx, name).await.expect("deletes"));
    let left: i64 = sql::query_scalar("SELECT count(*) FROM batch_pieces")
        .fetch_one(&mut *tx)
        .await
        .expect("counts");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_upload_that_was_never_completed_is_forgotten() {
    let store = store().await;
    let mut tx = store.write().await.expect("writes");
    let old = file("file-1", "acme", Place::Kept);
    files::put(&mut tx, &old, false, NOW).await.expect("put");
    let acme = tenant("acme");
    let kept = files::keep(&mut tx, (&acme, "file-1"), (0, b"abc"), 6).await;
    assert_eq!(kept.expect("writes"), Ok(()));
    let new = file("file-2", "acme", Place::Kept);
    let later = NOW + 2 * 86_400_000;
    files::put(&mut tx, &new, false, later).await.expect("put");
    let left: i64 = sql::query_scalar("SELECT count(*) FROM batch_pieces")
        .fetch_one(&mut *tx)
        .await
        .expect("counts");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_same_question_makes_one_batch_for_a_while() {
    let store = store().await;
    let mut tx = store.write().await.expect("writes");
    let first = batch("batch_1", "acme");
    let again = Batch {
        id: "batch_2".to_owned(),
        ..first.clone()
    };
    let (added, is_new) = add(&mut tx, &first, NOW - 10).await.expect("added");
    assert_eq!((added.id.as_str(), is_new), ("batch_1", true));
    let (known, is_new) = add(&mut tx, &again, NOW - 10).await.expect("known");
    assert_eq!((known.id.as_str(), is_new), ("batch_1", false));
    let (other, is_new) = add(&mut tx, &again, NOW + 1).await.expect("added");
    assert_eq!((other.id.as_str(), is_new), ("batch_2", true));
    let globex = Batch {
        id: "batch_3".to_owned(),
        ..batch("batch_1", "globex")
    };
    assert!(add(&mut tx, &globex, 0).await.expect("added").1);
    let foreign = get(&mut tx, (&tenant("globex"), "batch_1")).await;
    assert_eq!(foreign.expect("reads"), None);
}

#[tokio::test]
async fn a_batch_is_leased_to_one_until_the_lease_ends_and_replaced_by_who_read_it_last() {
    let store = store().await;
    let mut tx = store.write().await.expect("writes");
    let (added, _) = add(&mut tx, &batch("batch_1", "acme"), 0)
        .await
        .expect("added");
    let leased = lease(&mut tx, 9, (ONE, NOW)).await.expect("leases");
    assert_eq!(leased, std::slice::from_ref(&added));
    let none: [Batch; 0] = [];
    let again = lease(&mut tx, 9, (ONE, NOW + 999)).await;
    assert_eq!(again.expect("leases"), none);
    let ended = lease(&mut tx, 9, (ONE, NOW + 1_000)).await;
    assert_eq!(ended.expect("leases").len(), 1);
    assert!(update(&mut tx, &added, NOW + 5_000).await.expect("writes"));
    let stale = update(&mut tx, &added, NOW).await;
    assert!(!stale.expect("writes"), "it was replaced meanwhile");
    let early = lease(&mut tx, 9, (ONE, NOW + 4_999)).await;
    assert_eq!(early.expect("leases"), none);
    let due = lease(&mut tx, 9, (ONE, NOW + 5_000)).await;
    let due = due.expect("leases").remove(0);
    let closed = Batch {
        is_open: false,
        ..due
    };
    assert!(update(&mut tx, &closed, NOW).await.expect("writes"));
    let done = lease(&mut tx, 9, (ONE, NOW + 99_000)).await;
    assert_eq!(done.expect("leases"), none);
}

#[tokio::test]
async fn what_a_proxy_leased_before_it_died_is_given_to_it_again_and_to_nobody_else() {
    let store = store().await;
    let mut tx = store.write().await.expect("writes");
    let added = add(&mut tx, &batch("batch_1", "acme"), 0).await;
    assert!(added.expect("added").1);
    let mut leased = async |lessee| {
        let leased = lease(&mut tx, 9, (lessee, NOW)).await;
        leased.expect("leases").len()
    };
    let other = Lessee {
        node: "other",
        ..ONE
    };
    let after = Lessee {
        instance: "2",
        ..ONE
    };
    assert_eq!(leased(ONE).await, 1);
    assert_eq!(leased(ONE).await, 0, "it is at it");
    assert_eq!(leased(other).await, 0);
    let namesake = Lessee {
        resumes: false,
        ..after
    };
    assert_eq!(leased(namesake).await, 0, "another one is at it");
    assert_eq!(leased(after).await, 1);
    assert_eq!(leased(after).await, 0);
}
