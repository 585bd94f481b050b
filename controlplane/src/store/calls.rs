//! Decisions by request id, with what they added to the buckets.

use floopy_shared::domain::{
    decision::{Decision, Stage, Strategy},
    ids::{RequestId, SessionId},
};
use sqlx::{
    QueryBuilder, Row, Sqlite, SqliteConnection, query_builder::Separated, sqlite::SqliteRow,
};
use uuid::Uuid;

use super::{StoreError, Tx, id_list, record, statements, to_i64};
use crate::learn::credit::{Credit, Turn};

/// A decision as it is stored, with what it added to the buckets.
#[derive(Debug)]
pub(crate) struct StoredCall {
    pub(crate) decision: Decision,
    pub(crate) event_id: Uuid,
    pub(crate) credit: Credit,
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
    row.as_ref().map(stored_call).transpose()
}

fn stored_call(row: &SqliteRow) -> Result<StoredCall, StoreError> {
    let record: &[u8] = row.try_get(0)?;
    let event_id: &[u8] = row.try_get(1)?;
    let credit: Option<String> = row.try_get(2)?;
    Ok(StoredCall {
        decision: record::decode_decision(record)?,
        event_id: Uuid::from_slice(event_id).map_err(|e| StoreError::corrupt("event id", e))?,
        credit: credit
            .as_deref()
            .map(super::buckets::decode)
            .transpose()?
            .unwrap_or_default(),
    })
}

/// Reads many decisions at once.
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
    rows.iter().map(stored_call).collect()
}

/// Writes decisions over whatever was there; their credit in the store is left as it is.
pub(crate) async fn put_many(tx: &mut Tx, calls: &[&StoredCall]) -> Result<(), StoreError> {
    for calls in statements(calls) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO decisions (request_id, tenant, event_id, stage, created_ms, session_id, completion_id,
                shadow, strategy, served, model, confidence, record, turn) ",
        );
        query.push_values(calls, |row, call| push_call(row, call));
        query.push(
            " ON CONFLICT DO UPDATE SET event_id = excluded.event_id, stage = excluded.stage,
                created_ms = excluded.created_ms, session_id = excluded.session_id,
                completion_id = excluded.completion_id, shadow = excluded.shadow, strategy = excluded.strategy,
                served = excluded.served, model = excluded.model, confidence = excluded.confidence,
                record = excluded.record, turn = excluded.turn",
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
        .push_bind(strategy_name(decision.strategy))
        .push_bind(decision.served.as_ref().map(|key| key.as_str()))
        .push_bind(decision.served.as_ref().map(|key| key.model()))
        .push_bind(decision.confidence)
        .push_bind(record::encode_decision(decision))
        .push_bind(Turn::of(decision).map(|turn| record::encode_turn(&turn)));
}

/// The name that callers filter by.
pub(crate) fn strategy_name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::FeedbackDriven => "feedback_driven",
        Strategy::Fallback => "fallback",
        Strategy::LegacyModel => "legacy_model",
    }
}

/// What a decision added, as it is stored; `None`: nothing.
pub(crate) fn encode_credit(credit: &Credit) -> Option<String> {
    (!credit.is_empty()).then(|| super::buckets::encode(credit))
}

/// Notes what decisions added to the buckets.
pub(crate) async fn put_credits(
    tx: &mut Tx,
    credits: &[(RequestId, Option<String>)],
) -> Result<(), StoreError> {
    if credits.is_empty() {
        return Ok(());
    }
    let row = |(request, credit): &(RequestId, Option<String>)| {
        let credit = credit.as_deref().unwrap_or("null");
        format!("[\"{}\",{credit}]", request.0.simple())
    };
    let rows: Vec<String> = credits.iter().map(row).collect();
    // An array that is taken out as text is the text that went in.
    sqlx::query(
        "UPDATE decisions SET credit = given.value->>1 FROM json_each(?) AS given
            WHERE request_id = unhex(given.value->>0)",
    )
    .bind(format!("[{}]", rows.join(",")))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
