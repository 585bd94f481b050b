//! Changes to the buckets, gathered over a batch.

use std::collections::HashMap;

use floopy_shared::domain::ids::TenantId;

use super::{
    StoreError,
    packed::{self, Arm, Names},
};
use crate::learn::{
    credit::{Cell, Credit, Source},
    sums::Sums,
};

/// A cell of one of the tenants, by numbers; in order, a shape's day is together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) tenant: u32,
    pub(super) shape: u32,
    pub(super) day: i64,
    pub(super) arm: Arm,
    pub(super) source: i64,
}

/// What changed.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    pub(super) names: Names,
    tenants: Vec<TenantId>,
    numbers: HashMap<TenantId, u32>,
    sums: HashMap<Place, Sums>,
}

impl Deltas {
    /// Puts one packed credit in the place of another.
    pub(crate) fn replace(&mut self, tenant: &TenantId, before: &[u8], after: &[u8]) {
        let before = self.add(tenant, before, |sums| -sums);
        let after = self.add(tenant, after, |sums| sums);
        if let Err(error) = before.and(after) {
            // Nothing that is stored may stop the intake.
            tracing::error!(%error, %tenant, "credit cannot be replaced");
        }
    }

    /// Adds to a cell.
    pub(crate) fn add_cell(&mut self, tenant: &TenantId, cell: &Cell, sums: Sums) {
        let place = Place {
            tenant: self.number(tenant),
            shape: self.names.number(&cell.shape),
            day: cell.day,
            arm: self.names.arm(&cell.arm),
            source: cell.source as i64,
        };
        *self.sums.entry(place).or_default() += sums;
    }

    /// The tenants of whom anything was added or taken away.
    pub(crate) fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// Every change of a tenant's cells, tenant by tenant; sources that this version does not know are left out.
    pub(crate) fn each<'a>(&'a self, mut take: impl FnMut(&'a TenantId, &Cell, Sums)) {
        let mut cell = Cell {
            shape: String::new(),
            arm: String::new(),
            source: Source::Auto,
            day: 0,
        };
        for (place, sums) in self.changed() {
            let tenant = usize::try_from(place.tenant).ok();
            let tenant = tenant.and_then(|number| self.tenants.get(number));
            let (Some(tenant), Ok(source)) = (tenant, packed::source(place.source)) else {
                continue;
            };
            cell.shape.clear();
            cell.shape.push_str(self.names.name(place.shape));
            self.names.spell(place.arm, &mut cell.arm);
            (cell.source, cell.day) = (source, place.day);
            take(tenant, &cell, sums);
        }
    }

    /// What changed, in order.
    pub(super) fn changed(&self) -> Vec<(Place, Sums)> {
        let changed = self
            .sums
            .iter()
            .filter(|(_, sums)| **sums != Sums::default());
        let mut changed: Vec<(Place, Sums)> = changed.map(|(place, s)| (*place, *s)).collect();
        changed.sort_unstable_by_key(|(place, _)| *place);
        changed
    }

    /// The id of a tenant by its number.
    pub(super) fn tenant(&self, number: u32) -> &str {
        let tenant = usize::try_from(number).ok();
        let tenant = tenant.and_then(|number| self.tenants.get(number));
        tenant.map_or("", TenantId::as_str)
    }

    fn number(&mut self, tenant: &TenantId) -> u32 {
        if let Some(number) = self.numbers.get(tenant) {
            return *number;
        }
        let number = u32::try_from(self.tenants.len()).unwrap_or(u32::MAX);
        self.tenants.push(tenant.clone());
        self.numbers.insert(tenant.clone(), number);
        number
    }

    pub(super) fn add(
        &mut self,
        tenant: &TenantId,
        credit: &[u8],
        sign: impl Fn(Sums) -> Sums,
    ) -> Result<(), StoreError> {
        let tenant = self.number(tenant);
        let added = &mut self.sums;
        self.names
            .unpack(credit, |shape, day, (arm, source, sums)| {
                let place = Place {
                    tenant,
                    shape,
                    day,
                    arm,
                    source,
                };
                *added.entry(place).or_default() += sign(sums);
            })
    }
}

impl FromIterator<(TenantId, Credit)> for Deltas {
    fn from_iter<I: IntoIterator<Item = (TenantId, Credit)>>(credits: I) -> Self {
        let mut deltas = Self::default();
        for (tenant, credit) in credits {
            for (cell, sums) in &credit {
                deltas.add_cell(&tenant, cell, *sums);
            }
        }
        deltas
    }
}
