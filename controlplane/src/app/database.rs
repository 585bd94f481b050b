//! What `floopy db` does.

use std::path::Path;

use super::{Error, setup};
use crate::{
    Config, StoreConfig,
    store::{
        Location, Purpose, Store, StoreError,
        backup::{self, Backup},
        status::{self, Glance, Status},
        transfer,
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

/// Brings everything of the SQLite store in a directory into an empty PostgreSQL database; what is there then. Refused
/// while a control plane runs on either.
pub async fn move_store(from: &Path, to: StoreConfig) -> Result<Status, Error> {
    if !status::is_store(from) {
        let path = from.display().to_string();
        return Err(StoreError::Nothing { path }.into());
    }
    let from = Location::Directory(from.to_owned());
    let _lock = setup::lock(&from)?;
    let config = Config {
        store: to,
        ..Config::default()
    };
    let source = Store::open(&from).await?;
    let target = Store::open(&Location::of(&config, Purpose::Serve)).await?;
    let moved = transfer::run(&source, &target).await;
    source.close().await;
    target.close().await;
    moved?;
    store_status(&config).await
}

/// What the store is and how much is in it; changes nothing.
pub async fn store_status(config: &Config) -> Result<Status, Error> {
    let location = Location::of(config, Purpose::Beside);
    Ok(status::of(&location).await?)
}

/// Whether the store answers, and what its schema is; changes nothing.
pub async fn glance_at_store(config: &Config) -> Result<Glance, Error> {
    let location = Location::of(config, Purpose::Beside);
    Ok(status::glance(&location).await?)
}

/// Copies the store to a new file while a control plane may write to it.
pub async fn back_up_store(config: &Config, to: &Path) -> Result<Backup, Error> {
    match Location::of(config, Purpose::Beside) {
        Location::Directory(directory) => Ok(backup::write(&directory, to).await?),
        Location::Postgres(..) | Location::Memory => Err(Error::Config {
            key: "store.url".to_owned(),
            message: "it names a PostgreSQL database, which pg_dump backs up".to_owned(),
        }),
    }
}
