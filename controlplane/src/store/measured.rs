//! Replies that were given under a rule, with what they cost, how long they took and how good they were found.

use floopy_shared::domain::{
    decision::{Decision, Ending, Stage},
    ids::{CandidateKey, TenantId},
    shape::ROOT,
};
use futures::TryStreamExt;

use super::{Store, StoreError, to_i64, to_u64};
use crate::learn::versus_baseline::Reply;
use crate::store::sql::{self, Row};

/// A person's best rating.
const BEST_RATING: f64 = 10.0;

/// What is written down of a call beside its record; `None`: it was not answered under a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns<'a> {
    pub(crate) rule: &'a str,
    /// The shape right below the root; the root itself where there is none.
    pub(crate) kind: &'a str,
    pub(crate) cost_micro_usd: Option<i64>,
    pub(crate) latency_ms: i64,
}

impl<'a> Columns<'a> {
    /// Of a call that is over and went well.
    pub(crate) fn of(decision: &'a Decision) -> Option<Self> {
        let outcome = &decision.outcome;
        let is_whole = decision.stage == Stage::Finished && outcome.ending == Ending::Completed;
        let is_served = outcome.status < 400 && decision.served.is_some();
        // What the cache gave cost nothing and took no time: it would flatter whoever it came from.
        let is_asked = !decision.evaluation && decision.cache_hit().is_none();
        // A default model that chats cannot be compared where something is to be embedded.
        let has_baseline = decision
            .priced
            .as_ref()
            .is_none_or(|p| p.baseline.is_some());
        let is_comparable = has_baseline || !decision.features.embeddings;
        let is_answered = is_whole && is_served && is_asked && is_comparable;
        let rule = decision.rule.as_deref().filter(|_| is_answered)?;
        let below = decision.shapes.len().checked_sub(2);
        let kind = below.and_then(|at| decision.shapes.get(at));
        Some(Self {
            rule,
            kind: kind.map_or(ROOT, |shape| shape.as_str()),
            cost_micro_usd: outcome.cost_micro_usd.map(to_i64),
            latency_ms: to_i64(outcome.latency_ms),
        })
    }
}

/// Whose replies are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) rule: &'a str,
    pub(crate) baseline: Option<&'a CandidateKey>,
    /// Inclusive, milliseconds since the epoch.
    pub(crate) since_ms: u64,
}

/// The newest replies under a rule, `limit` at most. Reads no record, and of the index no more than that.
pub(crate) async fn replies(
    store: &Store,
    asked: Asked<'_>,
    limit: u32,
) -> Result<Vec<Reply>, StoreError> {
    let mut rows = sql::streamed(
        "SELECT d.kind, d.shadow, d.served, d.cost_micro_usd, d.latency_ms, s.composite, r.score, s.cost_micro_usd
         FROM (SELECT kind, shadow, served, cost_micro_usd, latency_ms, request_id, session_id
            FROM decisions INDEXED BY decisions_rule
            WHERE tenant = ?1 AND rule = ?2 AND created_ms >= ?3
            ORDER BY created_ms DESC LIMIT ?4) AS d
         LEFT JOIN scores AS s ON s.request_id = d.request_id
         LEFT JOIN sessions AS r ON r.tenant = ?1 AND r.unit = 's:' || d.session_id",
    )
    .bind(asked.tenant.to_string())
    .bind(asked.rule.to_owned())
    .bind(to_i64(asked.since_ms))
    .bind(i64::from(limit))
    .fetch(store.read());
    let baseline = asked.baseline.map(CandidateKey::as_str);
    let mut replies = Vec::new();
    while let Some(row) = rows.try_next().await? {
        replies.push(reply(&row, baseline)?);
    }
    Ok(replies)
}

fn reply(row: &Row, baseline: Option<&str>) -> Result<Reply, StoreError> {
    let served: &str = row.try_get(2)?;
    let cost: Option<i64> = row.try_get(3)?;
    let rated: Option<f64> = row.try_get::<Option<i64>>(6)?.map(score);
    Ok(Reply {
        kind: row.try_get(0)?,
        is_copy: row.try_get(1)?,
        by_baseline: Some(served) == baseline,
        cost_micro_usd: cost.map(to_u64),
        latency_ms: to_u64(row.try_get(4)?),
        judged: row.try_get(5)?,
        judging_micro_usd: row.try_get::<Option<i64>>(7)?.map_or(0, to_u64),
        rated,
    })
}

#[expect(clippy::cast_precision_loss, reason = "ratings are from 0 to 10")]
fn score(rating: i64) -> f64 {
    rating as f64 / BEST_RATING
}
