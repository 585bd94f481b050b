//! Sums per cell as bytes: what a call or a session added, and what a shape's day adds up to.
//!
//! A byte for the form, the names, then the cells to the end. Names stand once; a cell is a few small integers:
//! its shape, its day less that of the cell before, its source, how many parts its arm's name has, these parts,
//! and its three sums. Everything is a varint, names are told by their place, and what can be negative is in
//! zigzag. The same cells in the same order always make the same bytes; no cells make none.

mod names;

use std::{collections::HashMap, hash::Hash};

use prost::encoding::{decode_varint, encode_varint};

pub(super) use self::names::{Names, Summed, merge, settle};
use super::StoreError;
use crate::learn::{
    credit::{Cell, Credit, Part, Source},
    sums::Sums,
};

/// The form described above.
const FORM: u8 = 1;
/// Bytes of a small cell, to know about how many there are.
const CELL_BYTES: usize = 10;
/// Between the parts that a pair's name is made of, which stand among the names one by one; see `credit::pair`.
const SEPARATOR: char = '\n';
/// Parts of such a name; one of more parts is no pair, and stands whole.
const MOST_PARTS: usize = 3;

/// A cell as it is stored, with its names by their places. Its source need not be one that this version knows.
#[derive(Debug)]
struct Entry {
    shape: usize,
    arm: [usize; MOST_PARTS],
    /// How many of the arm's parts count.
    parts: usize,
    source: i64,
    day: i64,
    sums: Sums,
}

/// What bytes say.
#[derive(Debug, Default)]
struct Unpacked<'a> {
    names: Vec<&'a str>,
    entries: Vec<Entry>,
}

/// Puts cells into bytes; `K` is what tells one name from another.
#[derive(Debug)]
struct Packer<K> {
    places: Places<K>,
    names: Vec<u8>,
    cells: Vec<u8>,
    day: i64,
}

/// The names met so far, in order.
#[derive(Debug)]
struct Places<K> {
    met: Vec<K>,
    /// Where they are, once they are too many to look at each.
    index: HashMap<K, usize>,
}

/// Names that are looked at one by one: most bytes have fewer, and comparing them costs less than hashing does.
const FEW_NAMES: usize = 24;

impl<K: Hash + Eq + Copy> Places<K> {
    /// The place of a name, and whether it is new.
    fn of(&mut self, name: K) -> (usize, bool) {
        let known = if self.index.is_empty() {
            self.met.iter().position(|met| *met == name)
        } else {
            self.index.get(&name).copied()
        };
        if let Some(place) = known {
            return (place, false);
        }
        let place = self.met.len();
        self.met.push(name);
        if !self.index.is_empty() {
            self.index.insert(name, place);
        } else if place >= FEW_NAMES {
            self.index = self.met.iter().enumerate().map(|(i, k)| (*k, i)).collect();
        }
        (place, true)
    }
}

impl<K: Hash + Eq + Copy> Packer<K> {
    fn new() -> Self {
        Self {
            places: Places {
                met: Vec::new(),
                index: HashMap::new(),
            },
            names: Vec::new(),
            cells: Vec::new(),
            day: 0,
        }
    }

    fn name(&mut self, (key, name): (K, &str)) {
        let (place, is_new) = self.places.of(key);
        if is_new {
            encode_varint(name.len() as u64, &mut self.names);
            self.names.extend_from_slice(name.as_bytes());
        }
        encode_varint(place as u64, &mut self.cells);
    }

    fn number(&mut self, number: i64) {
        // Zigzag, as in protobuf: small numbers of either sign take few bytes.
        let zigzag = (number << 1) ^ (number >> 63);
        encode_varint(zigzag.cast_unsigned(), &mut self.cells);
    }

    fn cell<'a>(
        &mut self,
        (shape, day): ((K, &str), i64),
        (arm, parts): (impl Iterator<Item = (K, &'a str)>, usize),
        (source, sums): (i64, Sums),
    ) {
        self.name(shape);
        self.number(day.wrapping_sub(self.day));
        self.day = day;
        self.number(source);
        encode_varint(parts as u64, &mut self.cells);
        for part in arm {
            self.name(part);
        }
        for number in [sums.n, sums.sum, sums.sumsq] {
            self.number(number);
        }
    }

    fn bytes(self) -> Vec<u8> {
        if self.cells.is_empty() {
            return Vec::new();
        }
        let mut bytes = Vec::with_capacity(self.names.len() + self.cells.len() + 4);
        bytes.push(FORM);
        encode_varint(self.places.met.len() as u64, &mut bytes);
        bytes.extend(self.names);
        bytes.extend(self.cells);
        bytes
    }
}

/// Reads numbers off bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, StoreError> {
        decode_varint(&mut self.0).map_err(|e| StoreError::corrupt("sums", e))
    }

    fn number(&mut self) -> Result<i64, StoreError> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    fn length(&mut self) -> Result<usize, StoreError> {
        usize::try_from(self.varint()?).map_err(|e| StoreError::corrupt("sums", e))
    }

    fn name(&mut self) -> Result<&'a str, StoreError> {
        let length = self.length()?;
        let Some((name, rest)) = self.0.split_at_checked(length) else {
            return Err(StoreError::corrupt("sums", "a name is cut off"));
        };
        self.0 = rest;
        std::str::from_utf8(name).map_err(|e| StoreError::corrupt("sums", e))
    }

    fn place(&mut self, names: &[&str]) -> Result<usize, StoreError> {
        let place = self.length()?;
        if place < names.len() {
            Ok(place)
        } else {
            let reason = format!("name {place} of {}", names.len());
            Err(StoreError::corrupt("sums", reason))
        }
    }

    fn entry(&mut self, names: &[&str], day_before: i64) -> Result<Entry, StoreError> {
        let shape = self.place(names)?;
        let day = day_before.wrapping_add(self.number()?);
        let (source, parts) = (self.number()?, self.length()?);
        if parts == 0 || parts > MOST_PARTS {
            return Err(StoreError::corrupt(
                "sums",
                format!("a name of {parts} parts"),
            ));
        }
        let mut arm = [0; MOST_PARTS];
        for part in &mut arm[..parts] {
            *part = self.place(names)?;
        }
        let [n, sum, sumsq] = [self.number()?, self.number()?, self.number()?];
        Ok(Entry {
            shape,
            arm,
            parts,
            source,
            day,
            sums: Sums { n, sum, sumsq },
        })
    }
}

fn unpack(bytes: &[u8]) -> Result<Unpacked<'_>, StoreError> {
    let Some((form, rest)) = bytes.split_first() else {
        return Ok(Unpacked::default());
    };
    if *form != FORM {
        return Err(StoreError::corrupt("sums", format!("form {form}")));
    }
    let mut reader = Reader(rest);
    let mut unpacked = Unpacked {
        names: Vec::new(),
        entries: Vec::with_capacity(rest.len() / CELL_BYTES),
    };
    for _ in 0..reader.length()? {
        unpacked.names.push(reader.name()?);
    }
    let mut day = 0;
    while !reader.0.is_empty() {
        let entry = reader.entry(&unpacked.names, day)?;
        day = entry.day;
        unpacked.entries.push(entry);
    }
    Ok(unpacked)
}

/// The parts of an arm's name that stand one by one.
fn parts(arm: &str) -> impl Iterator<Item = &str> {
    let parts = arm.matches(SEPARATOR).count() + 1;
    arm.splitn(if parts > MOST_PARTS { 1 } else { parts }, SEPARATOR)
}

/// Credit as bytes, to be taken back exactly when it changes.
pub(crate) fn pack_credit(credit: &Credit) -> Vec<u8> {
    let mut packer = Packer::new();
    for (cell, sums) in credit {
        let (shape, arm) = ((cell.shape.as_str(), cell.shape.as_str()), &cell.arm);
        let arm = (parts(arm).map(|part| (part, part)), parts(arm).count());
        packer.cell((shape, cell.day), arm, (cell.source as i64, *sums));
    }
    packer.bytes()
}

/// The same of a session's credit, in the order of its parts.
pub(crate) fn pack_parts(day: i64, session: &[Part<'_>]) -> Vec<u8> {
    let mut packer = Packer::new();
    for part in session {
        let shape = (part.shape, part.shape);
        let sums = (part.source as i64, part.sums);
        let (arm, other) = part.arm;
        match other {
            None => packer.cell((shape, day), ([(arm, arm)].into_iter(), 1), sums),
            Some((of, other)) => {
                let arm = [arm, of, other].map(|name| (name, name));
                packer.cell((shape, day), (arm.into_iter(), arm.len()), sums);
            }
        }
    }
    packer.bytes()
}

/// Reads credit back; what is said of one cell in several places adds up.
pub(crate) fn unpack_credit(bytes: &[u8]) -> Result<Credit, StoreError> {
    let Unpacked { names, entries } = unpack(bytes)?;
    let mut credit = Credit::new();
    for entry in entries {
        let arm: Vec<&str> = entry.arm[..entry.parts].iter().map(|i| names[*i]).collect();
        let cell = Cell {
            shape: names[entry.shape].to_owned(),
            arm: arm.join("\n"),
            source: source(entry.source)?,
            day: entry.day,
        };
        *credit.entry(cell).or_default() += entry.sums;
    }
    Ok(credit)
}

pub(super) fn source(code: i64) -> Result<Source, StoreError> {
    Source::from_code(code).ok_or_else(|| StoreError::corrupt("source", code))
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{event::RatingScore, ids::CandidateKey, shape::ShapeKey};
    use proptest::prelude::*;

    use super::*;
    use crate::learn::credit::{Turn, of_session, pair, parts_of_session};

    /// A turn of a chain of so many shapes below the root; a class can stand at different depths.
    fn turn(model: &str, task: usize, depth: usize) -> Turn {
        let names = [format!("task:{task}"), "class:chat".to_owned()];
        let shapes = names[2 - depth..].iter();
        let shapes = shapes.filter_map(|name| ShapeKey::named(name));
        Turn {
            day: 1,
            shapes: shapes.chain([ShapeKey::root()]).collect(),
            candidate: CandidateKey::new("p", model).expect("valid"),
            judged: task.is_multiple_of(2).then_some(700_000),
        }
    }

    fn any_cell() -> impl Strategy<Value = (Cell, Sums)> {
        let pair = ("[a-c]/m", "all|class:code", "[a-c]/m")
            .prop_map(|(arm, shape, other)| pair(&arm, (&shape, &other)));
        let arm = prop_oneof![Just(String::new()), "[a-c]/[m-o]", pair, "[a\n]{0,6}"];
        let source = (1..=19i64).prop_map(|code| Source::from_code(code).expect("known"));
        let shape = "all|class:code|site:x";
        let numbers = any::<[i64; 3]>();
        (shape, arm, source, any::<i64>(), numbers).prop_map(
            |(shape, arm, source, day, numbers)| {
                let [n, sum, sumsq] = numbers;
                let cell = Cell {
                    shape,
                    arm,
                    source,
                    day,
                };
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
        fn a_sessions_parts_are_packed_to_its_credit(
            turns in prop::collection::vec(("[a-d]", 0..40usize, 0..3usize), 0..60), score in 0..=10i64,
        ) {
            let turns: Vec<Turn> = turns.iter().map(|(model, task, depth)| turn(model, *task, *depth)).collect();
            let score = RatingScore::new(score).expect("in range");
            let (day, parts) = parts_of_session(&turns, score);
            let read = unpack_credit(&pack_parts(day, &parts)).expect("read");
            prop_assert_eq!(read, of_session(&turns, score));
        }

        #[test]
        fn no_bytes_bring_the_reader_down(
            mut bytes in prop::collection::vec(0..12u8, 0..200),
            credit in prop::collection::vec(any_cell(), 0..9),
            cut in any::<prop::sample::Index>(),
        ) {
            bytes.insert(0, FORM);
            let _ = unpack_credit(&bytes);
            let credit: Credit = credit.into_iter().collect();
            let whole = pack_credit(&credit);
            let _ = unpack_credit(&whole[..cut.index(whole.len() + 1)]);
        }
    }
}
