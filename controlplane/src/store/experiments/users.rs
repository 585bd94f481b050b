//! Users of an experiment's calls, and what was said of their sessions before it began.

use std::collections::HashMap;

use floopy_shared::domain::{
    event::RatingScore,
    experiment::Variant,
    ids::RequestId,
    tags::{Tag, value_in},
};

use super::{MAX_CALLS, READ_AT_ONCE, Window, on_unit};
use crate::{
    learn::experiment::{Call, Ending},
    store::{
        StoreError, request_id,
        sql::{self, Conn, Row},
        to_i64,
        units::Unit,
    },
};

/// How far back earlier calls are looked for: who was served longer ago is another user by now.
const BACK_MS: u64 = 90 * 86_400_000;

/// The newest calls before an experiment whose user is known, the newest first, with what was said of them until it
/// began: what came later may be because of it.
pub(crate) async fn history(conn: &mut Conn, window: &Window<'_>) -> Result<Vec<Call>, StoreError> {
    let from = to_i64(window.from_ms);
    let rows = sql::query(
        "SELECT d.request_id, d.session_id, d.tags, j.composite, s.score
            FROM decisions AS d INDEXED BY decisions_tagged
            LEFT JOIN scores AS j ON j.request_id = d.request_id AND j.scored_ms < ?
            LEFT JOIN sessions AS s ON s.tenant = d.tenant AND s.unit = 's:' || d.session_id AND s.touched_ms < ?
            WHERE d.tenant = ? AND d.created_ms >= ? AND d.created_ms < ? AND d.shadow = 0 AND d.tags IS NOT NULL
                AND instr(d.tags, ?) > 0
            ORDER BY d.created_ms DESC, d.request_id DESC LIMIT ?",
    )
    .bind(from)
    .bind(from)
    .bind(window.tenant.as_str())
    .bind(to_i64(window.from_ms.saturating_sub(BACK_MS)))
    .bind(from)
    .bind(Tag::User("").line().trim_end().to_owned())
    .bind(i64::from(MAX_CALLS))
    .fetch_all(&mut *conn)
    .await?;
    let mut calls = Vec::with_capacity(rows.len());
    for rows in rows.chunks(READ_AT_ONCE) {
        for row in rows {
            calls.push(earlier(row)?);
        }
        tokio::task::yield_now().await;
    }
    Ok(calls)
}

fn earlier(row: &Row) -> Result<Call, StoreError> {
    let request = request_id(row.try_get(0)?)?;
    let session: Option<&str> = row.try_get(1)?;
    let rating: Option<i64> = row.try_get(4)?;
    let rating = rating.map(RatingScore::new).transpose();
    let rating = rating.map_err(|e| StoreError::corrupt("rating", e))?;
    Ok(Call {
        request,
        // Of no experiment: only what was said of it is read.
        variant: Variant::A,
        unit: session.map_or_else(|| Unit::Call(request).key(), |id| format!("s:{id}")),
        user: user(row.try_get(2)?),
        ending: Ending::Succeeded,
        latency_ms: 0,
        cost_micro_usd: None,
        judged: row.try_get(3)?,
        manual: None,
        session: rating.map(on_unit),
    })
}

/// Says whose the calls of an experiment are.
pub(crate) async fn name(
    conn: &mut Conn,
    window: &Window<'_>,
    calls: &mut [Call],
) -> Result<(), StoreError> {
    let rows = sql::query(
        "SELECT e.request_id, d.tags FROM experiment_calls AS e INDEXED BY experiment_calls_order
            JOIN decisions AS d ON d.tenant = e.tenant AND d.created_ms = e.created_ms AND d.request_id = e.request_id
            WHERE e.tenant = ? AND e.experiment = ? AND e.created_ms >= ? AND e.created_ms <= ? AND d.tags IS NOT NULL
            ORDER BY e.created_ms, e.id LIMIT ?",
    )
    .bind(window.tenant.as_str())
    .bind(window.experiment.as_bytes().as_slice())
    .bind(to_i64(window.from_ms))
    .bind(to_i64(window.to_ms))
    .bind(i64::from(MAX_CALLS))
    .fetch_all(&mut *conn)
    .await?;
    let mut users: HashMap<RequestId, String> = HashMap::new();
    for rows in rows.chunks(READ_AT_ONCE) {
        for row in rows {
            if let Some(user) = user(row.try_get(1)?) {
                users.insert(request_id(row.try_get(0)?)?, user);
            }
        }
        tokio::task::yield_now().await;
    }
    for call in calls {
        call.user = users.remove(&call.request);
    }
    Ok(())
}

fn user(tags: Option<&str>) -> Option<String> {
    value_in(tags?, Tag::User("")).map(str::to_owned)
}
