//! What a run brought: its results in the order in which they came, and what they come to.

use uuid::Uuid;

use super::super::{StoreError, request_id, to_i64, to_u64};
use crate::store::sql::{self, Conn, Row};

/// A result as it is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    /// Its place among the results of its run.
    pub(crate) place: u64,
    pub(crate) id: String,
    pub(crate) input_id: String,
    pub(crate) output: String,
    pub(crate) about: String,
    pub(crate) error: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) served: Option<String>,
    pub(crate) cost_micro_usd: Option<u64>,
    pub(crate) latency_ms: u64,
    pub(crate) score: Option<f64>,
    pub(crate) dimensions: Option<[f64; 4]>,
    pub(crate) judge: Option<String>,
    pub(crate) unscored: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) is_final: bool,
    pub(crate) answered_ms: u64,
}

/// How many items of a run are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) total: u64,
    pub(crate) waiting: u64,
    pub(crate) under_way: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) scored: u64,
    pub(crate) skipped: u64,
}

/// What the results of a run come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) counts: Counts,
    /// The means of the composite, relevance, coherence, helpfulness and safety.
    pub(crate) means: [Option<f64>; 5],
    pub(crate) cost_micro_usd: u64,
    /// Answers whose cost is not known.
    pub(crate) unpriced: u64,
    /// Of answers, in order.
    pub(crate) latencies_ms: Vec<u64>,
}

/// Up to `limit` results after `after`.
pub(crate) async fn page(
    conn: &mut Conn,
    run: Uuid,
    after: u64,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    let rows = sql::query(
        "SELECT result, id, input_id, output, about, error, request_id, served, cost_micro_usd, latency_ms, score,
            relevance, coherence, helpfulness, safety, judge, unscored, attempts, state = 3, answered_ms
         FROM evaluation_items WHERE run = ? AND result > ? ORDER BY result LIMIT ?",
    )
    .bind(run.to_string())
    .bind(to_i64(after))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter().map(stored).collect()
}

fn stored(row: &Row) -> Result<Stored, StoreError> {
    let request: Option<&[u8]> = row.try_get(6)?;
    let cost: Option<i64> = row.try_get(8)?;
    let score: Option<f64> = row.try_get(10)?;
    let dimensions = match score {
        Some(_) => Some([
            row.try_get(11)?,
            row.try_get(12)?,
            row.try_get(13)?,
            row.try_get(14)?,
        ]),
        None => None,
    };
    Ok(Stored {
        place: to_u64(row.try_get(0)?),
        id: row.try_get(1)?,
        input_id: row.try_get(2)?,
        output: row.try_get(3)?,
        about: row.try_get(4)?,
        error: row.try_get(5)?,
        request_id: request
            .map(request_id)
            .transpose()?
            .map(|id| id.to_string()),
        served: row.try_get(7)?,
        cost_micro_usd: cost.map(to_u64),
        latency_ms: to_u64(row.try_get(9)?),
        score,
        dimensions,
        judge: row.try_get(15)?,
        unscored: row.try_get(16)?,
        attempts: row.try_get(17)?,
        is_final: row.try_get(18)?,
        answered_ms: to_u64(row.try_get(19)?),
    })
}

/// What a run's results come to.
pub(crate) async fn summary(conn: &mut Conn, run: Uuid) -> Result<Summary, StoreError> {
    let row = sql::query(
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE state = 0), COUNT(*) FILTER (WHERE state = 1),
            COUNT(*) FILTER (WHERE state IN (2, 3) AND error IS NULL),
            COUNT(*) FILTER (WHERE state IN (2, 3) AND error IS NOT NULL),
            COUNT(score), COUNT(*) FILTER (WHERE state = 4), AVG(score), AVG(relevance),
            AVG(coherence), AVG(helpfulness), AVG(safety), CAST(COALESCE(SUM(cost_micro_usd), 0) AS INTEGER),
            COUNT(*) FILTER (WHERE decided = 1 AND error IS NULL AND cost_micro_usd IS NULL)
         FROM evaluation_items WHERE run = ?",
    )
    .bind(run.to_string())
    .fetch_one(&mut *conn)
    .await?;
    let count = |at| -> Result<u64, StoreError> { Ok(to_u64(row.try_get(at)?)) };
    let counts = Counts {
        total: count(0)?,
        waiting: count(1)?,
        under_way: count(2)?,
        answered: count(3)?,
        failed: count(4)?,
        scored: count(5)?,
        skipped: count(6)?,
    };
    let mut means = [None; 5];
    for (at, mean) in means.iter_mut().enumerate() {
        *mean = row.try_get(7 + at)?;
    }
    let latencies: Vec<i64> = sql::query_scalar(
        "SELECT latency_ms FROM evaluation_items WHERE run = ? AND state IN (2, 3) AND error IS NULL
         ORDER BY latency_ms",
    )
    .bind(run.to_string())
    .fetch_all(conn)
    .await?;
    Ok(Summary {
        counts,
        means,
        cost_micro_usd: count(12)?,
        unpriced: count(13)?,
        latencies_ms: latencies.into_iter().map(to_u64).collect(),
    })
}
