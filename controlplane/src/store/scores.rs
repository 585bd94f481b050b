//! The judges' verdicts. The first report of a reply stands: handing its job back is what made it final.

use floopy_shared::domain::{event::Score, ids::RequestId};
use sqlx::{Row, SqliteConnection};

use super::{StoreError, Tx, to_i64};

/// Keeps a score unless its reply has one; whether it was new.
pub(crate) async fn put(tx: &mut Tx, score: &Score, now_ms: u64) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO scores (request_id, relevance, coherence, helpfulness, safety, composite, judge, scored_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(score.request_id.0.as_bytes().as_slice())
    .bind(score.relevance)
    .bind(score.coherence)
    .bind(score.helpfulness)
    .bind(score.safety)
    .bind(score.composite)
    .bind(&score.judge)
    .bind(to_i64(now_ms))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The score of a reply.
pub(crate) async fn get(
    conn: &mut SqliteConnection,
    request: RequestId,
) -> Result<Option<Score>, StoreError> {
    let row = sqlx::query(
        "SELECT relevance, coherence, helpfulness, safety, composite, judge FROM scores WHERE request_id = ?",
    )
    .bind(request.0.as_bytes().as_slice())
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Score {
        request_id: request,
        relevance: row.try_get(0)?,
        coherence: row.try_get(1)?,
        helpfulness: row.try_get(2)?,
        safety: row.try_get(3)?,
        composite: row.try_get(4)?,
        judge: row.try_get(5)?,
    }))
}
