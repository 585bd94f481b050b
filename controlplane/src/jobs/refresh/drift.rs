//! What the drift monitors see and find, and how that is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use floopy_shared::domain::ids::{CandidateKey, TenantId};

use super::Refresh;
use crate::{
    learn::{drift::Change, monitor::Finding, stats::TenantStats},
    store::{StoreError, alarms, buckets},
};

/// Alarms written by one refresh: each reads its tenant's sums, and proxies wait for rankings.
const SETTLED_AT_ONCE: usize = 64;

impl Refresh {
    /// Shows the drift monitors what happened; the tenants for whom that changes something.
    pub(super) fn watch(&mut self) -> BTreeSet<TenantId> {
        for (tenant, shape, day) in self.parts.gone.take() {
            self.drift.forget_day(&tenant, &shape, day);
        }
        let observations = self.parts.observations.take();
        let totals = Arc::clone(&self.parts.totals);
        let findings = self.drift.observe(observations, |id| totals.stats(id));
        let mut changed = BTreeSet::new();
        for finding in findings {
            self.announce(&finding);
            for tenant in finding.tenants {
                changed.insert(tenant.clone());
                self.unsettled.insert((tenant, finding.candidate.clone()));
            }
        }
        changed
    }

    fn announce(&self, finding: &Finding) {
        self.parts.metrics.drift(finding.is_platform);
        let what = match finding.change {
            Change::Quality => "is scored lower than before",
            Change::Failures => "fails to answer",
        };
        tracing::warn!(
            candidate = %finding.candidate,
            tenants = finding.tenants.len(),
            platform = finding.is_platform,
            "a candidate {what}: it is out until it proves itself again"
        );
    }

    /// Tells new alarms by the day and writes them down; what fails is tried again by the next refresh. An alarm
    /// holds from the moment it was raised, whether it is written or not.
    pub(super) async fn settle_alarms(&mut self) -> Result<(), StoreError> {
        let due = self.unsettled.iter().take(SETTLED_AT_ONCE);
        let due: Vec<(TenantId, CandidateKey)> = due.cloned().collect();
        if due.is_empty() {
            return Ok(());
        }
        for (tenant, key) in &due {
            self.split_alarm(tenant, key).await?;
        }
        let mut tx = self.parts.store.write().await?;
        for (tenant, key) in &due {
            // One whose tenant went is none any more.
            if let Some(alarm) = self.drift.alarms(tenant).get(key) {
                alarms::put(&mut tx, (tenant, key), alarm, self.parts.clock.now_ms()).await?;
            }
        }
        tx.commit().await?;
        for settled in &due {
            self.unsettled.remove(settled);
        }
        Ok(())
    }

    async fn split_alarm(
        &mut self,
        tenant: &TenantId,
        key: &CandidateKey,
    ) -> Result<(), StoreError> {
        let Some(alarm) = self.drift.alarm_mut(tenant, key) else {
            return Ok(());
        };
        if !alarm.days.is_empty() {
            return Ok(());
        }
        let days = match buckets::by_day(&self.parts.store, tenant).await {
            Ok(days) => days,
            // Sums that cannot be read will not be readable later: the alarm is kept as it is.
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, %tenant, "an alarm cannot be told by the day");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let stats = |(day, cells)| (day, TenantStats::collect(cells));
        let days: BTreeMap<i64, TenantStats> = days.into_iter().map(stats).collect();
        alarm.split(&days, key);
        self.parts.dirty.mark([tenant.clone()], false);
        Ok(())
    }
}
