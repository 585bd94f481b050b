//! The rows of a run, each with how far it came: waiting, sent, answered, done. What was answered is never sent again.

use floopy_shared::domain::{event::Score, ids::RequestId};
use uuid::Uuid;

use super::{
    super::{Store, StoreError, Tx, request_id, to_i64, to_u64},
    uuid,
};
use crate::store::sql::{self, Row};

/// Answered rows that are looked at together for their judgement.
const TOGETHER: i64 = 500;

/// How far an item came. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting = 0,
    /// Under way, or cut off with the process that asked.
    Sent = 1,
    /// There is an answer or an error; what it cost and how good it was is yet to come.
    Answered = 2,
    Done = 3,
    /// Its run ended before.
    Skipped = 4,
}

/// An item that is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) seq: i64,
    pub(crate) run: Uuid,
    pub(crate) input_id: String,
    /// Its row in JSON; `None`: it is gone.
    pub(crate) row: Option<String>,
    /// With the one that begins.
    pub(crate) attempts: u32,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) request: Option<RequestId>,
    /// Empty where it is an error.
    pub(crate) output: String,
    /// In JSON: what is told beside it.
    pub(crate) about: String,
    /// In JSON.
    pub(crate) error: Option<String>,
    /// Why nobody will judge it, if so.
    pub(crate) unscored: Option<&'static str>,
    pub(crate) latency_ms: u64,
}

/// An item whose cost or judgement is yet to come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unjudged {
    pub(crate) seq: i64,
    pub(crate) request: Option<RequestId>,
    pub(crate) is_decided: bool,
    pub(crate) is_to_be_scored: bool,
    pub(crate) answered_ms: u64,
}

/// What the record of its call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) served: Option<String>,
    pub(crate) cost_micro_usd: Option<u64>,
    pub(crate) latency_ms: u64,
}

/// What a run's calls cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) micro_usd: u64,
    /// The dearest item.
    pub(crate) dearest: u64,
    /// Items sent or answered whose cost is not known yet.
    pub(crate) unknown: u64,
    /// Answers of a model without a price.
    pub(crate) unpriced: u64,
}

/// Lets every item that was under way when the process ended be asked again.
pub(crate) async fn restart(tx: &mut Tx) -> Result<u64, StoreError> {
    let done = sql::query(
        "UPDATE evaluation_items SET state = ?, next_ms = 0 WHERE state = ?
            AND run IN (SELECT id FROM evaluation_runs WHERE finished_ms IS NULL)",
    )
    .bind(State::Waiting as i64)
    .bind(State::Sent as i64)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Whether a run has an item that can be asked now.
pub(crate) async fn is_any_due(store: &Store, run: Uuid, now_ms: u64) -> Result<bool, StoreError> {
    let found = sql::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM evaluation_items WHERE run = ? AND state = ? AND next_ms <= ?)",
    )
    .bind(run.to_string())
    .bind(State::Waiting as i64)
    .bind(to_i64(now_ms))
    .fetch_one(store.read())
    .await?;
    Ok(found)
}

/// Takes the first item of a run that can be asked now.
pub(crate) async fn take(tx: &mut Tx, run: Uuid, now_ms: u64) -> Result<Option<Item>, StoreError> {
    let row = sql::query(
        "UPDATE evaluation_items SET state = ?1, attempts = attempts + 1 WHERE seq = (
            SELECT seq FROM evaluation_items WHERE run = ?2 AND state = ?3 AND next_ms <= ?4 ORDER BY seq LIMIT 1)
         RETURNING seq, input_id, attempts, row",
    )
    .bind(State::Sent as i64)
    .bind(run.to_string())
    .bind(State::Waiting as i64)
    .bind(to_i64(now_ms))
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let body = sql::query_scalar("SELECT body FROM dataset_rows WHERE seq = ?")
        .bind(row.try_get::<i64>(3)?)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(Some(Item {
        seq: row.try_get(0)?,
        run,
        input_id: row.try_get(1)?,
        row: body,
        attempts: row.try_get(2)?,
    }))
}

/// Gives an item back to be asked at a later moment; one that was not really asked does not count as an attempt.
pub(crate) async fn release(
    tx: &mut Tx,
    item: &Item,
    next_ms: u64,
    is_attempt: bool,
) -> Result<(), StoreError> {
    sql::query(
        "UPDATE evaluation_items SET state = ?, next_ms = ?, attempts = attempts - ? WHERE seq = ? AND state = ?",
    )
    .bind(State::Waiting as i64)
    .bind(to_i64(next_ms))
    .bind(i64::from(!is_attempt))
    .bind(item.seq)
    .bind(State::Sent as i64)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes an answer down, unless its run ended meanwhile.
pub(crate) async fn answer(
    tx: &mut Tx,
    item: &Item,
    answer: &Answer,
    now_ms: u64,
) -> Result<(), StoreError> {
    sql::query(
        "UPDATE evaluation_items SET state = ?, id = ?, request_id = ?, output = ?, about = ?, error = ?,
            unscored = ?, latency_ms = ?, answered_ms = ?,
            result = 1 + COALESCE((SELECT MAX(result) FROM evaluation_items WHERE run = ?), 0)
         WHERE seq = ? AND state = ?",
    )
    .bind(State::Answered as i64)
    .bind(Uuid::new_v4().to_string())
    .bind(answer.request.map(|id| id.0.as_bytes().to_vec()))
    .bind(&answer.output)
    .bind(&answer.about)
    .bind(answer.error.as_deref())
    .bind(answer.unscored)
    .bind(to_i64(answer.latency_ms))
    .bind(to_i64(now_ms))
    .bind(item.run.to_string())
    .bind(item.seq)
    .bind(State::Sent as i64)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What waits for its judgement, the oldest first.
pub(crate) async fn unjudged(store: &Store) -> Result<Vec<Unjudged>, StoreError> {
    let rows = sql::query(
        "SELECT seq, request_id, decided, unscored IS NULL AND error IS NULL, answered_ms
         FROM evaluation_items WHERE state = 2 ORDER BY answered_ms, seq LIMIT ?",
    )
    .bind(TOGETHER)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(unjudged_item).collect()
}

fn unjudged_item(row: &Row) -> Result<Unjudged, StoreError> {
    let request: Option<&[u8]> = row.try_get(1)?;
    Ok(Unjudged {
        seq: row.try_get(0)?,
        request: request.map(request_id).transpose()?,
        is_decided: row.try_get(2)?,
        is_to_be_scored: row.try_get(3)?,
        answered_ms: to_u64(row.try_get(4)?),
    })
}

/// Keeps what the record of its call says.
pub(crate) async fn decide(tx: &mut Tx, seq: i64, decided: &Decided) -> Result<(), StoreError> {
    sql::query(
        "UPDATE evaluation_items SET decided = 1, served = ?, cost_micro_usd = ?, latency_ms = ? WHERE seq = ?",
    )
    .bind(decided.served.as_deref())
    .bind(decided.cost_micro_usd.map(to_i64))
    .bind(to_i64(decided.latency_ms))
    .bind(seq)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps what the judge said, which is the last that there is to know.
pub(crate) async fn score(tx: &mut Tx, seq: i64, score: &Score) -> Result<(), StoreError> {
    sql::query(
        "UPDATE evaluation_items SET state = ?, score = ?, relevance = ?, coherence = ?, helpfulness = ?, safety = ?,
            judge = ? WHERE seq = ?",
    )
    .bind(State::Done as i64)
    .bind(score.composite)
    .bind(score.relevance)
    .bind(score.coherence)
    .bind(score.helpfulness)
    .bind(score.safety)
    .bind(score.judge.as_str())
    .bind(seq)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Waits no longer; `unscored` says why there is no score, where there should have been one.
pub(crate) async fn close(
    tx: &mut Tx,
    seq: i64,
    unscored: Option<&'static str>,
) -> Result<(), StoreError> {
    sql::query(
        "UPDATE evaluation_items SET state = ?, unscored = COALESCE(unscored, ?) WHERE seq = ?",
    )
    .bind(State::Done as i64)
    .bind(unscored)
    .bind(seq)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What a run's calls cost so far.
pub(crate) async fn spent(store: &Store, run: Uuid) -> Result<Spent, StoreError> {
    let row = sql::query(
        "SELECT CAST(COALESCE(SUM(cost_micro_usd), 0) AS INTEGER), COALESCE(MAX(cost_micro_usd), 0),
            COUNT(*) FILTER (WHERE state IN (1, 2) AND decided = 0),
            COUNT(*) FILTER (WHERE error IS NULL AND cost_micro_usd IS NULL
                AND (decided = 1 OR state = 3 AND request_id IS NOT NULL))
         FROM evaluation_items WHERE run = ?",
    )
    .bind(run.to_string())
    .fetch_one(store.read())
    .await?;
    Ok(Spent {
        micro_usd: to_u64(row.try_get(0)?),
        dearest: to_u64(row.try_get(1)?),
        unknown: to_u64(row.try_get(2)?),
        unpriced: to_u64(row.try_get(3)?),
    })
}

/// The runs that are not over and have nothing left to wait for.
pub(crate) async fn finished_runs(store: &Store) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<String> = sql::query_scalar(
        "SELECT id FROM evaluation_runs AS r WHERE finished_ms IS NULL
            AND NOT EXISTS (SELECT 1 FROM evaluation_items AS i WHERE i.run = r.id AND i.state < ?)",
    )
    .bind(State::Done as i64)
    .fetch_all(store.read())
    .await?;
    ids.iter().map(|id| uuid(id)).collect()
}

/// Nothing more of a run is asked.
pub(super) async fn skip(tx: &mut Tx, run: Uuid) -> Result<(), StoreError> {
    sql::query("UPDATE evaluation_items SET state = ? WHERE run = ? AND state IN (0, 1)")
        .bind(State::Skipped as i64)
        .bind(run.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
