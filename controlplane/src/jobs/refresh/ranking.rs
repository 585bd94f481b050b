//! One tenant's rankings, and the promotions that follow from them.

use std::{sync::Arc, time::Instant};

use floopy_shared::domain::{ids::TenantId, ranking::Rankings, snapshot::Tenant};

use super::Refresh;
use crate::{
    index::{build, material},
    learn::{
        promotion::Ladder,
        rank::{Candidate, Outcome},
        stats::TenantStats,
    },
    store::{StoreError, meta},
};

/// How often a tenant is ranked at most where promotions follow from it: a step, and what it ends.
const RANKED_AGAIN: usize = 4;

impl Refresh {
    pub(super) async fn rank(
        &mut self,
        tenant: &Tenant,
        candidates: &[Candidate],
    ) -> Result<(), StoreError> {
        let Some(stats) = self.parts.totals.stats(&tenant.id) else {
            return Ok(());
        };
        if !self.incumbents.contains_key(&tenant.id) {
            let found = meta::incumbents(&self.parts.store, &tenant.id).await?;
            self.incumbents.insert(tenant.id.clone(), found);
        }
        for round in 1..=RANKED_AGAIN {
            let ladder = self.ladder(&tenant.id);
            let Some(ranked) = self.rank_once((tenant, candidates), &stats, &ladder) else {
                return Ok(());
            };
            let moved = self.consider(&tenant.id, &ranked.standings, &ladder);
            if moved && round < RANKED_AGAIN {
                continue;
            }
            let held = self.incumbents.get_mut(&tenant.id);
            if let Some(held) = held.filter(|held| **held != ranked.incumbents) {
                *held = ranked.incumbents;
                self.moved.insert(tenant.id.clone());
            }
            self.settle(&tenant.id, ranked.rankings);
            break;
        }
        Ok(())
    }

    fn rank_once(
        &self,
        (tenant, candidates): (&Tenant, &[Candidate]),
        stats: &TenantStats,
        ladder: &Ladder,
    ) -> Option<Outcome> {
        let recent = self.parts.totals.recent(&tenant.id, self.today);
        let held = self.incumbents.get(&tenant.id)?;
        let alarms = self.drift.alarms(&tenant.id);
        let platform = self.platform_of(tenant, stats);
        build::rankings(
            (tenant, candidates),
            (stats, recent.as_deref()),
            (&platform, held, alarms, ladder),
            (&self.terms.policy, self.today),
        )
    }

    /// Puts rankings forward, or holds them back where they route as the published ones do.
    fn settle(&mut self, tenant: &TenantId, rankings: Rankings) {
        let published = self.rankings.get(tenant);
        if published.is_some_and(|published| **published == rankings) {
            self.held_back.remove(tenant);
            return;
        }
        if published.is_some_and(|published| !material::differs(published, &rankings)) {
            let since = self
                .held_back
                .get(tenant)
                .map_or_else(Instant::now, |held| held.1);
            self.held_back
                .insert(tenant.clone(), (Arc::new(rankings), since));
            return;
        }
        self.held_back.remove(tenant);
        self.rankings.insert(tenant.clone(), Arc::new(rankings));
        self.pending = true;
    }
}
