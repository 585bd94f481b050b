//! Cells by small integers, for adding up very many of them.

use std::{collections::HashMap, sync::Arc};

use super::{CELL_BYTES, Entry, MOST_PARTS, Packer, SEPARATOR, Unpacked, parts, unpack};
use crate::{learn::sums::Sums, store::StoreError};

/// Names by number, in the order in which they were met.
#[derive(Debug, Default)]
pub(in crate::store) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

/// An arm by the numbers of its parts; those that there are not are [`NONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store) struct Arm([u32; MOST_PARTS]);

/// No part.
const NONE: u32 = u32::MAX;

impl Arm {
    fn parts(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied().take_while(|part| *part != NONE)
    }
}

/// Sums of one arm and source.
pub(in crate::store) type Summed = (Arm, i64, Sums);

/// A cell as it is read: shape, day, and sums.
type Read = (u32, i64, Summed);

/// How many cells of a credit are looked through for one of another: of two credits of one call or session the cells are
/// the same, or nearly, and in the same order. One that is not found is taken away and added, which comes to the same.
const NEAR: usize = 16;

/// Where each name stands in the order of names, by its number: the one order that does not depend on numbers.
#[derive(Debug)]
pub(in crate::store) struct Ranks(Vec<u32>);

impl Ranks {
    /// Comparable as the names of the arm's parts are; no part comes before any.
    fn of(&self, arm: Arm) -> [u32; MOST_PARTS] {
        let rank = |part: u32| usize::try_from(part).ok().and_then(|i| self.0.get(i));
        arm.0.map(|part| rank(part).map_or(0, |rank| rank + 1))
    }
}

impl Names {
    /// The number of a name.
    pub(in crate::store) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // A batch would need more memory than there is to reach the last number.
        let number = u32::try_from(self.names.len()).unwrap_or(NONE - 1);
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// The name of a number that was given out.
    pub(in crate::store) fn name(&self, number: u32) -> &str {
        let name = usize::try_from(number).ok().and_then(|i| self.names.get(i));
        name.map_or("", |name| name)
    }

    /// The ranks of all names met so far.
    pub(in crate::store) fn ranks(&self) -> Ranks {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_unstable_by_key(|number| &self.names[*number]);
        let mut ranks = vec![0; order.len()];
        for (rank, number) in (0..).zip(order) {
            ranks[number] = rank;
        }
        Ranks(ranks)
    }

    /// An arm by its name.
    pub(in crate::store) fn arm(&mut self, name: &str) -> Arm {
        let mut arm = [NONE; MOST_PARTS];
        for (number, part) in arm.iter_mut().zip(parts(name)) {
            *number = self.number(part);
        }
        Arm(arm)
    }

    /// Writes an arm's name over what `text` was.
    pub(in crate::store) fn spell(&self, arm: Arm, text: &mut String) {
        text.clear();
        for (i, part) in arm.parts().enumerate() {
            if i > 0 {
                text.push(SEPARATOR);
            }
            text.push_str(self.name(part));
        }
    }

    /// Reads cells: shape, day, and sums. Nothing is taken of what cannot be read to its end.
    pub(in crate::store) fn unpack(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(u32, i64, Summed),
    ) -> Result<(), StoreError> {
        let Unpacked { names, entries } = unpack(bytes)?;
        let numbers: Vec<u32> = names.into_iter().map(|name| self.number(name)).collect();
        for entry in entries {
            let Entry {
                shape, source, day, ..
            } = entry;
            let mut arm = [NONE; MOST_PARTS];
            for (number, place) in arm.iter_mut().zip(&entry.arm[..entry.parts]) {
                *number = numbers[*place];
            }
            take(numbers[shape], day, (Arm(arm), source, entry.sums));
        }
        Ok(())
    }

    /// Reads what the cells of one credit have more or less than those of another: of a rating that was revised, most
    /// are as they were. Nothing is taken where one of the two cannot be read.
    pub(in crate::store) fn unpack_change(
        &mut self,
        before: &[u8],
        after: &[u8],
        mut take: impl FnMut(u32, i64, Summed),
    ) -> Result<(), StoreError> {
        if before.is_empty() {
            return self.unpack(after, take);
        }
        let (before, after) = (self.read(before)?, self.read(after)?);
        let mut rest = after.as_slice();
        let mut pass = |(shape, day, (arm, source, sums)): Read, less: Sums| {
            let change = sums + -less;
            if change != Sums::default() {
                take(shape, day, (arm, source, change));
            }
        };
        for (shape, day, (arm, source, sums)) in before {
            let is_same =
                |(s, d, (a, of, _)): &Read| (*s, *d, *a, *of) == (shape, day, arm, source);
            let Some(at) = rest.iter().take(NEAR).position(is_same) else {
                pass((shape, day, (arm, source, Sums::default())), sums);
                continue;
            };
            let (new, others) = rest.split_at(at);
            new.iter().for_each(|cell| pass(*cell, Sums::default()));
            if let Some((now, others)) = others.split_first() {
                pass(*now, sums);
                rest = others;
            }
        }
        rest.iter().for_each(|cell| pass(*cell, Sums::default()));
        Ok(())
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Vec<Read>, StoreError> {
        let mut cells = Vec::with_capacity(bytes.len() / CELL_BYTES);
        self.unpack(bytes, |shape, day, cell| cells.push((shape, day, cell)))?;
        Ok(cells)
    }

    /// The cells of shapes' days as bytes, in the order in which they are given.
    pub(in crate::store) fn pack<'a>(
        &self,
        rows: impl IntoIterator<Item = ((u32, i64), &'a [Summed])>,
    ) -> Vec<u8> {
        let mut packer = Packer::new();
        let named = |number: u32| (number, self.name(number));
        for ((shape, day), cells) in rows {
            for (arm, source, sums) in cells {
                let parts = (arm.parts().map(named), arm.parts().count());
                packer.cell((named(shape), day), parts, (*source, *sums));
            }
        }
        packer.bytes()
    }
}

/// Adds up what has the same arm and source; what is nothing goes.
pub(in crate::store) fn merge(cells: &mut Vec<Summed>) {
    cells.sort_unstable_by_key(|(arm, source, _)| (*arm, *source));
    add_up(cells);
}

/// The same, in the one order that does not depend on the numbers.
pub(in crate::store) fn settle(cells: &mut Vec<Summed>, ranks: &Ranks) {
    cells.sort_unstable_by_key(|(arm, source, _)| (ranks.of(*arm), *source));
    add_up(cells);
}

fn add_up(cells: &mut Vec<Summed>) {
    cells.dedup_by(|later, kept| {
        let same = (later.0, later.1) == (kept.0, kept.1);
        if same {
            kept.2 += later.2;
        }
        same
    });
    cells.retain(|(_, _, sums)| *sums != Sums::default());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::store::packed::unpack_credit;

    #[test]
    fn the_order_of_names_and_cells_does_not_show_in_the_bytes() {
        let sums = Sums::of(1_000_000, 500_000);
        let arms = ["p/b", "", "p/a\nall\np/b", "p/a"];
        let packed = |arms: &[&str]| {
            let mut names = Names::default();
            let shape = names.number("all");
            let mut cells = arms.iter().map(|arm| (names.arm(arm), 2, sums)).collect();
            settle(&mut cells, &names.ranks());
            names.pack([((shape, 3), cells.as_slice())])
        };
        let backwards: Vec<&str> = arms.into_iter().rev().collect();
        assert_eq!(packed(&arms), packed(&backwards));
        let credit = unpack_credit(&packed(&arms)).expect("read");
        let mut found: Vec<&str> = credit.keys().map(|cell| cell.arm.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, ["", "p/a", "p/a\nall\np/b", "p/b"]);
    }

    proptest! {
        #[test]
        fn a_change_is_what_is_taken_away_and_added(
            before in prop::collection::vec((0..3usize, 0..3usize, 1..4i64, -2..3i64), 0..40),
            after in prop::collection::vec((0..3usize, 0..3usize, 1..4i64, -2..3i64), 0..40),
            shared in prop::collection::vec((0..3usize, 0..3usize, 1..4i64, -2..3i64), 0..40),
        ) {
            let mut names = Names::default();
            let mut packed = |cells: &[(usize, usize, i64, i64)]| {
                let cells = cells.iter().chain(&shared).map(|(shape, arm, source, n)| {
                    let shape = names.number(["all", "class:code", "site:x"][*shape]);
                    let arm = names.arm(["p/a", "p/b", "p/a\nall\np/b"][*arm]);
                    ((shape, 1), [(arm, *source, Sums::of(*n, 500_000))])
                });
                let cells: Vec<_> = cells.collect();
                names.pack(cells.iter().map(|(place, cell)| (*place, cell.as_slice())))
            };
            let (before, after) = (packed(&before), packed(&after));
            let mut sums: BTreeMap<(u32, i64, Arm, i64), Sums> = BTreeMap::new();
            let mut add = |shape, day, (arm, source, more): Summed| {
                *sums.entry((shape, day, arm, source)).or_default() += more;
            };
            names.unpack_change(&before, &after, &mut add).expect("read");
            names.unpack(&after, |shape, day, (arm, source, more)| add(shape, day, (arm, source, -more))).expect("read");
            names.unpack(&before, &mut add).expect("read");
            prop_assert!(sums.values().all(|sums| *sums == Sums::default()), "{sums:?}");
        }
    }

    #[test]
    fn sources_that_this_version_does_not_know_are_kept() {
        let sums = Sums::of(1_000_000, 500_000);
        let mut names = Names::default();
        let (shape, arm) = (names.number("all"), names.arm("p/m"));
        let bytes = names.pack([((shape, 3), [(arm, 99, sums)].as_slice())]);
        let mut cells = vec![(arm, 2, sums), (arm, 2, -sums)];
        names
            .unpack(&bytes, |_, _, cell| cells.push(cell))
            .expect("read");
        settle(&mut cells, &names.ranks());
        assert_eq!(names.pack([((shape, 3), cells.as_slice())]), bytes);
        assert!(unpack_credit(&bytes).is_err());
    }
}
