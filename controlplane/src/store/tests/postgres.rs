//! Everything again over PostgreSQL.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use sqlx::{Executor, PgPool, Row as _};

use crate::{
    fixture::intake,
    store::{TEST_SERVER, schema, sql, sqlite},
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
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait().expect("waits") {
                let log = std::fs::read_to_string(self.dir.path().join("log"));
                panic!("{status}: {}", log.unwrap_or_default());
            }
            if PgPool::connect(&self.url()).await.is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
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

/// Runs over PostgreSQL where a server is named, else says nothing: [`everything_holds_over_postgresql_too`] names one.
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
