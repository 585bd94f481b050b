//! How files and batches are handled.

use serde::{Deserialize, Serialize};

/// How files and batches are handled.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Batches {
    /// Of one file that goes on to a provider which takes files.
    pub file_bytes: u64,
    /// Of one file that the control plane keeps, because its provider takes none.
    pub kept_file_bytes: u64,
    /// How often the books are asked for batches to look after; one that goes on is asked about at most this often, and
    /// the longer it goes on the more seldom.
    pub poll_ms: u64,
    /// Replies of one batch that go to the judge at most.
    pub judged: usize,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            // What OpenAI takes for a batch (https://platform.openai.com/docs/guides/batch).
            file_bytes: 200 << 20,
            kept_file_bytes: 100 << 20,
            poll_ms: 5_000,
            judged: 1_000,
        }
    }
}
