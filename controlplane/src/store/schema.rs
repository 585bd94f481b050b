//! The tables, as numbered steps; each runs once, in a transaction, and is never edited after a release.

mod accounted;
mod batches;
mod cache;
mod contents;
mod credentials;
mod evaluations;
mod experiments;
mod fill;
mod firewall;
mod judge;
mod mcp;
mod measured;
mod operators;
mod outbox;
mod people;
mod pool;
mod postgres;
mod promotions;
mod queue;
mod settings;
mod spend;
mod tags;
#[cfg(test)]
mod tests;
mod usage;
mod webhooks;

use super::{
    Store, StoreError, Tx,
    sql::{self, Conn},
};

/// Step `i` brings the schema from version `i` to `i + 1`.
const STEPS: &[&[&str]] = &[&[
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT",
    "CREATE TABLE tenants (
        id TEXT PRIMARY KEY, zero_retention INTEGER NOT NULL, default_model TEXT, created_ms INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE api_keys (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants (id), sha256 BLOB NOT NULL UNIQUE,
        can_read INTEGER NOT NULL, can_write INTEGER NOT NULL, created_ms INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX api_keys_tenant ON api_keys (tenant)",
    "CREATE TABLE proxies (node TEXT PRIMARY KEY, providers TEXT NOT NULL, seen_ms INTEGER NOT NULL) STRICT",
    // `record` is the whole decision as it came; the columns before it are what is looked up or filtered by.
    "CREATE TABLE decisions (
        request_id BLOB PRIMARY KEY, tenant TEXT NOT NULL, event_id BLOB NOT NULL, stage INTEGER NOT NULL,
        created_ms INTEGER NOT NULL, session_id TEXT, completion_id TEXT, shadow INTEGER NOT NULL,
        strategy TEXT NOT NULL, served TEXT, model TEXT, confidence REAL, record BLOB NOT NULL, credit TEXT
    ) STRICT",
    "CREATE INDEX decisions_newest ON decisions (tenant, created_ms, request_id)",
    "CREATE INDEX decisions_session ON decisions (tenant, session_id, created_ms, request_id)
        WHERE session_id IS NOT NULL",
    "CREATE INDEX decisions_completion ON decisions (tenant, completion_id, created_ms, request_id)
        WHERE completion_id IS NOT NULL",
    "CREATE INDEX decisions_age ON decisions (created_ms)",
    // Of each subject the first rating and the last revision, which is all that can ever stand.
    "CREATE TABLE ratings (
        tenant TEXT NOT NULL, kind INTEGER NOT NULL, subject TEXT NOT NULL, revise INTEGER NOT NULL,
        event_id BLOB NOT NULL, score INTEGER NOT NULL, useful INTEGER NOT NULL, rated_ms INTEGER NOT NULL,
        PRIMARY KEY (tenant, kind, subject, revise)
    ) WITHOUT ROWID, STRICT",
    "CREATE INDEX ratings_age ON ratings (rated_ms)",
    "CREATE TABLE scores (
        request_id BLOB PRIMARY KEY, relevance REAL NOT NULL, coherence REAL NOT NULL, helpfulness REAL NOT NULL,
        safety REAL NOT NULL, composite REAL NOT NULL, judge TEXT NOT NULL, scored_ms INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX scores_age ON scores (scored_ms)",
    // Rated sessions (and rated calls without a session), with what they added to the buckets.
    "CREATE TABLE sessions (
        tenant TEXT NOT NULL, unit TEXT NOT NULL, score INTEGER NOT NULL, credit TEXT NOT NULL,
        touched_ms INTEGER NOT NULL, PRIMARY KEY (tenant, unit)
    ) WITHOUT ROWID, STRICT",
    "CREATE INDEX sessions_age ON sessions (touched_ms)",
    "CREATE TABLE buckets (
        tenant TEXT NOT NULL, shape TEXT NOT NULL, arm TEXT NOT NULL, source INTEGER NOT NULL,
        day INTEGER NOT NULL, n INTEGER NOT NULL, sum INTEGER NOT NULL, sumsq INTEGER NOT NULL,
        PRIMARY KEY (tenant, shape, arm, source, day)
    ) WITHOUT ROWID, STRICT",
    "CREATE TABLE scoring_jobs (
        request_id BLOB PRIMARY KEY, queued_ms INTEGER NOT NULL, lease_until_ms INTEGER NOT NULL,
        leases INTEGER NOT NULL, bytes INTEGER NOT NULL, job BLOB NOT NULL
    ) STRICT",
    "CREATE INDEX scoring_jobs_order ON scoring_jobs (queued_ms)",
    "CREATE TABLE incumbents (
        tenant TEXT NOT NULL, shape TEXT NOT NULL, candidate TEXT NOT NULL, PRIMARY KEY (tenant, shape)
    ) WITHOUT ROWID, STRICT",
],
    // A key that the configuration brought goes when it is replaced there.
    &["ALTER TABLE api_keys ADD COLUMN configured INTEGER NOT NULL DEFAULT 0"],
    // `turn` is what a session's credit needs of a decision; it is filled from the records that are there.
    &[
        "ALTER TABLE ratings ADD COLUMN retracted INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE decisions ADD COLUMN turn TEXT",
    ],
    // With these, sessions and aliases are found without a look at the decisions themselves.
    &[
        "DROP INDEX decisions_session",
        "CREATE INDEX decisions_session
            ON decisions (tenant, session_id, created_ms, request_id, shadow, completion_id, turn)
            WHERE session_id IS NOT NULL",
        "DROP INDEX decisions_completion",
        "CREATE INDEX decisions_completion ON decisions (tenant, completion_id, created_ms, request_id, shadow)
            WHERE completion_id IS NOT NULL",
        "CREATE INDEX buckets_empty ON buckets (tenant) WHERE n = 0 AND sum = 0 AND sumsq = 0",
    ],
    // What routing may do for a tenant, in its wire form, and what its shadow may cost a day.
    &[
        "ALTER TABLE tenants ADD COLUMN constraints BLOB",
        "ALTER TABLE tenants ADD COLUMN shadow_budget_micro_usd INTEGER",
    ],
    // Candidates that got worse, with what no longer counts of them.
    &["CREATE TABLE alarms (
        tenant TEXT NOT NULL, candidate TEXT NOT NULL, raised_ms INTEGER NOT NULL, outcomes INTEGER NOT NULL,
        forgotten TEXT NOT NULL, PRIMARY KEY (tenant, candidate)
    ) WITHOUT ROWID, STRICT"],
    // One row per shape and day instead of one per cell, and credit as bytes; both are filled from what is there.
    &[
        "CREATE TABLE day_sums (
            id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, shape TEXT NOT NULL, day INTEGER NOT NULL,
            cells BLOB NOT NULL, UNIQUE (tenant, shape, day)
        ) STRICT",
        "CREATE INDEX day_sums_age ON day_sums (day)",
        "ALTER TABLE decisions ADD COLUMN packed BLOB",
        "ALTER TABLE sessions ADD COLUMN packed BLOB NOT NULL DEFAULT x''",
    ],
    &[
        "DROP TABLE buckets",
        "ALTER TABLE decisions DROP COLUMN credit",
        "ALTER TABLE decisions RENAME COLUMN packed TO credit",
        "ALTER TABLE sessions DROP COLUMN credit",
        "ALTER TABLE sessions RENAME COLUMN packed TO credit",
    ],
    // What is forgotten of each day goes when the day's sums go.
    &["ALTER TABLE alarms ADD COLUMN days TEXT NOT NULL DEFAULT '[]'"],
    // A tenant's routing rules, in their wire form.
    &["ALTER TABLE tenants ADD COLUMN routing BLOB"],
    // What batches added to a tenant's sums, until it is brought into the rows of its shapes' days.
    &[
        "CREATE TABLE sum_changes (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, cells BLOB NOT NULL) STRICT",
        "CREATE INDEX sum_changes_tenant ON sum_changes (tenant)",
    ],
    // The candidates that a decision considered lie apart from what changes; those of decisions that are there
    // already stay in their records. Both need a row number that `VACUUM` keeps.
    &[
        "ALTER TABLE decisions RENAME TO unnumbered",
        "CREATE TABLE decisions (
            id INTEGER PRIMARY KEY, request_id BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL, event_id BLOB NOT NULL,
            stage INTEGER NOT NULL, created_ms INTEGER NOT NULL, session_id TEXT, completion_id TEXT,
            shadow INTEGER NOT NULL, strategy TEXT NOT NULL, served TEXT, model TEXT, confidence REAL, turn TEXT,
            credit BLOB, record BLOB NOT NULL
        ) STRICT",
        "INSERT INTO decisions SELECT rowid, request_id, tenant, event_id, stage, created_ms, session_id,
            completion_id, shadow, strategy, served, model, confidence, turn, credit, record
            FROM unnumbered ORDER BY rowid",
        "DROP TABLE unnumbered",
        "CREATE INDEX decisions_newest ON decisions (tenant, created_ms, request_id)",
        "CREATE INDEX decisions_session
            ON decisions (tenant, session_id, created_ms, request_id, shadow, completion_id, turn)
            WHERE session_id IS NOT NULL",
        "CREATE INDEX decisions_completion ON decisions (tenant, completion_id, created_ms, request_id, shadow)
            WHERE completion_id IS NOT NULL",
        "CREATE INDEX decisions_age ON decisions (created_ms)",
        "CREATE TABLE candidates (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
    ],
    // What the drift monitors know, filled from the sums that are there, and what they have yet to see: numbers
    // of batches are never given out twice.
    &[
        "CREATE TABLE drift_own (
            tenant TEXT NOT NULL, candidate TEXT NOT NULL, unproven INTEGER NOT NULL, scores BLOB NOT NULL,
            failures BLOB NOT NULL, PRIMARY KEY (tenant, candidate)
        ) WITHOUT ROWID, STRICT",
        "CREATE TABLE drift_everybody (
            candidate TEXT PRIMARY KEY, tenants TEXT NOT NULL, scores BLOB NOT NULL, failures BLOB NOT NULL
        ) WITHOUT ROWID, STRICT",
        "CREATE TABLE drift_usual (
            tenant TEXT NOT NULL, shape TEXT NOT NULL, candidate TEXT NOT NULL, held_n REAL NOT NULL,
            held_mean REAL NOT NULL, held_variance REAL NOT NULL, n INTEGER NOT NULL, sum INTEGER NOT NULL,
            sumsq INTEGER NOT NULL, PRIMARY KEY (tenant, shape, candidate)
        ) WITHOUT ROWID, STRICT",
        "CREATE TABLE drift_news (
            id INTEGER PRIMARY KEY AUTOINCREMENT, count INTEGER NOT NULL, outcomes TEXT NOT NULL
        ) STRICT",
    ],
    settings::SETTINGS,
    // Alarms for all tenants that may yet be taken back, and what was usual before them.
    &[
        "CREATE TABLE drift_rechecks (
            candidate TEXT PRIMARY KEY, tenants TEXT NOT NULL, capital BLOB NOT NULL
        ) WITHOUT ROWID, STRICT",
        "CREATE TABLE drift_before (
            tenant TEXT NOT NULL, shape TEXT NOT NULL, candidate TEXT NOT NULL, mean REAL NOT NULL,
            PRIMARY KEY (tenant, shape, candidate)
        ) WITHOUT ROWID, STRICT",
    ],
    usage::USAGE,
    experiments::EXPERIMENTS,
    webhooks::WEBHOOKS,
    contents::CONTENTS,
    measured::MEASURED,
    contents::JOBS_OF_SESSIONS,
    evaluations::EVALUATIONS,
    operators::OPERATORS,
    batches::BATCHES,
    credentials::CREDENTIALS,
    // Pages of a tenant's ratings, the newest first.
    &["CREATE INDEX ratings_newest ON ratings (tenant, rated_ms, event_id)"],
    cache::CACHE,
    outbox::OUTBOX,
    cache::SEMANTIC,
    spend::SPEND,
    queue::QUEUE,
    firewall::FIREWALL,
    tags::TAGS,
    promotions::PROMOTIONS,
    accounted::ACCOUNTED,
    people::PEOPLE,
    judge::JUDGE,
    pool::POOL,
    mcp::MCP,
    tags::TAGGED,
    firewall::WATCHED,
    // The project of calls that name none; none, before.
    &["ALTER TABLE api_keys ADD COLUMN default_project TEXT"],
    batches::NAMED_FILES,
    judge::RUBRICS,
    // What became of an agent that was left in the middle is known later.
    &[
        "CREATE TABLE open_loops (request_id BLOB PRIMARY KEY, noted_ms INTEGER NOT NULL) STRICT",
        "CREATE INDEX open_loops_age ON open_loops (noted_ms)",
    ],
];

/// The step after which the turns of decisions that are there already are filled in.
const TURNS_ADDED: usize = 2;
/// The step after which the sums and credit that are there already are packed.
const PACKED_ADDED: usize = 6;
/// The step after which the drift monitors are told what was usual so far.
const DRIFT_ADDED: usize = 12;
/// The step after which what calls used so far is added up.
const USAGE_ADDED: usize = 15;

/// The version that the steps lead to.
pub(super) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Runs the steps that are missing.
pub(super) async fn migrate(store: &Store) -> Result<(), StoreError> {
    run(store, STEPS).await
}

async fn run(store: &Store, steps: &[&[&str]]) -> Result<(), StoreError> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let (mut tx, found) = store.begin_schema().await?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    tx.prepare().await?;
    let done = usize::try_from(found).unwrap_or(0);
    for (step, statements) in steps.iter().enumerate().skip(done) {
        for statement in *statements {
            make(&mut tx, statement).await?;
        }
        fill(&mut tx, step).await?;
    }
    // With the columns that came later, which are written, too.
    if (done..steps.len()).contains(&USAGE_ADDED) && !matches!(*tx, Conn::Postgres(_)) {
        fill::usage(&mut tx).await?;
    }
    tx.set_version(known).await?;
    tx.commit().await?;
    Ok(())
}

async fn make(tx: &mut Tx, statement: &str) -> Result<(), StoreError> {
    let translated;
    let statement = match &**tx {
        Conn::Sqlite(_) => Some(statement),
        Conn::Postgres(_) => {
            translated = postgres::statement(statement);
            translated.as_deref()
        }
    };
    if let Some(statement) = statement {
        sql::query(statement).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Brings what is there already into the form of a step. No PostgreSQL database is older than these.
async fn fill(tx: &mut Tx, step: usize) -> Result<(), StoreError> {
    if matches!(**tx, Conn::Postgres(_)) {
        return Ok(());
    }
    match step {
        TURNS_ADDED => fill::turns(tx).await,
        PACKED_ADDED => fill::packed(tx).await,
        DRIFT_ADDED => fill::drift(tx).await,
        _ => Ok(()),
    }
}
