//! Reading batches back from the log, past whatever has become unreadable.

use std::{fs::File, io, os::unix::fs::FileExt};

use bytes::Bytes;

use super::{
    Spool,
    frame::{Decoded, decode},
    log::Span,
};

/// Bytes of one message to the control plane; a longer single event goes alone.
const MAX_BYTES: usize = 1 << 20;

/// Events in order, and the position after them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// As they were written: the control plane is sent their bytes.
    pub events: Vec<Bytes>,
    pub end: u64,
    /// Frames that could not be read any more.
    pub unreadable: bool,
    /// More may be waiting than fitted in.
    pub is_full: bool,
}

impl Spool {
    /// The next events to deliver, `most` at the most; blocking. `None`: there are none.
    pub(super) fn next_batch(&self, most: usize) -> io::Result<Option<Batch>> {
        let span = {
            let mut log = self.lock();
            if let Err(unwritten) = log.write_queued() {
                self.lost(&unwritten);
            }
            log.span_from(log.acknowledged())
        };
        span.map(|span| read(&span, most)).transpose()
    }

    /// Creates a file for the next segment, if it is needed soon; blocking.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let Some((start, path)) = self.lock().lacks_spare() else {
            return Ok(());
        };
        // Never one that whoever writes has created meanwhile.
        let file = File::create_new(path)?;
        self.lock().keep_spare(start, file);
        Ok(())
    }

    /// The batch was delivered; blocking.
    pub(super) fn acknowledge(&self, batch: &Batch) -> io::Result<()> {
        let (settlement, bytes) = {
            let mut log = self.lock();
            let settlement = log.acknowledge(batch.end, batch.events.len() as u64);
            (settlement, log.bytes())
        };
        self.relieved(bytes);
        // Without a spare file, whoever writes next creates one.
        let _ = self.prepare();
        settlement.save()
    }
}

fn read(span: &Span, most: usize) -> io::Result<Batch> {
    let file = match File::open(&span.path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Batch {
                end: span.next_segment,
                unreadable: true,
                ..Batch::default()
            });
        }
        Err(error) => return Err(error),
    };
    let wanted = usize::try_from(span.len).unwrap_or(usize::MAX);
    let mut bytes = vec![0; wanted.min(MAX_BYTES)];
    file.read_exact_at(&mut bytes, span.from)?;
    if bytes.len() < wanted && decode(&bytes) == Decoded::Incomplete {
        bytes = vec![0; wanted];
        file.read_exact_at(&mut bytes, span.from)?;
    }
    let to_end = bytes.len() == wanted;
    Ok(split(&bytes.into(), span, to_end, most))
}

/// Cuts bytes into `most` events; `to_end` says that nothing comes after them in the segment.
fn split(bytes: &Bytes, span: &Span, to_end: bool, most: usize) -> Batch {
    let mut batch = Batch {
        end: span.position,
        ..Batch::default()
    };
    let mut at = 0;
    while at < bytes.len() && batch.events.len() < most && at < MAX_BYTES {
        match decode(&bytes[at..]) {
            Decoded::Frame(payload, len) => {
                at += len;
                batch.events.push(bytes.slice_ref(payload));
                batch.end = span.position + at as u64;
            }
            Decoded::Incomplete if !to_end => break,
            Decoded::Incomplete | Decoded::Corrupt => {
                batch.unreadable = true;
                batch.end = span.next_segment;
                break;
            }
        }
    }
    batch.is_full = batch.events.len() >= most || at >= MAX_BYTES / 2;
    batch
}

#[cfg(test)]
mod tests {
    use floopy_proto::v1;

    use super::{super::frame, *};

    fn span(len: usize) -> Span {
        let path = std::path::PathBuf::new();
        Span {
            path,
            from: 0,
            len: len as u64,
            position: 100,
            next_segment: 100 + len as u64,
        }
    }

    fn frames(count: u64) -> Bytes {
        let event = |at| v1::Event {
            recorded_at_ms: at,
            ..v1::Event::default()
        };
        let frames = (1..=count).map(|at| frame::of(&event(at)).expect("short"));
        frames.flatten().collect::<Vec<u8>>().into()
    }

    #[test]
    fn a_batch_is_bounded_and_ends_after_its_last_event() {
        let bytes = frames(600);
        let batch = split(&bytes, &span(bytes.len()), true, 512);
        assert!(batch.is_full && batch.events.len() == 512);
        let rest = usize::try_from(batch.end - 100).expect("small");
        let rest = bytes.slice(rest..);
        let batch = split(&rest, &span(rest.len()), true, 512);
        assert!(!batch.is_full && batch.events.len() == 600 - 512);
    }

    #[test]
    fn what_is_unreadable_is_skipped_to_the_next_segment() {
        let mut bytes = frames(2).to_vec();
        let whole = bytes.len();
        bytes.extend_from_slice(&[7; 20]);
        let bytes = Bytes::from(bytes);
        let batch = split(&bytes, &span(bytes.len()), true, 512);
        assert!(batch.unreadable && batch.events.len() == 2);
        assert_eq!(batch.end, 100 + bytes.len() as u64);
        let cut = split(&bytes.slice(..whole - 1), &span(bytes.len()), false, 512);
        assert!(
            !cut.unreadable && cut.events.len() == 1,
            "the rest is read next time"
        );
    }
}
