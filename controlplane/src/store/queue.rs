//! The scoring queue as it is stored: a job is handed out, then reported or handed out again. One that was handed out
//! too often is dead: it stays for people to look at, and is handed out to nobody.

mod bound;
mod dead;
mod fair;

use floopy_shared::domain::{
    event::ScoringJob,
    ids::{RequestId, SessionId, TenantId},
};

pub(crate) use self::{
    bound::trim,
    dead::{Dead, Failure, Which, bury, drop_dead, fail, forget, get, page, retry, trim_dead},
    fair::{Wanted, pick},
};
use super::{Store, StoreError, Tx, id_list, record, request_id, statements, to_i64, to_u64};
use crate::{
    config::WhenFull,
    store::sql::{self, Conn, QueryBuilder},
};

/// How many jobs to hand out, how large they may be together, and to whom.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) jobs: u32,
    pub(crate) bytes: u64,
    pub(crate) lease_ms: u64,
    pub(crate) worker: String,
}

/// What bounds the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Jobs of all tenants that may wait or be with a judge.
    pub(crate) jobs: u64,
    pub(crate) when_full: WhenFull,
    /// Times that a job is handed out before it is dead.
    pub(crate) deliveries: u32,
    /// Dead jobs that are kept.
    pub(crate) dead: u64,
}

/// A job as it is queued.
#[derive(Debug)]
pub(crate) struct QueuedJob {
    request: RequestId,
    record: Vec<u8>,
    tenant: TenantId,
    /// The session that it is deleted with.
    session: Option<SessionId>,
}

impl QueuedJob {
    /// Of a job as it came.
    pub(crate) fn of(job: &ScoringJob) -> Self {
        Self {
            request: job.request_id,
            record: record::encode_job(job),
            tenant: job.tenant.clone(),
            session: job.session_id.clone(),
        }
    }
}

/// Which of these replies are queued, dead or scored already.
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
            row.push_bind(job.request.0.as_bytes().as_slice())
                .push_bind(to_i64(now_ms))
                .push_bind(0)
                .push_bind(0)
                .push_bind(to_i64(job.record.len() as u64))
                .push_bind(job.record.as_slice())
                .push_bind(job.tenant.as_str())
                .push_bind(job.session.as_ref().map(SessionId::as_str));
        });
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// What was handed out.
#[derive(Debug, Default)]
pub(crate) struct Leased {
    pub(crate) jobs: Vec<ScoringJob>,
    /// Jobs that could not be read and are dead now.
    pub(crate) died: u64,
    /// The tenant that was served last, so that the next one begins after it.
    pub(crate) last: Option<String>,
}

/// Hands out jobs that nobody holds: each tenant's oldest, as many of each as there are.
pub(crate) async fn lease(
    tx: &mut Tx,
    ask: &Ask,
    (bounds, after): (&Bounds, &str),
    now_ms: u64,
) -> Result<Leased, StoreError> {
    let wanted = Wanted {
        jobs: ask.jobs,
        bytes: ask.bytes,
        after,
        deliveries: bounds.deliveries,
        now_ms,
    };
    let picked = pick(tx, &wanted).await?;
    let mut leased = Leased {
        last: picked.last,
        ..Leased::default()
    };
    if picked.requests.is_empty() {
        return Ok(leased);
    }
    let mut unreadable = Vec::new();
    for (request, _, record) in records(tx, &picked.requests).await? {
        match record::decode_job(&record) {
            Ok(job) => leased.jobs.push(job),
            Err(error) => {
                tracing::error!(%error, %request, "a scoring job is dead");
                let reason = error.to_string();
                unreadable.push(Failure { request, reason });
            }
        }
    }
    leased.died = dead::kill(tx, &unreadable, now_ms).await?;
    sql::query(
        "UPDATE scoring_jobs SET lease_until_ms = ?, leases = leases + 1, worker = ?
            WHERE request_id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(to_i64(now_ms.saturating_add(ask.lease_ms)))
    .bind(ask.worker.as_str())
    .bind(id_list(leased.jobs.iter().map(|job| &job.request_id)))
    .execute(&mut **tx)
    .await?;
    Ok(leased)
}

/// A job with when it was queued and its bytes.
pub(crate) type Record = (RequestId, u64, Vec<u8>);

/// These jobs, in the order in which they are named.
pub(crate) async fn records(
    conn: &mut Conn,
    requests: &[RequestId],
) -> Result<Vec<Record>, StoreError> {
    let rows = sql::query(
        "SELECT request_id, queued_ms, job FROM scoring_jobs
            WHERE request_id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(id_list(requests))
    .fetch_all(conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let queued_ms = to_u64(row.try_get(1)?);
        let record: &[u8] = row.try_get(2)?;
        found.push((request_id(row.try_get(0)?)?, queued_ms, record.to_vec()));
    }
    let place = |request: &RequestId| requests.iter().position(|named| named == request);
    found.sort_by_key(|(request, ..)| place(request));
    Ok(found)
}

/// Takes jobs off the queue, those that are dead as well.
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

/// Takes jobs off that are kept elsewhere now; those that were still there.
pub(crate) async fn remove_sent(
    tx: &mut Tx,
    requests: &[RequestId],
) -> Result<Vec<RequestId>, StoreError> {
    let rows = sql::query(
        "DELETE FROM scoring_jobs WHERE request_id IN (SELECT unhex(value) FROM json_each(?)) RETURNING request_id",
    )
    .bind(id_list(requests))
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| request_id(row.try_get(0)?)).collect()
}

/// What one tenant has in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Depth {
    pub(crate) tenant: String,
    /// To be handed out.
    pub(crate) waiting: u64,
    /// With a judge.
    pub(crate) in_flight: u64,
    pub(crate) dead: u64,
    /// When the oldest was queued that is not dead.
    pub(crate) oldest_ms: Option<u64>,
}

/// What every tenant has in the queue, by their names.
pub(crate) async fn depths(store: &Store, now_ms: u64) -> Result<Vec<Depth>, StoreError> {
    let rows = sql::query(
        "SELECT tenant, COUNT(CASE WHEN dead_ms IS NULL AND lease_until_ms <= ?1 THEN 1 END),
            COUNT(CASE WHEN dead_ms IS NULL AND lease_until_ms > ?1 THEN 1 END),
            COUNT(dead_ms), MIN(CASE WHEN dead_ms IS NULL THEN queued_ms END)
         FROM scoring_jobs GROUP BY tenant ORDER BY tenant",
    )
    .bind(to_i64(now_ms))
    .fetch_all(store.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Depth {
                tenant: row.try_get(0)?,
                waiting: to_u64(row.try_get(1)?),
                in_flight: to_u64(row.try_get(2)?),
                dead: to_u64(row.try_get(3)?),
                oldest_ms: row.try_get::<Option<i64>>(4)?.map(to_u64),
            })
        })
        .collect()
}

/// Jobs that wait or are with a judge.
pub(crate) async fn count(tx: &mut Tx) -> Result<u64, StoreError> {
    let count = sql::query_scalar("SELECT COUNT(*) FROM scoring_jobs WHERE dead_ms IS NULL");
    Ok(to_u64(count.fetch_one(&mut **tx).await?))
}
