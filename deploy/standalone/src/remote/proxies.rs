//! `floopy proxy` and `floopy fleet`: the proxies, how far each is behind, and what each believes.

use clap::{Args, Subcommand};

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

/// Tells which version of the snapshot each proxy decides on, and what it refused.
#[derive(Debug, Args)]
pub(crate) struct Fleet {
    #[command(flatten)]
    asked: AskedByOperator,
}

const FLEET: &[Column] = &[
    ("PROXY", "/id", Side::Left),
    ("CONNECTED", "/connected", Side::Left),
    ("BELIEVES", "/snapshot_version", Side::Right),
    ("NEWEST", "/newest_snapshot_version", Side::Right),
    ("BEHIND", "/tables_behind", Side::Right),
    ("SAID", "/last_ack", Side::Left),
    ("REFUSED", "/rejected", Side::Left),
];

impl Fleet {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        let asked = &self.asked;
        asked.list("/v1/operator/proxies", FLEET, console).await
    }
}

impl Proxies {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(asked) => asked.list("/v1/operator/proxies", PROXIES, console).await,
        }
    }
}
