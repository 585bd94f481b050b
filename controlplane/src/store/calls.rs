//! Decisions by request id, with what they added to the buckets.

use floopy_shared::domain::{
    decision::{Decision, Stage},
    ids::{RequestId, SessionId},
};
use sqlx::{
    QueryBuilder, Row, Sqlite, SqliteConnection, query_builder::Separated, sqlite::SqliteRow,
};
use uuid::Uuid;

use super::{StoreError, Tx, id_list, record, statements, to_i64};
use crate::learn::credit::Turn;

/// A decision as it is stored, with what it added to the buckets.
#[derive(Debug)]
pub(crate) struct StoredCall {
    pub(crate) decision: Decision,
    pub(crate) event_id: Uuid,
    /// What it added to the buckets, packed.
    pub(crate) credit: Vec<u8>,
}

/// Reads one decision.
pub(crate) async fn get(
    conn: &mut SqliteConnection,
    request: RequestId,
) -> Result<Option<StoredCall>, StoreError> {
    let row = sqlx::query("SELECT record, event_id, credit FROM decisions WHERE request_id = ?")
        .bind(request.0.as_bytes().as_slice())
        .fetch_optional(conn)
        .await?;
    let whole = |row: &SqliteRow| stored_call(row, record::decode_decision);
    row.as_ref().map(whole).transpose()
}

fn stored_call(
    row: &SqliteRow,
    decode: impl Fn(&[u8]) -> Result<Decision, StoreError>,
) -> Result<StoredCall, StoreError> {
    let record: &[u8] = row.try_get(0)?;
    let event_id: &[u8] = row.try_get(1)?;
    let credit: Option<Vec<u8>> = row.try_get(2)?;
    Ok(StoredCall {
        decision: decode(record)?,
        event_id: Uuid::from_slice(event_id).map_err(|e| StoreError::corrupt("event id", e))?,
        credit: credit.unwrap_or_default(),
    })
}

/// Reads many decisions at once, without the candidates that they considered: none of them may be written back.
pub(crate) async fn get_many(
    conn: &mut SqliteConnection,
    requests: &[RequestId],
) -> Result<Vec<StoredCall>, StoreError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "SELECT record, event_id, credit FROM decisions
            WHERE request_id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(id_list(requests))
    .fetch_all(conn)
    .await?;
    let short = |row: &SqliteRow| stored_call(row, record::decode_decision_in_short);
    rows.iter().map(short).collect()
}

/// Writes decisions and what they added over whatever was there.
pub(crate) async fn put_many(tx: &mut Tx, calls: &[&StoredCall]) -> Result<(), StoreError> {
    for calls in statements(calls) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO decisions (request_id, tenant, event_id, stage, created_ms, session_id, completion_id,
                shadow, strategy, served, model, confidence, record, turn, credit) ",
        );
        query.push_values(calls, |row, call| push_call(row, call));
        query.push(
            " ON CONFLICT DO UPDATE SET event_id = excluded.event_id, stage = excluded.stage,
                created_ms = excluded.created_ms, session_id = excluded.session_id,
                completion_id = excluded.completion_id, shadow = excluded.shadow, strategy = excluded.strategy,
                served = excluded.served, model = excluded.model, confidence = excluded.confidence,
                record = excluded.record, turn = excluded.turn, credit = excluded.credit",
        );
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

fn push_call<'a>(mut row: Separated<'_, 'a, Sqlite, &'static str>, call: &'a StoredCall) {
    let decision = &call.decision;
    row.push_bind(decision.request_id.0.as_bytes().as_slice())
        .push_bind(decision.tenant.as_str())
        .push_bind(call.event_id.as_bytes().as_slice())
        .push_bind(i64::from(decision.stage == Stage::Finished))
        .push_bind(to_i64(decision.created_at_ms))
        .push_bind(decision.session_id.as_ref().map(SessionId::as_str))
        .push_bind(decision.completion_id.as_deref())
        .push_bind(decision.shadow_of.is_some())
        .push_bind(decision.strategy.as_str())
        .push_bind(decision.served.as_ref().map(|key| key.as_str()))
        .push_bind(decision.served.as_ref().map(|key| key.model()))
        .push_bind(decision.confidence)
        .push_bind(record::encode_decision(decision))
        .push_bind(Turn::of(decision).map(|turn| record::encode_turn(&turn)))
        .push_bind(stored_credit(call));
}

/// What a decision added, as it is stored; `None`: nothing.
fn stored_credit(call: &StoredCall) -> Option<&[u8]> {
    (!call.credit.is_empty()).then_some(call.credit.as_slice())
}

/// Notes what decisions that are there already added.
pub(crate) async fn put_credits(tx: &mut Tx, calls: &[&StoredCall]) -> Result<(), StoreError> {
    if calls.is_empty() {
        return Ok(());
    }
    let row = |call: &&StoredCall| {
        let credit = stored_credit(call).map(hex::encode);
        (call.decision.request_id.0.simple().to_string(), credit)
    };
    let rows: Vec<(String, Option<String>)> = calls.iter().map(row).collect();
    // Strings always serialise.
    let rows = serde_json::to_string(&rows).unwrap_or_default();
    sqlx::query(
        "UPDATE decisions SET credit = unhex(given.value->>1) FROM json_each(?) AS given
            WHERE request_id = unhex(given.value->>0)",
    )
    .bind(rows)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
