//! The files that planes know each other by.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Certificates between the planes: each side shows one and asks for one. Files are PEM, and read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlaneTls {
    /// The authorities that the other side's certificate may come from.
    pub ca: PathBuf,
    /// The certificate of this side, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}
