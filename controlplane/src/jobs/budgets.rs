//! Warns tenants before a budget is used up: looks, about once a second, at the accounts that something was booked on.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    time::Duration,
};

use floopy_shared::{
    domain::{
        budget::{Account, Budget, Spend},
        ids::TenantId,
    },
    process::clock::Clock,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    budgets::{reached, warn},
    settings,
    store::{
        Store, StoreError,
        spend::{self, Asked, Told},
    },
};

const EVERY: Duration = Duration::from_secs(1);
/// How far back a look goes beyond the one before: a batch may take that long to be committed.
const OVERLAP_MS: u64 = 15_000;
/// Warnings that are remembered as told, so that they are not looked for in the store again.
const MAX_TOLD: usize = 100_000;

/// What the job works with.
#[derive(Debug)]
pub(crate) struct Warnings {
    store: Store,
    clock: Clock,
    /// When the last look began; a first one looks at everything.
    looked_ms: u64,
    told: BTreeSet<Told>,
}

impl Warnings {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            looked_ms: 0,
            told: BTreeSet::new(),
        }
    }

    /// Runs until stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = every.tick() => {}
            }
            if let Err(error) = self.look().await {
                tracing::error!(%error, "budgets could not be looked at; trying again");
            }
        }
    }

    /// Tells what was not told yet. What fails is looked at again.
    pub(crate) async fn look(&mut self) -> Result<(), StoreError> {
        let all = settings::budgets::of_all(&self.store).await?;
        let warned: BTreeMap<TenantId, Vec<Budget>> = all
            .into_iter()
            .filter(|(_, budgets)| budgets.iter().any(|budget| !budget.warn_at.is_empty()))
            .collect();
        if warned.is_empty() {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let since_ms = self.looked_ms.saturating_sub(OVERLAP_MS);
        for (tenant, account) in spend::touched(&self.store, since_ms).await? {
            for budget in warned.get(&tenant).into_iter().flatten() {
                if budget.account(account.subject.clone()).as_ref() == Some(&account) {
                    self.look_at(&tenant, (budget, &account), now_ms).await?;
                }
            }
        }
        self.looked_ms = now_ms;
        if self.told.len() > MAX_TOLD {
            self.told.clear();
        }
        Ok(())
    }

    async fn look_at(
        &mut self,
        tenant: &TenantId,
        (budget, account): (&Budget, &Account),
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let window = budget.period.window(now_ms);
        let told = |percent: u8| Told {
            tenant: tenant.clone(),
            budget: budget.name.clone(),
            subject: account.subject.clone(),
            window,
            percent,
        };
        if budget
            .warn_at
            .iter()
            .all(|at| self.told.contains(&told(*at)))
        {
            return Ok(());
        }
        let spent = self.spent(tenant, (budget, account), now_ms).await?;
        for percent in reached(budget, spent) {
            let told = told(percent);
            if self.told.contains(&told) {
                continue;
            }
            let mut tx = self.store.write().await?;
            warn(&mut tx, &told, (budget, spent), now_ms).await?;
            tx.commit().await?;
            self.told.insert(told);
        }
        Ok(())
    }

    async fn spent(
        &self,
        tenant: &TenantId,
        (budget, account): (&Budget, &Account),
        now_ms: u64,
    ) -> Result<Spend, StoreError> {
        let asked = Asked {
            tenant,
            scope: &account.scope(),
            subject: Some(&account.subject),
            first_bucket: budget.period.first_bucket(now_ms),
        };
        let mut conn = self.store.read().acquire().await?;
        let found = spend::totals(&mut conn, asked, 1).await?;
        Ok(found
            .into_iter()
            .map(|(_, spent)| spent)
            .next()
            .unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
