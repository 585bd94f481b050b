//! Runs over data sets: what was asked for, and how far it came.

pub(crate) mod items;
pub(crate) mod results;
#[cfg(test)]
mod tests;

use floopy_shared::domain::ids::TenantId;
use uuid::Uuid;

use super::{Store, StoreError, Tx, tenant_id, to_i64, to_u64};
use crate::store::sql::{self, Conn, Row};
use items::State;

/// Rows of results removed at a time.
const SLICE: i64 = 2_000;

/// How far a run came. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending = 0,
    Running = 1,
    Completed = 2,
    Failed = 3,
    Cancelled = 4,
}

impl Status {
    const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The wire name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn read(code: i64) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|status| *status as i64 == code);
        found.ok_or_else(|| StoreError::corrupt("status of an evaluation", code))
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) tenant: TenantId,
    pub(crate) dataset: Uuid,
    pub(crate) model: String,
    pub(crate) prompt: Option<Uuid>,
    /// In JSON, as it was asked for.
    pub(crate) config: Option<String>,
    pub(crate) status: Status,
    /// Why it failed: a word for programs, and a sentence for people.
    pub(crate) failure: Option<(String, String)>,
    pub(crate) created_ms: u64,
    pub(crate) started_ms: Option<u64>,
    pub(crate) finished_ms: Option<u64>,
}

const COLUMNS: &str = "id, tenant, dataset, model, prompt, config, status, reason, message, created_ms, started_ms, \
    finished_ms";

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End<'a> {
    Completed,
    Cancelled,
    Failed { reason: &'a str, message: &'a str },
}

/// Writes a new run over the rows that its data set has now.
pub(crate) async fn create(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO evaluation_runs (id, tenant, dataset, model, prompt, config, status, created_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(run.id.to_string())
    .bind(run.tenant.as_str())
    .bind(run.dataset.to_string())
    .bind(&run.model)
    .bind(run.prompt.map(|id| id.to_string()))
    .bind(run.config.as_deref())
    .bind(run.status as i64)
    .bind(to_i64(run.created_ms))
    .execute(&mut **tx)
    .await?;
    sql::query(
        "INSERT INTO evaluation_items (run, row, input_id, state, attempts, next_ms)
         SELECT ?, seq, row_id, ?, 0, 0 FROM dataset_rows WHERE dataset = ? ORDER BY seq",
    )
    .bind(run.id.to_string())
    .bind(State::Waiting as i64)
    .bind(run.dataset.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One of a tenant's.
pub(crate) async fn get(
    conn: &mut Conn,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<Run>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM evaluation_runs WHERE id = ? AND tenant = ?");
    let query = sql::query(&text).bind(id.to_string()).bind(tenant.as_str());
    let row = query.fetch_optional(conn).await?;
    row.as_ref().map(run).transpose()
}

/// Up to `limit` of a tenant's before `before`, the newest first.
pub(crate) async fn page(
    conn: &mut Conn,
    tenant: &TenantId,
    before: Option<(u64, Uuid)>,
    limit: u32,
) -> Result<Vec<Run>, StoreError> {
    let (at_ms, id) = before.map_or((i64::MAX, String::new()), |(at_ms, id)| {
        (to_i64(at_ms), id.to_string())
    });
    let text = format!(
        "SELECT {COLUMNS} FROM evaluation_runs WHERE tenant = ? AND (created_ms, id) < (?, ?)
         ORDER BY created_ms DESC, id DESC LIMIT ?"
    );
    let query = sql::query(&text).bind(tenant.as_str()).bind(at_ms);
    let rows = query.bind(id).bind(i64::from(limit)).fetch_all(conn);
    rows.await?.iter().map(run).collect()
}

/// All that are not over, the oldest first.
pub(crate) async fn active(store: &Store) -> Result<Vec<Run>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM evaluation_runs WHERE finished_ms IS NULL ORDER BY created_ms, id"
    );
    let rows = sql::query(&text).fetch_all(store.read()).await?;
    rows.iter().map(run).collect()
}

/// How many of a tenant's are not over.
pub(crate) async fn count_active(conn: &mut Conn, tenant: &TenantId) -> Result<u64, StoreError> {
    let count = sql::query_scalar(
        "SELECT COUNT(*) FROM evaluation_runs WHERE finished_ms IS NULL AND tenant = ?",
    );
    Ok(to_u64(count.bind(tenant.as_str()).fetch_one(conn).await?))
}

/// The runs over a data set that are not over.
pub(crate) async fn active_of(conn: &mut Conn, dataset: Uuid) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<String> = sql::query_scalar(
        "SELECT id FROM evaluation_runs WHERE finished_ms IS NULL AND dataset = ?",
    )
    .bind(dataset.to_string())
    .fetch_all(conn)
    .await?;
    ids.iter().map(|id| uuid(id)).collect()
}

/// Says that the first row of a run is asked.
pub(crate) async fn start(tx: &mut Tx, id: Uuid, now_ms: u64) -> Result<(), StoreError> {
    sql::query(
        "UPDATE evaluation_runs SET status = ?, started_ms = ? WHERE id = ? AND started_ms IS NULL
            AND finished_ms IS NULL",
    )
    .bind(Status::Running as i64)
    .bind(to_i64(now_ms))
    .bind(id.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a run that is not over; what was not answered never will be. Whether it was not over.
pub(crate) async fn finish(
    tx: &mut Tx,
    id: Uuid,
    end: End<'_>,
    now_ms: u64,
) -> Result<bool, StoreError> {
    let (status, reason, message) = match end {
        End::Completed => (Status::Completed, None, None),
        End::Cancelled => (Status::Cancelled, None, None),
        End::Failed { reason, message } => (Status::Failed, Some(reason), Some(message)),
    };
    let done = sql::query(
        "UPDATE evaluation_runs SET status = ?, reason = ?, message = ?, finished_ms = ?
         WHERE id = ? AND finished_ms IS NULL",
    )
    .bind(status as i64)
    .bind(reason)
    .bind(message)
    .bind(to_i64(now_ms))
    .bind(id.to_string())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    items::skip(tx, id).await?;
    Ok(true)
}

/// Removes a slice of the results of runs that ended before a moment, and the runs that have none left; how many rows.
pub(crate) async fn forget(tx: &mut Tx, before_ms: i64) -> Result<u64, StoreError> {
    let mut rows = 0;
    for statement in [
        "DELETE FROM evaluation_items WHERE seq IN (SELECT i.seq FROM evaluation_runs AS r
            CROSS JOIN evaluation_items AS i ON i.run = r.id WHERE r.finished_ms < ?1 LIMIT ?2)",
        "DELETE FROM evaluation_runs WHERE id IN (SELECT id FROM evaluation_runs AS r WHERE finished_ms < ?1
            AND NOT EXISTS (SELECT 1 FROM evaluation_items AS i WHERE i.run = r.id) LIMIT ?2)",
    ] {
        let query = sql::query(statement).bind(before_ms).bind(SLICE);
        rows += query.execute(&mut **tx).await?.rows_affected();
    }
    Ok(rows)
}

fn run(row: &Row) -> Result<Run, StoreError> {
    let prompt: Option<&str> = row.try_get(4)?;
    let reason: Option<String> = row.try_get(7)?;
    let message: Option<String> = row.try_get(8)?;
    let moment =
        |at| -> Result<Option<u64>, StoreError> { Ok(row.try_get::<Option<i64>>(at)?.map(to_u64)) };
    Ok(Run {
        id: uuid(row.try_get(0)?)?,
        tenant: tenant_id(row.try_get(1)?)?,
        dataset: uuid(row.try_get(2)?)?,
        model: row.try_get(3)?,
        prompt: prompt.map(uuid).transpose()?,
        config: row.try_get(5)?,
        status: Status::read(row.try_get(6)?)?,
        failure: reason.map(|reason| (reason, message.unwrap_or_default())),
        created_ms: to_u64(row.try_get(9)?),
        started_ms: moment(10)?,
        finished_ms: moment(11)?,
    })
}

fn uuid(text: &str) -> Result<Uuid, StoreError> {
    Uuid::try_parse(text).map_err(|e| StoreError::corrupt("id of an evaluation", e))
}
