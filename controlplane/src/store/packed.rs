//! Sums per cell as bytes: what a call or a session added, and what a shape's day adds up to.
//!
//! Names stand once, in a table; a cell is a few small integers. The same cells always make the same bytes.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use prost::Message;

use super::StoreError;
use crate::learn::{
    credit::{Cell, Credit, Source},
    sums::Sums,
};

/// Parts that a pair's name is made of stand in the table one by one; see `credit::pair`.
const SEPARATOR: char = '\n';
/// Most parts of a name: anything longer is no pair, and stands in the table whole.
const MOST_PARTS: usize = 3;

/// The message. Each cell is, in `numbers`: its shape, its day less that of the cell before, its source, how
/// many parts its arm's name has, these parts, and its three sums; names are indices into `names`.
#[derive(Clone, PartialEq, Message)]
struct Packed {
    #[prost(string, repeated, tag = "1")]
    names: Vec<String>,
    #[prost(sint64, repeated, tag = "2")]
    numbers: Vec<i64>,
}

/// A cell as it is stored: its source need not be one that this version knows.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) shape: &'a str,
    pub(super) arm: Cow<'a, str>,
    pub(super) source: i64,
    pub(super) day: i64,
    pub(super) sums: Sums,
}

/// Cells as bytes, in the given order.
pub(super) fn pack<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<u8> {
    let (mut packed, mut places) = (Packed::default(), HashMap::new());
    let mut day = 0;
    for entry in entries {
        let Packed { names, numbers } = &mut packed;
        let mut place = |name: &str| match places.get(name) {
            Some(place) => *place,
            None => {
                let place = i64::try_from(names.len()).unwrap_or(i64::MAX);
                names.push(name.to_owned());
                places.insert(name.to_owned(), place);
                place
            }
        };
        numbers.extend([place(entry.shape), entry.day.wrapping_sub(day)]);
        day = entry.day;
        let parts = entry.arm.matches(SEPARATOR).count() + 1;
        let parts = if parts > MOST_PARTS { 1 } else { parts };
        numbers.extend([entry.source, parts as i64]);
        numbers.extend(entry.arm.splitn(parts, SEPARATOR).map(place));
        let Sums { n, sum, sumsq } = entry.sums;
        numbers.extend([n, sum, sumsq]);
    }
    packed.encode_to_vec()
}

/// Reads what [`pack`] wrote, cell by cell.
pub(super) fn unpack(bytes: &[u8], mut take: impl FnMut(Entry<'_>)) -> Result<(), StoreError> {
    let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("sums", e);
    let packed = Packed::decode(bytes).map_err(|e| corrupt(&e))?;
    let mut numbers = packed.numbers.into_iter();
    let name = |place: i64| {
        let name = usize::try_from(place)
            .ok()
            .and_then(|i| packed.names.get(i));
        name.map(String::as_str)
            .ok_or_else(|| corrupt(&format!("name {place} of {}", packed.names.len())))
    };
    let mut day = 0_i64;
    while let Some(shape) = numbers.next() {
        let mut next = || numbers.next().ok_or_else(|| corrupt(&"it ends within a cell"));
        let shape = name(shape)?;
        day = day.wrapping_add(next()?);
        let (source, parts) = (next()?, next()?);
        let mut arm = Cow::Borrowed(name(next()?)?);
        for _ in 1..parts {
            let arm = arm.to_mut();
            arm.push(SEPARATOR);
            arm.push_str(name(next()?)?);
        }
        let (n, sum, sumsq) = (next()?, next()?, next()?);
        let sums = Sums { n, sum, sumsq };
        take(Entry {
            shape,
            arm,
            source,
            day,
            sums,
        });
    }
    Ok(())
}

/// Credit as bytes, to be taken back exactly when it changes.
pub(super) fn pack_credit(credit: &Credit) -> Vec<u8> {
    pack(credit.iter().map(|(cell, sums)| Entry {
        shape: &cell.shape,
        arm: Cow::Borrowed(&cell.arm),
        source: cell.source as i64,
        day: cell.day,
        sums: *sums,
    }))
}

/// Reads credit back.
pub(super) fn unpack_credit(bytes: &[u8]) -> Result<Credit, StoreError> {
    let mut credit = Ok(Credit::new());
    unpack(bytes, |entry| {
        let cell = cell(&entry);
        credit = match (std::mem::replace(&mut credit, Ok(Credit::new())), cell) {
            (Ok(mut cells), Ok(cell)) => {
                cells.insert(cell, entry.sums);
                Ok(cells)
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
    })?;
    credit
}

/// The cell that an entry is of; its source must be known.
pub(super) fn cell(entry: &Entry<'_>) -> Result<Cell, StoreError> {
    Ok(Cell {
        shape: entry.shape.to_owned(),
        arm: entry.arm.clone().into_owned(),
        source: Source::from_code(entry.source)
            .ok_or_else(|| StoreError::corrupt("source", entry.source))?,
        day: entry.day,
    })
}

/// The cells of one shape on one day, by arm and source. What sources mean does not matter for adding.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Block(BTreeMap<(String, i64), Sums>);

impl Block {
    /// Reads a block.
    pub(super) fn unpack(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut cells = BTreeMap::new();
        unpack(bytes, |entry| {
            cells.insert((entry.arm.into_owned(), entry.source), entry.sums);
        })?;
        Ok(Self(cells))
    }

    /// Adds to a cell; one that nothing is left of disappears.
    pub(super) fn add(&mut self, arm: &str, source: Source, sums: Sums) {
        let key = (arm.to_owned(), source as i64);
        let left = *self.0.get(&key).unwrap_or(&Sums::default()) + sums;
        if left == Sums::default() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, left);
        }
    }

    /// Whether nothing is left of any cell.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes; the shape and the day are part of them.
    pub(super) fn pack(&self, shape: &str, day: i64) -> Vec<u8> {
        pack(self.0.iter().map(|((arm, source), sums)| Entry {
            shape,
            arm: Cow::Borrowed(arm),
            source: *source,
            day,
            sums: *sums,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::credit::pair;

    fn any_cell() -> impl Strategy<Value = (Cell, Sums)> {
        let arm = prop_oneof![
            Just(String::new()),
            "[a-c]/[m-o]",
            ("[a-c]/m", "all|class:code", "[a-c]/m").prop_map(|(arm, shape, other)| pair(&arm, (&shape, &other))),
            "[a\n]{0,6}",
        ];
        let source = (1..=12i64).prop_map(|code| Source::from_code(code).expect("known"));
        ("all|class:code|site:x", arm, source, any::<i64>(), any::<[i64; 3]>()).prop_map(
            |(shape, arm, source, day, [n, sum, sumsq])| {
                let cell = Cell { shape, arm, source, day };
                (cell, Sums { n, sum, sumsq })
            },
        )
    }

    proptest! {
        #[test]
        fn credit_comes_back_as_it_was(cells in prop::collection::vec(any_cell(), 0..30)) {
            let credit: Credit = cells.into_iter().collect();
            prop_assert_eq!(unpack_credit(&pack_credit(&credit)).expect("read"), credit);
        }

        #[test]
        fn no_bytes_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200), numbers in prop::collection::vec(-2..9i64, 0..40)) {
            let _ = unpack_credit(&bytes);
            let names = vec!["all".to_owned(), "p/m".to_owned()];
            let _ = unpack_credit(&Packed { names, numbers }.encode_to_vec());
        }
    }

    #[test]
    fn a_block_adds_to_sources_that_it_does_not_know_nothing_and_keeps_them() {
        let sums = Sums::of(1_000_000, 500_000);
        let unknown = Block([(("p/m".to_owned(), 99), sums)].into());
        let mut block = Block::unpack(&unknown.pack("all", 3)).expect("read");
        block.add("p/m", Source::Auto, sums);
        block.add("p/m", Source::Auto, -sums);
        assert_eq!(block, unknown);
        assert!(unpack_credit(&block.pack("all", 3)).is_err());
    }
}
