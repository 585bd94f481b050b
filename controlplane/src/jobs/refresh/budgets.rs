//! Tells a tenant's webhooks once a month that what the month may have is used up.

use floopy_shared::domain::{
    ids::TenantId,
    snapshot::{Closed, Tenant},
};
use serde_json::json;

use super::Refresh;
use crate::{
    calendar::month_of,
    quota::Quotas,
    store::{
        StoreError,
        usage::{self, Told},
    },
    webhooks::{self, Event},
};

/// What a tenant's month has run out of.
fn spent(tenant: &Tenant) -> impl Iterator<Item = Told> {
    let calls = tenant.closed.map(|closed| match closed {
        Closed::MonthlyCost { .. } => Told::Cost,
        Closed::MonthlyRequests { .. } => Told::Requests,
    });
    let ratings = tenant.no_ratings_until_ms.map(|_| Told::Ratings);
    calls.into_iter().chain(ratings)
}

impl Refresh {
    /// Tells what was not told yet. What fails is told at the next look.
    pub(super) async fn tell_budgets(&mut self) {
        let month = month_of(self.parts.clock.now_ms());
        let all = self.tenants.values();
        let new: Vec<(TenantId, i64, Told)> = all
            .flat_map(|tenant| spent(tenant).map(|what| (tenant.id.clone(), month, what)))
            .filter(|spent| !self.told.contains(spent))
            .collect();
        for spent in new {
            match self.tell_budget(&spent).await {
                Ok(()) => {
                    self.told.insert(spent);
                }
                Err(error) => self.failed(&error),
            }
        }
        self.told.retain(|(_, told, _)| *told == month);
    }

    async fn tell_budget(
        &self,
        (tenant, month, what): &(TenantId, i64, Told),
    ) -> Result<(), StoreError> {
        let Some(known) = self.tenants.get(tenant) else {
            return Ok(());
        };
        let mut tx = self.parts.store.write().await?;
        if !usage::tell(&mut tx, tenant, *month, *what).await? {
            return Ok(tx.rollback().await?);
        }
        let used = usage::month(&mut tx, tenant, *month).await?;
        let quotas = Quotas::of(known, used);
        let (name, quota) = match what {
            Told::Cost => ("cost_limit_monthly_usd", quotas.cost_micro_usd),
            Told::Requests => ("requests_per_month", quotas.requests),
            Told::Ratings => ("ratings_per_month", quotas.ratings),
        };
        let data = json!({
            "budget": name,
            "limit": quota.limit,
            "used": quota.used,
            "unit": quota.name,
            "message": format!("this month's {name} is used up; what is over it is refused until the next month"),
        });
        let now_ms = self.parts.clock.now_ms();
        webhooks::emit(&mut tx, tenant, Event::BudgetExceeded, &data, now_ms).await?;
        Ok(tx.commit().await?)
    }
}
