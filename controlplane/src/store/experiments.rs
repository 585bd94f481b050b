//! The calls of experiments: written with their decisions, under the same number, so each is there once however often
//! its record comes; ratings and scores are looked up when results are asked for, so revisions count at once.

mod users;

use floopy_shared::domain::{
    decision::{Decision, Ending as Ended},
    event::RatingScore,
    experiment::{Arrangement, Variant},
    ids::{RequestId, TenantId},
};
use uuid::Uuid;

pub(crate) use self::users::{history, name};
use super::{StoreError, Tx, ratings, request_id, statements, to_i64, to_u64, units::Unit};
use crate::learn::experiment::{Call, Ending};
use crate::store::sql::{self, Conn, QueryBuilder, Row};

/// Calls that results are made of: the first ones of the experiment. More would make a question a burden for others
/// (100,000 took two to three seconds on a busy machine), and by then there is a winner or the variants are as good as equal.
pub(crate) const MAX_CALLS: u32 = 50_000;
/// Rows that are made sense of before other requests get their turn.
const READ_AT_ONCE: usize = 1_000;
/// Replies whose own ratings are looked up at a time.
const RATED_AT_ONCE: usize = 1_000;

/// Which calls of which experiment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) experiment: Uuid,
    pub(crate) arrangement: Arrangement,
    /// Both inclusive, in milliseconds since the epoch.
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

/// Notes those of the decisions that are part of an experiment, over what was noted of them before.
pub(super) async fn note<'a>(
    tx: &mut Tx,
    decisions: impl Iterator<Item = (i64, &'a Decision)>,
) -> Result<(), StoreError> {
    let within: Vec<(i64, &Decision)> = decisions.filter(|(_, d)| counts(d)).collect();
    for rows in statements(&within) {
        let mut query = QueryBuilder::new(
            "INSERT INTO experiment_calls (id, tenant, experiment, variant, created_ms, request_id, unit, ending,
                latency_ms, cost_micro_usd) ",
        );
        query.push_values(rows, |mut row, (id, decision)| {
            let assignment = decision.experiment;
            row.push_bind(*id)
                .push_bind(decision.tenant.as_str())
                .push_bind(assignment.map(|a| a.experiment.as_bytes().to_vec()))
                .push_bind(assignment.map(|a| variant_code(a.variant)))
                .push_bind(to_i64(decision.created_at_ms))
                .push_bind(decision.request_id.0.as_bytes().as_slice())
                .push_bind(unit(decision))
                .push_bind(ending_code(ending(decision)))
                .push_bind(to_i64(decision.outcome.latency_ms))
                .push_bind(cost(decision).map(to_i64));
        });
        query.push(
            " ON CONFLICT (id) DO UPDATE SET experiment = excluded.experiment, variant = excluded.variant,
                created_ms = excluded.created_ms, unit = excluded.unit, ending = excluded.ending,
                latency_ms = excluded.latency_ms, cost_micro_usd = excluded.cost_micro_usd",
        );
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// Copies count only where they are what the experiment is about.
fn counts(decision: &Decision) -> bool {
    decision.experiment.is_some_and(|assignment| {
        decision.shadow_of.is_none() || assignment.arrangement == Arrangement::Shadow
    })
}

/// What stands for the session of a call. A copy has that of the call that it is of.
fn unit(decision: &Decision) -> String {
    match decision.shadow_of {
        None => Unit::of(decision).key(),
        Some(served) if decision.draw_key.starts_with("implicit:") => Unit::Call(served).key(),
        Some(_) => format!("s:{}", decision.draw_key),
    }
}

fn ending(decision: &Decision) -> Ending {
    match decision.outcome.ending {
        Ended::Completed if decision.outcome.status < 400 => Ending::Succeeded,
        Ended::Completed | Ended::Error | Ended::BrokenStream => Ending::Failed,
        Ended::ClientDisconnected | Ended::Interrupted => Ending::Neither,
    }
}

fn cost(decision: &Decision) -> Option<u64> {
    decision.outcome.cost_micro_usd?;
    Some(decision.spent_micro_usd())
}

fn variant_code(variant: Variant) -> i64 {
    match variant {
        Variant::A => 1,
        Variant::B => 2,
    }
}

fn ending_code(ending: Ending) -> i64 {
    match ending {
        Ending::Succeeded => 1,
        Ending::Failed => 2,
        Ending::Neither => 3,
    }
}

/// The first calls of an experiment with everything that was said of them by now, and whether these are not all.
pub(crate) async fn calls(
    conn: &mut Conn,
    window: &Window<'_>,
) -> Result<(Vec<Call>, bool), StoreError> {
    let rows = sql::query(
        "SELECT e.variant, e.request_id, e.unit, e.ending, e.latency_ms, e.cost_micro_usd, j.composite, s.score
            FROM experiment_calls AS e INDEXED BY experiment_calls_order
            LEFT JOIN scores AS j ON j.request_id = e.request_id
            LEFT JOIN sessions AS s ON s.tenant = e.tenant AND s.unit = e.unit
            WHERE e.tenant = ? AND e.experiment = ? AND e.created_ms >= ? AND e.created_ms <= ?
            ORDER BY e.created_ms, e.id LIMIT ?",
    )
    .bind(window.tenant.as_str())
    .bind(window.experiment.as_bytes().as_slice())
    .bind(to_i64(window.from_ms))
    .bind(to_i64(window.to_ms))
    .bind(i64::from(MAX_CALLS) + 1)
    .fetch_all(&mut *conn)
    .await?;
    let mut calls = read_all(&rows, call).await?;
    let is_cut = calls.len() > MAX_CALLS as usize;
    calls.truncate(MAX_CALLS as usize);
    match window.arrangement {
        Arrangement::Canary => rate(conn, window.tenant, &mut calls).await?,
        // People see only what A said: a comparison is fair by the judge alone.
        Arrangement::Shadow => calls.iter_mut().for_each(|call| call.session = None),
    }
    Ok((calls, is_cut))
}

/// Makes sense of rows, and lets others have their turn.
async fn read_all<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    for rows in rows.chunks(READ_AT_ONCE) {
        for row in rows {
            found.push(read(row)?);
        }
        tokio::task::yield_now().await;
    }
    Ok(found)
}

/// How a session was rated, on 0..1.
fn session_rating(score: Option<i64>) -> Result<Option<f64>, StoreError> {
    let score = score.map(RatingScore::new).transpose();
    let score = score.map_err(|e| StoreError::corrupt("rating", e))?;
    Ok(score.map(on_unit))
}

fn call(row: &Row) -> Result<Call, StoreError> {
    let (variant, ending): (i64, i64) = (row.try_get(0)?, row.try_get(3)?);
    let [a, b] = [Variant::A, Variant::B].map(|v| (v, variant_code(v)));
    let variant = [a, b].into_iter().find(|(_, code)| *code == variant);
    let endings = [Ending::Succeeded, Ending::Failed, Ending::Neither];
    let ending = endings.into_iter().find(|e| ending_code(*e) == ending);
    let cost: Option<i64> = row.try_get(5)?;
    Ok(Call {
        variant: variant
            .ok_or_else(|| StoreError::corrupt("variant", "unknown"))?
            .0,
        request: request_id(row.try_get(1)?)?,
        unit: row.try_get(2)?,
        user: None,
        ending: ending.ok_or_else(|| StoreError::corrupt("ending", "unknown"))?,
        latency_ms: to_u64(row.try_get(4)?),
        cost_micro_usd: cost.map(to_u64),
        judged: row.try_get(6)?,
        manual: None,
        session: session_rating(row.try_get(7)?)?,
    })
}

/// Ratings of single replies.
async fn rate(conn: &mut Conn, tenant: &TenantId, calls: &mut [Call]) -> Result<(), StoreError> {
    for calls in calls.chunks_mut(RATED_AT_ONCE) {
        let ids: Vec<RequestId> = calls.iter().map(|call| call.request).collect();
        let rated = ratings::of_requests(conn, tenant, &ids).await?;
        for call in calls.iter_mut().filter(|_| !rated.is_empty()) {
            call.manual = rated.get(&call.request.to_string()).copied().map(on_unit);
        }
    }
    Ok(())
}

/// A rating of 0 to 10 on 0..1.
fn on_unit(score: RatingScore) -> f64 {
    f64::from(score.value()) / 10.0
}

#[cfg(test)]
mod tests;
