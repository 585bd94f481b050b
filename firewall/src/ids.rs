//! The rows of the model's table that a token is the sum of: one for the word, and some for its parts.

use std::ops::Range;

use crate::{
    fold::{Folded, fold},
    tables::{Class, Tables},
    tokens::{Kind, Token, tokens},
};

/// Longer numbers are one and the same.
const MOST_DIGITS: usize = 5;

/// A text as the model sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// Of each token `slots` rows; 0 where there are fewer.
    pub(crate) rows: Vec<i32>,
    /// Of each token the bytes of the text that it stands for.
    pub(crate) spans: Vec<Range<usize>>,
}

impl Features {
    pub(crate) fn of(text: &str, tables: &Tables) -> Self {
        let folded = fold(text, tables);
        let tokens = tokens(&folded, tables);
        let mut writer = Writer {
            text: &folded,
            tables,
            rows: Vec::with_capacity(tokens.len() * tables.slots),
            letters: Vec::new(),
            bytes: Vec::new(),
        };
        tokens.iter().for_each(|token| writer.token(token));
        Self {
            rows: writer.rows,
            spans: tokens.iter().map(|token| token.start..token.end).collect(),
        }
    }
}

struct Writer<'a> {
    text: &'a [Folded],
    tables: &'a Tables,
    rows: Vec<i32>,
    letters: Vec<char>,
    bytes: Vec<u8>,
}

impl Writer<'_> {
    fn token(&mut self, token: &Token) {
        let end = self.rows.len() + self.tables.slots;
        self.letters.clear();
        match &token.kind {
            Kind::Word(range) => {
                let chars = self.text[range.clone()].iter().map(|f| f.c);
                self.letters.extend(chars);
                self.word();
            }
            Kind::Apart(range) => {
                let chars = self.text[range.clone()].iter().map(|f| f.c);
                self.letters.extend(chars.step_by(2));
                self.word();
            }
            Kind::Solo(at) => self.solo(*at),
            Kind::Sign(c, count) => {
                self.letters.resize(*count, *c);
                self.whole();
            }
        }
        self.rows.resize(end, 0);
    }

    /// The row of all letters together.
    fn whole(&mut self) {
        let row = row(b'w', &self.letters, self.tables.rows, &mut self.bytes);
        self.rows.push(row);
    }

    fn word(&mut self) {
        if self.letters.iter().all(char::is_ascii_digit) {
            let count = self.letters.len().min(MOST_DIGITS);
            self.letters.clear();
            self.letters.resize(count, '0');
            return self.whole();
        }
        self.letters.truncate(self.tables.max_word);
        for c in &mut self.letters {
            *c = self.tables.leet.get(c).copied().unwrap_or(*c);
        }
        self.whole();
        if self.letters.len() >= 2 {
            self.letters.insert(0, '<');
            self.letters.push('>');
            let parts = self.letters.windows(self.tables.part);
            for part in parts.take(self.tables.slots - 1) {
                let row = row(b'c', part, self.tables.rows, &mut self.bytes);
                self.rows.push(row);
            }
        }
    }

    /// A character alone, and together with each neighbour of such a script.
    fn solo(&mut self, at: usize) {
        let c = self.text[at].c;
        self.letters.push(c);
        self.whole();
        let solo = |at: usize| {
            let near = self.text.get(at).map(|f| f.c);
            near.filter(|c| self.tables.class(*c) == Class::Solo)
        };
        let before = at.checked_sub(1).and_then(solo);
        let pairs = [before.map(|b| [b, c]), solo(at + 1).map(|a| [c, a])];
        let left = self.tables.slots - 1;
        for pair in pairs.into_iter().flatten().take(left) {
            let row = row(b'c', &pair, self.tables.rows, &mut self.bytes);
            self.rows.push(row);
        }
    }
}

/// FNV-1a of 64 bits, folded onto the rows. Row 0 is what is not there.
fn row(kind: u8, letters: &[char], rows: u32, bytes: &mut Vec<u8>) -> i32 {
    bytes.clear();
    bytes.push(kind);
    let mut buffer = [0; 4];
    for c in letters {
        bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    }
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let folded = 1 + (hash ^ (hash >> 32)) % u64::from(rows - 1);
    i32::try_from(folded).unwrap_or(0)
}

#[cfg(test)]
mod tests;
