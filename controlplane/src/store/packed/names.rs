//! Cells by small integers, for adding up very many of them.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use super::{Entry, MOST_PARTS, Packer, SEPARATOR, Unpacked, parts, unpack};
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

    /// Adds up what has the same arm and source, and brings it into the one order that does not depend on the
    /// numbers.
    pub(in crate::store) fn settle(&self, mut cells: Vec<Summed>) -> Vec<Summed> {
        cells.sort_by(|a, b| self.order(a.0, b.0).then(a.1.cmp(&b.1)));
        cells.dedup_by(|later, kept| {
            let same = (later.0, later.1) == (kept.0, kept.1);
            if same {
                kept.2 += later.2;
            }
            same
        });
        cells.retain(|(_, _, sums)| *sums != Sums::default());
        cells
    }

    fn order(&self, a: Arm, b: Arm) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let names = |arm: Arm| arm.0.map(|part| (part != NONE).then(|| self.name(part)));
        names(a).cmp(&names(b))
    }

    /// The cells of one shape's day as bytes.
    pub(in crate::store) fn pack(&self, (shape, day): (u32, i64), cells: &[Summed]) -> Vec<u8> {
        let mut packer = Packer::new();
        for (arm, source, sums) in cells {
            let named = |number: u32| (number, self.name(number));
            let parts = (arm.parts().map(named), arm.parts().count());
            packer.cell((named(shape), day), parts, (*source, *sums));
        }
        packer.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::packed::unpack_credit;

    #[test]
    fn the_order_of_names_and_cells_does_not_show_in_the_bytes() {
        let sums = Sums::of(1_000_000, 500_000);
        let arms = ["p/b", "", "p/a\nall\np/b", "p/a"];
        let packed = |arms: &[&str]| {
            let mut names = Names::default();
            let shape = names.number("all");
            let cells = arms.iter().map(|arm| (names.arm(arm), 2, sums)).collect();
            let cells = names.settle(cells);
            names.pack((shape, 3), &cells)
        };
        let backwards: Vec<&str> = arms.into_iter().rev().collect();
        assert_eq!(packed(&arms), packed(&backwards));
        let credit = unpack_credit(&packed(&arms)).expect("read");
        let mut found: Vec<&str> = credit.keys().map(|cell| cell.arm.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, ["", "p/a", "p/a\nall\np/b", "p/b"]);
    }

    #[test]
    fn sources_that_this_version_does_not_know_are_kept() {
        let sums = Sums::of(1_000_000, 500_000);
        let mut names = Names::default();
        let (shape, arm) = (names.number("all"), names.arm("p/m"));
        let bytes = names.pack((shape, 3), &[(arm, 99, sums)]);
        let mut cells = vec![(arm, 2, sums), (arm, 2, -sums)];
        names
            .unpack(&bytes, |_, _, cell| cells.push(cell))
            .expect("read");
        let cells = names.settle(cells);
        assert_eq!(names.pack((shape, 3), &cells), bytes);
        assert!(unpack_credit(&bytes).is_err());
    }
}
