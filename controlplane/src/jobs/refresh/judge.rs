//! Tells a tenant's webhooks that the judge disagrees with its people: once when it turns out, and anew only after it
//! agreed in between.

use floopy_shared::domain::ids::TenantId;
use serde_json::json;

use super::Refresh;
use crate::{
    learn::accord::{Accord, Standing},
    store::{StoreError, disagreements},
    webhooks::{self, Event},
};

/// What changed for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Disagrees,
    Recovered,
}

fn turn(accord: &Accord, is_told: bool) -> Option<Turn> {
    match accord.standing() {
        Standing::Disagrees => (!is_told).then_some(Turn::Disagrees),
        Standing::InsufficientData | Standing::Agrees | Standing::Weak => {
            (is_told && accord.has_recovered()).then_some(Turn::Recovered)
        }
    }
}

impl Refresh {
    /// Looks at tenants whose sums may have changed. What fails is told at their next change.
    pub(super) async fn look_at_judge<'a>(&mut self, tenants: impl Iterator<Item = &'a TenantId>) {
        for tenant in tenants {
            let Some(stats) = self.parts.totals.stats(tenant) else {
                continue;
            };
            let turned = turn(&stats.accord, self.disagreeing.contains(tenant));
            let told = match turned {
                Some(Turn::Disagrees) => self.tell_disagreement(tenant, &stats.accord).await,
                Some(Turn::Recovered) => self.forget_disagreement(tenant).await,
                None => Ok(()),
            };
            if let Err(error) = told {
                self.failed(&error);
            }
        }
        self.parts.metrics.disagreeing(self.disagreeing.len());
    }

    async fn tell_disagreement(
        &mut self,
        tenant: &TenantId,
        accord: &Accord,
    ) -> Result<(), StoreError> {
        let now_ms = self.parts.clock.now_ms();
        let mut tx = self.parts.store.write().await?;
        if disagreements::put(&mut tx, tenant, now_ms).await? {
            let rho = |found: Option<f64>| found.map(|rho| (rho * 1_000.0).round() / 1_000.0);
            let of = |pairs: &crate::learn::accord::Pairs| {
                let found = pairs.correlation().map(|found| found.rho.value);
                json!({"n": pairs.n(), "rho": rho(found)})
            };
            let data = json!({
                "status": Standing::Disagrees.as_str(),
                "replies": of(&accord.replies),
                "sessions": of(&accord.sessions),
                "weight_factor": accord.factor(),
                "message": "the judge does not rank replies as your people do; it has less weight until it does",
            });
            webhooks::emit(&mut tx, tenant, Event::JudgeDisagrees, &data, now_ms).await?;
        }
        tx.commit().await?;
        tracing::warn!(%tenant, "the judge disagrees with the people of a tenant, and has less weight there");
        self.disagreeing.insert(tenant.clone());
        Ok(())
    }

    async fn forget_disagreement(&mut self, tenant: &TenantId) -> Result<(), StoreError> {
        let mut tx = self.parts.store.write().await?;
        disagreements::remove(&mut tx, tenant).await?;
        tx.commit().await?;
        self.disagreeing.remove(tenant);
        Ok(())
    }
}
