//! The operator's key: configured, or made once and left where only the owner of the data directory reads it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use floopy_shared::domain::ids::KeyHash;

use super::Error;
use crate::{
    config::{Config, TenantConfig},
    store::{Location, Store, StoreError, create_private, keys, meta},
};

/// The file's name in the directory of the store.
const FILE: &str = "operator.key";
/// Bytes of a configured key: what is shorter is guessed.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=256;

/// Who may manage tenants.
#[derive(Debug, Clone, Default)]
pub(super) struct Operator {
    /// `None`: nobody, as the store has no directory.
    pub(super) hash: Option<KeyHash>,
    /// Where the key was written, if it was made here.
    pub(super) file: Option<PathBuf>,
}

/// Checks a key that is configured.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    let Some(key) = &config.operator.key else {
        return Ok(());
    };
    let key = key.expose();
    let refused = |message: String| Err(Error::config("operator.key", message));
    if !LENGTH.contains(&key.len()) {
        let (least, most) = (LENGTH.start(), LENGTH.end());
        return refused(format!(
            "it has {} bytes, it must have {least} to {most}",
            key.len()
        ));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refused("it must be visible ASCII, without blanks".to_owned());
    }
    let mut tenants = config.tenants.iter();
    let holds = |tenant: &&TenantConfig| tenant.key.as_ref().is_some_and(|k| k.expose() == key);
    match tenants.find(holds) {
        Some(tenant) => refused(format!("it is the API key of tenant {}", tenant.id)),
        None => Ok(()),
    }
}

/// The operator of this store; makes a key where there is none.
pub(super) async fn of(
    store: &Store,
    config: &Config,
    location: &Location,
) -> Result<Operator, Error> {
    check(config)?;
    if let Some(key) = &config.operator.key {
        let hash = KeyHash::of(key.expose());
        let mut conn = store.read().acquire().await.map_err(StoreError::from)?;
        if let Some(holder) = keys::holder(&mut conn, &hash).await? {
            let message = format!("it is an API key of tenant {}", holder.tenant);
            return Err(Error::config("operator.key", message));
        }
        drop(conn);
        // One that was made is replaced for good.
        let mut tx = store.write().await?;
        meta::forget_operator_hash(&mut tx).await?;
        tx.commit().await.map_err(StoreError::from)?;
        return Ok(Operator {
            hash: Some(hash),
            file: None,
        });
    }
    let directory = match location {
        Location::Directory(directory) => directory,
        Location::Postgres(..) => &config.data_dir,
        Location::Memory => return Ok(Operator::default()),
    };
    create_private(directory).map_err(|source| StoreError::Create {
        path: directory.display().to_string(),
        source,
    })?;
    let path = directory.join(FILE);
    if let Some(hash) = meta::operator_hash(store).await? {
        return Ok(Operator {
            hash: Some(hash),
            file: path.exists().then_some(path),
        });
    }
    let mut secret = [0; 32];
    meta::random(&mut secret)?;
    let key = format!("fl_operator_{}", hex::encode(secret));
    // The file comes first: a hash whose key nobody knows would lock the operator out.
    let failed =
        |e: io::Error| Error::Store(format!("cannot write {}: {e}", path.display()).into());
    write(&path, &key).map_err(failed)?;
    let hash = KeyHash::of(&key);
    let mut tx = store.write().await?;
    meta::put_operator_hash(&mut tx, &hash).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Operator {
        hash: Some(hash),
        file: Some(path),
    })
}

/// Replaces the file as a whole.
fn write(path: &Path, key: &str) -> io::Result<()> {
    let draft = path.with_extension("key.tmp");
    if draft.exists() {
        fs::remove_file(&draft)?;
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use floopy_shared::process::config::Secret;

    use super::*;

    #[tokio::test]
    async fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let location = Location::Directory(dir.path().join("store"));
        let store = Store::open(&location).await.expect("opens");
        let config = Config::default();
        let first = of(&store, &config, &location).await.expect("made");
        let path = first.file.expect("written");
        let mode = path.metadata().expect("exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let key = fs::read_to_string(&path).expect("read");
        assert_eq!(first.hash, Some(KeyHash::of(key.trim())));
        fs::remove_file(&path).expect("taken to a safe place");
        let again = of(&store, &config, &location).await.expect("there");
        assert_eq!((again.hash, again.file), (first.hash, None));
    }

    #[test]
    fn a_key_that_is_guessed_is_refused_and_not_told() {
        for key in ["short", "with a blank in its middle, and long"] {
            let mut config = Config::default();
            config.operator.key = Some(Secret::new(key));
            let error = check(&config).expect_err(key).to_string();
            assert!(error.starts_with("operator.key: it"), "{error}");
            assert!(!error.contains(key), "{error}");
        }
    }
}
