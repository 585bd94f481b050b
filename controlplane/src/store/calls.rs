//! Decisions by request id, with what they added to the buckets. The candidates that they considered are most of
//! their bytes and lie apart, so that what changes with every score and rating is narrow.

use floopy_shared::domain::{
    decision::{Decision, Stage},
    ids::{RequestId, SessionId, TenantId},
    tags::Tags,
};
use uuid::Uuid;

use super::{
    StoreError, Tx, accounted, experiments, id_list, measured::Columns, record, statements, to_i64,
};
use crate::learn::credit::Turn;
use crate::store::sql::{self, Conn, QueryBuilder, Row, Separated};

/// A decision as it is stored, with what it added to the buckets.
#[derive(Debug)]
pub(crate) struct StoredCall {
    /// Its row's number, once it has one.
    pub(crate) id: Option<i64>,
    pub(crate) decision: Decision,
    pub(crate) event_id: Uuid,
    /// What it added to the buckets, packed.
    pub(crate) credit: Vec<u8>,
}

/// Reads one decision of a tenant. Another's is not read at all: decoding it would take time that could be seen.
pub(crate) async fn get(
    conn: &mut Conn,
    (tenant, request): (&TenantId, RequestId),
) -> Result<Option<StoredCall>, StoreError> {
    let row = sql::query(
        "SELECT d.id, d.event_id, d.credit, d.record, c.bytes
            FROM decisions AS d LEFT JOIN candidates AS c ON c.id = d.id
            WHERE d.request_id = ? AND d.tenant = ?",
    )
    .bind(request.0.as_bytes().as_slice())
    .bind(tenant.as_str())
    .fetch_optional(conn)
    .await?;
    let whole = |row: &Row| stored_call(row, whole(row.try_get(3)?, row.try_get(4)?)?);
    row.as_ref().map(whole).transpose()
}

/// A decision by its parts.
pub(super) fn whole(record: &[u8], candidates: Option<&[u8]>) -> Result<Decision, StoreError> {
    match candidates {
        Some(candidates) => record::decode_decision(&[record, candidates].concat()),
        None => record::decode_decision(record),
    }
}

fn stored_call(row: &Row, decision: Decision) -> Result<StoredCall, StoreError> {
    let event_id: &[u8] = row.try_get(1)?;
    let credit: Option<Vec<u8>> = row.try_get(2)?;
    Ok(StoredCall {
        id: Some(row.try_get(0)?),
        decision,
        event_id: Uuid::from_slice(event_id).map_err(|e| StoreError::corrupt("event id", e))?,
        credit: credit.unwrap_or_default(),
    })
}

/// Decisions as they were read, to be made sense of while the store does something else.
#[derive(Default)]
pub(crate) struct Rows(Vec<Row>);

/// Reads many decisions at once, without the candidates that they considered: none of them may be written back.
pub(crate) async fn get_many(conn: &mut Conn, requests: &[RequestId]) -> Result<Rows, StoreError> {
    if requests.is_empty() {
        return Ok(Rows::default());
    }
    let rows = sql::query(
        "SELECT d.id, d.event_id, d.credit, d.record FROM json_each(?) AS r
            CROSS JOIN decisions AS d ON d.request_id = unhex(r.value)",
    )
    .bind(id_list(requests))
    .fetch_all(conn)
    .await?;
    Ok(Rows(rows))
}

impl Rows {
    /// The calls that were found.
    pub(crate) fn calls(&self) -> Result<Vec<StoredCall>, StoreError> {
        let short =
            |row: &Row| stored_call(row, record::decode_decision_in_short(row.try_get(3)?)?);
        self.0.iter().map(short).collect()
    }
}

/// A decision as it is about to be written.
struct Written<'a> {
    id: i64,
    call: &'a StoredCall,
    record: Vec<u8>,
    candidates: Vec<u8>,
}

/// Writes decisions and what they added over whatever was there; the numbers of their rows.
pub(crate) async fn put_many(tx: &mut Tx, calls: &[&StoredCall]) -> Result<Vec<i64>, StoreError> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let mut next: i64 = sql::query_scalar("SELECT ifnull(max(id), 0) + 1 FROM decisions")
        .fetch_one(&mut **tx)
        .await?;
    let mut new_id = || {
        next += 1;
        next - 1
    };
    let written = |call: &&'_ StoredCall| {
        let (record, candidates) = record::encode_decision_in_parts(&call.decision);
        (call.id.unwrap_or_else(&mut new_id), record, candidates)
    };
    let parts: Vec<(i64, Vec<u8>, Vec<u8>)> = calls.iter().map(written).collect();
    let written = calls.iter().zip(parts);
    let written: Vec<Written<'_>> = written
        .map(|(call, (id, record, candidates))| Written {
            id,
            call,
            record,
            candidates,
        })
        .collect();
    put_decisions(tx, &written).await?;
    experiments::note(tx, written.iter().map(|w| (w.id, &w.call.decision))).await?;
    put_candidates(tx, &written).await?;
    Ok(written.iter().map(|written| written.id).collect())
}

async fn put_decisions(tx: &mut Tx, calls: &[Written<'_>]) -> Result<(), StoreError> {
    for calls in statements(calls) {
        let mut query = QueryBuilder::new(
            "INSERT INTO decisions (id, request_id, tenant, event_id, stage, created_ms, session_id, completion_id,
                shadow, strategy, served, model, confidence, record, turn, credit, rule, kind, cost_micro_usd,
                latency_ms, tags, came, under, task, excluded, baseline_micro_usd, paid_micro_usd) ",
        );
        query.push_values(calls, |row, call| push_call(row, call));
        query.push(
            " ON CONFLICT (id) DO UPDATE SET event_id = excluded.event_id, stage = excluded.stage,
                created_ms = excluded.created_ms, session_id = excluded.session_id,
                completion_id = excluded.completion_id, shadow = excluded.shadow, strategy = excluded.strategy,
                served = excluded.served, model = excluded.model, confidence = excluded.confidence,
                record = excluded.record, turn = excluded.turn, credit = excluded.credit, rule = excluded.rule,
                kind = excluded.kind, cost_micro_usd = excluded.cost_micro_usd, latency_ms = excluded.latency_ms,
                tags = excluded.tags, came = excluded.came, under = excluded.under, task = excluded.task,
                excluded = excluded.excluded, baseline_micro_usd = excluded.baseline_micro_usd,
                paid_micro_usd = excluded.paid_micro_usd",
        );
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

fn push_call<'a>(mut row: Separated<'_, 'a>, written: &'a Written<'a>) {
    let call = written.call;
    let decision = &call.decision;
    let measured = Columns::of(decision);
    row.push_bind(written.id)
        .push_bind(decision.request_id.0.as_bytes().as_slice())
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
        .push_bind(written.record.as_slice())
        .push_bind(Turn::of(decision).map(|turn| record::encode_turn(&turn)))
        .push_bind(stored_credit(call))
        .push_bind(measured.map(|columns| columns.rule))
        .push_bind(measured.map(|columns| columns.kind))
        .push_bind(measured.and_then(|columns| columns.cost_micro_usd))
        .push_bind(measured.map(|columns| columns.latency_ms))
        .push_bind(decision.tags.as_deref().map(Tags::lines));
    push_accounted(&mut row, accounted::Columns::of(decision));
}

fn push_accounted<'a>(row: &mut Separated<'_, 'a>, columns: Option<accounted::Columns<'a>>) {
    row.push_bind(columns.map(|columns| columns.came.as_str()))
        .push_bind(columns.and_then(|columns| columns.under))
        .push_bind(columns.map(|columns| columns.task))
        .push_bind(columns.map(|columns| columns.excluded_text()))
        .push_bind(columns.and_then(|columns| columns.baseline_micro_usd.map(to_i64)))
        .push_bind(columns.map(|columns| to_i64(columns.paid_micro_usd)));
}

async fn put_candidates(tx: &mut Tx, calls: &[Written<'_>]) -> Result<(), StoreError> {
    for calls in statements(calls) {
        let mut query = QueryBuilder::new("INSERT INTO candidates (id, bytes) ");
        query.push_values(calls, |mut row, call| {
            row.push_bind(call.id).push_bind(call.candidates.as_slice());
        });
        query.push(" ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes");
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
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
    let row = |call: &&StoredCall| Some((call.id?, stored_credit(call).map(hex::encode)));
    let rows: Vec<(i64, Option<String>)> = calls.iter().filter_map(row).collect();
    // Strings and integers always serialise.
    let rows = serde_json::to_string(&rows).unwrap_or_default();
    sql::query(
        "UPDATE decisions SET credit = unhex(given.value->>1) FROM json_each(?) AS given
            WHERE decisions.id = CAST(given.value->>0 AS INTEGER)",
    )
    .bind(rows)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
