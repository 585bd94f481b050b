//! Everything again over PostgreSQL.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use sqlx::{Executor, PgPool, Row as _};

use crate::{
    fixture::intake,
    store::{Location, Store, StoreError, TEST_SERVER, Writer, meta, schema, sql, sqlite},
};

/// A server that ends with the test.
struct Server {
    child: Child,
    dir: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/postgres.sh");
        let mut command = Command::new(script);
        command.arg(dir.path()).stdout(Stdio::null());
        command.stderr(std::fs::File::create(dir.path().join("log")).expect("a file"));
        let child = command.spawn().expect("tests/postgres.sh runs");
        Self { child, dir }
    }

    fn url(&self) -> String {
        let host = self.dir.path().display();
        format!("postgres://postgres@localhost/postgres?host={host}")
    }

    async fn ready(&mut self) {
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..600 {
            tick.tick().await;
            if let Some(status) = self.child.try_wait().expect("waits") {
                let log = std::fs::read_to_string(self.dir.path().join("log"));
                panic!("{status}: {}", log.unwrap_or_default());
            }
            if PgPool::connect(&self.url()).await.is_ok() {
                return;
            }
        }
        panic!("the server does not come up");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What does not touch a store, or is about SQLite alone; everything else runs.
const NOT_AGAIN: [&str; 6] = [
    "everything_holds_over_postgresql_too",
    "learn::",
    "store::packed",
    "store::contents::packed",
    "store::schema::tests::",
    "a_write_given_up_while_it_began_leaves_the_store_usable",
];

/// This very binary is run once more, with a server that is gone afterwards.
#[tokio::test]
async fn everything_holds_over_postgresql_too() {
    let mut server = Server::start();
    server.ready().await;
    let mut again = Command::new(std::env::current_exe().expect("a path"));
    again
        .env(TEST_SERVER, server.url())
        .args(["--test-threads", "2"]);
    for name in NOT_AGAIN {
        again.args(["--skip", name]);
    }
    let ran = again.output().expect("runs");
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let passed = told.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed > 200, "only {passed} tests ran: {told}");
}

async fn columns(pool: &PgPool) -> BTreeSet<(String, String)> {
    let text = "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns AS c
        WHERE c.table_schema = current_schema() AND c.table_name NOT IN ('floopy_store', 'as_made')";
    let rows = pool.fetch_all(text).await.expect("reads");
    let pair = |row: &sqlx::postgres::PgRow| (row.get(0), row.get(1));
    rows.iter().map(pair).collect()
}

// What follows is about PostgreSQL alone: where no server is named it says nothing, and the test above names one.

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let intake = intake().await;
    let sql::Pool::Postgres(pool) = intake.store.read() else {
        return;
    };
    let embedded = sqlite::open_memory().await.expect("opens");
    schema::migrate(&embedded).await.expect("migrates");
    let rows = sql::query(
        "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
            WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    );
    let rows = rows.fetch_all(embedded.read()).await.expect("reads");
    let name = |row: &sql::Row, at| row.try_get(at).expect("a name");
    let here: BTreeSet<(String, String)> = rows
        .iter()
        .map(|row| (name(row, 0), name(row, 1)))
        .collect();
    let mut there = columns(pool).await;
    // The number that every row has in SQLite.
    there.retain(|(_, column)| column != "rowid");
    assert_eq!(there, here);
}

/// A store on the server, if one is named.
async fn there() -> Option<(Store, PgPool)> {
    let store = Store::open(&Location::Memory).await.expect("opens");
    let pool = match store.read() {
        sql::Pool::Sqlite(_) => return None,
        sql::Pool::Postgres(pool) => pool.clone(),
    };
    Some((store, pool))
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let Some((store, pool)) = there().await else {
        return;
    };
    let newer = "UPDATE floopy_store SET version = 9999";
    pool.execute(newer).await.expect("set");
    let error = schema::migrate(&store).await.expect_err("newer");
    let known = schema::known();
    assert!(
        matches!(error, StoreError::Newer { found: 9999, known: told } if told == known),
        "{error}"
    );
    let back = format!("UPDATE floopy_store SET version = {known} WHERE version = 9999");
    let done = pool.execute(back.as_str()).await.expect("set");
    assert_eq!(done.rows_affected(), 1);
}

#[tokio::test]
async fn who_was_replaced_writes_nothing_more_and_is_told() {
    let Some((store, pool)) = there().await else {
        return;
    };
    let mut tx = store.write().await.expect("writes");
    meta::reserve_versions(&mut tx, 1, 0)
        .await
        .expect("reserves");
    tx.commit().await.expect("commits");
    let another = "UPDATE floopy_store SET epoch = epoch + 1";
    pool.execute(another).await.expect("taken over");
    let error = store.write().await.expect_err("refused").to_string();
    assert!(
        error.contains("another control plane has taken over"),
        "{error}"
    );
    store.replaced().await;
}

#[tokio::test]
async fn what_a_broken_connection_left_open_is_taken_back_and_writing_goes_on() {
    let Some((store, pool)) = there().await else {
        return;
    };
    let mut tx = store.write().await.expect("writes");
    meta::reserve_versions(&mut tx, 7, 0)
        .await
        .expect("reserves");
    let pid: i64 = sql::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut *tx)
        .await
        .expect("a number");
    let kill = format!("SELECT pg_terminate_backend({pid})");
    pool.execute(kill.as_str()).await.expect("ended");
    tx.commit().await.expect_err("it was not committed");
    assert_eq!(meta::reserved_versions(&store).await.expect("reads"), None);
    let mut tx = store.write().await.expect("a new connection");
    meta::reserve_versions(&mut tx, 8, 0)
        .await
        .expect("reserves");
    tx.commit().await.expect("commits");
    assert_eq!(
        meta::reserved_versions(&store).await.expect("reads"),
        Some(8)
    );
}

#[tokio::test]
async fn whether_a_write_was_committed_can_be_asked_afterwards() {
    let Some((store, _)) = there().await else {
        return;
    };
    let Writer::Postgres(writer) = &store.writer else {
        panic!("it writes to PostgreSQL");
    };
    store
        .write()
        .await
        .expect("writes")
        .commit()
        .await
        .expect("commits");
    let committed = store.write_number();
    assert!(writer.was_committed(committed).await);
    store
        .write()
        .await
        .expect("writes")
        .rollback()
        .await
        .expect("taken back");
    assert!(!writer.was_committed(committed + 1).await);
    assert!(writer.was_committed(committed).await);
}

#[tokio::test]
async fn a_write_given_up_while_it_began_leaves_no_transaction_open() {
    let Some((store, _)) = there().await else {
        return;
    };
    for polls in (0..40).cycle().take(200) {
        super::begin_and_give_up(&store, polls).await;
        let tx = store.write().await.expect("the writer is free again");
        tx.commit().await.expect("commits");
    }
}
