//! Jobs that were given up: what is known of them, and what an operator does with them.

use floopy_shared::domain::ids::{RequestId, TenantId};

use super::Bounds;
use crate::store::{
    Store, StoreError, Tx, request_id,
    sql::{self, QueryBuilder, Row},
    to_i64, to_u64,
};

/// Characters of an error that are kept.
const MAX_ERROR: usize = 500;

/// What a judge could not do, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) request: RequestId,
    pub(crate) reason: String,
}

impl Failure {
    /// The reason, as far as it is kept.
    pub(crate) fn told(&self) -> String {
        self.reason.chars().take(MAX_ERROR).collect()
    }
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) request: RequestId,
    pub(crate) tenant: String,
    pub(crate) queued_ms: u64,
    pub(crate) dead_ms: u64,
    /// Times that it was handed out.
    pub(crate) deliveries: u64,
    pub(crate) error: String,
    pub(crate) bytes: u64,
}

/// Which dead jobs something is done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    One(RequestId),
    Of(TenantId),
    All,
}

/// Takes down that jobs were not scored. One that was handed out often enough is dead; another one is handed out again
/// when its lease ends. How many died.
pub(crate) async fn fail(
    tx: &mut Tx,
    failed: &[Failure],
    bounds: &Bounds,
    now_ms: u64,
) -> Result<u64, StoreError> {
    let mut died = 0;
    for failure in failed {
        let rows = sql::query(
            "UPDATE scoring_jobs SET error = ?, worker = NULL, dead_ms = CASE WHEN leases >= ? THEN ? END
                WHERE request_id = ? AND dead_ms IS NULL RETURNING dead_ms",
        )
        .bind(failure.told())
        .bind(i64::from(bounds.deliveries))
        .bind(to_i64(now_ms))
        .bind(failure.request.0.as_bytes().as_slice())
        .fetch_all(&mut **tx)
        .await?;
        for row in &rows {
            died += u64::from(row.try_get::<Option<i64>>(0)?.is_some());
        }
    }
    Ok(died)
}

/// The same of jobs that nobody ever will score.
pub(super) async fn kill(tx: &mut Tx, failed: &[Failure], now_ms: u64) -> Result<u64, StoreError> {
    for failure in failed {
        sql::query("UPDATE scoring_jobs SET error = ?, dead_ms = ? WHERE request_id = ?")
            .bind(failure.told())
            .bind(to_i64(now_ms))
            .bind(failure.request.0.as_bytes().as_slice())
            .execute(&mut **tx)
            .await?;
    }
    Ok(failed.len() as u64)
}

/// Gives up jobs whose last lease ran out unreported; how many.
pub(crate) async fn bury(tx: &mut Tx, bounds: &Bounds, now_ms: u64) -> Result<u64, StoreError> {
    let done = sql::query(
        "UPDATE scoring_jobs SET dead_ms = ?1, error = CASE WHEN worker IS NULL AND error IS NOT NULL THEN error
            ELSE 'the judge ' || ifnull(worker, '') || ' that had it last did not report in time' END
         WHERE dead_ms IS NULL AND leases >= ?2 AND lease_until_ms <= ?1",
    )
    .bind(to_i64(now_ms))
    .bind(i64::from(bounds.deliveries))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Drops the dead that are the longest so, above as many as are kept; how many went.
pub(crate) async fn trim_dead(tx: &mut Tx, bounds: &Bounds) -> Result<u64, StoreError> {
    let done = sql::query(
        "DELETE FROM scoring_jobs WHERE request_id IN (SELECT request_id FROM scoring_jobs WHERE dead_ms IS NOT NULL
            ORDER BY dead_ms DESC, rowid DESC LIMIT 9223372036854775807 OFFSET ?)",
    )
    .bind(to_i64(bounds.dead))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets a slice of the dead that were queued before; how many.
pub(crate) async fn forget(tx: &mut Tx, before_ms: i64, slice: i64) -> Result<u64, StoreError> {
    let done = sql::query(
        "DELETE FROM scoring_jobs WHERE request_id IN (SELECT request_id FROM scoring_jobs
            WHERE dead_ms IS NOT NULL AND queued_ms < ? LIMIT ?)",
    )
    .bind(before_ms)
    .bind(slice)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

const COLUMNS: &str =
    "SELECT request_id, tenant, queued_ms, dead_ms, leases, ifnull(error, ''), bytes
    FROM scoring_jobs WHERE dead_ms IS NOT NULL";

/// Up to `limit` of the dead, of one tenant or of all, the newest first, after the one that died at this moment.
pub(crate) async fn page(
    store: &Store,
    tenant: Option<&TenantId>,
    after: Option<(u64, RequestId)>,
    limit: u32,
) -> Result<Vec<Dead>, StoreError> {
    let mut query = QueryBuilder::new(COLUMNS);
    if let Some(tenant) = tenant {
        query.push(" AND tenant = ").push_bind(tenant.as_str());
    }
    if let Some((dead_ms, request)) = &after {
        query
            .push(" AND (dead_ms, request_id) < (")
            .push_bind(to_i64(*dead_ms))
            .push(", ")
            .push_bind(request.0.as_bytes().as_slice())
            .push(")");
    }
    query
        .push(" ORDER BY dead_ms DESC, request_id DESC LIMIT ")
        .push_bind(i64::from(limit));
    let rows = query.build().fetch_all(store.read()).await?;
    rows.iter().map(of_row).collect()
}

fn of_row(row: &Row) -> Result<Dead, StoreError> {
    Ok(Dead {
        request: request_id(row.try_get(0)?)?,
        tenant: row.try_get(1)?,
        queued_ms: to_u64(row.try_get(2)?),
        dead_ms: to_u64(row.try_get(3)?),
        deliveries: to_u64(row.try_get(4)?),
        error: row.try_get(5)?,
        bytes: to_u64(row.try_get(6)?),
    })
}

/// One of the dead, with its record.
pub(crate) async fn get(
    store: &Store,
    request: RequestId,
) -> Result<Option<(Dead, Vec<u8>)>, StoreError> {
    let text = COLUMNS.replace("bytes", "bytes, job");
    let text = format!("{text} AND request_id = ?");
    let row = sql::query(&text)
        .bind(request.0.as_bytes().as_slice())
        .fetch_optional(store.read())
        .await?;
    row.map(|row| {
        let record: &[u8] = row.try_get(7)?;
        Ok((of_row(&row)?, record.to_vec()))
    })
    .transpose()
}

/// Has dead jobs handed out again, as if they never had been; how many.
pub(crate) async fn retry(tx: &mut Tx, which: &Which) -> Result<u64, StoreError> {
    let set = "UPDATE scoring_jobs SET dead_ms = NULL, error = NULL, worker = NULL, leases = 0, lease_until_ms = 0
        WHERE dead_ms IS NOT NULL";
    change(tx, set, which).await
}

/// Drops dead jobs; how many.
pub(crate) async fn drop_dead(tx: &mut Tx, which: &Which) -> Result<u64, StoreError> {
    change(
        tx,
        "DELETE FROM scoring_jobs WHERE dead_ms IS NOT NULL",
        which,
    )
    .await
}

async fn change(tx: &mut Tx, statement: &str, which: &Which) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::new(statement);
    match which {
        Which::One(request) => {
            let request = request.0.as_bytes().as_slice();
            query.push(" AND request_id = ").push_bind(request);
        }
        Which::Of(tenant) => {
            query.push(" AND tenant = ").push_bind(tenant.as_str());
        }
        Which::All => {}
    }
    let done = query.build().execute(&mut **tx).await?;
    Ok(done.rows_affected())
}
