//! The scoring queue: bounded, oldest dropped first; a job is leased, then reported or handed out again.

use floopy_shared::domain::{
    event::ScoringJob,
    ids::{RequestId, SessionId, TenantId},
};

use super::{Store, StoreError, Tx, id_list, record, request_id, statements, to_i64};
use crate::store::sql::{self, QueryBuilder};

/// Leases after which a job is given up: something about it kills judges.
const MAX_LEASES: i64 = 5;

/// How many jobs to hand out, and how large they may be together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) jobs: u32,
    pub(crate) bytes: u64,
    pub(crate) lease_ms: u64,
}

/// A job as it is queued.
#[derive(Debug)]
pub(crate) struct QueuedJob {
    request: RequestId,
    record: Vec<u8>,
    /// The tenant and the session that it is deleted with.
    session: Option<(TenantId, SessionId)>,
}

impl QueuedJob {
    /// Of a job as it came.
    pub(crate) fn of(job: &ScoringJob) -> Self {
        Self {
            request: job.request_id,
            record: record::encode_job(job),
            session: job.session_id.clone().map(|id| (job.tenant.clone(), id)),
        }
    }
}

/// Which of these replies are queued or scored already.
pub(crate) async fn known(
    tx: &mut Tx,
    requests: &[RequestId],
) -> Result<Vec<RequestId>, StoreError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql::query(
        "SELECT request_id FROM scoring_jobs WHERE request_id IN (SELECT unhex(value) FROM json_each(?1))
         UNION SELECT request_id FROM scores WHERE request_id IN (SELECT unhex(value) FROM json_each(?1))",
    )
    .bind(id_list(requests))
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| request_id(row.try_get(0)?)).collect()
}

/// Queues jobs that are not known.
pub(crate) async fn put_many(
    tx: &mut Tx,
    jobs: &[QueuedJob],
    now_ms: u64,
) -> Result<(), StoreError> {
    for jobs in statements(jobs) {
        let mut query = QueryBuilder::new(
            "INSERT INTO scoring_jobs (request_id, queued_ms, lease_until_ms, leases, bytes, job, tenant, session) ",
        );
        query.push_values(jobs, |mut row, job| {
            let session = job.session.as_ref();
            row.push_bind(job.request.0.as_bytes().as_slice())
                .push_bind(to_i64(now_ms))
                .push_bind(0)
                .push_bind(0)
                .push_bind(to_i64(job.record.len() as u64))
                .push_bind(job.record.as_slice())
                .push_bind(session.map(|(tenant, _)| tenant.as_str()))
                .push_bind(session.map(|(_, session)| session.as_str()));
        });
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// Drops the oldest jobs above `capacity`; how many went.
pub(crate) async fn trim(tx: &mut Tx, capacity: u64) -> Result<u64, StoreError> {
    let done = sql::query(
        "DELETE FROM scoring_jobs WHERE request_id IN (SELECT request_id FROM scoring_jobs
            ORDER BY queued_ms DESC, rowid DESC LIMIT 9223372036854775807 OFFSET ?)",
    )
    .bind(to_i64(capacity))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// What was handed out.
#[derive(Debug, Default)]
pub(crate) struct Leased {
    pub(crate) jobs: Vec<ScoringJob>,
    /// Jobs that could not be read and were dropped, or they would be in the way for ever.
    pub(crate) dropped: u64,
}

/// Hands out the oldest jobs that nobody holds.
pub(crate) async fn lease(tx: &mut Tx, ask: &Ask, now_ms: u64) -> Result<Leased, StoreError> {
    let rows = sql::query(
        "SELECT bytes, job, request_id FROM scoring_jobs WHERE lease_until_ms <= ? ORDER BY queued_ms, rowid LIMIT ?",
    )
    .bind(to_i64(now_ms))
    .bind(i64::from(ask.jobs))
    .fetch_all(&mut **tx)
    .await?;
    let (mut jobs, mut unreadable) = (Vec::new(), Vec::new());
    let mut left = to_i64(ask.bytes);
    for row in &rows {
        left -= row.try_get::<i64>(0)?;
        if left < 0 && !jobs.is_empty() {
            break;
        }
        match record::decode_job(row.try_get(1)?) {
            Ok(job) => jobs.push(job),
            Err(error) => {
                tracing::error!(%error, "a scoring job is dropped");
                unreadable.push(request_id(row.try_get(2)?)?);
            }
        }
    }
    let dropped = unreadable.len() as u64;
    if dropped > 0 {
        remove_many(tx, &unreadable).await?;
    }
    if jobs.is_empty() {
        return Ok(Leased { jobs, dropped });
    }
    sql::query(
        "UPDATE scoring_jobs SET lease_until_ms = ?, leases = leases + 1
            WHERE request_id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(to_i64(now_ms.saturating_add(ask.lease_ms)))
    .bind(id_list(jobs.iter().map(|job| &job.request_id)))
    .execute(&mut **tx)
    .await?;
    Ok(Leased { jobs, dropped })
}

/// Takes jobs off the queue.
pub(crate) async fn remove_many<'a>(
    tx: &mut Tx,
    requests: impl IntoIterator<Item = &'a RequestId>,
) -> Result<(), StoreError> {
    sql::query(
        "DELETE FROM scoring_jobs WHERE request_id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(id_list(requests))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives up jobs whose last lease ran out unreported; how many.
pub(crate) async fn give_up(tx: &mut Tx, now_ms: u64) -> Result<u64, StoreError> {
    let done = sql::query("DELETE FROM scoring_jobs WHERE leases >= ? AND lease_until_ms <= ?")
        .bind(MAX_LEASES)
        .bind(to_i64(now_ms))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Jobs waiting or leased.
pub(crate) async fn depth(store: &Store) -> Result<i64, StoreError> {
    Ok(sql::query_scalar("SELECT COUNT(*) FROM scoring_jobs")
        .fetch_one(store.read())
        .await?)
}
