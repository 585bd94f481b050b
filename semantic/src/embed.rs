//! A vector of a text: the weighted sum of what its words, pairs of words and parts of words have in a table.
//!
//! The table was made by `train/main.rs` and is part of the program; `model/CARD.md` says of what, and how good it is.

mod table;

use std::sync::LazyLock;

pub use self::table::{InvalidModel, Model};
use crate::text::{Kind, tokens};

/// Numbers of a vector.
pub const DIMENSIONS: usize = 64;
/// Rows of the table.
pub const BUCKETS: usize = 1 << 15;

/// Words that are looked at, at most.
const MAX_WORDS: usize = 256;
/// What a pair of words weighs beside a word.
const PAIR_WEIGHT: f32 = 0.5;
/// Lengths of the parts of words.
const PARTS: [usize; 3] = [3, 4, 5];

/// Where a text points to: eight bits a number, of length 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vector(pub(crate) [i8; DIMENSIONS]);

/// The model that is part of the program.
static BUILT_IN: LazyLock<Model> = LazyLock::new(|| {
    let bytes = include_bytes!("../model/semantic.bin");
    Model::read(bytes).unwrap_or_else(|_| Model::empty())
});

/// The model that is part of the program.
pub fn model() -> &'static Model {
    &BUILT_IN
}

impl Vector {
    /// Points where these numbers do.
    pub fn of(numbers: [f32; DIMENSIONS]) -> Self {
        let length = numbers.iter().map(|n| n * n).sum::<f32>().sqrt();
        if length <= f32::MIN_POSITIVE {
            return Self([0; DIMENSIONS]);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most 127 after division by the length"
        )]
        let byte = |n: f32| (n / length * 127.0).round() as i8;
        Self(numbers.map(byte))
    }

    /// Eight bits each.
    pub fn numbers(&self) -> [i8; DIMENSIONS] {
        self.0
    }

    pub(crate) fn similarity_of(product: i32) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "at most 2^21")]
        let product = product as f32;
        (product / (127.0 * 127.0)).clamp(-1.0, 1.0)
    }

    /// The least product of vectors that are so near.
    pub(crate) fn product_of(similarity: f32) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "at most 127 squared")]
        let product = (similarity.clamp(-1.0, 1.0) * 127.0 * 127.0).ceil() as i32;
        product
    }
}

/// The rows of the table that a text is the sum of, with their weights.
pub fn features(text: &str) -> Vec<(u32, f32)> {
    let words = tokens(text);
    let words = words
        .iter()
        .filter(|t| !matches!(t.kind, Kind::Stop | Kind::End));
    let words: Vec<&str> = words
        .map(|token| token.text.as_str())
        .take(MAX_WORDS)
        .collect();
    let mut found = Vec::with_capacity(words.len() * 12);
    for word in &words {
        found.push((bucket(b'w', word.as_bytes()), 1.0));
        parts(word, &mut found);
    }
    for pair in words.windows(2) {
        found.push((bucket(b'p', pair.join(" ").as_bytes()), PAIR_WEIGHT));
    }
    found
}

/// Together they weigh as much as the word.
fn parts(word: &str, found: &mut Vec<(u32, f32)>) {
    let marked: Vec<char> = format!("<{word}>").chars().collect();
    let first = found.len();
    for length in PARTS {
        for part in marked.windows(length) {
            let part: String = part.iter().collect();
            found.push((bucket(b'c', part.as_bytes()), 0.0));
        }
    }
    let count = u16::try_from(found.len() - first)
        .unwrap_or(u16::MAX)
        .max(1);
    let weight = 1.0 / f32::from(count);
    found[first..].iter_mut().for_each(|(_, w)| *w = weight);
}

/// FNV-1a, folded onto the rows.
fn bucket(kind: u8, bytes: &[u8]) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in std::iter::once(&kind).chain(bytes) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let folded = (hash ^ (hash >> 32) ^ (hash >> 17)) % (BUCKETS as u64);
    u32::try_from(folded).unwrap_or(0)
}

#[cfg(test)]
mod tests;
