//! The scoring queue: bounded, oldest dropped first; a job is leased, then reported or handed out again.

use floopy_shared::domain::{event::ScoringJob, ids::RequestId};
use sqlx::Row;

use super::{Store, StoreError, Tx, record, to_i64};

/// Leases after which a job is given up: something about it kills judges.
const MAX_LEASES: i64 = 5;

/// How many jobs to hand out, and how large they may be together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) jobs: u32,
    pub(crate) bytes: u64,
    pub(crate) lease_ms: u64,
}

/// Queues a job unless it is queued or scored already; whether it was new.
pub(crate) async fn put(tx: &mut Tx, job: &ScoringJob, now_ms: u64) -> Result<bool, StoreError> {
    let bytes = record::encode_job(job);
    let done = sqlx::query(
        "INSERT INTO scoring_jobs (request_id, queued_ms, lease_until_ms, leases, bytes, job)
            SELECT ?1, ?2, 0, 0, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM scores WHERE request_id = ?1)
         ON CONFLICT DO NOTHING",
    )
    .bind(job.request_id.0.as_bytes().as_slice())
    .bind(to_i64(now_ms))
    .bind(to_i64(bytes.len() as u64))
    .bind(bytes)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Drops the oldest jobs above `capacity`; how many went.
pub(crate) async fn trim(tx: &mut Tx, capacity: u64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM scoring_jobs WHERE rowid IN (SELECT rowid FROM scoring_jobs
            ORDER BY queued_ms DESC, rowid DESC LIMIT -1 OFFSET ?)",
    )
    .bind(to_i64(capacity))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Hands out the oldest jobs that nobody holds.
pub(crate) async fn lease(
    tx: &mut Tx,
    ask: &Ask,
    now_ms: u64,
) -> Result<Vec<ScoringJob>, StoreError> {
    let rows = sqlx::query(
        "SELECT request_id, bytes, job FROM scoring_jobs WHERE lease_until_ms <= ? ORDER BY queued_ms, rowid LIMIT ?",
    )
    .bind(to_i64(now_ms))
    .bind(i64::from(ask.jobs))
    .fetch_all(&mut **tx)
    .await?;
    let mut jobs = Vec::new();
    let mut left = to_i64(ask.bytes);
    for row in &rows {
        left -= row.try_get::<i64, _>(1)?;
        if left < 0 && !jobs.is_empty() {
            break;
        }
        jobs.push(record::decode_job(row.try_get(2)?)?);
        sqlx::query(
            "UPDATE scoring_jobs SET lease_until_ms = ?, leases = leases + 1 WHERE request_id = ?",
        )
        .bind(to_i64(now_ms.saturating_add(ask.lease_ms)))
        .bind(row.try_get::<&[u8], _>(0)?)
        .execute(&mut **tx)
        .await?;
    }
    Ok(jobs)
}

/// Takes a job off the queue; whether it was there.
pub(crate) async fn remove(tx: &mut Tx, request: RequestId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM scoring_jobs WHERE request_id = ?")
        .bind(request.0.as_bytes().as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives up jobs whose last lease ran out unreported; how many.
pub(crate) async fn give_up(tx: &mut Tx, now_ms: u64) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM scoring_jobs WHERE leases >= ? AND lease_until_ms <= ?")
        .bind(MAX_LEASES)
        .bind(to_i64(now_ms))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Jobs waiting or leased.
pub(crate) async fn depth(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM scoring_jobs")
        .fetch_one(store.read())
        .await?)
}
