//! Where an export goes: a file that always can be cut back to its last trailer, or standard output.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, Write},
    path::Path,
};

use floopy_shared::domain::export::Trailer;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::super::ExportError;

/// How the line of a trailer begins.
const TRAILER: &[u8] = b"{\"_floopy_export_trailer\":true,";

/// What has been written, and how far it is whole.
#[derive(Debug)]
pub(super) struct Sink {
    name: String,
    out: Out,
    /// The line that is being written.
    line: Vec<u8>,
    /// Bytes so far.
    length: u64,
    /// Bytes up to the last trailer.
    whole: u64,
    last: Option<Trailer>,
    /// The trailer came in this answer.
    is_new: bool,
}

#[derive(Debug)]
enum Out {
    File(File),
    Terminal,
}

/// Whether a file begins with a row: whatever else it is, it is not ours to empty.
fn is_export(file: &mut File) -> io::Result<bool> {
    file.seek(io::SeekFrom::Start(0))?;
    let mut line = Vec::new();
    BufReader::new(&*file).read_until(b'\n', &mut line)?;
    let row: Result<serde_json::Value, _> = serde_json::from_slice(&line);
    // A row that was cut off in the middle cannot be read, but it begins as all rows do.
    Ok(row.map_or(line.starts_with(b"{\""), |row| {
        row["prev_sha256"].is_string()
    }))
}

impl Sink {
    /// A new file, one that was cut off, or standard output.
    pub(super) fn open(path: Option<&Path>, resume: bool) -> Result<Self, ExportError> {
        let mut sink = Self {
            name: path.map_or_else(|| "standard output".to_owned(), |p| p.display().to_string()),
            out: Out::Terminal,
            line: Vec::new(),
            length: 0,
            whole: 0,
            last: None,
            is_new: false,
        };
        if let Some(path) = path {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(resume)
                .create_new(!resume)
                .open(path);
            let file = file.map_err(|error| {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    ExportError::Exists(sink.name.clone())
                } else {
                    sink.failed(error)
                }
            })?;
            sink.out = Out::File(file);
            sink.find_end().map_err(|error| sink.failed(error))?;
        }
        Ok(sink)
    }

    fn failed(&self, source: io::Error) -> ExportError {
        let path = self.name.clone();
        ExportError::File { path, source }
    }

    /// Looks for the last trailer and cuts off what comes after it.
    fn find_end(&mut self) -> io::Result<()> {
        let Out::File(file) = &mut self.out else {
            return Ok(());
        };
        let mut reader = BufReader::new(&*file);
        let (mut line, mut read) = (Vec::new(), 0);
        while reader.read_until(b'\n', &mut line)? > 0 {
            read += line.len() as u64;
            if let Some(trailer) = trailer(&line) {
                (self.last, self.whole) = (Some(trailer), read);
            }
            line.clear();
        }
        if self.whole == 0 && read > 0 && !is_export(file)? {
            let message = "it is no export, so it cannot be gone on with";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.length = self.whole;
        file.set_len(self.whole)?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(())
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Refuses to go on with an export of another span.
    pub(super) fn check_span(&self, from: &str, to: &str) -> Result<(), ExportError> {
        let Some(last) = &self.last else {
            return Ok(());
        };
        // Servers tell times to the millisecond.
        let ms = |text: &str| {
            let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            Some(at.unix_timestamp_nanos() / 1_000_000)
        };
        if ms(&last.from) == ms(from) && ms(&last.to) == ms(to) {
            return Ok(());
        }
        Err(ExportError::OtherSpan {
            path: self.name.clone(),
            from: last.from.clone(),
            to: last.to.clone(),
        })
    }

    /// Whether the last trailer tells of nothing more to come.
    pub(super) fn is_complete(&self) -> bool {
        self.last.as_ref().is_some_and(|last| !last.truncated)
    }

    /// From where to go on.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.last.as_ref()?.next_cursor.as_deref()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let written = match &mut self.out {
            Out::File(file) => file.write_all(bytes),
            Out::Terminal => io::stdout().lock().write_all(bytes),
        };
        written.map_err(|error| self.failed(error))?;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            self.length += piece.len() as u64;
            if piece.ends_with(b"\n") {
                if let Some(trailer) = trailer(&self.line) {
                    (self.last, self.whole) = (Some(trailer), self.length);
                    self.is_new = true;
                }
                self.line.clear();
            }
        }
        Ok(())
    }

    /// The trailer of the answer that ended, if it had one.
    pub(super) fn part(&mut self) -> Option<Trailer> {
        let is_new = std::mem::take(&mut self.is_new);
        self.last.clone().filter(|_| is_new)
    }

    /// Takes back what came after the last trailer; whether that is possible.
    pub(super) fn take_back(&mut self) -> Result<bool, ExportError> {
        self.line.clear();
        let cut = match &mut self.out {
            Out::Terminal => return Ok(self.length == self.whole),
            Out::File(file) => file
                .set_len(self.whole)
                .and_then(|()| file.seek(io::SeekFrom::End(0))),
        };
        self.length = self.whole;
        cut.map(|_| true).map_err(|error| self.failed(error))
    }

    /// Everything is on the disk.
    pub(super) fn finish(&mut self) -> Result<(), ExportError> {
        let done = match &mut self.out {
            Out::File(file) => file.sync_all(),
            Out::Terminal => io::stdout().lock().flush(),
        };
        done.map_err(|error| self.failed(error))
    }
}

fn trailer(line: &[u8]) -> Option<Trailer> {
    let is_whole = line.starts_with(TRAILER) && line.ends_with(b"\n");
    is_whole
        .then(|| serde_json::from_slice(line).ok())
        .flatten()
}
