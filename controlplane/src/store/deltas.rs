//! Changes to the buckets, gathered over a batch.

use std::collections::HashMap;

use floopy_shared::domain::ids::TenantId;

use super::{
    StoreError,
    packed::{self, Names, Summed},
};
use crate::learn::{
    credit::{Cell, Credit, Source},
    sums::Sums,
};

/// A shape's day of one of the tenants, by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) tenant: u32,
    pub(super) shape: u32,
    pub(super) day: i64,
}

/// Cells that a place may have before those of the same arm and source are added up.
const UNMERGED: usize = 256;

/// What changed.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    pub(super) names: Names,
    tenants: Vec<TenantId>,
    numbers: HashMap<TenantId, u32>,
    cells: Cells,
}

/// Changes by place. Cells of a place come together, so that the place is looked up once for many of them.
#[derive(Debug, Default)]
struct Cells {
    places: HashMap<Place, usize>,
    rows: Vec<Row>,
    last: Option<(Place, usize)>,
}

#[derive(Debug)]
struct Row {
    place: Place,
    cells: Vec<Summed>,
    /// The number of cells at which they are added up next.
    merge_at: usize,
}

impl Cells {
    fn add(&mut self, place: Place, cell: Summed) {
        let index = match self.last {
            Some((last, index)) if last == place => index,
            _ => self.index(place),
        };
        self.last = Some((place, index));
        let Some(row) = self.rows.get_mut(index) else {
            return;
        };
        row.cells.push(cell);
        if row.cells.len() >= row.merge_at {
            packed::merge(&mut row.cells);
            row.merge_at = UNMERGED.max(2 * row.cells.len());
        }
    }

    fn index(&mut self, place: Place) -> usize {
        let next = self.rows.len();
        let index = *self.places.entry(place).or_insert(next);
        if index == next {
            self.rows.push(Row {
                place,
                cells: Vec::new(),
                merge_at: UNMERGED,
            });
        }
        index
    }
}

impl Deltas {
    /// Puts one packed credit in the place of another.
    pub(crate) fn replace(&mut self, tenant: &TenantId, before: &[u8], after: &[u8]) {
        if self.change(tenant, before, after).is_ok() {
            return;
        }
        // What can be read of the two counts all the same.
        let before = self.add(tenant, before, |sums| -sums);
        let after = self.add(tenant, after, |sums| sums);
        if let Err(error) = before.and(after) {
            // Nothing that is stored may stop the intake.
            tracing::error!(%error, %tenant, "credit cannot be replaced");
        }
    }

    /// Adds what one credit has more or less than another; nothing where one of them cannot be read.
    fn change(&mut self, tenant: &TenantId, before: &[u8], after: &[u8]) -> Result<(), StoreError> {
        let tenant = self.number(tenant);
        let added = &mut self.cells;
        self.names.unpack_change(before, after, |shape, day, cell| {
            added.add(Place { tenant, shape, day }, cell);
        })
    }

    /// Adds to a cell.
    pub(crate) fn add_cell(&mut self, tenant: &TenantId, cell: &Cell, sums: Sums) {
        let place = Place {
            tenant: self.number(tenant),
            shape: self.names.number(&cell.shape),
            day: cell.day,
        };
        let arm = self.names.arm(&cell.arm);
        self.cells.add(place, (arm, cell.source as i64, sums));
    }

    /// The tenants of whom anything was added or taken away.
    pub(crate) fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// Adds up what is of one cell.
    pub(super) fn merge(&mut self) {
        for row in &mut self.cells.rows {
            packed::merge(&mut row.cells);
        }
    }

    /// Every change of a tenant's cells, tenant by tenant; sources that this version does not know are left out.
    pub(crate) fn each<'a>(&'a self, mut take: impl FnMut(&'a TenantId, &Cell, Sums)) {
        let mut cell = Cell {
            shape: String::new(),
            arm: String::new(),
            source: Source::Auto,
            day: 0,
        };
        for (place, cells) in self.places() {
            let Some(tenant) = self.tenant(place.tenant) else {
                continue;
            };
            cell.shape.clear();
            cell.shape.push_str(self.names.name(place.shape));
            cell.day = place.day;
            for (arm, source, sums) in cells {
                let Ok(source) = packed::source(*source) else {
                    continue;
                };
                self.names.spell(*arm, &mut cell.arm);
                cell.source = source;
                take(tenant, &cell, *sums);
            }
        }
    }

    /// What changed, in order of the places; nothing of those where all came to nothing.
    pub(super) fn places(&self) -> Vec<(Place, &[Summed])> {
        let rows = self.cells.rows.iter();
        let rows = rows.filter(|row| !row.cells.is_empty());
        let mut places: Vec<(Place, &[Summed])> =
            rows.map(|row| (row.place, row.cells.as_slice())).collect();
        places.sort_unstable_by_key(|(place, _)| *place);
        places
    }

    /// A tenant by its number.
    pub(super) fn tenant(&self, number: u32) -> Option<&TenantId> {
        self.tenants.get(usize::try_from(number).ok()?)
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
        let added = &mut self.cells;
        self.names
            .unpack(credit, |shape, day, (arm, source, sums)| {
                let place = Place { tenant, shape, day };
                added.add(place, (arm, source, sign(sums)));
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
