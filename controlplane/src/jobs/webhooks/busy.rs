//! How much is under way to whom.

use std::{collections::HashMap, hash::Hash};

use floopy_shared::domain::ids::TenantId;

use super::{AT_ONCE_PER_TENANT, AT_ONCE_PER_WEBHOOK};
use crate::store::webhooks::{Due, Full};

/// Deliveries under way by webhook and by tenant; whoever has none is not there.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy {
    webhooks: HashMap<String, usize>,
    tenants: HashMap<TenantId, usize>,
}

impl Busy {
    /// Counts one more, if it has room.
    pub(super) fn take(&mut self, due: &Due) -> bool {
        let of_webhook = self.webhooks.get(&due.webhook).copied().unwrap_or(0);
        let of_tenant = self.tenants.get(&due.tenant).copied().unwrap_or(0);
        if of_webhook >= AT_ONCE_PER_WEBHOOK || of_tenant >= AT_ONCE_PER_TENANT {
            return false;
        }
        self.webhooks.insert(due.webhook.clone(), of_webhook + 1);
        self.tenants.insert(due.tenant.clone(), of_tenant + 1);
        true
    }

    /// One has ended.
    pub(super) fn release(&mut self, due: &Due) {
        less(&mut self.webhooks, &due.webhook);
        less(&mut self.tenants, &due.tenant);
    }

    /// Who has no room.
    pub(super) fn full(&self) -> Full<'_> {
        let webhooks = self.webhooks.iter();
        let webhooks = webhooks.filter(|(_, n)| **n >= AT_ONCE_PER_WEBHOOK);
        let tenants = self.tenants.iter();
        let tenants = tenants.filter(|(_, n)| **n >= AT_ONCE_PER_TENANT);
        Full {
            webhooks: webhooks.map(|(webhook, _)| webhook.as_str()).collect(),
            tenants: tenants.map(|(tenant, _)| tenant.as_str()).collect(),
        }
    }
}

fn less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(tenant: &str, webhook: &str) -> Due {
        Due {
            seq: 1,
            tenant: TenantId::new(tenant).expect("valid"),
            webhook: webhook.to_owned(),
            delivery: "d".to_owned(),
            event: "test".to_owned(),
            body: "{}".to_owned(),
            attempts: 0,
        }
    }

    #[test]
    fn one_webhook_has_two_under_way_and_one_tenant_four() {
        let mut busy = Busy::default();
        for webhook in ["w1", "w1", "w2", "w2"] {
            assert!(busy.take(&due("t", webhook)));
        }
        assert!(!busy.take(&due("t", "w1")) && !busy.take(&due("t", "w3")));
        assert_eq!(busy.full().tenants, ["t"]);
        assert!(busy.take(&due("other", "w4")));
        busy.release(&due("t", "w1"));
        assert!(busy.full().tenants.is_empty());
        assert!(busy.take(&due("t", "w3")));
    }
}
