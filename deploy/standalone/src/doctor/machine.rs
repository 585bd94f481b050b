//! What the machine has to provide: a disk, open files, ONNX Runtime.

use std::{
    fs::{File, TryLockError},
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use floopy_dataplane::config as proxy;
use floopy_firewall::{
    library,
    model::{BUILT_IN, Model},
};
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};

use super::{
    Given,
    finding::{Check, Finding},
    patient,
    subject::{Folder, Subject},
};

/// Less than that is used up by a store in an hour.
const LEAST_FREE: u64 = 64 << 20;
/// A store, its journal and a backup of it want more than that.
const ENOUGH_FREE: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// Files of stores, logs and listeners; connections come on top.
const OWN_FILES: u64 = 256;

/// Whether the folder can be written to, who else reads it, and how much room it has.
pub(super) async fn folder(folder: &Folder, spool_bytes: u64, given: &Given) -> Vec<Finding> {
    let path = folder.path.clone();
    let (found, took) = patient::blocking(given, move || look(&path)).await;
    let subject = folder.path.display().to_string();
    let found = match found {
        Ok(found) => found,
        Err(reason) => {
            let advice = "let the user that Floopy runs as write there, or set another data_dir";
            let failed = Finding::fail(Check::Data, subject, reason, advice);
            return vec![failed.in_time(took)];
        }
    };
    let mib = found.free / MIB;
    let room = format!("{mib} MiB free on its disk");
    let space = if found.free < LEAST_FREE {
        let advice = "make room, or set another data_dir";
        Finding::fail(Check::Data, subject.clone(), room, advice)
    } else if found.free < ENOUGH_FREE.max(spool_bytes) {
        let advice = format!(
            "make room: a store grows, and the spool may take {} MiB",
            spool_bytes / MIB
        );
        Finding::warn(Check::Data, subject.clone(), room, advice)
    } else {
        Finding::ok(Check::Data, subject.clone(), room)
    };
    let writable = if found.is_new {
        let message = "is not there yet, and can be made";
        Finding::ok(Check::Data, subject.clone(), message)
    } else if found.is_open {
        let message = "can be written to; other users can read it";
        let advice = format!("chmod 700 {subject}");
        Finding::warn(Check::Data, subject.clone(), message, advice)
    } else {
        Finding::ok(
            Check::Data,
            subject.clone(),
            "can be written to, by its owner alone",
        )
    };
    vec![writable.in_time(took), space]
}

/// What was seen of a folder.
struct Seen {
    /// It is not there yet.
    is_new: bool,
    /// Others can read it.
    is_open: bool,
    free: u64,
}

/// The folder itself, or the one that it would be made in. What is written there has no name, so that nothing is left.
fn look(path: &Path) -> Result<Seen, String> {
    let there = nearest(path);
    let shown = there.display();
    let metadata = there.metadata().map_err(|e| format!("{shown}: {e}"))?;
    if !metadata.is_dir() {
        return Err(format!("{shown} is not a directory"));
    }
    let file = tempfile::tempfile_in(&there);
    let written = file.and_then(|mut file| {
        file.write_all(b"floopy doctor")?;
        file.sync_all()
    });
    written.map_err(|e| format!("{shown} cannot be written to: {e}"))?;
    let disk = statvfs(&there).map_err(|e| format!("{shown}: {e}"))?;
    let is_new = there != path;
    Ok(Seen {
        is_new,
        is_open: !is_new && metadata.mode() & 0o077 != 0,
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
    })
}

fn nearest(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|it| it.exists());
    match there {
        Some(there) if !there.as_os_str().is_empty() => there.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

/// Whether a Floopy works in a folder now.
pub(super) fn is_used(folder: &Folder) -> bool {
    let held = File::open(&folder.lock).map(|file| file.try_lock_shared());
    matches!(held, Ok(Err(TryLockError::WouldBlock)))
}

/// Every connection is a file.
pub(super) async fn open_files(subject: &Subject) -> Vec<Finding> {
    let limit = getrlimit(Resource::Nofile);
    let calls = subject
        .proxy
        .as_ref()
        .map_or(0, |proxy| proxy.limits.in_flight);
    // A call may hold its caller's connection and one to a provider.
    let needed = OWN_FILES + 2 * u64::try_from(calls).unwrap_or(u64::MAX / 4);
    let Some(soft) = limit.current else {
        return vec![Finding::ok(
            Check::OpenFiles,
            "limit",
            "as many as are wanted",
        )];
    };
    let message = format!(
        "{soft} may be open, {needed} are needed for as many calls as limits.in_flight lets in"
    );
    let advice = "raise it: ulimit -n, or LimitNOFILE= of the systemd unit";
    vec![if soft < needed {
        Finding::warn(Check::OpenFiles, "limit", message, advice)
    } else {
        Finding::ok(Check::OpenFiles, "limit", message)
    }]
}

/// Whether calls can be looked at for attacks.
pub(super) async fn onnx(subject: &Subject, proxy: &proxy::Config, given: &Given) -> Vec<Finding> {
    let library = library::find(proxy.firewall.library.as_deref());
    let shown = library.display().to_string();
    let (loaded, took) = patient::blocking(given, move || {
        let loaded = Model::load(&library, BUILT_IN);
        loaded.map(drop).map_err(|e| e.to_string())
    })
    .await;
    let Err(reason) = loaded else {
        let message = format!("{shown} loads the firewall's model");
        return vec![Finding::ok(Check::Firewall, "onnx_runtime", message).in_time(took)];
    };
    let wanted = subject.tenant_with_firewall();
    let advice = "name the file of ONNX Runtime in ORT_DYLIB_PATH or [proxy.firewall] library";
    let finding = match wanted {
        Some(tenant) => {
            let message = format!("{reason}; tenant {tenant} wants its calls looked at");
            Finding::fail(Check::Firewall, "onnx_runtime", message, advice)
        }
        None => {
            let message = format!("{reason}; no tenant of the configuration wants it");
            Finding::warn(Check::Firewall, "onnx_runtime", message, advice)
        }
    };
    vec![finding.in_time(took)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_looked_for_above_and_nothing_is_left() {
        let dir = tempfile::tempdir().expect("a directory");
        let seen = look(&dir.path().join("a/b")).expect("can be made");
        assert!(seen.is_new && !seen.is_open && seen.free > 0);
        let left = std::fs::read_dir(dir.path()).expect("read").count();
        assert_eq!(left, 0);
        let file = dir.path().join("file");
        std::fs::write(&file, "x").expect("written");
        let refused = look(&file).err().expect("no directory");
        assert!(refused.contains("is not a directory"), "{refused}");
    }
}
