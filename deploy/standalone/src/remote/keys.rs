//! `floopy key`: the API keys of the tenant whose key asks.

use clap::Subcommand;

use super::{ClientError, asked::Asked, tables::Column};
use crate::{catalog::table::Side, console::Console};

/// What can be done with API keys of the tenant whose key asks.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Lists the tenant's keys, none of them readable
    List(Asked),
    /// Ends a key at once
    Revoke {
        id: String,
        #[command(flatten)]
        asked: Asked,
    },
}

const KEYS: &[Column] = &[
    ("ID", "/id", Side::Left),
    ("NAME", "/name", Side::Left),
    ("ENDS IN", "/hint", Side::Left),
    ("ROLE", "/role", Side::Left),
    ("READ", "/read_permission", Side::Left),
    ("WRITE", "/write_permission", Side::Left),
    ("ENVIRONMENT", "/environment", Side::Left),
    ("PER MINUTE", "/requests_per_minute", Side::Right),
    ("CREATED", "/created_at", Side::Left),
];

impl Keys {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(asked) => asked.list("/v1/keys", KEYS, console).await,
            Self::Revoke { id, asked } => asked.delete("/v1/keys", id, console).await,
        }
    }
}
