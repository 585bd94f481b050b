//! The books: every account that calls of late were booked on, here or at another proxy.

use std::collections::HashMap;

use floopy_shared::domain::{
    budget::{Account, Budget, Charge, Charged, Limit, Spend, Spent, Stopped},
    ids::TenantId,
};
use lru::LruCache;
use uuid::Uuid;

use super::entry::Entry;

/// Accounts remembered at most. Of the tenant that has most of them, the one that was used longest ago goes first: what
/// was spent of it comes back from the control plane with its next call.
const MAX_ACCOUNTS: usize = 65_536;

/// A budget that holds for a call, and the account that it looks at.
#[derive(Debug, Clone)]
pub(super) struct Hold<'a> {
    pub budget: &'a Budget,
    pub account: Account,
}

/// What is set aside for a call until it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reserved {
    tenant: TenantId,
    estimate: Spend,
    at_ms: u64,
    /// With the slot that it was set aside in.
    charges: Vec<(Charge, u64)>,
}

impl Reserved {
    /// What the call is booked on.
    pub(super) fn charged(&self, proxy: Uuid) -> Charged {
        let charges = self.charges.iter();
        Charged {
            proxy,
            charges: charges.map(|(charge, _)| charge.clone()).collect(),
        }
    }
}

/// Whose account, and which.
type Place<'a> = (&'a TenantId, &'a Account);

/// An account and when it was last used for a call.
#[derive(Debug, Default)]
struct Known {
    entry: Entry,
    used_ms: u64,
}

#[derive(Debug)]
pub(super) struct Ledger {
    /// Whose books these are.
    proxy: Uuid,
    tenants: HashMap<TenantId, LruCache<Account, Known>>,
    /// Accounts of all of them.
    count: usize,
    is_changed: bool,
}

impl Ledger {
    pub(super) fn new(proxy: Uuid) -> Self {
        Self {
            proxy,
            tenants: HashMap::new(),
            count: 0,
            is_changed: false,
        }
    }

    pub(super) fn proxy(&self) -> Uuid {
        self.proxy
    }

    /// An account, which is remembered from now on.
    fn known(&mut self, tenant: &TenantId, account: &Account) -> &mut Known {
        let is_new = |accounts: &LruCache<Account, Known>| !accounts.contains(account);
        if self.tenants.get(tenant).is_none_or(is_new) {
            if self.count >= MAX_ACCOUNTS {
                self.forget_one();
            }
            self.count += 1;
        }
        let accounts = self.tenants.entry(tenant.clone());
        let accounts = accounts.or_insert_with(LruCache::unbounded);
        accounts.get_or_insert_mut(account.clone(), Known::default)
    }

    fn forget_one(&mut self) {
        let largest = self.tenants.values_mut().max_by_key(|own| own.len());
        if largest.and_then(LruCache::pop_lru).is_some() {
            self.count -= 1;
        }
    }

    fn all(&self) -> impl Iterator<Item = (Place<'_>, &Known)> {
        self.tenants.iter().flat_map(|(tenant, accounts)| {
            let accounts = accounts.iter();
            accounts.map(move |(account, known)| ((tenant, account), known))
        })
    }

    /// Sets aside what a call is expected to take, on every account or, where one of its budgets has no room, on none.
    pub(super) fn reserve(
        &mut self,
        tenant: &TenantId,
        holds: &[Hold<'_>],
        estimate: Spend,
        now_ms: u64,
    ) -> Result<Reserved, Box<Stopped>> {
        for hold in holds {
            let known = self.known(tenant, &hold.account);
            known.entry.prune(hold.account.grain, now_ms);
            known.used_ms = now_ms;
            if let Some(stopped) = stopped(hold, &known.entry, (estimate, now_ms)) {
                return Err(Box::new(stopped));
            }
        }
        let mut reserved = Reserved {
            tenant: tenant.clone(),
            estimate,
            at_ms: now_ms,
            charges: Vec::with_capacity(holds.len()),
        };
        for Hold { account, .. } in holds {
            // Budgets may share one.
            if reserved.charges.iter().any(|(c, _)| c.account == *account) {
                continue;
            }
            let known = self.known(tenant, account);
            let slot = known.entry.hold(estimate, now_ms);
            known.entry.begin(now_ms);
            let (account, bucket) = (account.clone(), account.grain.bucket(now_ms));
            reserved.charges.push((Charge { account, bucket }, slot));
        }
        Ok(reserved)
    }

    /// Books what a call came to in place of what was set aside for it.
    pub(super) fn settle(&mut self, reserved: Reserved, actual: Spend) {
        let Reserved {
            tenant,
            estimate,
            at_ms,
            charges,
        } = reserved;
        for (Charge { account, bucket }, slot) in charges {
            let proxy = self.proxy;
            let known = self.known(&tenant, &account);
            known.entry.release(slot, estimate);
            known.entry.book(proxy, (bucket, actual), at_ms);
            self.is_changed = true;
        }
    }

    /// Hears what proxies spent in all.
    pub(super) fn hear(&mut self, rows: Vec<Spent>, now_ms: u64) {
        for row in rows {
            let Charge { account, bucket } = row.charge;
            if account.grain.expires_ms(bucket, now_ms) <= now_ms {
                continue;
            }
            let known = self.known(&row.tenant, &account);
            let spend = (bucket, row.spend);
            let is_new = known.entry.hear(row.proxy, spend, row.began_ms);
            self.is_changed |= is_new;
        }
    }

    /// Everything that is known, if something is new since it was last asked for.
    pub(super) fn changed(&mut self) -> Option<Vec<Spent>> {
        let is_changed = std::mem::take(&mut self.is_changed);
        is_changed.then(|| {
            let all = self.all();
            all.flat_map(|(place, known)| rows(place, known)).collect()
        })
    }

    /// What was not kept is kept the next time.
    pub(super) fn not_kept(&mut self) {
        self.is_changed = true;
    }

    /// What this proxy spent, in this span and in the one before, of the accounts that calls used since a moment.
    pub(super) fn active(&self, since_ms: u64, now_ms: u64) -> Vec<Spent> {
        let used = self.all().filter(|(_, known)| known.used_ms >= since_ms);
        let own = used.flat_map(|(place, known)| {
            let bucket = place.1.grain.bucket(now_ms);
            let before = bucket.checked_sub(1);
            let buckets = [Some(bucket), before].into_iter().flatten();
            buckets.map(move |bucket| {
                let spend = known.entry.spent_by(self.proxy, bucket);
                row(place, known, (bucket, self.proxy, spend))
            })
        });
        own.collect()
    }
}

fn rows<'a>(place: Place<'a>, known: &'a Known) -> impl Iterator<Item = Spent> + 'a {
    let all = known.entry.rows();
    all.map(move |spent| row(place, known, spent))
}

fn row(
    (tenant, account): Place<'_>,
    known: &Known,
    (bucket, proxy, spend): (u64, Uuid, Spend),
) -> Spent {
    Spent {
        tenant: tenant.clone(),
        charge: Charge {
            account: account.clone(),
            bucket,
        },
        proxy,
        spend,
        began_ms: known.entry.began_ms().unwrap_or(0),
    }
}

/// Why a budget has no room for a call, if it has none.
fn stopped(
    Hold { budget, account }: &Hold<'_>,
    entry: &Entry,
    (estimate, now_ms): (Spend, u64),
) -> Option<Stopped> {
    let spent = entry.spent(budget.period.first_bucket(now_ms));
    let held = budget.limits(entry.held());
    let needs = budget.limits(estimate);
    let limits = budget.limits(spent).zip(held.zip(needs));
    let full = limits.filter_map(|((limit, max, used), ((_, _, held), (_, _, needs)))| {
        let all = used.saturating_add(held).saturating_add(needs);
        (all > max || used >= max).then_some((limit, max, used, held, needs))
    });
    let seconds = budget.seconds.zip(entry.began_ms()).map(|(max, began_ms)| {
        let used = now_ms.saturating_sub(began_ms) / 1_000;
        (Limit::Seconds, max, used, 0, 0)
    });
    let late = seconds.filter(|(_, max, used, ..)| used >= max);
    let (limit, max, used, held, needs) = late.into_iter().chain(full).next()?;
    let opens_ms = opens_ms((budget, entry), (limit, max, needs), now_ms);
    Some(Stopped {
        name: budget.name.clone(),
        account: account.clone(),
        limit,
        max,
        used,
        held,
        needs,
        opens_ms,
        window: budget.period.window(now_ms),
    })
}

/// When enough of what was spent counts no longer. Calls that are under way may make room earlier.
fn opens_ms(
    (budget, entry): (&Budget, &Entry),
    (limit, max, needs): (Limit, u64, u64),
    now_ms: u64,
) -> Option<u64> {
    if needs > max || limit == Limit::Seconds {
        return None;
    }
    let of = |spend: Spend| {
        let mut limits = budget.limits(spend);
        limits
            .find(|(l, ..)| *l == limit)
            .map_or(0, |(.., used)| used)
    };
    let first_bucket = budget.period.first_bucket(now_ms);
    let mut left = of(entry.spent(first_bucket));
    if left < max && left.saturating_add(needs) <= max {
        // Only calls that are under way are in its way.
        return Some(now_ms);
    }
    for (bucket, spend) in entry.by_bucket(first_bucket) {
        left = left.saturating_sub(of(spend));
        if left < max && left.saturating_add(needs) <= max {
            return budget.period.leaves_ms(bucket);
        }
    }
    None
}

#[cfg(test)]
mod tests;
