//! The last good snapshot on disk: a proxy that starts without its control plane serves on it.

use std::{
    convert::Infallible,
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use floopy_shared::{
    domain::{
        credential::Sealed,
        snapshot::{Rejection, Snapshot},
    },
    wire::snapshot::table_to_wire,
};
use prost::{Message, encoding};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::raw::RawUpdate;
use crate::{metrics::Metrics, state::Current};

/// Changes with the format, so that an older program does not misread a newer file.
const MAGIC: &[u8; 8] = b"FLPSNAP1";

/// A file that is not a snapshot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFile {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is damaged")]
    Damaged,
}

/// The saved snapshot on top of another, and the tables that were refused; `None` where there is no file yet.
pub(crate) fn load_onto(
    path: &Path,
    snapshot: &Snapshot,
    check: impl Fn(&Sealed) -> Result<(), String>,
) -> Result<Option<(Snapshot, Vec<Rejection>)>, BadFile> {
    let applied = load(path)?.map(|update| update.apply_to(snapshot, check));
    applied.transpose().map_err(|_| BadFile::Damaged)
}

/// Reads the file; `None` where there is none yet.
fn load(path: &Path) -> Result<Option<RawUpdate>, BadFile> {
    let bytes = match fs::read(path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let rest = bytes
        .strip_prefix(MAGIC.as_slice())
        .ok_or(BadFile::Damaged)?;
    let (check, payload) = rest.split_first_chunk::<4>().ok_or(BadFile::Damaged)?;
    if crc32fast::hash(payload) != u32::from_le_bytes(*check) {
        return Err(BadFile::Damaged);
    }
    RawUpdate::decode(bytes.slice_ref(payload))
        .map(Some)
        .map_err(|_| BadFile::Damaged)
}

/// Writes table by table: encoded, a large snapshot takes more memory than it does in use.
fn save(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = BufWriter::new(File::create(&next)?);
    file.write_all(MAGIC)?;
    // The checksum is known at the end.
    file.write_all(&[0; 4])?;
    let mut check = crc32fast::Hasher::new();
    let mut part = Vec::new();
    encoding::uint64::encode(1, &snapshot.version(), &mut part);
    for (name, version) in snapshot.table_versions() {
        if let Some(body) = snapshot.table(name) {
            encoding::message::encode(2, &table_to_wire(name, version, &body), &mut part);
        }
        check.update(&part);
        file.write_all(&part)?;
        part.clear();
    }
    check.update(&part);
    file.write_all(&part)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.write_all_at(&check.finalize().to_le_bytes(), MAGIC.len() as u64)?;
    fs::rename(&next, path)
}

/// Writes the newest snapshot in the background; what is overtaken is never written.
pub(crate) struct Saver {
    path: PathBuf,
    current: Arc<Current>,
    /// An update was taken.
    changed: watch::Receiver<()>,
    metrics: Arc<Metrics>,
}

impl Saver {
    pub(crate) fn new(
        path: PathBuf,
        current: Arc<Current>,
        changed: watch::Receiver<()>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            path,
            current,
            changed,
            metrics,
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                changed = self.changed.changed() => {
                    if changed.is_err() {
                        stop.cancelled().await;
                        return Ok(());
                    }
                    self.save().await;
                }
                () = stop.cancelled() => {
                    if self.changed.has_changed().unwrap_or(false) {
                        self.save().await;
                    }
                    return Ok(());
                }
            }
        }
    }

    async fn save(&mut self) {
        self.changed.mark_unchanged();
        let snapshot = self.current.snapshot();
        let path = self.path.clone();
        let saved = tokio::task::spawn_blocking(move || save(&path, &snapshot)).await;
        if let Err(error) = saved.map_err(io::Error::other).flatten() {
            self.metrics.snapshot_file_error();
            tracing::warn!(%error, path = %self.path.display(), "the snapshot was not saved");
        }
    }
}

#[cfg(test)]
mod tests {
    use floopy_proto::v1;
    use floopy_shared::{
        catalog::builtin_catalog,
        domain::{
            ids::TenantId,
            snapshot::{TableBody, TableName, Tenant},
        },
        wire::snapshot::update_from_wire,
    };

    use super::*;

    fn tenant(id: &str, version: u64) -> v1::Table {
        let id = TenantId::new(id).expect("valid");
        let body = TableBody::Tenant(Arc::new(Tenant::new(id.clone())));
        table_to_wire(&TableName::Tenant(id), version, &body)
    }

    fn catalog(version: u64) -> v1::Table {
        let body = TableBody::Catalog(Arc::new(builtin_catalog()));
        table_to_wire(&TableName::Catalog, version, &body)
    }

    fn update(version: u64, tables: Vec<v1::Table>, removed: &[&str]) -> v1::WatchResponse {
        let removed = removed.iter().map(|name| (*name).to_owned()).collect();
        v1::WatchResponse {
            snapshot_version: version,
            tables,
            removed,
        }
    }

    #[test]
    fn what_was_refused_or_removed_or_never_came_is_not_saved() {
        let configured = Tenant::new(TenantId::new("configured").expect("valid"));
        let cold = Snapshot::cold(builtin_catalog(), [configured]);
        let first = update(1, vec![catalog(1), tenant("a", 1), tenant("b", 1)], &[]);
        let (snapshot, refused) = cold.apply(update_from_wire(first));
        assert_eq!(refused, []);
        let bad = v1::Table {
            body: None,
            ..catalog(2)
        };
        let second = update(2, vec![bad, tenant("a", 2)], &["tenant/b"]);
        let (snapshot, refused) = snapshot.apply(update_from_wire(second));
        assert_eq!(refused.len(), 1);
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("snapshot.bin");
        save(&path, &snapshot).expect("saved");
        let loaded = load(&path).expect("readable").expect("there");
        let (loaded, refused) = loaded
            .apply_to(&Snapshot::default(), |_| Ok(()))
            .expect("decoded");
        assert_eq!((loaded.version(), refused), (2, vec![]));
        let versions: Vec<_> = loaded
            .table_versions()
            .map(|(name, version)| (name.to_string(), version))
            .collect();
        let expected = [("catalog".to_owned(), 1), ("tenant/a".to_owned(), 2)];
        assert_eq!(versions, expected);
        for (name, _) in loaded.table_versions() {
            assert_eq!(loaded.table(name), snapshot.table(name), "{name}");
        }
    }

    #[test]
    fn a_damaged_file_is_recognised() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("snapshot.bin");
        assert!(load(&path).expect("absent is fine").is_none());
        let whole = update(7, vec![tenant("a", 7)], &[]);
        let (snapshot, _) = Snapshot::default().apply(update_from_wire(whole));
        save(&path, &snapshot).expect("saved");
        let whole = fs::read(&path).expect("written");
        for damage in [whole.len() - 1, 9, 3] {
            let mut bytes = whole.clone();
            bytes[damage] ^= 0x40;
            fs::write(&path, &bytes).expect("written");
            assert!(
                matches!(load(&path), Err(BadFile::Damaged)),
                "byte {damage}"
            );
        }
        fs::write(&path, &whole[..5]).expect("written");
        assert!(matches!(load(&path), Err(BadFile::Damaged)));
    }
}
