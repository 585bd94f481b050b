//! Rows becoming a chain: each line names the hash of the line before it, and all are counted and summed.

use floopy_shared::domain::{
    decision::Decision,
    explanation::Locale,
    export::{NO_LINE, Outcome, Trailer},
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    super::{labels::Labels, view},
    key::ExportKey,
};

/// About what a row takes, so that lines are seldom moved.
const ROW_BYTES: usize = 4_096;

/// What one answer holds of an export.
#[derive(Debug)]
pub(super) struct Segment {
    first_prev: String,
    last: Option<[u8; 32]>,
    rows: u64,
    bytes: u64,
    checksum: Sha256,
    /// A row was decided with what other tenants pooled.
    is_aggregated: bool,
}

/// What is said of an export in its trailer, besides its rows.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) organization_id: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) shadow: &'static str,
    pub(super) exported_at: String,
    pub(super) next_from: Option<String>,
    pub(super) next_cursor: Option<String>,
}

impl Segment {
    /// The chain goes on from this hash; `None`: it begins.
    pub(super) fn after(last: Option<[u8; 32]>) -> Self {
        Self {
            first_prev: hash_text(last),
            last,
            rows: 0,
            bytes: 0,
            checksum: Sha256::new(),
            is_aggregated: false,
        }
    }

    /// Of the last row.
    pub(super) fn last_sha256(&self) -> Option<[u8; 32]> {
        self.last
    }

    pub(super) fn is_aggregated(&self) -> bool {
        self.is_aggregated
    }

    /// The lines of these decisions.
    pub(super) fn lines(
        &mut self,
        decisions: &[Decision],
        labels: &[Labels],
        locale: Locale,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let mut lines = Vec::with_capacity(decisions.len() * ROW_BYTES);
        for (decision, labels) in decisions.iter().zip(labels) {
            let begin = lines.len();
            let mut row = view::row(decision, labels, locale);
            row["prev_sha256"] = json!(hash_text(self.last));
            serde_json::to_writer(&mut lines, &row)?;
            lines.push(b'\n');
            self.last = Some(Sha256::digest(&lines[begin..]).into());
            self.rows += 1;
            self.is_aggregated |= decision.evidence.used_shared_prior;
        }
        self.checksum.update(&lines);
        self.bytes += lines.len() as u64;
        Ok(lines)
    }

    /// The last line.
    pub(super) fn trailer(
        self,
        closing: Closing,
        key: &ExportKey,
    ) -> Result<String, serde_json::Error> {
        let trailer = Trailer {
            _floopy_export_trailer: true,
            trailer: true,
            truncated: closing.outcome != Outcome::Completed,
            outcome: closing.outcome,
            reason: closing.reason,
            row_count: self.rows,
            rows_emitted: self.rows,
            byte_count: self.bytes,
            checksum_sha256: hex::encode(self.checksum.finalize()),
            aggregation_signal_present: self.is_aggregated,
            organization_id: closing.organization_id,
            from: closing.from,
            to: closing.to,
            shadow: closing.shadow.to_owned(),
            exported_at: closing.exported_at,
            first_prev_sha256: self.first_prev,
            last_sha256: hash_text(self.last),
            next_from: closing.next_from,
            next_cursor: closing.next_cursor,
            key_id: key.id(),
            public_key: key.public_hex(),
        };
        trailer.line(|bytes| key.sign(bytes))
    }
}

fn hash_text(hash: Option<[u8; 32]>) -> String {
    hash.map_or_else(|| NO_LINE.to_owned(), hex::encode)
}
