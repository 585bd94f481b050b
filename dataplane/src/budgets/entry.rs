//! One account in the books: what each proxy spent in each span, and what is set aside for calls under way.
//!
//! What a proxy spent of a span only grows, and everybody keeps the greatest report of each proxy. So reports may come
//! twice, late and in any order, by whatever way, and the sum over all proxies is the same everywhere in the end.

use std::collections::BTreeMap;

use floopy_shared::domain::budget::{Grain, Spend};
use uuid::Uuid;

/// Money is set aside in slots of this length.
const SLOT_MS: u64 = 600_000;
/// No call lasts that long: what was set aside before is taken for lost.
const HELD_MS: u64 = 6 * 3_600_000;

/// An account.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    buckets: BTreeMap<u64, BTreeMap<Uuid, Spend>>,
    /// By the number of their slots.
    held: BTreeMap<u64, Spend>,
    /// When the first call came, in milliseconds since the epoch.
    began_ms: Option<u64>,
}

impl Entry {
    /// What all proxies spent, as far as it is known here, from a span on.
    pub(super) fn spent(&self, first_bucket: u64) -> Spend {
        let counted = self.buckets.range(first_bucket..);
        let spends = counted.flat_map(|(_, by)| by.values());
        spends.fold(Spend::default(), |sum, spend| sum.plus(*spend))
    }

    /// The same, by span.
    pub(super) fn by_bucket(&self, first_bucket: u64) -> impl Iterator<Item = (u64, Spend)> {
        let counted = self.buckets.range(first_bucket..);
        counted.map(|(bucket, by)| {
            let sum = by
                .values()
                .fold(Spend::default(), |sum, spend| sum.plus(*spend));
            (*bucket, sum)
        })
    }

    /// Set aside for calls under way.
    pub(super) fn held(&self) -> Spend {
        let all = self.held.values();
        all.fold(Spend::default(), |sum, spend| sum.plus(*spend))
    }

    pub(super) fn began_ms(&self) -> Option<u64> {
        self.began_ms
    }

    /// Sets aside; the slot that it is to be given back to.
    pub(super) fn hold(&mut self, estimate: Spend, now_ms: u64) -> u64 {
        let slot = now_ms / SLOT_MS;
        let held = self.held.entry(slot).or_default();
        *held = held.plus(estimate);
        slot
    }

    /// Gives back what was set aside; nothing, where it was taken for lost.
    pub(super) fn release(&mut self, slot: u64, estimate: Spend) {
        if let Some(held) = self.held.get_mut(&slot) {
            *held = held.minus(estimate);
            if *held == Spend::default() {
                self.held.remove(&slot);
            }
        }
    }

    /// Books what a call came to.
    pub(super) fn book(&mut self, proxy: Uuid, (bucket, spend): (u64, Spend), at_ms: u64) {
        let of_proxy = self.buckets.entry(bucket).or_default();
        let known = of_proxy.entry(proxy).or_default();
        *known = known.plus(spend);
        self.begin(at_ms);
    }

    /// Hears what a proxy spent of a span in all; whether that was new.
    pub(super) fn hear(
        &mut self,
        proxy: Uuid,
        (bucket, spend): (u64, Spend),
        began_ms: u64,
    ) -> bool {
        let of_proxy = self.buckets.entry(bucket).or_default();
        let known = of_proxy.entry(proxy).or_default();
        let before = *known;
        *known = known.max(spend);
        let is_new = *known != before;
        if began_ms > 0 {
            self.begin(began_ms);
        }
        is_new
    }

    /// A session begins with its first call.
    pub(super) fn begin(&mut self, at_ms: u64) {
        self.began_ms = Some(self.began_ms.map_or(at_ms, |began_ms| began_ms.min(at_ms)));
    }

    /// Forgets spans that no budget looks at any more, and what was set aside and never given back.
    pub(super) fn prune(&mut self, grain: Grain, now_ms: u64) {
        self.buckets
            .retain(|bucket, _| grain.expires_ms(*bucket, now_ms) > now_ms);
        self.held
            .retain(|slot, _| (slot + 1).saturating_mul(SLOT_MS) + HELD_MS > now_ms);
    }

    /// What one proxy spent of a span.
    pub(super) fn spent_by(&self, proxy: Uuid, bucket: u64) -> Spend {
        let of_proxy = self.buckets.get(&bucket).and_then(|by| by.get(&proxy));
        of_proxy.copied().unwrap_or_default()
    }

    /// What each proxy spent of each span.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, Uuid, Spend)> {
        let each = self.buckets.iter();
        each.flat_map(|(bucket, by)| by.iter().map(|(proxy, spend)| (*bucket, *proxy, *spend)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micro_usd(micro_usd: u64) -> Spend {
        Spend {
            micro_usd,
            ..Spend::default()
        }
    }

    #[test]
    fn what_was_set_aside_and_never_given_back_is_found_lost() {
        let mut entry = Entry::default();
        let slot = entry.hold(micro_usd(5), 0);
        entry.prune(Grain::Month, HELD_MS);
        assert_eq!(entry.held(), micro_usd(5));
        entry.prune(Grain::Month, HELD_MS + SLOT_MS);
        assert_eq!(entry.held(), Spend::default());
        entry.hold(micro_usd(3), HELD_MS + SLOT_MS);
        entry.release(slot, micro_usd(5));
        assert_eq!(entry.held(), micro_usd(3), "a late one takes nothing away");
    }

    proptest! {
        /// Reports may come twice, late and in any order.
        #[test]
        fn reports_in_any_order_come_to_the_same(
            spends in prop::collection::vec((0u128..4, 0u64..3, 1u64..100), 1..40),
            order in any::<prop::sample::Index>(),
            repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            // What each proxy spent, report by report.
            let mut truth = Entry::default();
            let mut reports = Vec::new();
            for (proxy, bucket, amount) in spends {
                let proxy = Uuid::from_u128(proxy);
                truth.book(proxy, (bucket, micro_usd(amount)), 1);
                let all: Vec<_> = truth.rows().collect();
                let now = all.into_iter().find(|(b, p, _)| (*b, *p) == (bucket, proxy));
                reports.extend(now);
            }
            let repeated: Vec<_> = repeats.iter().map(|index| *index.get(&reports)).collect();
            reports.extend(repeated);
            let middle = order.index(reports.len());
            reports.rotate_left(middle);
            let mut heard = Entry::default();
            for (bucket, proxy, spend) in reports {
                heard.hear(proxy, (bucket, spend), 1);
            }
            prop_assert_eq!(heard.spent(0), truth.spent(0));
            prop_assert_eq!(heard.spent(2), truth.spent(2));
        }
    }
}
