//! What must leave the stores that proxies share: replies of tenants that may keep nothing or are gone, and what was flushed.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    cache::{CacheKey, Caching, Flush, FlushOf},
    ids::TenantId,
    snapshot::Snapshot,
};

/// Of each tenant that may keep replies, how far it flushed them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    tenants: BTreeMap<TenantId, Flushed>,
    /// Those that may keep nothing.
    nothing: BTreeSet<TenantId>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Flushed {
    all: u64,
    last: u64,
    single: Vec<Flush>,
}

/// What is to be taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sweep {
    /// All of these tenants.
    pub whole: BTreeSet<TenantId>,
    /// Of these, what was stored under an older flush than this one.
    pub older: BTreeMap<TenantId, u64>,
    /// What else of a tenant was flushed, and the flush of everything that it is stored under.
    pub flushes: Vec<(TenantId, u64, Flush)>,
}

impl Kept {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut kept = Self::default();
        for tenant in snapshot.tenants() {
            if tenant.zero_retention {
                kept.nothing.insert(tenant.id.clone());
            } else {
                let flushed = Flushed::of(&tenant.caching);
                kept.tenants.insert(tenant.id.clone(), flushed);
            }
        }
        kept
    }

    /// Whether a reply of this tenant may be stored under this flush.
    pub(super) fn takes(&self, tenant: &TenantId, flushed: u64) -> bool {
        let known = self.tenants.get(tenant);
        known.is_some_and(|known| flushed >= known.all)
    }

    /// What must go that could be there by what was known before. Of who may keep nothing, another proxy may have stored
    /// something.
    pub(super) fn since(&self, before: &Self, sweep: &mut Sweep) {
        let new = self.nothing.difference(&before.nothing);
        sweep.whole.extend(new.cloned());
        for (tenant, earlier) in &before.tenants {
            match self.tenants.get(tenant) {
                None => {
                    sweep.whole.insert(tenant.clone());
                }
                Some(now) if now.all > earlier.all => {
                    sweep.older.insert(tenant.clone(), now.all);
                }
                Some(now) => {
                    let new = now.single.iter();
                    let new = new.filter(|flush| flush.generation > earlier.last);
                    let new = new.map(|flush| (tenant.clone(), now.all, flush.clone()));
                    sweep.flushes.extend(new);
                }
            }
        }
    }

    /// What must not be there whatever was before.
    pub(super) fn never(&self, sweep: &mut Sweep) {
        sweep.whole.extend(self.nothing.iter().cloned());
    }
}

impl Flushed {
    fn of(caching: &Caching) -> Self {
        Self {
            all: caching.flushed,
            last: caching.generation,
            single: caching.flushes.clone(),
        }
    }
}

impl Sweep {
    pub(super) fn is_empty(&self) -> bool {
        self.needs_no_search() && self.flushes.is_empty()
    }

    /// Whether everything that is to go is known by its name.
    pub(super) fn needs_no_search(&self) -> bool {
        self.whole.is_empty() && self.older.is_empty()
    }

    /// The single requests, and the flush of everything that replies to them are stored under.
    pub(super) fn single(&self) -> impl Iterator<Item = (&TenantId, u64, &CacheKey)> {
        self.flushes
            .iter()
            .filter_map(|(tenant, all, flush)| match &flush.of {
                FlushOf::Request(key) => Some((tenant, *all, key)),
                FlushOf::Model(_) | FlushOf::Rule(_) => None,
            })
    }

    /// Whether a reply must go, by what its name says after the place of all replies.
    pub(super) fn takes(&self, name: &str) -> bool {
        let mut parts = name.split(':');
        let (Some(tenant), Some(flushed)) = (parts.next(), parts.next()) else {
            return false;
        };
        let (Ok(tenant), Ok(flushed)) = (TenantId::new(tenant), flushed.parse::<u64>()) else {
            return false;
        };
        self.whole.contains(&tenant)
            || self
                .older
                .get(&tenant)
                .is_some_and(|least| flushed < *least)
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{catalog::Catalog, snapshot::Tenant};

    use super::*;

    fn tenant(id: &str, caching: Caching) -> Tenant {
        Tenant {
            caching,
            ..Tenant::new(TenantId::new(id).expect("valid"))
        }
    }

    fn kept(tenants: Vec<Tenant>) -> Kept {
        Kept::of(&Snapshot::cold(Catalog::default(), tenants))
    }

    fn flushed(all: u64, single: Option<u64>) -> Caching {
        let flush = |generation| Flush {
            generation,
            of: FlushOf::Request([1; 32]),
        };
        Caching {
            flushed: all,
            generation: single.unwrap_or(all),
            flushes: single.map(flush).into_iter().collect(),
            ..Caching::default()
        }
    }

    fn sweep(before: &Kept, now: &Kept) -> Sweep {
        let mut sweep = Sweep::default();
        now.since(before, &mut sweep);
        sweep
    }

    #[test]
    fn what_leaves_is_what_was_flushed_and_what_nobody_may_keep() {
        let before = kept(vec![
            tenant("stays", flushed(5, None)),
            tenant("flushes", flushed(5, None)),
            tenant("one", flushed(5, None)),
            tenant("leaves", flushed(5, None)),
            tenant("forgets", flushed(5, None)),
        ]);
        let mut forgets = tenant("forgets", flushed(5, None));
        forgets.zero_retention = true;
        let now = kept(vec![
            tenant("stays", flushed(5, None)),
            tenant("flushes", flushed(9, None)),
            tenant("one", flushed(5, Some(8))),
            forgets,
        ]);
        let sweep = sweep(&before, &now);
        for (name, goes) in [
            ("stays:5:ab", false),
            ("flushes:5:ab", true),
            ("flushes:9:ab", false),
            ("one:5:ab", false),
            ("leaves:5:ab", true),
            ("forgets:5:ab", true),
            ("never-known:5:ab", false),
            ("flushes", false),
            ("flushes:x:ab", false),
        ] {
            assert_eq!(sweep.takes(name), goes, "{name}");
        }
        let one = TenantId::new("one").expect("valid");
        let single: Vec<_> = sweep.single().collect();
        assert_eq!(single, [(&one, 5, &[1; 32])]);
        let id = |id| TenantId::new(id).expect("valid");
        assert!(now.takes(&id("flushes"), 9) && !now.takes(&id("flushes"), 5));
        assert!(!now.takes(&id("forgets"), 9) && !now.takes(&id("leaves"), 9));
    }

    #[test]
    fn nothing_changes_where_nothing_did() {
        let now = kept(vec![tenant("a", flushed(5, Some(8)))]);
        assert!(sweep(&now, &now).is_empty());
    }
}
