//! Decisions by request id, by session and by what else names them.

use floopy_shared::domain::{
    decision::{Decision, Stage, Strategy},
    ids::{RequestId, SessionId, TenantId},
};
use sqlx::{
    QueryBuilder, Row, Sqlite, SqliteConnection, query_builder::Separated, sqlite::SqliteRow,
};
use uuid::Uuid;

use super::{ROWS, StoreError, Tx, id_list, record, request_id, to_i64};
use crate::learn::credit::Credit;

/// A decision as it is stored, with what it added to the buckets.
#[derive(Debug)]
pub(crate) struct StoredCall {
    pub(crate) decision: Decision,
    pub(crate) event_id: Uuid,
    pub(crate) credit: Credit,
}

/// Calls of one session that its rating is about.
pub(crate) const MAX_TURNS: i64 = 1_000;

/// What a session's rating is about: a session, or one call that has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Session(SessionId),
    Call(RequestId),
}

impl Unit {
    /// The unit a decision belongs to.
    pub(crate) fn of(decision: &Decision) -> Self {
        decision
            .session_id
            .clone()
            .map_or(Self::Call(decision.request_id), Self::Session)
    }

    /// The stored name.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Session(id) => format!("s:{id}"),
            Self::Call(id) => format!("r:{id}"),
        }
    }
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
    for calls in calls.chunks(ROWS) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO decisions (request_id, tenant, event_id, stage, created_ms, session_id, completion_id,
                shadow, strategy, served, model, confidence, record) ",
        );
        query.push_values(calls, |row, call| push_call(row, call));
        query.push(
            " ON CONFLICT DO UPDATE SET event_id = excluded.event_id, stage = excluded.stage,
                created_ms = excluded.created_ms, session_id = excluded.session_id,
                completion_id = excluded.completion_id, shadow = excluded.shadow, strategy = excluded.strategy,
                served = excluded.served, model = excluded.model, confidence = excluded.confidence,
                record = excluded.record",
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
        .push_bind(record::encode_decision(decision));
}

/// The name that callers filter by.
pub(crate) fn strategy_name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::FeedbackDriven => "feedback_driven",
        Strategy::Fallback => "fallback",
        Strategy::LegacyModel => "legacy_model",
    }
}

/// Notes what decisions added to the buckets.
pub(crate) async fn put_credits(
    tx: &mut Tx,
    credits: &[(RequestId, Credit)],
) -> Result<(), StoreError> {
    if credits.is_empty() {
        return Ok(());
    }
    let row = |(request, credit): &(RequestId, Credit)| {
        let id = request.0.simple();
        if credit.is_empty() {
            return format!("[\"{id}\",null]");
        }
        format!("[\"{id}\",{}]", super::buckets::encode(credit))
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

/// The calls of a unit, shadows left out: the first ones of a session that is longer than can be looked at
/// whenever something of it changes. Which ones they are does not depend on the order of arrival.
pub(crate) async fn of_unit(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    unit: &Unit,
) -> Result<Vec<Decision>, StoreError> {
    let query = match unit {
        Unit::Session(id) => sqlx::query(
            "SELECT record FROM decisions WHERE tenant = ? AND session_id = ? AND shadow = 0
                ORDER BY created_ms, request_id LIMIT ?",
        )
        .bind(tenant.as_str())
        .bind(id.as_str().to_owned())
        .bind(MAX_TURNS),
        Unit::Call(id) => sqlx::query(
            "SELECT record FROM decisions WHERE tenant = ? AND request_id = ? AND session_id IS NULL AND shadow = 0",
        )
        .bind(tenant.as_str())
        .bind(id.0.as_bytes().to_vec()),
    };
    let rows = query.fetch_all(conn).await?;
    rows.iter()
        .map(|row| record::decode_decision(row.try_get(0)?))
        .collect()
}

/// Every unit that could be meant by `subject`, the one that is meant first.
///
/// A session's own id comes first. Otherwise the subject is an alias: the completion id or the request id of
/// a call, which stands for its session, or for itself where it has none; the oldest such call is meant.
pub(crate) async fn units_named(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    subject: &str,
) -> Result<Vec<Unit>, StoreError> {
    let mut units = Vec::new();
    let own: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM decisions WHERE tenant = ? AND session_id = ? AND shadow = 0 LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(subject)
    .fetch_optional(&mut *conn)
    .await?;
    if own.is_some() {
        units.extend(SessionId::new(subject).ok().map(Unit::Session));
    }
    let id = Uuid::try_parse(subject)
        .map(|id| id.as_bytes().to_vec())
        .unwrap_or_default();
    let rows = sqlx::query(
        "SELECT session_id, request_id, created_ms FROM decisions
            WHERE tenant = ?1 AND completion_id = ?2 AND shadow = 0
         UNION SELECT session_id, request_id, created_ms FROM decisions
            WHERE request_id = ?3 AND tenant = ?1 AND shadow = 0
         ORDER BY created_ms, request_id LIMIT 1000",
    )
    .bind(tenant.as_str())
    .bind(subject)
    .bind(id)
    .fetch_all(conn)
    .await?;
    for row in &rows {
        let unit = unit_of(row)?;
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    Ok(units)
}

fn unit_of(row: &SqliteRow) -> Result<Unit, StoreError> {
    let session: Option<String> = row.try_get(0)?;
    if let Some(session) = session {
        let id = SessionId::new(&session).map_err(|e| StoreError::corrupt("session id", e))?;
        return Ok(Unit::Session(id));
    }
    Ok(Unit::Call(request_id(row.try_get(1)?)?))
}
