//! The directory that all state is in: private, and of one process at a time.

use std::{
    fs::{DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::Path,
};

/// Only its owner may look inside: it holds keys' hashes and, while they wait for a judge, contents.
const MODE: u32 = 0o700;

/// Held for as long as the process uses the directory; the system releases it even after `kill -9`.
#[derive(Debug)]
pub(crate) struct DataDir {
    _lock: File,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("data_dir {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error(
        "data_dir {path}: another floopy is running on it; stop that one, or set another data_dir"
    )]
    Taken { path: String },
}

impl DataDir {
    /// Creates it where it is missing, closed to others, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, DataDirError> {
        let failed = |source| DataDirError::Io {
            path: path.display().to_string(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(MODE)
            .create(path)
            .map_err(failed)?;
        let lock_path = path.join("floopy.lock");
        let open = path.metadata().map_err(failed)?.mode() & 0o077 != 0;
        if open && lock_path.exists() {
            std::fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(failed)?;
        } else if open {
            // Somebody else's directory, perhaps a home: not ours to close.
            tracing::warn!(path = %path.display(), "data_dir can be read by other users; chmod 700 it");
        }
        let lock = File::create(lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::Taken {
                path: path.display().to_string(),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_private_and_taken_once() {
        let parent = tempfile::tempdir().expect("temporary directory");
        let path = parent.path().join("state");
        let taken = DataDir::take(&path).expect("free");
        assert_eq!(path.metadata().expect("exists").mode() & 0o777, 0o700);
        let second = DataDir::take(&path).expect_err("taken").to_string();
        assert!(
            second.contains("another floopy is running") && second.contains("state"),
            "{second}"
        );
        drop(taken);
        assert!(DataDir::take(&path).is_ok());
    }
}
