//! Users of an experiment's calls, and what was said of their sessions before it began.

use std::collections::HashMap;

use floopy_shared::domain::{
    experiment::Variant,
    ids::TenantId,
    tags::{Tag, value_in},
};
use sha2::{Digest, Sha256};

use super::{MAX_CALLS, Window, read_all, session_rating};
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
/// Of a user's hash: two of a million users have the same one with a probability of one in 10^7.
const HASH_BYTES: usize = 8;

/// A tenant's newest calls before a moment whose user is known, the newest first, with what a judge said of them and how
/// their sessions were rated.
pub(crate) async fn history(
    conn: &mut Conn,
    tenant: &TenantId,
    now_ms: u64,
) -> Result<Vec<Call>, StoreError> {
    let rows = sql::query(
        "SELECT d.request_id, d.session_id, d.tags, j.composite, s.score
            FROM decisions AS d INDEXED BY decisions_tagged
            LEFT JOIN scores AS j ON j.request_id = d.request_id
            LEFT JOIN sessions AS s ON s.tenant = d.tenant AND s.unit = 's:' || d.session_id
            WHERE d.tenant = ? AND d.created_ms >= ? AND d.created_ms < ? AND d.shadow = 0 AND d.tags IS NOT NULL
                AND instr(d.tags, ?) > 0
            ORDER BY d.created_ms DESC, d.request_id DESC LIMIT ?",
    )
    .bind(tenant.as_str())
    .bind(to_i64(now_ms.saturating_sub(BACK_MS)))
    .bind(to_i64(now_ms))
    .bind(Tag::User("").line().trim_end().to_owned())
    .bind(i64::from(MAX_CALLS))
    .fetch_all(&mut *conn)
    .await?;
    read_all(&rows, |row| earlier(tenant, row)).await
}

fn earlier(tenant: &TenantId, row: &Row) -> Result<Call, StoreError> {
    let request = request_id(row.try_get(0)?)?;
    let session: Option<&str> = row.try_get(1)?;
    Ok(Call {
        request,
        // Of no experiment: only what was said of it is read.
        variant: Variant::A,
        unit: session.map_or_else(|| Unit::Call(request).key(), |id| format!("s:{id}")),
        user: user(tenant, row.try_get(2)?),
        ending: Ending::Succeeded,
        latency_ms: 0,
        cost_micro_usd: None,
        judged: row.try_get(3)?,
        manual: None,
        session: session_rating(row.try_get(4)?)?,
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
            JOIN decisions AS d INDEXED BY decisions_tagged
                ON d.tenant = e.tenant AND d.created_ms = e.created_ms AND d.request_id = e.request_id
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
    let named = |row: &Row| {
        let user = user(window.tenant, row.try_get(1)?);
        Ok((request_id(row.try_get(0)?)?, user))
    };
    let mut users: HashMap<_, _> = read_all(&rows, named).await?.into_iter().collect();
    for call in calls {
        call.user = users.remove(&call.request).flatten();
    }
    Ok(())
}

/// Whose a call is, by a hash: what is written down of users outlives what they said.
fn user(tenant: &TenantId, tags: Option<&str>) -> Option<String> {
    let user = value_in(tags?, Tag::User(""))?;
    let hash = Sha256::new()
        .chain_update(tenant.as_str())
        .chain_update([0])
        .chain_update(user)
        .finalize();
    Some(hex::encode(&hash[..HASH_BYTES]))
}
