//! The log's tables, as numbered steps; each may run twice, because ClickHouse has no transactions around them, and is
//! never edited after a release.

use clickhouse::{Row, error::Error};
use serde::Deserialize;
use uuid::Uuid;

use super::{ClickHouse, LogError, WRITE};
use crate::decision_log::Glance;

/// Step `i` brings the schema from version `i` to `i + 1`.
///
/// Rows are kept in the order that pages are read in. Granules are small because a record has kilobytes. A decision that
/// comes again has the same tenant, time and id, so of its rows one is left, in the same partition.
const STEPS: &[&[&str]] = &[
    &["CREATE TABLE IF NOT EXISTS decisions (
        tenant LowCardinality(String),
        created_ms UInt64 CODEC(Delta, LZ4),
        request_id FixedString(16),
        number UInt64,
        version UInt64,
        expires_at DateTime,
        finished Bool,
        shadow Bool,
        session_id String,
        strategy LowCardinality(String),
        served LowCardinality(String),
        model LowCardinality(String),
        confidence Nullable(Float64),
        rule LowCardinality(String),
        project LowCardinality(String),
        environment LowCardinality(String),
        status UInt16,
        latency_ms UInt64,
        spent_micro_usd UInt64,
        input_tokens UInt64,
        output_tokens UInt64,
        record String CODEC(ZSTD(1)),
        INDEX by_request request_id TYPE bloom_filter GRANULARITY 1,
        INDEX by_session session_id TYPE bloom_filter GRANULARITY 1,
        INDEX by_number number TYPE minmax GRANULARITY 1
    ) ENGINE = ReplacingMergeTree(version)
    PARTITION BY toYYYYMM(toDateTime(intDiv(created_ms, 1000), 'UTC'))
    ORDER BY (tenant, created_ms, request_id)
    TTL expires_at
    SETTINGS index_granularity = 1024"],
    // What callers say calls belong to, as lines of text.
    &["ALTER TABLE decisions ADD COLUMN IF NOT EXISTS tags String AFTER environment"],
    // What became of calls, the kind of task, and what the default model would have cost or why that does not count.
    &[
        "ALTER TABLE decisions ADD COLUMN IF NOT EXISTS came LowCardinality(String) AFTER tags",
        "ALTER TABLE decisions ADD COLUMN IF NOT EXISTS task LowCardinality(String) AFTER came",
        "ALTER TABLE decisions ADD COLUMN IF NOT EXISTS excluded LowCardinality(String) AFTER task",
        "ALTER TABLE decisions ADD COLUMN IF NOT EXISTS baseline_micro_usd UInt64 AFTER excluded",
    ],
];

/// Which steps were done, and the name that the log was given by the first.
const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS floopy_log (version UInt32, log String)
    ENGINE = MergeTree ORDER BY version";

/// The version that the steps lead to.
pub(super) fn known() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

#[derive(Row, Deserialize)]
struct Found {
    version: u32,
    log: String,
}

impl ClickHouse {
    /// Brings the schema forward; the log's name, which another log does not have.
    pub(crate) async fn migrate(&self) -> Result<String, LogError> {
        let found = self.within(WRITE, self.found()).await?;
        let known = known();
        if found.version > known {
            return Err(LogError::Newer {
                place: self.place.to_string(),
                found: found.version,
                known,
            });
        }
        let log = match found.log {
            log if log.is_empty() => Uuid::new_v4().to_string(),
            log => log,
        };
        for version in found.version..known {
            self.within(WRITE, self.step(version, &log)).await?;
        }
        Ok(log)
    }

    /// Looks and changes nothing: a log that was never written to has no table yet.
    pub(crate) async fn glance(&self) -> Result<Glance, LogError> {
        let asked = async {
            let is_there = "SELECT toUInt32(count()) FROM system.tables
                WHERE database = currentDatabase() AND name = 'floopy_log'";
            let is_there: u32 = self.client.query(is_there).fetch_one().await?;
            let found = "SELECT max(version) FROM floopy_log";
            let found = match is_there {
                0 => 0,
                _ => self.client.query(found).fetch_one().await?,
            };
            let now = "SELECT toUInt64(toUnixTimestamp64Milli(now64(3)))";
            let now_ms = self.client.query(now).fetch_one().await?;
            Ok(Glance {
                found,
                known: known(),
                now_ms,
            })
        };
        self.ask(asked).await
    }

    async fn found(&self) -> Result<Found, Error> {
        self.client.query(VERSIONS).execute().await?;
        let found = "SELECT max(version) AS version, max(log) AS log FROM floopy_log";
        self.client.query(found).fetch_one().await
    }

    async fn step(&self, version: u32, log: &str) -> Result<(), Error> {
        let statements = usize::try_from(version).ok().and_then(|at| STEPS.get(at));
        for statement in statements.into_iter().flat_map(|step| step.iter()) {
            self.client.query(statement).execute().await?;
        }
        let done = format!("INSERT INTO floopy_log VALUES ({}, '{log}')", version + 1);
        self.client.query(&done).execute().await
    }
}
