//! What `floopy db` does.

use super::{Error, setup};
use crate::{
    Config,
    store::{
        Location, Purpose, Store,
        status::{self, Status},
    },
};

/// Brings the store's schema forward as a start would; what it is then. Refused while a control plane runs on it.
pub async fn migrate_store(config: &Config) -> Result<Status, Error> {
    let location = Location::of(config, Purpose::Serve);
    // The first start makes the directory.
    let lock = match &location {
        Location::Directory(directory) if !directory.exists() => None,
        Location::Directory(_) | Location::Postgres(..) | Location::Memory => {
            setup::lock(&location)?
        }
    };
    Store::open(&location).await?.close().await;
    drop(lock);
    store_status(config).await
}

/// What the store is and how much is in it; changes nothing.
pub async fn store_status(config: &Config) -> Result<Status, Error> {
    let location = Location::of(config, Purpose::Beside);
    Ok(status::of(&location).await?)
}
