//! What the drift monitors see and find, and how that is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    snapshot::Tenant,
};

use serde_json::json;
use uuid::Uuid;

use super::{READ_AT_ONCE, Refresh};
use crate::{
    learn::{
        drift::Change,
        monitor::{Finding, Observation},
        stats::TenantStats,
    },
    store::{StoreError, Tx, alarms, buckets, drift},
    webhooks::{self, Event},
};

/// Alarms written by one refresh: each reads its tenant's sums, and proxies wait for rankings.
const SETTLED_AT_ONCE: usize = 64;
/// How often what the monitors know is written down; what came since is shown to them again after a restart.
const SAVED_EVERY: Duration = Duration::from_secs(1);

/// How far the monitors are, by the numbers of the batches.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) to: i64,
    /// The same of what is written down.
    saved_to: i64,
    pub(super) saved: Option<Instant>,
}

impl Heard {
    fn is_due(&self) -> bool {
        let rested = self
            .saved
            .is_none_or(|saved| saved.elapsed() >= SAVED_EVERY);
        self.to > self.saved_to && rested
    }
}

/// Tells the tenant's webhooks that a candidate got worse.
async fn tell(
    tx: &mut Tx,
    (tenant, key): (&TenantId, &CandidateKey),
    now_ms: u64,
) -> Result<(), StoreError> {
    let data = json!({
        "alert_id": Uuid::new_v4().to_string(),
        "type": "model_regression",
        "severity": "warning",
        "title": format!("{key} got worse"),
        "message": format!("{key} is out until it proves itself again: it is scored lower than before, or fails to answer"),
        "provider": key.provider(),
        "model": key.model(),
    });
    webhooks::emit(tx, tenant, Event::AlertTriggered, &data, now_ms).await?;
    Ok(())
}

impl Refresh {
    /// Shows the drift monitors what happened; the tenants for whom that changes something.
    pub(super) async fn watch(&mut self) -> Result<BTreeSet<TenantId>, StoreError> {
        for (tenant, shape, day) in self.parts.gone.take() {
            self.drift.forget_day(&tenant, &shape, day);
        }
        let heard = drift::after(&self.parts.store, self.heard.to).await?;
        let Some(last) = heard.keys().next_back().copied() else {
            return Ok(BTreeSet::new());
        };
        let observations: Vec<Observation> = heard.into_values().flatten().collect();
        self.read_tenants_of(&observations).await?;
        let totals = Arc::clone(&self.parts.totals);
        // Those of a tenant that is gone, or that cannot be read, are nobody's.
        let known = |seen: &Observation| totals.stats(&seen.tenant).is_some();
        let known: Vec<Observation> = observations.into_iter().filter(known).collect();
        let mut changed = self.guard(&known);
        let findings = self.drift.observe(known, |id| totals.stats(id));
        self.heard.to = last;
        for finding in findings {
            self.announce(&finding);
            for tenant in finding.tenants {
                changed.insert(tenant.clone());
                self.unsettled.insert((tenant, finding.candidate.clone()));
            }
        }
        Ok(changed)
    }

    /// An alarm says what was known of its candidate, so the sums must be there.
    async fn read_tenants_of(&mut self, observations: &[Observation]) -> Result<(), StoreError> {
        let ids: BTreeSet<&TenantId> = observations.iter().map(|seen| &seen.tenant).collect();
        let tenants: Vec<Arc<Tenant>> = ids
            .into_iter()
            .filter_map(|id| self.tenants.get(id).cloned())
            .collect();
        for tenants in tenants.chunks(READ_AT_ONCE) {
            self.read(tenants).await?;
        }
        Ok(())
    }

    fn announce(&self, finding: &Finding) {
        let what = match finding.change {
            Change::Quality => "is scored lower than before",
            Change::Failures => "fails to answer",
            Change::FalseAlarm => {
                self.parts.metrics.drift_taken_back();
                tracing::warn!(
                    candidate = %finding.candidate,
                    tenants = finding.tenants.len(),
                    "a candidate is as good as before: the alarm for all tenants is taken back"
                );
                return;
            }
        };
        self.parts.metrics.drift(finding.is_platform);
        tracing::warn!(
            candidate = %finding.candidate,
            tenants = finding.tenants.len(),
            platform = finding.is_platform,
            "a candidate {what}: it is out until it proves itself again"
        );
    }

    /// Tells new alarms by the day and writes them down, and with the last of them what the monitors know; what
    /// fails is tried again by the next refresh. An alarm holds from the moment it was raised, whether it is
    /// written or not.
    pub(super) async fn settle_drift(&mut self) -> Result<(), StoreError> {
        let due = self.unsettled.iter().take(SETTLED_AT_ONCE);
        let due: Vec<(TenantId, CandidateKey)> = due.cloned().collect();
        if due.is_empty() && !self.heard.is_due() && !self.promoted.is_urgent() {
            return Ok(());
        }
        for (tenant, key) in &due {
            self.split_alarm(tenant, key).await?;
        }
        // Without its alarm a monitor that was set back would have forgotten it.
        let is_all = due.len() == self.unsettled.len();
        let mut tx = self.parts.store.write().await?;
        for (tenant, key) in &due {
            match self.drift.alarms(tenant).get(key) {
                Some(alarm) => {
                    let now_ms = self.parts.clock.now_ms();
                    alarms::put(&mut tx, (tenant, key), alarm, now_ms).await?;
                    tell(&mut tx, (tenant, key), now_ms).await?;
                }
                // It was taken back, or its tenant went.
                None => alarms::remove(&mut tx, (tenant, key)).await?,
            }
        }
        if is_all {
            drift::save(&mut tx, &self.drift.unsaved()).await?;
            drift::forget(&mut tx, self.heard.to).await?;
            self.settle_promotions(&mut tx).await?;
        }
        tx.commit().await?;
        for settled in &due {
            self.unsettled.remove(settled);
        }
        if is_all {
            self.drift.saved();
            self.promotions_saved();
            self.heard.saved_to = self.heard.to;
            self.heard.saved = Some(Instant::now());
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
