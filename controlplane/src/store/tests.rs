//! What opening, writing and giving up leave behind.

mod postgres;

use std::{os::unix::fs::PermissionsExt, path::Path};

use super::{sqlite::FILE, *};

/// How SQLite would go about a query; PostgreSQL's way depends on how many rows there are.
pub(super) async fn plan(query: &str) -> String {
    let store = sqlite::open_memory().await.expect("opens");
    schema::migrate(&store).await.expect("migrates");
    let explained = format!("EXPLAIN QUERY PLAN {query}");
    // Unbound parameters are null, which changes no plan.
    let rows = sql::query(&explained).fetch_all(store.read()).await;
    let rows = rows.expect("explained");
    let line = |row: &sql::Row| row.try_get::<String>(3).expect("a line");
    rows.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn rows_are_cut_into_a_few_lengths_and_none_is_lost() {
    let rows: Vec<u32> = (0..5_063).collect();
    let pieces: Vec<&[u32]> = statements(&rows).collect();
    assert_eq!(pieces.concat(), rows);
    assert!(pieces.iter().all(|piece| ROWS.contains(&piece.len())));
    assert!(pieces.len() < 32, "{}", pieces.len());
    assert_eq!(statements::<u32>(&[]).count(), 0);
}

#[tokio::test]
async fn directory_and_file_are_private_and_survive_reopening() {
    let root = tempfile::tempdir().expect("temporary directory");
    let location = Location::Directory(root.path().join("a/b"));
    for expected in [1, 2] {
        let store = Store::open(&location).await.expect("opens");
        let mut tx = store.write().await.expect("writes");
        let reserved = meta::reserve_versions(&mut tx, expected, 0)
            .await
            .expect("reserves");
        tx.commit().await.expect("commits");
        assert_eq!(reserved, expected);
        store.close().await;
    }
    let mode = |path: &Path| {
        std::fs::metadata(path)
            .expect("exists")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&root.path().join("a/b")), 0o700);
    assert_eq!(mode(&root.path().join("a/b").join(FILE)), 0o600);
}

async fn begin_and_give_up(store: &Store, polls: usize) {
    let mut begun = std::pin::pin!(store.write());
    for _ in 0..polls {
        if futures::poll!(&mut begun).is_ready() {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_write_given_up_while_it_began_leaves_the_store_usable() {
    let root = tempfile::tempdir().expect("temporary directory");
    let location = Location::Directory(root.path().to_owned());
    let store = Store::open(&location).await.expect("opens");
    for polls in (0..100).cycle().take(4_000) {
        begin_and_give_up(&store, polls).await;
        let tx = store.write().await.expect("the writer is free again");
        tx.commit().await.expect("commits");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    let root = tempfile::tempdir().expect("temporary directory");
    let location = Location::Directory(root.path().to_owned());
    let store = Store::open(&location).await.expect("opens");
    let mut tx = store.write().await.expect("writes");
    sql::query("PRAGMA user_version = 9999")
        .execute(&mut *tx)
        .await
        .expect("set");
    tx.commit().await.expect("commits");
    store.close().await;
    let error = Store::open(&location).await.expect_err("newer").to_string();
    assert!(error.contains("9999"), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let root = tempfile::tempdir().expect("temporary directory");
    let file = root.path().join("file");
    std::fs::write(&file, "x").expect("written");
    let error = Store::open(&Location::Directory(file.join("sub")))
        .await
        .expect_err("no directory");
    assert!(error.to_string().contains("file/sub"), "{error}");
}
