//! The chain of an export, line by line.

use std::fmt;

use floopy_shared::domain::export::{NO_LINE, Outcome, Signed, Trailer, key_id, line_hash};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The first bad line, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    pub line: u64,
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("it is longer than 16 MiB")]
    TooLong,
    #[error("it has no end: the file was cut off in the middle of it")]
    CutOff,
    #[error("it is no row and no trailer of an export: {0}")]
    NotARow(String),
    #[error("it has no prev_sha256")]
    NoHash,
    #[error(
        "its bytes are not those that line {next} names the hash of: it was changed, or lines between them were \
         taken out or put in"
    )]
    Changed { next: u64 },
    #[error("it names {found} as the hash of the line before it, which is {expected}")]
    WrongHash { found: String, expected: String },
    #[error(
        "it begins a part with the hash {found}, which is neither that of the part before nor 64 zeros"
    )]
    WrongBeginning { found: String },
    #[error("it is no trailer as it was signed: {0}")]
    NotATrailer(String),
    #[error("its signature does not fit: the trailer was changed, or somebody else signed it")]
    Signature,
    #[error("it is signed with key {found}, not with key {expected}")]
    WrongKey { found: String, expected: String },
    #[error("it tells of {told} rows, but there are {found}")]
    RowCount { told: u64, found: u64 },
    #[error("it tells of {told} bytes, but there are {found}")]
    ByteCount { told: u64, found: u64 },
    #[error("its {key} is {told}, but the rows make {found}")]
    Hash {
        key: &'static str,
        told: String,
        found: String,
    },
    #[error("its keys contradict each other: {0}")]
    Contradiction(&'static str),
    #[error("it belongs to organization {found}, the part before to {expected}")]
    OtherOrganization { found: String, expected: String },
    #[error(
        "it is the end of another export than the part before: that was complete, or had another span or filter, or \
         parts between them are missing"
    )]
    NotAContinuation,
    #[error("the file ends here without a trailer: rows are missing, and nothing says how many")]
    NoTrailer,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// A file without a bad line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) rows: u64,
    pub(crate) parts: u64,
    pub(crate) organization_id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) shadow: String,
    /// When the last part was asked for.
    pub(crate) exported_at: String,
    pub(crate) key_id: String,
    pub(crate) public_key: String,
    /// The last trailer tells of nothing more to come.
    pub(crate) is_complete: bool,
    /// The hash before the first row, where there is one.
    pub(crate) goes_on_from: Option<String>,
    /// A part goes on with the one before by time and not by its cursor.
    pub(crate) is_overlapping: bool,
}

/// Checks lines in their order.
#[derive(Debug)]
pub(super) struct Verifier {
    pinned: Option<Vec<u8>>,
    line: u64,
    part: Part,
    done: Option<Verified>,
    last: Option<Trailer>,
}

/// The lines since the last trailer.
#[derive(Debug, Default)]
struct Part {
    rows: u64,
    bytes: u64,
    checksum: Sha256,
    /// What the first row names.
    first_prev: Option<String>,
    /// Of the last row.
    hash: Option<String>,
    /// The last row names another hash than the row before it has: one of the two was changed.
    doubt: Option<(String, String)>,
}

/// As much of a line as the chain needs.
#[derive(Deserialize)]
struct Line {
    #[serde(default, rename = "_floopy_export_trailer")]
    is_trailer: bool,
    prev_sha256: Option<String>,
}

impl Verifier {
    /// `pinned` is the key that must have signed.
    pub(super) fn new(pinned: Option<Vec<u8>>) -> Self {
        Self {
            pinned,
            line: 0,
            part: Part::default(),
            done: None,
            last: None,
        }
    }

    /// Something is wrong with the line that comes next.
    pub(super) fn bad(&self, why: Why) -> BadLine {
        let line = self.line + 1;
        BadLine { line, why }
    }

    /// Something is wrong with the current line.
    pub(super) fn here(&self, why: Why) -> BadLine {
        BadLine {
            line: self.line,
            why,
        }
    }

    /// The number of the current line.
    pub(super) fn line_number(&self) -> u64 {
        self.line
    }

    /// A line with its end; whether it is a row.
    pub(super) fn line(&mut self, bytes: &[u8]) -> Result<bool, BadLine> {
        self.line += 1;
        if !bytes.ends_with(b"\n") {
            return Err(self.here(Why::CutOff));
        }
        let not_a_row = |e: serde_json::Error| Why::NotARow(e.to_string());
        let line: Line = serde_json::from_slice(bytes).map_err(|e| self.here(not_a_row(e)))?;
        if line.is_trailer {
            let signed = Trailer::read(bytes);
            let signed = signed.map_err(|e| self.here(Why::NotATrailer(e.to_string())))?;
            return self.trailer(&signed).map(|()| false);
        }
        let prev = line.prev_sha256.ok_or_else(|| self.here(Why::NoHash))?;
        self.row(bytes, prev).map(|()| true)
    }

    fn row(&mut self, bytes: &[u8], prev: String) -> Result<(), BadLine> {
        self.settle(&prev)?;
        match &self.part.hash {
            Some(hash) if *hash != prev => {
                self.part.doubt = Some((prev, hash.clone()));
            }
            Some(_) => {}
            None => {
                let before = self.last.as_ref().map(|last| last.last_sha256.as_str());
                if before.is_some_and(|before| prev != before && prev != NO_LINE) {
                    return Err(self.here(Why::WrongBeginning { found: prev }));
                }
                self.part.first_prev = Some(prev);
            }
        }
        self.part.rows += 1;
        self.part.bytes += bytes.len() as u64;
        self.part.checksum.update(bytes);
        self.part.hash = Some(line_hash(bytes));
        Ok(())
    }

    /// Where two rows did not fit, what follows tells which of them is the bad one: if it knows the second, the
    /// first was changed.
    fn settle(&self, next: &str) -> Result<(), BadLine> {
        let Some((found, expected)) = &self.part.doubt else {
            return Ok(());
        };
        let second = self.line - 1;
        Err(if self.part.hash.as_deref() == Some(next) {
            BadLine {
                line: second - 1,
                why: Why::Changed { next: second },
            }
        } else {
            let (found, expected) = (found.clone(), expected.clone());
            BadLine {
                line: second,
                why: Why::WrongHash { found, expected },
            }
        })
    }

    fn trailer(&mut self, signed: &Signed<'_>) -> Result<(), BadLine> {
        let trailer = &signed.trailer;
        self.settle(&trailer.last_sha256)?;
        self.signature(signed).map_err(|why| self.here(why))?;
        agree(trailer).map_err(|why| self.here(why))?;
        self.rows_of(trailer)?;
        let before = self.last.as_ref();
        if let Some(before) = before.filter(|b| b.organization_id != trailer.organization_id) {
            let expected = before.organization_id.clone();
            let found = trailer.organization_id.clone();
            return Err(self.here(Why::OtherOrganization { found, expected }));
        }
        if self
            .last
            .as_ref()
            .is_some_and(|before| !continues(trailer, before))
        {
            return Err(self.here(Why::NotAContinuation));
        }
        self.add(trailer.clone());
        Ok(())
    }

    /// The key is the one that is asked for, or that of the parts before; and it signed.
    fn signature(&self, signed: &Signed<'_>) -> Result<(), Why> {
        let trailer = &signed.trailer;
        let bytes = |text: &str| hex::decode(text).unwrap_or_default();
        let public = bytes(&trailer.public_key);
        let expected = match (&self.pinned, &self.last) {
            (Some(pinned), _) => Some(pinned.clone()),
            (None, last) => last.as_ref().map(|last| bytes(&last.public_key)),
        };
        if let Some(expected) = expected.filter(|expected| *expected != public) {
            return Err(Why::WrongKey {
                found: key_id(&public),
                expected: key_id(&expected),
            });
        }
        UnparsedPublicKey::new(&ED25519, public)
            .verify(signed.bytes, &signed.signature)
            .map_err(|_| Why::Signature)
    }

    /// The trailer is true, so that what does not fit it is a row.
    fn rows_of(&self, trailer: &Trailer) -> Result<(), BadLine> {
        let part = &self.part;
        if trailer.row_count != part.rows {
            let (told, found) = (trailer.row_count, part.rows);
            return Err(self.here(Why::RowCount { told, found }));
        }
        let first = part
            .first_prev
            .as_ref()
            .unwrap_or(&trailer.first_prev_sha256);
        let last = part.hash.as_ref().unwrap_or(&trailer.first_prev_sha256);
        if *last != trailer.last_sha256 {
            return Err(BadLine {
                line: self.line - 1,
                why: Why::Changed { next: self.line },
            });
        }
        let checksum = hex::encode(part.checksum.clone().finalize());
        let hashes = [
            ("first_prev_sha256", &trailer.first_prev_sha256, first),
            ("checksum_sha256", &trailer.checksum_sha256, &checksum),
        ];
        if trailer.byte_count != part.bytes {
            let (told, found) = (trailer.byte_count, part.bytes);
            return Err(self.here(Why::ByteCount { told, found }));
        }
        match hashes.into_iter().find(|(_, told, found)| told != found) {
            None => Ok(()),
            Some((key, told, found)) => Err(self.here(Why::Hash {
                key,
                told: told.clone(),
                found: found.clone(),
            })),
        }
    }

    fn add(&mut self, trailer: Trailer) {
        let part = std::mem::take(&mut self.part);
        let begins = trailer.first_prev_sha256 == NO_LINE;
        let is_overlapping = begins && self.last.as_ref().is_some_and(|last| last.truncated);
        let first = || Verified {
            rows: 0,
            parts: 0,
            organization_id: trailer.organization_id.clone(),
            from: trailer.from.clone(),
            to: String::new(),
            shadow: trailer.shadow.clone(),
            exported_at: String::new(),
            key_id: trailer.key_id.clone(),
            public_key: trailer.public_key.clone(),
            is_complete: false,
            goes_on_from: (!begins).then(|| trailer.first_prev_sha256.clone()),
            is_overlapping: false,
        };
        let done = self.done.get_or_insert_with(first);
        done.rows += part.rows;
        done.parts += 1;
        done.to.clone_from(&trailer.to);
        done.exported_at.clone_from(&trailer.exported_at);
        done.is_complete = !trailer.truncated;
        done.is_overlapping |= is_overlapping;
        self.last = Some(trailer);
    }

    /// After the last line.
    pub(super) fn end(self) -> Result<Verified, BadLine> {
        let missing = self.bad(Why::NoTrailer);
        if let Some((found, expected)) = self.part.doubt {
            let why = Why::WrongHash { found, expected };
            return Err(BadLine {
                line: self.line,
                why,
            });
        }
        let done = self.done.filter(|_| self.part.rows == 0);
        done.ok_or(missing)
    }
}

/// Whether a part takes up where the one before was cut off: by cursor, or by time.
fn continues(trailer: &Trailer, before: &Trailer) -> bool {
    let by_cursor = trailer.first_prev_sha256 == before.last_sha256 && trailer.from == before.from;
    let by_time =
        trailer.first_prev_sha256 == NO_LINE && before.next_from.as_ref() == Some(&trailer.from);
    let is_same = trailer.to == before.to && trailer.shadow == before.shadow;
    before.truncated && is_same && (by_cursor || by_time)
}

/// What is said twice must be the same.
fn agree(trailer: &Trailer) -> Result<(), Why> {
    if trailer.truncated == (trailer.outcome == Outcome::Completed) {
        return Err(Why::Contradiction("truncated and outcome"));
    }
    if trailer.rows_emitted != trailer.row_count {
        return Err(Why::Contradiction("rows_emitted and row_count"));
    }
    let key = hex::decode(&trailer.public_key).unwrap_or_default();
    if trailer.key_id != key_id(&key) {
        return Err(Why::Contradiction("key_id and public_key"));
    }
    Ok(())
}
