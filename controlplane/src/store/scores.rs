//! The judges' verdicts. The first report of a reply stands: handing its job back is what made it final.

use std::collections::HashMap;

use floopy_shared::domain::{event::Score, ids::RequestId};

use super::{StoreError, Tx, id_list, request_id, statements, to_i64};
use crate::store::sql::{self, Conn, QueryBuilder};

/// Keeps scores of replies that have none; which were new.
pub(crate) async fn put_many(
    tx: &mut Tx,
    scores: &[Score],
    now_ms: u64,
) -> Result<Vec<RequestId>, StoreError> {
    let mut new = Vec::new();
    for scores in statements(scores) {
        let mut query = QueryBuilder::new(
            "INSERT INTO scores (request_id, relevance, coherence, helpfulness, safety, composite, judge, scored_ms) ",
        );
        query.push_values(scores, |mut row, score| {
            row.push_bind(score.request_id.0.as_bytes().as_slice())
                .push_bind(score.relevance)
                .push_bind(score.coherence)
                .push_bind(score.helpfulness)
                .push_bind(score.safety)
                .push_bind(score.composite)
                .push_bind(score.judge.as_str())
                .push_bind(to_i64(now_ms));
        });
        query.push(" ON CONFLICT DO NOTHING RETURNING request_id");
        for row in query.build().fetch_all(&mut **tx).await? {
            new.push(request_id(row.try_get(0)?)?);
        }
    }
    Ok(new)
}

/// What replies were judged in all.
pub(crate) async fn composites(
    tx: &mut Tx,
    requests: &[RequestId],
) -> Result<HashMap<RequestId, f64>, StoreError> {
    if requests.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sql::query(
        "SELECT s.request_id, s.composite FROM json_each(?) AS r
            CROSS JOIN scores AS s ON s.request_id = unhex(r.value)",
    )
    .bind(id_list(requests))
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| Ok((request_id(row.try_get(0)?)?, row.try_get(1)?)))
        .collect()
}

/// The scores of replies that have one.
pub(crate) async fn of_many(
    conn: &mut Conn,
    requests: &[RequestId],
) -> Result<HashMap<RequestId, Score>, StoreError> {
    let rows = sql::query(
        "SELECT request_id, relevance, coherence, helpfulness, safety, composite, judge FROM scores
            WHERE request_id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(id_list(requests))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let request_id = request_id(row.try_get(0)?)?;
            let score = Score {
                request_id,
                relevance: row.try_get(1)?,
                coherence: row.try_get(2)?,
                helpfulness: row.try_get(3)?,
                safety: row.try_get(4)?,
                composite: row.try_get(5)?,
                judge: row.try_get(6)?,
            };
            Ok((request_id, score))
        })
        .collect()
}
