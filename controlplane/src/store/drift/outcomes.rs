//! Outcomes that the drift monitors have yet to see. Bounded: what overflows is dropped, oldest first, and
//! counted; a monitor that misses some is a little later.

use std::collections::{BTreeMap, HashMap};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};
use serde::{Deserialize, Serialize};

use crate::store::sql::{self, Row};
use crate::{
    learn::{
        monitor::{Call, Observation, Observed},
        sums::{to_micro, to_unit},
    },
    store::{Store, StoreError, Tx, to_u64},
};

/// Batches that may wait: minutes of them, should the refreshes fail for so long.
const MOST_BATCHES: i64 = 16_384;
/// Batches that are read at a time.
const READ_AT_ONCE: i64 = 256;

/// Stands for an outcome without a score.
const ANSWERED: i64 = -1;
const FAILED: i64 = -2;

/// Latency in milliseconds, cost in micro-USD, whether it was refused.
type Told = (Option<u64>, Option<u64>, bool);

/// The outcomes of a batch: names once, then each outcome as the places of its tenant, shape and candidate among
/// them, and its score in micro-units or what stands for none.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Outcomes {
    names: Vec<String>,
    seen: Vec<(usize, usize, usize, i64)>,
    /// Of each outcome the place of the shape that its ranking was of.
    #[serde(default)]
    ranked: Vec<Option<usize>>,
    /// Of each answer its latency, its cost and whether it was a refusal.
    #[serde(default)]
    calls: Vec<Option<Told>>,
    /// Of each outcome a hash of its session.
    #[serde(default)]
    sessions: Vec<Option<u32>>,
}

impl Outcomes {
    fn of(observations: &[Observation]) -> Self {
        let mut outcomes = Self::default();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for observation in observations {
            let mut place = |name| {
                let next = places.len();
                *places.entry(name).or_insert_with(|| {
                    outcomes.names.push(String::from(name));
                    next
                })
            };
            let tenant = place(observation.tenant.as_str());
            let shape = place(observation.shape.as_str());
            let arm = place(observation.arm.as_str());
            let ranked = observation.ranked.as_ref();
            let ranked = ranked.map(|shape| place(shape.as_str()));
            let (outcome, call) = match observation.outcome {
                Observed::Scored(score) => (to_micro(score), None),
                Observed::Answered(call) => (ANSWERED, Some(call)),
                Observed::Failed => (FAILED, None),
            };
            outcomes.seen.push((tenant, shape, arm, outcome));
            outcomes.ranked.push(ranked);
            outcomes.sessions.push(observation.session);
            let call = call.map(|call| (call.latency_ms, call.cost_micro_usd, call.refused));
            outcomes.calls.push(call);
        }
        outcomes
    }

    /// `None` where a name is none.
    fn observations(self) -> Option<Vec<Observation>> {
        let name = |place: usize| self.names.get(place);
        let call = |at: usize| {
            // Of batches from before there is none.
            let call = self.calls.get(at).copied().flatten();
            let (latency_ms, cost_micro_usd, refused) = call.unwrap_or_default();
            Call {
                latency_ms,
                cost_micro_usd,
                refused,
            }
        };
        let ranked = |at: usize| match self.ranked.get(at).copied().flatten() {
            Some(place) => Some(Some(ShapeKey::named(name(place)?)?)),
            None => Some(None),
        };
        let observation = |(at, seen): (usize, &(usize, usize, usize, i64))| {
            let (tenant, shape, arm, outcome) = *seen;
            Some(Observation {
                tenant: TenantId::new(name(tenant)?).ok()?,
                shape: ShapeKey::named(name(shape)?)?,
                arm: CandidateKey::parse(name(arm)?).ok()?,
                outcome: match outcome {
                    ANSWERED => Observed::Answered(call(at)),
                    FAILED => Observed::Failed,
                    score => Observed::Scored(to_unit(score)),
                },
                ranked: ranked(at)?,
                session: self.sessions.get(at).copied().flatten(),
            })
        };
        self.seen.iter().enumerate().map(observation).collect()
    }
}

/// Appends the outcomes of a batch; how many older ones had to go.
pub(crate) async fn append(tx: &mut Tx, news: &[Observation]) -> Result<u64, StoreError> {
    if news.is_empty() {
        return Ok(0);
    }
    // Strings and integers always serialise.
    let outcomes = serde_json::to_string(&Outcomes::of(news)).unwrap_or_default();
    let id: i64 =
        sql::query_scalar("INSERT INTO drift_news (count, outcomes) VALUES (?, ?) RETURNING id")
            .bind(i64::try_from(news.len()).unwrap_or(i64::MAX))
            .bind(outcomes)
            .fetch_one(&mut **tx)
            .await?;
    let dropped = sql::query("DELETE FROM drift_news WHERE id <= ? RETURNING count")
        .bind(id - MOST_BATCHES)
        .fetch_all(&mut **tx)
        .await?;
    let counts = dropped.iter().map(|row| row.try_get::<i64>(0).map(to_u64));
    Ok(counts.sum::<Result<u64, sqlx::Error>>()?)
}

/// Outcomes by the number of their batch.
type Heard = BTreeMap<i64, Vec<Observation>>;

/// The outcomes of the next batches after one.
pub(crate) async fn after(store: &Store, id: i64) -> Result<Heard, StoreError> {
    let rows = sql::query("SELECT id, outcomes FROM drift_news WHERE id > ? ORDER BY id LIMIT ?")
        .bind(id)
        .bind(READ_AT_ONCE)
        .fetch_all(store.read())
        .await?;
    let batch = |row: &Row| {
        let outcomes: Option<Outcomes> = serde_json::from_str(row.try_get(1)?).ok();
        let observations = outcomes.and_then(Outcomes::observations);
        if observations.is_none() {
            // Nothing that is stored may stop the monitors.
            tracing::error!(
                "outcomes of a batch cannot be read: the drift monitors go on without them"
            );
        }
        Ok((row.try_get(0)?, observations.unwrap_or_default()))
    };
    rows.iter().map(batch).collect()
}

/// What the monitors made of the outcomes up to this batch is written: they are not needed any more.
pub(crate) async fn forget(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    sql::query("DELETE FROM drift_news WHERE id <= ?")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn outcomes_come_back_as_they_were_in_their_order() {
        let outcome = |model: &str, outcome| Observation {
            tenant: fixture::tenant(),
            shape: ShapeKey::root(),
            arm: fixture::key(model),
            outcome,
            ranked: (model == "a").then(|| ShapeKey::named("class:code").expect("a shape")),
            session: (model == "b").then_some(7),
        };
        let call = Call {
            latency_ms: Some(7),
            cost_micro_usd: None,
            refused: true,
        };
        let all = vec![
            outcome("b", Observed::Scored(0.123_457)),
            outcome("a", Observed::Failed),
            outcome("b", Observed::Answered(call)),
        ];
        let text = serde_json::to_string(&Outcomes::of(&all)).expect("text");
        let read: Outcomes = serde_json::from_str(&text).expect("read");
        assert_eq!(read.observations(), Some(all));
    }
}
