//! Whose turn it is: whoever has the least under way.

use std::collections::HashMap;

use floopy_shared::domain::ids::TenantId;
use uuid::Uuid;

/// A run that may send something.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) run: Uuid,
    pub(super) tenant: TenantId,
    pub(super) created_ms: u64,
    /// Calls that it may send beside those under way.
    pub(super) room: usize,
}

/// Calls under way; whoever has none is not there.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy {
    runs: HashMap<Uuid, usize>,
    tenants: HashMap<TenantId, usize>,
}

impl Busy {
    pub(super) fn of_run(&self, run: Uuid) -> usize {
        self.runs.get(&run).copied().unwrap_or(0)
    }

    fn of_tenant(&self, tenant: &TenantId) -> usize {
        self.tenants.get(tenant).copied().unwrap_or(0)
    }

    /// Which of these is next, of `most` calls of all: the tenant with the least under way, of it the run with the
    /// least, of these the oldest. One tenant has half of the calls at most, so that others never wait for all of them.
    pub(super) fn fairest(&self, open: &[Open], most: usize) -> Option<usize> {
        let share = most.div_ceil(2);
        let may = |run: &&(usize, &Open)| run.1.room > 0 && self.of_tenant(&run.1.tenant) < share;
        let open = open.iter().enumerate();
        open.filter(|run| may(&run))
            .min_by_key(|(_, run)| {
                let busy = (self.of_tenant(&run.tenant), self.of_run(run.run));
                (busy, run.created_ms, run.run)
            })
            .map(|(at, _)| at)
    }

    /// Counts one more.
    pub(super) fn take(&mut self, run: Uuid, tenant: &TenantId) {
        *self.runs.entry(run).or_default() += 1;
        *self.tenants.entry(tenant.clone()).or_default() += 1;
    }

    /// One has ended.
    pub(super) fn release(&mut self, run: Uuid, tenant: &TenantId) {
        if let Some(count) = self.runs.get_mut(&run) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.tenants.get_mut(tenant) {
            *count = count.saturating_sub(1);
        }
        self.runs.retain(|_, count| *count > 0);
        self.tenants.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(run: u128, tenant: &str) -> Open {
        Open {
            run: Uuid::from_u128(run),
            tenant: TenantId::new(tenant).expect("valid"),
            created_ms: u64::try_from(run).expect("small"),
            room: 100,
        }
    }

    #[test]
    fn tenants_take_turns_however_many_runs_they_have_and_one_alone_has_half() {
        let runs = [open(1, "a"), open(2, "a"), open(3, "a"), open(4, "b")];
        let mut busy = Busy::default();
        let mut turns = Vec::new();
        while let Some(at) = busy.fairest(&runs, 8) {
            busy.take(runs[at].run, &runs[at].tenant);
            turns.push(at);
        }
        assert_eq!(turns, [0, 3, 1, 3, 2, 3, 0, 3]);
        busy.release(runs[0].run, &runs[0].tenant);
        assert_eq!(busy.fairest(&runs, 8), Some(0));
        let alone = [open(9, "c")];
        let mut busy = Busy::default();
        while let Some(at) = busy.fairest(&alone, 7) {
            busy.take(alone[at].run, &alone[at].tenant);
        }
        assert_eq!(busy.of_run(alone[0].run), 4);
    }
}
