//! What is known of files and batches beside what their provider knows: whose they are, and where.

use uuid::Uuid;

use super::{ids::TenantId, tenant::Environment};

/// Largest page of files or batches.
pub const MAX_PAGE: u32 = 10_000;

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At its provider, by the provider's id.
    Provider(String),
    /// In the control plane's store.
    Kept,
    /// Made of a batch's results whenever it is read.
    Results { batch: String, part: Part },
}

/// A line of a batch, by the caller's name of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    pub batch: String,
    pub custom_id: String,
}

/// Of a batch's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Succeeded,
    Failed,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFile {
    pub id: String,
    pub tenant: TenantId,
    /// As configured.
    pub provider: String,
    pub purpose: String,
    pub filename: String,
    pub bytes: u64,
    pub created_at_ms: u64,
    /// That its lines name; each once.
    pub models: Vec<String>,
    pub place: Place,
    /// What its caller named the upload, as a digest; empty: nothing.
    pub question: String,
    /// Of the file, its name and its provider.
    pub digest: String,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub id: String,
    pub tenant: TenantId,
    pub key_id: String,
    pub project: Option<Uuid>,
    pub environment: Option<Environment>,
    pub provider: String,
    /// The provider's; `None`: it has not answered yet.
    pub provider_id: Option<String>,
    pub input_file: String,
    /// That its lines name; the file may be gone when the batch ends.
    pub models: Vec<String>,
    /// As callers are shown it: a JSON object.
    pub object: String,
    pub created_at_ms: u64,
    /// Something is still to be asked or recorded.
    pub is_open: bool,
    /// Of what is stored; grows with each update.
    pub version: u64,
    /// What tells the question that made it from others of the tenant.
    pub question: String,
    /// Of what was asked for; empty: of a version that kept none.
    pub digest: String,
}
