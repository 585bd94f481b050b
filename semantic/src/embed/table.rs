//! The table of a model, as it stands in its file: a head, a scale for each row, and eight bits a number.

use super::{BUCKETS, DIMENSIONS, Vector, features};

/// First bytes of the file, with the version of its format.
const MAGIC: &[u8; 8] = b"FLSEM001";
const SCALES_AT: usize = MAGIC.len() + 8;
const ROWS_AT: usize = SCALES_AT + 4 * BUCKETS;
/// Length of the file.
const LENGTH: usize = ROWS_AT + BUCKETS * DIMENSIONS;

/// What makes vectors of texts.
#[derive(Debug)]
pub struct Model {
    pub(super) rows: Vec<[i8; DIMENSIONS]>,
    scales: Vec<f32>,
}

/// A file that is no model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidModel;

impl Model {
    /// One for which all texts are alike.
    pub(super) fn empty() -> Self {
        Self {
            rows: vec![[0; DIMENSIONS]; BUCKETS],
            scales: vec![0.0; BUCKETS],
        }
    }

    /// Reads a file.
    pub fn read(bytes: &[u8]) -> Result<Self, InvalidModel> {
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        let head = [&MAGIC[..], &size(BUCKETS), &size(DIMENSIONS)].concat();
        if bytes.len() != LENGTH || !bytes.starts_with(&head) {
            return Err(InvalidModel);
        }
        let (scales, _) = bytes[SCALES_AT..ROWS_AT].as_chunks::<4>();
        let (rows, _) = bytes[ROWS_AT..].as_chunks::<DIMENSIONS>();
        Ok(Self {
            rows: rows.iter().map(|row| row.map(u8::cast_signed)).collect(),
            scales: scales
                .iter()
                .map(|scale| f32::from_le_bytes(*scale))
                .collect(),
        })
    }

    /// The file of a table with these rows.
    pub fn write(rows: &[[f32; DIMENSIONS]]) -> Vec<u8> {
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = [&MAGIC[..], &size(BUCKETS), &size(DIMENSIONS)].concat();
        let scale =
            |row: &[f32; DIMENSIONS]| row.iter().fold(0.0f32, |most, n| most.max(n.abs())) / 127.0;
        for row in rows {
            bytes.extend(scale(row).to_le_bytes());
        }
        for row in rows {
            let scale = scale(row).max(f32::MIN_POSITIVE);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "at most 127 after division by the scale"
            )]
            bytes.extend(
                row.iter()
                    .map(|n| ((n / scale).round() as i8).cast_unsigned()),
            );
        }
        bytes
    }

    /// Where a text points to.
    pub fn vector(&self, text: &str) -> Vector {
        let mut sum = [0.0f32; DIMENSIONS];
        for (bucket, weight) in features(text) {
            let at = bucket as usize;
            let weight = weight * self.scales[at];
            for (sum, n) in sum.iter_mut().zip(&self.rows[at]) {
                *sum += weight * f32::from(*n);
            }
        }
        Vector::of(sum)
    }
}
