//! `floopy proxy`: the proxies, and how far each is behind.

use clap::Subcommand;

use super::{ClientError, operator::AskedByOperator, tables::Column};
use crate::{catalog::table::Side, console::Console};

/// What can be asked about proxies.
#[derive(Debug, Subcommand)]
pub(crate) enum Proxies {
    /// Lists every proxy that is connected or remembered
    List(AskedByOperator),
}

const PROXIES: &[Column] = &[
    ("ID", "/id", Side::Left),
    ("CONNECTED", "/connected", Side::Left),
    ("VERSION", "/version", Side::Left),
    ("SINCE", "/connected_since", Side::Left),
    ("LAST SEEN", "/last_seen", Side::Left),
    ("SNAPSHOT", "/snapshot_version", Side::Right),
    ("NEWEST", "/newest_snapshot_version", Side::Right),
    ("BEHIND", "/tables_behind", Side::Right),
    ("EVENTS", "/events_received", Side::Right),
    ("REFUSED", "/rejected", Side::Left),
];

impl Proxies {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(asked) => asked.list("/v1/operator/proxies", PROXIES, console).await,
        }
    }
}
