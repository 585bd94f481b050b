//! What is forgotten, and when. Sums outlive the calls they came from.

use std::collections::BTreeSet;

use floopy_shared::domain::ids::TenantId;

use super::{
    StoreError, Tx, alarms, answers,
    buckets::{self, Forgotten},
    contents, evaluations, queue, request_id, to_i64, unwanted, usage,
};
use crate::store::sql::{self, Row};

/// Rows removed per table and transaction at most, so that the writer is never held for long.
const SLICE: i64 = 2_000;
/// The same of rows with content, which can be 256 KiB each.
const CONTENT_SLICE: u32 = 200;
/// The same of shapes' days, each of which has a few dozen cells.
const DAYS_SLICE: i64 = 200;

/// Moments before which things are forgotten.
#[derive(Debug, Clone, Default)]
pub(crate) struct Horizon {
    pub(crate) decisions_before_ms: u64,
    /// The same of tenants whose calls are kept for less.
    pub(crate) sooner: Vec<(TenantId, u64)>,
    pub(crate) buckets_before_day: i64,
    pub(crate) answers_before_ms: u64,
}

/// What was removed.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    pub(crate) rows: u64,
    /// What of it were sums.
    pub(crate) sums: Forgotten,
}

/// Removes a slice of what is too old. Call again until no row went.
///
/// A session's calls go together once its last one is too old: as long as a call is kept, a late rating can
/// be credited to the whole session. Nothing can come back to be counted twice, because calls that old are
/// refused on arrival.
pub(crate) async fn forget(tx: &mut Tx, horizon: &Horizon) -> Result<Gone, StoreError> {
    let before = to_i64(horizon.decisions_before_ms);
    let statements = [
        "DELETE FROM scores WHERE request_id IN (SELECT s.request_id FROM scores s WHERE s.scored_ms < ?1
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.request_id = s.request_id) LIMIT ?2)",
        "DELETE FROM ratings WHERE (tenant, kind, subject, revise) IN (SELECT tenant, kind, subject, revise
            FROM ratings r WHERE rated_ms < ?1
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = r.tenant AND d.session_id = r.subject)
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = r.tenant AND d.completion_id = r.subject)
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = r.tenant
                AND d.request_id = unhex(r.subject, '-'))
            LIMIT ?2)",
        "DELETE FROM sessions WHERE (tenant, unit) IN (SELECT tenant, unit FROM sessions
            WHERE touched_ms < ?1 LIMIT ?2)",
    ];
    let mut rows = forget_calls(tx, before, None).await?;
    for (tenant, before_ms) in &horizon.sooner {
        let before = to_i64(*before_ms);
        rows += forget_calls(tx, before, Some(tenant)).await?;
        rows += contents::old::forget_of(tx, tenant, before).await?;
    }
    for statement in statements {
        let done = sql::query(statement)
            .bind(before)
            .bind(SLICE)
            .execute(&mut **tx)
            .await?;
        rows += done.rows_affected();
    }
    rows += contents::old::forget(tx, before).await?;
    rows += evaluations::forget(tx, before).await?;
    rows += unwanted::forget(tx, CONTENT_SLICE).await?;
    rows += queue::forget(tx, before, i64::from(CONTENT_SLICE)).await?;
    let sums = buckets::forget(tx, horizon.buckets_before_day, DAYS_SLICE).await?;
    alarms::forget_days(tx, &sums.days).await?;
    rows += sums.rows;
    rows += answers::forget(tx, horizon.answers_before_ms, SLICE).await?;
    rows += usage::forget(tx, horizon.buckets_before_day, SLICE).await?;
    Ok(Gone { rows, sums })
}

/// What forgotten calls leave to be forgotten, as pairs of tenant and text.
#[derive(Debug, Default)]
struct Left {
    ids: Vec<i64>,
    sessions: BTreeSet<(String, String)>,
    units: BTreeSet<(String, String)>,
    /// What a rating of them could be of.
    names: BTreeSet<(String, String)>,
}

impl Left {
    fn take(&mut self, row: &Row) -> Result<(), StoreError> {
        let tenant: String = row.try_get(0)?;
        let session: Option<String> = row.try_get(1)?;
        let request = request_id(row.try_get(2)?)?.to_string();
        let completion: Option<String> = row.try_get(3)?;
        self.ids.push(row.try_get(4)?);
        let unit = match &session {
            Some(session) => format!("s:{session}"),
            None => format!("r:{request}"),
        };
        self.units.insert((tenant.clone(), unit));
        if let Some(session) = &session {
            self.sessions.insert((tenant.clone(), session.clone()));
        }
        let names = [session, Some(request), completion];
        let names = names.into_iter().flatten();
        self.names.extend(names.map(|name| (tenant.clone(), name)));
        Ok(())
    }
}

/// Removes a slice of the calls, and the rest of their sessions. With them goes that their sessions were rated:
/// a session that is resumed later starts anew, and what was learned from its first life stays.
async fn forget_calls(
    tx: &mut Tx,
    before: i64,
    whose: Option<&TenantId>,
) -> Result<u64, StoreError> {
    let sliced = sliced_calls(tx, before, whose).await?;
    let mut left = Left::default();
    for row in &sliced {
        left.take(row)?;
    }
    let rest = sql::query(
        "DELETE FROM decisions WHERE session_id IS NOT NULL
            AND (tenant, session_id) IN (SELECT value->>0, value->>1 FROM json_each(?))
         RETURNING tenant, session_id, request_id, completion_id, id",
    )
    .bind(pairs(&left.sessions))
    .fetch_all(&mut **tx)
    .await?;
    for row in &rest {
        left.take(row)?;
    }
    let statements = [
        ("DELETE FROM sessions WHERE (tenant, unit) IN (SELECT value->>0, value->>1 FROM json_each(?))",
            &left.units),
        ("DELETE FROM ratings AS r WHERE kind IN (1, 2)
            AND (tenant, subject) IN (SELECT value->>0, value->>1 FROM json_each(?))
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = r.tenant AND d.session_id = r.subject)
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = r.tenant AND d.completion_id = r.subject)
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = r.tenant
                AND d.request_id = unhex(r.subject, '-'))",
            &left.names),
    ];
    for (statement, about) in statements {
        sql::query(statement)
            .bind(pairs(about))
            .execute(&mut **tx)
            .await?;
    }
    // Integers always serialise.
    let ids = serde_json::to_string(&left.ids).unwrap_or_default();
    for statement in [
        "DELETE FROM candidates WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
        "DELETE FROM experiment_calls WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
    ] {
        sql::query(statement).bind(&ids).execute(&mut **tx).await?;
    }
    Ok((sliced.len() + rest.len()) as u64)
}

/// Removes a slice of the calls that are too old, of everybody or of one tenant.
async fn sliced_calls(
    tx: &mut Tx,
    before: i64,
    whose: Option<&TenantId>,
) -> Result<Vec<Row>, StoreError> {
    let condition = whose.map_or("", |_| "d.tenant = ?3 AND");
    let statement = format!(
        "DELETE FROM decisions WHERE id IN (SELECT d.id FROM decisions d WHERE {condition} d.created_ms < ?1
            AND (d.session_id IS NULL OR NOT EXISTS (SELECT 1 FROM decisions o WHERE o.tenant = d.tenant
                AND o.session_id = d.session_id AND o.created_ms >= ?1)) LIMIT ?2)
         RETURNING tenant, session_id, request_id, completion_id, id"
    );
    let mut query = sql::query(&statement).bind(before).bind(SLICE);
    if let Some(tenant) = whose {
        query = query.bind(tenant.as_str());
    }
    Ok(query.fetch_all(&mut **tx).await?)
}

/// Pairs as one parameter.
fn pairs(pairs: &BTreeSet<(String, String)>) -> String {
    // Strings always serialise.
    serde_json::to_string(pairs).unwrap_or_default()
}
