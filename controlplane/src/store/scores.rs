//! The judges' verdicts. Of several of one reply one stands, whichever came first: that by the later rubric, and of two by
//! the same rubric that of the greater digest.

use std::collections::{BTreeMap, HashMap};

use floopy_shared::domain::{
    event::{OwnGrade, Score},
    ids::RequestId,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::learn::credit::Judged;

use super::{StoreError, Tx, id_list, record, request_id, statements, to_i64, to_u64};
use crate::store::sql::{self, Conn, QueryBuilder};

/// A grade of a tenant's own dimension, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Own {
    name: String,
    grade: f64,
}

/// Of several verdicts on a reply the one that stands.
pub(crate) fn standing(scores: &[Score]) -> Vec<&Score> {
    let mut standing: BTreeMap<RequestId, (Rank, &Score)> = BTreeMap::new();
    for score in scores {
        let rank = rank(score);
        let known = standing.entry(score.request_id).or_insert((rank, score));
        if rank > known.0 {
            *known = (rank, score);
        }
    }
    standing.into_values().map(|(_, score)| score).collect()
}

/// The greater one stands.
type Rank = (u64, i64);

fn rank(score: &Score) -> Rank {
    let digest = Sha256::digest(record::encode_score(score));
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    // Any number but those below 0, which stand for nothing of it.
    (score.rubric, i64::from_be_bytes(first) & i64::MAX)
}

/// Keeps scores, each of another reply, that stand; whose are new.
pub(crate) async fn put_many(
    tx: &mut Tx,
    scores: &[&Score],
    now_ms: u64,
) -> Result<Vec<RequestId>, StoreError> {
    let mut new = Vec::new();
    for scores in statements(scores) {
        let mut query = QueryBuilder::new(
            "INSERT INTO scores (request_id, relevance, coherence, helpfulness, safety, composite, judge, scored_ms,
                cost_micro_usd, probability, weight, rubric, digest, own) ",
        );
        query.push_values(scores, |mut row, score| {
            let (rubric, digest) = rank(score);
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
                .push_bind(score.weight)
                .push_bind(to_i64(rubric))
                .push_bind(digest)
                .push_bind(written(&score.own));
        });
        query.push(
            " ON CONFLICT (request_id) DO UPDATE SET relevance = excluded.relevance, coherence = excluded.coherence,
                helpfulness = excluded.helpfulness, safety = excluded.safety, composite = excluded.composite,
                judge = excluded.judge, scored_ms = excluded.scored_ms, cost_micro_usd = excluded.cost_micro_usd,
                probability = excluded.probability, weight = excluded.weight, rubric = excluded.rubric,
                digest = excluded.digest, own = excluded.own
            WHERE excluded.rubric > scores.rubric
                OR (excluded.rubric = scores.rubric AND excluded.digest > scores.digest)
            RETURNING request_id",
        );
        for row in query.build().fetch_all(&mut **tx).await? {
            new.push(request_id(row.try_get(0)?)?);
        }
    }
    Ok(new)
}

/// Nothing for the most, which have none.
fn written(own: &[OwnGrade]) -> Option<String> {
    let own = own.iter().map(|own| Own {
        name: own.name.clone(),
        grade: own.grade,
    });
    let own: Vec<Own> = own.collect();
    (!own.is_empty()).then(|| serde_json::json!(own).to_string())
}

fn read(own: Option<&str>) -> Result<Vec<OwnGrade>, StoreError> {
    let Some(own) = own else {
        return Ok(Vec::new());
    };
    let own: Vec<Own> =
        serde_json::from_str(own).map_err(|e| StoreError::corrupt("own grades", e))?;
    let own = own
        .into_iter()
        .map(|Own { name, grade }| OwnGrade { name, grade });
    Ok(own.collect())
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
        "SELECT request_id, relevance, coherence, helpfulness, safety, composite, judge, cost_micro_usd, probability, weight, rubric, own
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
                rubric: to_u64(row.try_get(10)?),
                own: read(row.try_get::<Option<&str>>(11)?)?,
            };
            Ok((request_id, score))
        })
        .collect()
}
