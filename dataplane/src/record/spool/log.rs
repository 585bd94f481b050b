//! The log on disk: segments named by the position of their first byte, and the acknowledged position.
//!
//! Positions count every byte ever appended, so they only grow. Writes go to the page cache: they survive
//! the death of the process, not that of the machine, which is the promise made to callers.

mod cursor;

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use self::cursor::Settlement;
use super::frame::{Decoded, decode};
use crate::metrics::KindLabel;

const SUFFIX: &str = "seg";

/// Queued bytes that are written although nothing else is: what a crash may cost in scoring jobs.
const MAX_QUEUED_BYTES: usize = 256 << 10;

/// One file of the log.
#[derive(Debug)]
struct Segment {
    start: u64,
    len: u64,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.len
    }
}

/// The segments, the last of which is written to.
#[derive(Debug)]
pub(super) struct Log {
    dir: PathBuf,
    segment_bytes: u64,
    segments: VecDeque<Segment>,
    /// The file of the last segment; none before the first append.
    file: Option<File>,
    /// An empty one for the next segment, and where that begins.
    spare: Option<(u64, File)>,
    /// Frames that are not written yet, and of which kind each of them is.
    queued: Vec<u8>,
    queued_kinds: Vec<KindLabel>,
    /// Of all frames ever queued, how many bytes there were, and how many of them are not queued any more.
    taken: Ticket,
    written: Ticket,
    acknowledged: u64,
    pending: u64,
}

/// Everything up to an event, in the order in which events were queued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// What came of a chance to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    All,
    /// There was nothing that had to be.
    Nothing,
}

/// Events that could not be written, and are gone.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub kinds: Vec<KindLabel>,
    pub error: io::Error,
}

/// What recovery found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recovered {
    pub pending_events: u64,
    /// Bytes at the end of segments that were no whole frame.
    pub torn_bytes: u64,
}

/// Where the sender reads next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub path: PathBuf,
    /// Within the file.
    pub from: u64,
    pub len: u64,
    /// Of the first byte.
    pub position: u64,
    /// Where to go on when these bytes turn out to be unreadable.
    pub next_segment: u64,
}

impl Log {
    /// Opens the directory, cutting torn tails off. Appends always begin a new segment.
    pub(super) fn open(dir: &Path, segment_bytes: u64) -> io::Result<(Self, Recovered)> {
        fs::create_dir_all(dir)?;
        let acknowledged = cursor::read(dir);
        let mut recovered = Recovered::default();
        let mut segments = VecDeque::new();
        for start in list(dir)? {
            let path = path_of(dir, start);
            let (len, events, torn) = scan(&path, start, acknowledged)?;
            recovered.torn_bytes += torn;
            if start + len <= acknowledged || len == 0 {
                fs::remove_file(&path)?;
                continue;
            }
            recovered.pending_events += events;
            segments.push_back(Segment { start, len });
        }
        let pending = recovered.pending_events;
        let dir = dir.to_owned();
        Ok((
            Self {
                dir,
                segment_bytes,
                segments,
                file: None,
                spare: None,
                queued: Vec::new(),
                queued_kinds: Vec::new(),
                taken: Ticket::default(),
                written: Ticket::default(),
                acknowledged,
                pending,
            },
            recovered,
        ))
    }

    /// Takes one frame, to be written with what is queued already.
    pub(super) fn queue(&mut self, frame: &[u8], kind: KindLabel) -> Ticket {
        self.queued.extend_from_slice(frame);
        self.queued_kinds.push(kind);
        self.taken.0 += frame.len() as u64;
        self.taken
    }

    /// Writes what is queued, if it is much.
    pub(super) fn write_if_many(&mut self) -> Result<Written, Unwritten> {
        if self.queued.len() < MAX_QUEUED_BYTES {
            return Ok(Written::Nothing);
        }
        self.write_queued()
    }

    /// Writes what is queued, unless everything up to there was written meanwhile.
    pub(super) fn write_until(&mut self, ticket: Ticket) -> Result<Written, Unwritten> {
        if self.written >= ticket {
            return Ok(Written::Nothing);
        }
        self.write_queued()
    }

    /// Writes what is queued, in one go. After an error it is gone, and what was written before is as before.
    pub(super) fn write_queued(&mut self) -> Result<Written, Unwritten> {
        if self.queued.is_empty() {
            return Ok(Written::Nothing);
        }
        let mut frames = std::mem::take(&mut self.queued);
        let written = self.append(&frames, self.queued_kinds.len() as u64);
        frames.clear();
        // One burst must not keep its memory for ever.
        frames.shrink_to(MAX_QUEUED_BYTES);
        self.queued = frames;
        self.written = self.taken;
        match written {
            Ok(()) => {
                self.queued_kinds.clear();
                Ok(Written::All)
            }
            Err(error) => Err(Unwritten {
                kinds: std::mem::take(&mut self.queued_kinds),
                error,
            }),
        }
    }

    /// Writes whole frames. After an error the log is as before.
    fn append(&mut self, frames: &[u8], events: u64) -> io::Result<()> {
        let full = |segment: &Segment| {
            segment.len > 0 && segment.len + frames.len() as u64 > self.segment_bytes
        };
        if self.file.is_none() || self.segments.back().is_none_or(full) {
            self.rotate()?;
        }
        let (Some(file), Some(segment)) = (&self.file, self.segments.back_mut()) else {
            return Err(io::Error::other("the spool has no open segment"));
        };
        if let Err(error) = file.write_all_at(frames, segment.len) {
            // What was written of it would be cut off by recovery; give its space back now if possible.
            let _ = file.set_len(segment.len);
            return Err(error);
        }
        segment.len += frames.len() as u64;
        self.pending += events;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let end = self.end();
        if self.segments.back().is_some_and(|segment| segment.len == 0) {
            self.segments.pop_back();
        }
        let spare = self.spare.take().filter(|(start, _)| *start >= end);
        let (start, file) = match spare {
            Some(spare) => spare,
            None => (end, create(&path_of(&self.dir, end))?),
        };
        self.file = Some(file);
        self.segments.push_back(Segment { start, len: 0 });
        Ok(())
    }

    /// Where the next segment may begin, once the last one is half full. Positions between the two are never used.
    pub(super) fn lacks_spare(&self) -> Option<(u64, PathBuf)> {
        let last = self.segments.back().filter(|_| self.spare.is_none())?;
        let start = last.start + self.segment_bytes.max(last.len);
        (last.len > self.segment_bytes / 2).then(|| (start, path_of(&self.dir, start)))
    }

    /// Takes an empty file for the segment that begins there: creating one may take long, and here nobody waits
    /// for it.
    pub(super) fn keep_spare(&mut self, start: u64, file: File) {
        self.spare = Some((start, file));
    }

    /// One past the last byte.
    fn end(&self) -> u64 {
        self.segments
            .back()
            .map_or(0, Segment::end)
            .max(self.acknowledged)
    }

    /// Bytes on disk, or about to be.
    pub(super) fn bytes(&self) -> u64 {
        let written: u64 = self.segments.iter().map(|segment| segment.len).sum();
        written + self.queued.len() as u64
    }

    /// Events not acknowledged.
    pub(super) fn pending(&self) -> u64 {
        self.pending + self.queued_kinds.len() as u64
    }

    /// The first position not acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The bytes from a position on, within one segment; `None` at the end.
    pub(super) fn span_from(&self, position: u64) -> Option<Span> {
        let index = self
            .segments
            .iter()
            .position(|segment| segment.end() > position)?;
        let segment = &self.segments[index];
        let from = position.max(segment.start);
        Some(Span {
            path: path_of(&self.dir, segment.start),
            from: from - segment.start,
            len: segment.end() - from,
            position: from,
            next_segment: segment.end(),
        })
    }

    /// Everything before `position`, `events` of them, was delivered. Whole segments are given up.
    pub(super) fn acknowledge(&mut self, position: u64, events: u64) -> Settlement {
        self.acknowledged = self.acknowledged.max(position);
        self.pending = self.pending.saturating_sub(events);
        let mut delivered = Vec::new();
        while let Some(first) = self.segments.front() {
            if first.end() > self.acknowledged {
                break;
            }
            let path = path_of(&self.dir, first.start);
            let is_current = self.segments.len() == 1 && self.file.is_some();
            // What is appended to a file that somebody deleted would be lost.
            let worth_it = first.len >= self.segment_bytes / 2 || !path.exists();
            if is_current && !worth_it {
                break;
            }
            if is_current {
                self.file = None;
            }
            delivered.push(path);
            self.segments.pop_front();
        }
        if self.segments.is_empty() {
            self.pending = 0;
        }
        Settlement::new(&self.dir, self.acknowledged, delivered)
    }
}

/// An empty file. One may be left there from an append that failed.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).open(path)
}

fn path_of(dir: &Path, start: u64) -> PathBuf {
    dir.join(format!("{start:020}.{SUFFIX}"))
}

fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut starts = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_segment = path
            .extension()
            .is_some_and(|extension| extension == SUFFIX);
        let start = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.parse().ok());
        if let Some(start) = start.filter(|_| is_segment) {
            starts.push(start);
        }
    }
    starts.sort_unstable();
    Ok(starts)
}

/// The length of the whole frames, how many of them are not acknowledged, and what was cut off.
fn scan(path: &Path, start: u64, acknowledged: u64) -> io::Result<(u64, u64, u64)> {
    let bytes = fs::read(path)?;
    let mut at = 0;
    let mut events = 0;
    while let Decoded::Frame(_, len) = decode(&bytes[at..]) {
        events += u64::from(start + at as u64 >= acknowledged);
        at += len;
    }
    let torn = (bytes.len() - at) as u64;
    if torn > 0 {
        OpenOptions::new()
            .write(true)
            .open(path)?
            .set_len(at as u64)?;
    }
    Ok((at as u64, events, torn))
}

#[cfg(test)]
mod tests;
