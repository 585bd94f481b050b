//! What was said of replies, and how their tenant fared lately: read for many decisions at once.

use floopy_shared::domain::{
    decision::Decision,
    event::{RatingScore, Score},
    ids::{RequestId, TenantId},
};

use crate::store::{Store, StoreError, alarms, ratings, scores, sessions, units::Unit};

/// How far back regressions are recent (floopy.ai/docs, decisions: a rolling week).
const RECENT_MS: u64 = 7 * 86_400_000;
/// The moment of a regression is told to these many milliseconds, five minutes.
const ROUNDED_TO_MS: u64 = 300_000;

/// What was said of a decision's reply.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels {
    pub(super) judge: Option<Score>,
    /// The rating of this very reply.
    pub(super) request: Option<RatingScore>,
    /// The rating of its session, inherited by every call of it.
    pub(super) session: Option<RatingScore>,
    pub(super) regressions: Regressions,
}

/// Models of the tenant that got worse in the week before a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Regressions {
    pub(super) count: u64,
    /// Rounded down to five minutes.
    pub(super) last_ms: Option<u64>,
}

impl Regressions {
    /// Those of a tenant's alarms that came in the week before `at_ms`.
    fn before(at_ms: u64, raised_ms: &[u64]) -> Self {
        let recent = raised_ms.iter().copied();
        let recent = recent.filter(|raised| *raised <= at_ms && at_ms - raised < RECENT_MS);
        Self {
            count: recent.clone().count() as u64,
            last_ms: recent.max().map(|last| last - last % ROUNDED_TO_MS),
        }
    }
}

/// The labels of a tenant's decisions, in their order.
pub(super) async fn of(
    store: &Store,
    tenant: &TenantId,
    decisions: &[Decision],
) -> Result<Vec<Labels>, StoreError> {
    if decisions.is_empty() {
        return Ok(Vec::new());
    }
    let mut conn = store.read().acquire().await?;
    let ids: Vec<RequestId> = decisions.iter().map(|d| d.request_id).collect();
    let units: Vec<String> = decisions.iter().map(|d| Unit::of(d).key()).collect();
    let mut judged = scores::of_many(&mut conn, &ids).await?;
    let rated = ratings::of_requests(&mut conn, tenant, &ids).await?;
    let sessions = sessions::scores(&mut conn, tenant, &units).await?;
    let raised_ms = alarms::raised(&mut conn, tenant).await?;
    let labels = decisions.iter().zip(&units).map(|(decision, unit)| Labels {
        judge: judged.remove(&decision.request_id),
        request: rated.get(&decision.request_id.to_string()).copied(),
        session: sessions.get(unit).copied(),
        regressions: Regressions::before(decision.created_at_ms, &raised_ms),
    });
    Ok(labels.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regressions_of_the_week_before_are_counted_and_the_last_is_rounded() {
        let now = 1_800_000_000_000;
        let raised = [now - RECENT_MS, now - 400_000, now - 1_000_001, now + 1];
        let recent = Regressions::before(now, &raised);
        assert_eq!(recent.count, 2);
        assert_eq!(recent.last_ms, Some(now - 600_000));
        assert_eq!(Regressions::before(now, &[]), Regressions::default());
    }
}
