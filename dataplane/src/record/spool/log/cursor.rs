//! The acknowledged position on disk, and the segments before it, which are deleted.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

pub(super) const CURSOR: &str = "acknowledged";

/// What is left to do on disk after an acknowledgement. Nobody who appends has to wait for it.
#[must_use]
#[derive(Debug)]
pub(in super::super) struct Settlement {
    cursor: PathBuf,
    acknowledged: u64,
    delivered: Vec<PathBuf>,
}

impl Settlement {
    pub(super) fn new(dir: &Path, acknowledged: u64, delivered: Vec<PathBuf>) -> Self {
        Self {
            cursor: dir.join(CURSOR),
            acknowledged,
            delivered,
        }
    }

    /// Deletes the segments that were delivered and saves the position. A file that cannot be deleted is left to
    /// the next recovery; the acknowledgement stands.
    pub(in super::super) fn save(self) -> io::Result<()> {
        let mut deleted = Ok(());
        for path in self.delivered {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => deleted = Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        write(&self.cursor, self.acknowledged)?;
        deleted
    }
}

/// An unreadable cursor means that everything is sent again: events are idempotent.
pub(super) fn read(dir: &Path) -> u64 {
    let text = fs::read_to_string(dir.join(CURSOR)).unwrap_or_default();
    let Some((position, check)) = text.trim().split_once(' ') else {
        return 0;
    };
    let expected = format!("{:08x}", crc32fast::hash(position.as_bytes()));
    if check == expected {
        position.parse().unwrap_or(0)
    } else {
        0
    }
}

/// In place, always as long: replacing the file would make ext4 write the new one to the disk at once, which takes
/// milliseconds and holds up whoever creates a file meanwhile.
fn write(path: &Path, position: u64) -> io::Result<()> {
    let position = format!("{position:020}");
    let check = crc32fast::hash(position.as_bytes());
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)?;
    file.write_all_at(format!("{position} {check:08x}\n").as_bytes(), 0)
}
