//! The last good snapshot on disk: a proxy that starts without its control plane serves on it.

use std::{
    collections::BTreeMap, convert::Infallible, fs, io, path::Path, path::PathBuf, sync::Arc,
};

use floopy_proto::v1;
use floopy_shared::domain::snapshot::Rejection;
use prost::Message;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Changes with the format, so that an older program does not misread a newer file.
const MAGIC: &[u8; 8] = b"FLPSNAP1";

const HEADER_BYTES: usize = 12;

/// A file that is not a snapshot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFile {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is damaged")]
    Damaged,
}

/// The tables in use, as they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tables {
    version: u64,
    by_name: BTreeMap<String, v1::Table>,
}

impl Tables {
    /// Takes over what was not refused.
    pub(crate) fn accept(&mut self, response: v1::WatchResponse, rejections: &[Rejection]) {
        self.version = self.version.max(response.snapshot_version);
        for name in &response.removed {
            self.by_name.remove(name);
        }
        for table in response.tables {
            let refused = |r: &Rejection| r.table == table.name && r.version == table.version;
            if !rejections.iter().any(refused) {
                self.by_name.insert(table.name.clone(), table);
            }
        }
    }

    fn encode(&self) -> Vec<u8> {
        let tables = self.by_name.values().cloned().collect();
        let whole = v1::WatchResponse {
            snapshot_version: self.version,
            tables,
            removed: Vec::new(),
        };
        let payload = whole.encode_to_vec();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
        bytes.extend_from_slice(&payload);
        bytes
    }
}

/// Reads the file; `None` where there is none yet.
pub(crate) fn load(path: &Path) -> Result<Option<v1::WatchResponse>, BadFile> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
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
    v1::WatchResponse::decode(payload)
        .map(Some)
        .map_err(|_| BadFile::Damaged)
}

fn save(path: &Path, tables: &Tables) -> io::Result<()> {
    let next = path.with_extension("next");
    fs::write(&next, tables.encode())?;
    fs::rename(&next, path)
}

/// Writes the newest tables in the background; what is overtaken is never written.
pub(crate) struct Saver {
    path: PathBuf,
    tables: watch::Receiver<Tables>,
    metrics: Arc<Metrics>,
}

impl Saver {
    pub(crate) fn new(
        path: PathBuf,
        tables: watch::Receiver<Tables>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            path,
            tables,
            metrics,
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                changed = self.tables.changed() => {
                    if changed.is_err() {
                        stop.cancelled().await;
                        return Ok(());
                    }
                    self.save().await;
                }
                () = stop.cancelled() => {
                    if self.tables.has_changed().unwrap_or(false) {
                        self.save().await;
                    }
                    return Ok(());
                }
            }
        }
    }

    async fn save(&mut self) {
        let tables = self.tables.borrow_and_update().clone();
        let path = self.path.clone();
        let saved = tokio::task::spawn_blocking(move || save(&path, &tables)).await;
        if let Err(error) = saved.map_err(io::Error::other).flatten() {
            self.metrics.snapshot_file_error();
            tracing::warn!(%error, path = %self.path.display(), "the snapshot was not saved");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, version: u64) -> v1::Table {
        v1::Table {
            name: name.to_owned(),
            version,
            body: None,
        }
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
    fn what_was_refused_or_removed_is_not_saved() {
        let mut tables = Tables::default();
        tables.accept(
            update(
                1,
                vec![
                    table("catalog", 1),
                    table("tenant/a", 1),
                    table("tenant/b", 1),
                ],
                &[],
            ),
            &[],
        );
        let refused = Rejection {
            table: "catalog".to_owned(),
            version: 2,
            reason: "bad".to_owned(),
        };
        tables.accept(
            update(
                2,
                vec![table("catalog", 2), table("tenant/a", 2)],
                &["tenant/b"],
            ),
            &[refused],
        );
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("snapshot.bin");
        save(&path, &tables).expect("saved");
        let loaded = load(&path).expect("readable").expect("there");
        assert_eq!(
            loaded,
            update(2, vec![table("catalog", 1), table("tenant/a", 2)], &[])
        );
    }

    #[test]
    fn a_damaged_file_is_recognised() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("snapshot.bin");
        assert!(load(&path).expect("absent is fine").is_none());
        let mut tables = Tables::default();
        tables.accept(update(7, vec![table("catalog", 7)], &[]), &[]);
        let whole = tables.encode();
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
