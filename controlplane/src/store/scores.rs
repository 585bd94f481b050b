//! The judges' verdicts. The first report of a reply stands: handing its job back is what made it final.

use std::collections::HashMap;

use floopy_shared::domain::{event::Score, ids::RequestId};

use crate::learn::credit::Judged;

use super::{StoreError, Tx, id_list, request_id, statements, to_i64, to_u64};
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
            "INSERT INTO scores (request_id, relevance, coherence, helpfulness, safety, composite, judge, scored_ms,
                cost_micro_usd, probability, weight) ",
        );
        query.push_values(scores, |mut row, score| {
            row.push_bind(score.request_id.0.as_bytes().as_slice())
                .push_bind(score.relevance)
                .push_bind(score.coherence)
                .push_bind(score.helpfulness)
                .push_bind(score.safety)
                .push_bind(score.composite)
                .push_bind(score.judge.as_str())
                .push_bind(to_i64(now_ms))
                .push_bind(to_i64(score.cost_micro_usd))
                .push_bind(score.probability)
                .push_bind(score.weight);
        });
        query.push(" ON CONFLICT DO NOTHING RETURNING request_id");
        for row in query.build().fetch_all(&mut **tx).await? {
            new.push(request_id(row.try_get(0)?)?);
        }
    }
    Ok(new)
}

/// What replies were judged in all, as credit needs it.
pub(crate) async fn judged(
    tx: &mut Tx,
    requests: &[RequestId],
) -> Result<HashMap<RequestId, Judged>, StoreError> {
    if requests.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sql::query(
        "SELECT s.request_id, s.composite, s.weight, s.cost_micro_usd FROM json_each(?) AS r
            CROSS JOIN scores AS s ON s.request_id = unhex(r.value)",
    )
    .bind(id_list(requests))
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            let judged = Judged {
                composite: row.try_get(1)?,
                weight: row.try_get(2)?,
                cost_micro_usd: to_u64(row.try_get(3)?),
            };
            Ok((request_id(row.try_get(0)?)?, judged))
        })
        .collect()
}

/// The scores of replies that have one.
pub(crate) async fn of_many(
    conn: &mut Conn,
    requests: &[RequestId],
) -> Result<HashMap<RequestId, Score>, StoreError> {
    let rows = sql::query(
        "SELECT request_id, relevance, coherence, helpfulness, safety, composite, judge, cost_micro_usd, probability, weight
            FROM scores
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
                cost_micro_usd: to_u64(row.try_get(7)?),
                probability: row.try_get(8)?,
                weight: row.try_get(9)?,
            };
            Ok((request_id, score))
        })
        .collect()
}
