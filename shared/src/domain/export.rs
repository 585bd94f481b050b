//! The form of an export: rows that each name the hash of the line before them, and a signed trailer.
//!
//! `docs/export.md` says the same for whoever verifies without us.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the first row of an export names as the hash of the line before it: there is none.
pub const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What comes between the bytes of a trailer that are signed and the signature in hexadecimal.
const SIGNATURE: &str = ",\"signature\":\"";
/// What comes after it.
const END: &str = "\"}\n";

/// How an export ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every row of the span was written.
    Completed,
    /// Time was up; the rest is got by asking again.
    Truncated,
    /// Something failed here; the rest is got by asking again.
    Error,
}

impl Outcome {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Truncated => "truncated",
            Self::Error => "error",
        }
    }
}

/// The last line of an export: the keys of the documentation, those of the SDKs, and ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailer {
    pub _floopy_export_trailer: bool,
    pub trailer: bool,
    pub outcome: Outcome,
    pub truncated: bool,
    pub reason: Option<String>,
    pub row_count: u64,
    pub rows_emitted: u64,
    /// Of all rows with their line ends.
    pub byte_count: u64,
    /// Over the same bytes.
    pub checksum_sha256: String,
    pub aggregation_signal_present: bool,
    pub organization_id: String,
    pub from: String,
    pub to: String,
    /// Whether calls that nobody was answered by are among the rows: `exclude`, `include` or `only`.
    pub shadow: String,
    /// When it was asked for: what came later is not in it.
    pub exported_at: String,
    /// What the first row names as the hash of the line before it.
    pub first_prev_sha256: String,
    /// Of the last row with its line end; [`Self::first_prev_sha256`] where there is none.
    pub last_sha256: String,
    /// With this as `from` the rest is exported, and again what has the same time as the last row.
    pub next_from: Option<String>,
    /// With this the rest is exported and nothing else.
    pub next_cursor: Option<String>,
    pub key_id: String,
    /// Ed25519 (RFC 8032), in hexadecimal.
    pub public_key: String,
}

/// A trailer's line is no such line.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTrailer {
    #[error("it is no trailer: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it does not end with a signature")]
    Unsigned,
}

/// A line as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<'a> {
    pub trailer: Trailer,
    /// All bytes of the line before `,"signature":`.
    pub bytes: &'a [u8],
    pub signature: Vec<u8>,
}

impl Trailer {
    /// The line, signed: the last key is `signature`, over all bytes of the line before its comma.
    pub fn line(&self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<String, serde_json::Error> {
        let mut line = serde_json::to_string(self)?;
        // The brace comes after the signature.
        line.pop();
        let signature = hex::encode(sign(line.as_bytes()));
        Ok(line + SIGNATURE + &signature + END)
    }

    /// Reads a line; whether the signature is true is another question.
    pub fn read(line: &[u8]) -> Result<Signed<'_>, InvalidTrailer> {
        let trailer: Self = serde_json::from_slice(line)?;
        let text = str::from_utf8(line).map_err(|_| InvalidTrailer::Unsigned)?;
        let (bytes, rest) = text
            .rsplit_once(SIGNATURE)
            .ok_or(InvalidTrailer::Unsigned)?;
        let digits = rest.strip_suffix(END).ok_or(InvalidTrailer::Unsigned)?;
        let signature = hex::decode(digits).map_err(|_| InvalidTrailer::Unsigned)?;
        // One signature has one form.
        if hex::encode(&signature) != digits {
            return Err(InvalidTrailer::Unsigned);
        }
        Ok(Signed {
            trailer,
            bytes: bytes.as_bytes(),
            signature,
        })
    }
}

/// The hash of a line with its line end, as rows name it.
pub fn line_hash(line: &[u8]) -> String {
    hex::encode(Sha256::digest(line))
}

/// What a public key is called: the first 16 digits of its own hash.
pub fn key_id(public_key: &[u8]) -> String {
    hex::encode(&Sha256::digest(public_key)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_line_is_that_of_its_bytes_and_its_end() {
        // printf '{}\n' | sha256sum
        let expected = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356";
        assert_eq!(line_hash(b"{}\n"), expected);
        assert_eq!(NO_LINE.len(), expected.len());
    }

    fn trailer() -> Trailer {
        Trailer {
            _floopy_export_trailer: true,
            trailer: true,
            outcome: Outcome::Truncated,
            truncated: true,
            reason: Some("deadline".into()),
            row_count: 2,
            rows_emitted: 2,
            byte_count: 30,
            checksum_sha256: "cc".into(),
            aggregation_signal_present: false,
            organization_id: "acme".into(),
            from: "2026-11-01T00:00:00Z".into(),
            to: "2026-11-02T00:00:00Z".into(),
            shadow: "exclude".into(),
            exported_at: "2026-11-03T00:00:00Z".into(),
            first_prev_sha256: NO_LINE.into(),
            last_sha256: "ll".into(),
            next_from: None,
            next_cursor: None,
            key_id: "k".into(),
            public_key: "p".into(),
        }
    }

    #[test]
    fn every_byte_of_a_trailer_but_its_signature_is_signed() {
        let line = trailer().line(|_| vec![0xab; 64]).expect("JSON");
        let signature = "ab".repeat(64);
        assert!(
            line.ends_with(&format!(",\"signature\":\"{signature}\"}}\n")),
            "{line}"
        );
        let read = Trailer::read(line.as_bytes()).expect("reads its own form");
        assert_eq!(
            (&read.trailer, read.signature),
            (&trailer(), vec![0xab; 64])
        );
        let rest = line.len() - read.bytes.len();
        assert_eq!(rest, SIGNATURE.len() + 128 + END.len());
        assert!(read.bytes.starts_with(b"{\"_floopy_export_trailer\":true,"));
    }

    #[test]
    fn a_line_in_another_form_is_refused() {
        let line = trailer().line(|_| vec![0xab; 64]).expect("JSON");
        for wrong in [
            line.replace("abab", "ABAB"),
            line.replace(",\"signature", ", \"signature"),
            line.replace("\"}", "\" }"),
            line.trim_end().to_owned(),
            line.replace("row_count", "row_Count"),
            "{}\n".to_owned(),
        ] {
            assert!(Trailer::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
