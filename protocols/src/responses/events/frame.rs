//! Numbered server-sent events.

use crate::json::Out;

/// Counts the events of a stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    next: u64,
}

impl Frames {
    /// Sends an event with the fields that its kind has.
    pub(super) fn send(
        &mut self,
        kind: &'static str,
        fields: impl FnOnce(&mut Out),
        out: &mut Vec<u8>,
    ) {
        let mut event = Out::default();
        event.put("type", kind);
        event.put("sequence_number", &self.next);
        self.next += 1;
        fields(&mut event);
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        // The caller's schemas keep their bytes; between those of JSON, a line break is as good as a space.
        let data = event.into_bytes().into_iter();
        out.extend(data.map(|byte| match byte {
            b'\n' | b'\r' => b' ',
            byte => byte,
        }));
        out.extend_from_slice(b"\n\n");
    }
}
