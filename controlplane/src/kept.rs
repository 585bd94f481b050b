//! How long the calls of each tenant are kept: as its plan says, and never longer than the operator keeps any.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use floopy_shared::domain::{ids::TenantId, plan::Plan};

use crate::{
    plans::Plans,
    store::{Store, StoreError, tenants},
};

const DAY_MS: u64 = 86_400_000;

/// The tenants whose plans keep less than everybody's retention, with what they keep.
///
/// It is brought up to date before anything is forgotten by it: what is refused on arrival because it is too old is at
/// least what is forgotten, so nothing that went can come back and be counted again.
#[derive(Debug)]
pub(crate) struct Kept {
    most_ms: u64,
    less: RwLock<HashMap<TenantId, u64>>,
}

impl Kept {
    /// Nobody's calls are kept longer than `most_ms`.
    pub(crate) fn new(most_ms: u64) -> Self {
        Self {
            most_ms,
            less: RwLock::default(),
        }
    }

    /// How long calls of a tenant are kept.
    pub(crate) fn of(&self, tenant: &TenantId) -> u64 {
        let less = self.less.read().unwrap_or_else(PoisonError::into_inner);
        less.get(tenant).copied().unwrap_or(self.most_ms)
    }

    /// How long anybody's are.
    pub(crate) fn most_ms(&self) -> u64 {
        self.most_ms
    }

    /// The tenants of whom less is kept.
    pub(crate) fn less(&self) -> Vec<(TenantId, u64)> {
        let less = self.less.read().unwrap_or_else(PoisonError::into_inner);
        less.iter().map(|(id, ms)| (id.clone(), *ms)).collect()
    }

    /// Follows the plans that tenants have now.
    pub(crate) async fn refresh(&self, store: &Store, plans: &Plans) -> Result<(), StoreError> {
        let mut found = HashMap::new();
        for (tenant, name) in tenants::with_plans(store).await? {
            let days = plans.named(&name).and_then(|plan| kept_days(&plan));
            let ms = days.map(|days| days * DAY_MS);
            if let Some(ms) = ms.filter(|ms| *ms < self.most_ms) {
                found.insert(tenant, ms);
            }
        }
        *self.less.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

fn kept_days(plan: &Plan) -> Option<u64> {
    plan.log_retention_days.map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::*,
        ingest::{Intake, Verdict},
        plans::PlanConfig,
        store::{
            calls,
            retention::{self, Horizon},
        },
    };

    fn plans() -> Plans {
        let plan = |name: &str, days| PlanConfig {
            name: name.to_owned(),
            requests_per_month: None,
            ratings_per_month: None,
            requests_per_minute: None,
            projects: None,
            log_retention_days: Some(days),
            features: Vec::new(),
        };
        Plans::of(&[plan("week", 7), plan("years", 9_999)]).expect("valid")
    }

    async fn give(intake: &Intake, id: &str, plan: &str) {
        let mut tx = intake.store.write().await.expect("writes");
        let id = TenantId::new(id).expect("valid");
        tenants::ensure(&mut tx, &id, NOW).await.expect("made");
        let sold = crate::store::sql::query("UPDATE tenants SET plan = ? WHERE id = ?");
        let sold = sold.bind(plan).bind(id.as_str());
        sold.execute(&mut *tx).await.expect("sold");
        tx.commit().await.expect("commits");
        let kept = intake.kept.refresh(&intake.store, &plans()).await;
        kept.expect("reads");
    }

    fn aged(n: u64, whose: &str, days: u64) -> floopy_shared::domain::event::Event {
        let mut decision = decision(n);
        decision.tenant = TenantId::new(whose).expect("valid");
        decision.created_at_ms = NOW - days * DAY_MS;
        decided(n, decision)
    }

    #[tokio::test]
    async fn a_plan_that_keeps_less_holds_for_its_tenants_alone_and_nothing_comes_back() {
        let intake = intake().await;
        give(&intake, "other", "years").await;
        let all = vec![
            aged(1, "acme", 8),
            aged(2, "acme", 6),
            aged(3, "other", 8),
            aged(4, "free", 8),
        ];
        append(&intake, all.clone()).await;
        give(&intake, "acme", "week").await;
        assert_eq!(intake.kept.less(), [(tenant(), 7 * DAY_MS)]);
        let horizon = Horizon {
            decisions_before_ms: NOW - 90 * DAY_MS,
            sooner: vec![(tenant(), NOW - 7 * DAY_MS)],
            ..Horizon::default()
        };
        let mut tx = intake.store.write().await.expect("writes");
        let gone = retention::forget(&mut tx, &horizon).await;
        assert_eq!(gone.expect("forgets").rows, 1);
        for (n, whose, stays) in [
            (1, "acme", false),
            (2, "acme", true),
            (3, "other", true),
            (4, "free", true),
        ] {
            let whose = TenantId::new(whose).expect("valid");
            let found = calls::get(&mut tx, (&whose, request(n))).await;
            assert_eq!(found.expect("reads").is_some(), stays, "call {n}");
        }
        tx.commit().await.expect("commits");
        let again = append(&intake, all).await;
        assert!(matches!(&again[0], Verdict::Rejected(why) if why.contains("older")));
        assert!(!matches!(&again[1], Verdict::Rejected(_)));
    }
}
