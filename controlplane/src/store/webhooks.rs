//! Deliveries to webhooks: what is to be sent, when it is tried again, and what came of it.

use floopy_shared::domain::ids::TenantId;

use super::{Store, StoreError, Tx, tenant_id, to_i64, to_u64};
use crate::store::sql::{self, Conn, Row};

/// Deliveries that wait for one webhook at most: a receiver that is away for days must not fill the disk.
const MAX_WAITING: i64 = 1_000;
/// Failures of one webhook that are kept: enough to see what went wrong.
const MAX_FAILED: i64 = 1_000;
/// Characters of an error that are kept.
const MAX_ERROR_CHARS: usize = 300;
/// Deliveries that ended are kept this long: seven days.
pub(crate) const KEPT_MS: u64 = 7 * 86_400_000;
/// Rows removed at a time.
const SLICE: i64 = 2_000;

/// What became of a delivery. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Pending = 0,
    Delivered = 1,
    Failed = 2,
}

impl State {
    /// The wire name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    fn read(code: i64) -> Result<Self, StoreError> {
        let all = [Self::Pending, Self::Delivered, Self::Failed];
        let found = all.into_iter().find(|state| *state as i64 == code);
        found.ok_or_else(|| StoreError::corrupt("state of a delivery", code))
    }
}

/// A delivery to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct New<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) webhook: &'a str,
    pub(crate) delivery: &'a str,
    pub(crate) event: &'a str,
    pub(crate) body: &'a str,
}

/// A delivery as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) seq: u64,
    pub(crate) delivery: String,
    pub(crate) event: String,
    pub(crate) state: State,
    pub(crate) attempts: u64,
    pub(crate) next_ms: u64,
    pub(crate) created_ms: u64,
    pub(crate) ended_ms: Option<u64>,
    pub(crate) last_status: Option<u64>,
    pub(crate) last_error: Option<String>,
}

/// A delivery that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) seq: i64,
    pub(crate) tenant: TenantId,
    pub(crate) webhook: String,
    pub(crate) delivery: String,
    pub(crate) event: String,
    pub(crate) body: String,
    /// So far.
    pub(crate) attempts: u32,
}

/// Who has as much under way as it may.
#[derive(Debug, Clone, Default)]
pub(crate) struct Full<'a> {
    pub(crate) webhooks: Vec<&'a str>,
    pub(crate) tenants: Vec<&'a str>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempted {
    pub(crate) state: State,
    /// When it is tried again.
    pub(crate) next_ms: u64,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
}

const COLUMNS: &str =
    "id, delivery, event, state, attempts, next_ms, created_ms, ended_ms, last_status, last_error";

/// Whether as many wait for a webhook as may; how many.
pub(crate) async fn full(
    conn: &mut Conn,
    (tenant, webhook): (&TenantId, &str),
) -> Result<Option<i64>, StoreError> {
    let waiting: i64 = sql::query_scalar(
        "SELECT count(*) FROM webhook_deliveries WHERE tenant = ? AND webhook = ? AND state = 0",
    )
    .bind(tenant.as_str())
    .bind(webhook)
    .fetch_one(conn)
    .await?;
    Ok((waiting >= MAX_WAITING).then_some(waiting))
}

/// Puts a delivery where it is sent from. Where too many wait already it has failed at once, and says so.
pub(crate) async fn add(conn: &mut Conn, new: &New<'_>, now_ms: u64) -> Result<(), StoreError> {
    let place = (new.tenant, new.webhook);
    let full = full(conn, place).await?;
    let is_full = full.is_some();
    let error = full.map(|waiting| format!("{waiting} deliveries wait already"));
    let state = if is_full {
        State::Failed
    } else {
        State::Pending
    };
    sql::query(
        "INSERT INTO webhook_deliveries (tenant, webhook, delivery, event, body, state, attempts, next_ms, created_ms,
            ended_ms, last_error) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)",
    )
    .bind(new.tenant.as_str())
    .bind(new.webhook)
    .bind(new.delivery)
    .bind(new.event)
    .bind(new.body)
    .bind(state as i64)
    .bind(to_i64(now_ms))
    .bind(to_i64(now_ms))
    .bind(is_full.then(|| to_i64(now_ms)))
    .bind(error)
    .execute(&mut *conn)
    .await?;
    if is_full {
        trim(conn, place).await?;
    }
    Ok(())
}

/// Forgets the oldest of a webhook's failures where there are more than are kept.
pub(crate) async fn trim(
    conn: &mut Conn,
    (tenant, webhook): (&TenantId, &str),
) -> Result<(), StoreError> {
    sql::query(
        "DELETE FROM webhook_deliveries WHERE tenant = ?1 AND webhook = ?2 AND state = 2 AND id <=
            (SELECT id FROM webhook_deliveries WHERE tenant = ?1 AND webhook = ?2 AND state = 2
                ORDER BY id DESC LIMIT 1 OFFSET ?3)",
    )
    .bind(tenant.as_str())
    .bind(webhook)
    .bind(MAX_FAILED)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether any delivery is due.
pub(crate) async fn is_any_due(store: &Store, now_ms: u64) -> Result<bool, StoreError> {
    let found: Option<i64> = sql::query_scalar(
        "SELECT 1 FROM webhook_deliveries WHERE state = 0 AND next_ms <= ? LIMIT 1",
    )
    .bind(to_i64(now_ms))
    .fetch_optional(store.read())
    .await?;
    Ok(found.is_some())
}

/// Those that are due the longest, but for those of whoever has as much under way as it may.
pub(crate) async fn due(
    tx: &mut Tx,
    full: &Full<'_>,
    limit: usize,
    now_ms: u64,
) -> Result<Vec<Due>, StoreError> {
    // Strings always serialise.
    let json = |names: &[&str]| serde_json::to_string(names).unwrap_or_default();
    let rows = sql::query(
        "SELECT id, tenant, webhook, delivery, event, body, attempts FROM webhook_deliveries
            WHERE state = 0 AND next_ms <= ? AND webhook NOT IN (SELECT value FROM json_each(?))
                AND tenant NOT IN (SELECT value FROM json_each(?))
            ORDER BY next_ms LIMIT ?",
    )
    .bind(to_i64(now_ms))
    .bind(json(&full.webhooks))
    .bind(json(&full.tenants))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(read_due).collect()
}

fn read_due(row: &Row) -> Result<Due, StoreError> {
    let attempts: i64 = row.try_get(6)?;
    Ok(Due {
        seq: row.try_get(0)?,
        tenant: tenant_id(row.try_get(1)?)?,
        webhook: row.try_get(2)?,
        delivery: row.try_get(3)?,
        event: row.try_get(4)?,
        body: row.try_get(5)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}

/// Leaves one alone until then: if this process dies before it says what came of it, it is tried again.
pub(crate) async fn lease(tx: &mut Tx, seq: i64, until_ms: u64) -> Result<(), StoreError> {
    sql::query("UPDATE webhook_deliveries SET next_ms = ? WHERE id = ?")
        .bind(to_i64(until_ms))
        .bind(seq)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes what came of an attempt.
pub(crate) async fn settle(
    tx: &mut Tx,
    seq: i64,
    attempted: &Attempted,
    now_ms: u64,
) -> Result<(), StoreError> {
    let has_ended = attempted.state != State::Pending;
    let error = attempted.error.as_deref();
    let error: Option<String> = error.map(|text| text.chars().take(MAX_ERROR_CHARS).collect());
    sql::query(
        "UPDATE webhook_deliveries SET state = ?, attempts = attempts + 1, next_ms = ?, ended_ms = ?,
            last_status = ?, last_error = ? WHERE id = ?",
    )
    .bind(attempted.state as i64)
    .bind(to_i64(attempted.next_ms))
    .bind(has_ended.then(|| to_i64(now_ms)))
    .bind(attempted.status.map(i64::from))
    .bind(error)
    .bind(seq)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a delivery that is not to be made any more. Nothing was sent, so it counts no attempt, and what the last one
/// was answered stays.
pub(crate) async fn give_up(
    tx: &mut Tx,
    seq: i64,
    why: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    sql::query(
        "UPDATE webhook_deliveries SET state = ?, ended_ms = ?, last_error = ? WHERE id = ?",
    )
    .bind(State::Failed as i64)
    .bind(to_i64(now_ms))
    .bind(why)
    .bind(seq)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deliveries to a webhook before that number, the newest first.
pub(crate) async fn page(
    conn: &mut Conn,
    (tenant, webhook): (&TenantId, &str),
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM webhook_deliveries WHERE tenant = ? AND webhook = ? AND id < ? ORDER BY id DESC LIMIT ?"
    );
    let query = sql::query(&text).bind(tenant.as_str()).bind(webhook);
    let query = query.bind(before.map_or(i64::MAX, to_i64));
    let rows = query.bind(i64::from(limit)).fetch_all(conn).await?;
    rows.iter().map(read).collect()
}

/// One.
pub(crate) async fn get(
    conn: &mut Conn,
    (tenant, webhook): (&TenantId, &str),
    delivery: &str,
) -> Result<Option<Delivery>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM webhook_deliveries WHERE tenant = ? AND webhook = ? AND delivery = ?"
    );
    let query = sql::query(&text).bind(tenant.as_str()).bind(webhook);
    let row = query.bind(delivery).fetch_optional(conn).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Delivery, StoreError> {
    let number = |at: usize| -> Result<Option<u64>, StoreError> {
        let value: Option<i64> = row.try_get(at)?;
        Ok(value.map(to_u64))
    };
    Ok(Delivery {
        seq: to_u64(row.try_get(0)?),
        delivery: row.try_get(1)?,
        event: row.try_get(2)?,
        state: State::read(row.try_get(3)?)?,
        attempts: to_u64(row.try_get(4)?),
        next_ms: to_u64(row.try_get(5)?),
        created_ms: to_u64(row.try_get(6)?),
        ended_ms: number(7)?,
        last_status: number(8)?,
        last_error: row.try_get(9)?,
    })
}

/// Sends one that ended once more, as if for the first time; one that waits is left as it is.
pub(crate) async fn again(tx: &mut Tx, seq: u64, now_ms: u64) -> Result<(), StoreError> {
    sql::query(
        "UPDATE webhook_deliveries SET state = 0, attempts = 0, next_ms = ?, ended_ms = NULL
            WHERE id = ? AND state <> 0",
    )
    .bind(to_i64(now_ms))
    .bind(to_i64(seq))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets the deliveries to a webhook.
pub(crate) async fn remove(
    tx: &mut Tx,
    (tenant, webhook): (&TenantId, &str),
) -> Result<(), StoreError> {
    sql::query("DELETE FROM webhook_deliveries WHERE tenant = ? AND webhook = ?")
        .bind(tenant.as_str())
        .bind(webhook)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets a slice of those that ended before; how many.
pub(crate) async fn forget(tx: &mut Tx, before_ms: u64) -> Result<u64, StoreError> {
    let done = sql::query(
        "DELETE FROM webhook_deliveries WHERE id IN
            (SELECT id FROM webhook_deliveries WHERE ended_ms < ? LIMIT ?)",
    )
    .bind(to_i64(before_ms))
    .bind(SLICE)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
