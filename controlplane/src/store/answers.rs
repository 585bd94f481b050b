//! Answers to what changed something, for who asks again because the first answer did not arrive.

use floopy_shared::domain::ids::TenantId;

use super::{StoreError, Tx, to_i64, to_u64};
use crate::store::sql::{self, Conn};

/// What tells a question from others of its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
    /// Of the method, the path and the body.
    pub(crate) sha256: [u8; 32],
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) sha256: Vec<u8>,
    /// `None`: the change was made, but what was answered is not known.
    pub(crate) status: Option<u16>,
    pub(crate) answer: String,
}

/// What was answered to a question since then, if it was asked.
pub(crate) async fn find(
    conn: &mut Conn,
    question: &Question,
    since_ms: u64,
) -> Result<Option<Answered>, StoreError> {
    let row = sql::query(
        "SELECT body_sha256, status, answer, answered_ms FROM answers WHERE tenant = ? AND question = ?",
    )
    .bind(question.tenant.as_str())
    .bind(&question.name)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    if to_u64(row.try_get(3)?) < since_ms {
        return Ok(None);
    }
    let status: i64 = row.try_get(1)?;
    Ok(Some(Answered {
        sha256: row.try_get(0)?,
        status: u16::try_from(status).ok().filter(|status| *status > 0),
        answer: row.try_get(2)?,
    }))
}

/// Notes that what a question asks for is done, in the transaction that does it.
pub(crate) async fn done(tx: &mut Tx, question: &Question, now_ms: u64) -> Result<(), StoreError> {
    put(tx, question, (0, ""), now_ms).await
}

/// Notes what was answered.
pub(crate) async fn put(
    tx: &mut Tx,
    question: &Question,
    (status, answer): (u16, &str),
    now_ms: u64,
) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO answers (tenant, question, body_sha256, status, answer, answered_ms) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant, question) DO UPDATE SET body_sha256 = excluded.body_sha256, status = excluded.status,
            answer = excluded.answer, answered_ms = excluded.answered_ms",
    )
    .bind(question.tenant.as_str())
    .bind(&question.name)
    .bind(question.sha256.as_slice())
    .bind(i64::from(status))
    .bind(answer)
    .bind(to_i64(now_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets what a tenant was answered to questions whose names begin so.
pub(crate) async fn forget_unnamed(
    tx: &mut Tx,
    tenant: &TenantId,
    prefix: &str,
) -> Result<(), StoreError> {
    sql::query("DELETE FROM answers WHERE tenant = ? AND substr(question, 1, length(?2)) = ?2")
        .bind(tenant.as_str())
        .bind(prefix)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets a slice of those that are older; how many went.
pub(crate) async fn forget(tx: &mut Tx, before_ms: u64, slice: i64) -> Result<u64, StoreError> {
    let done = sql::query(
        "DELETE FROM answers WHERE (tenant, question) IN (
            SELECT tenant, question FROM answers WHERE answered_ms < ? LIMIT ?)",
    )
    .bind(to_i64(before_ms))
    .bind(slice)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
