//! A stream being passed to a caller, with its record and what comes after it.

mod watched;

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use floopy_protocols::{ApiError, ErrorKind};
use floopy_shared::domain::decision::Ending;
use serde_json::json;

use super::withheld;
use crate::{
    after::After,
    firewall::output::Gate,
    gateway::Gateway,
    record::Record,
    upstream::{End, Relay, Step},
};

pub(crate) struct Live {
    gateway: Arc<Gateway>,
    relay: Relay,
    record: Record,
    after: Option<Box<After>>,
    /// `None`: nobody looks at it.
    gate: Option<Box<Gate>>,
    status: u16,
    sent: Sent,
    /// Everything that will be sent was sent.
    ended: bool,
    /// The record was written.
    recorded: bool,
    /// Nobody reads it but we, for what it costs.
    is_left: bool,
}

/// A live stream as a body. Where the caller leaves before its end, it is read on for what it costs.
pub(crate) struct LiveBody(Option<Box<Live>>);

impl LiveBody {
    pub(crate) fn new(live: Live) -> Self {
        Self(Some(Box::new(live)))
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.0.as_ref().is_none_or(|live| live.ended)
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.0 {
            Some(live) => live.poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for LiveBody {
    fn drop(&mut self) {
        let Some(live) = self.0.take().filter(|live| !live.recorded) else {
            return;
        };
        let gateway = Arc::clone(&live.gateway);
        if !gateway.doors.is_forced() {
            gateway.lingering.read_on(live.read_on());
        }
    }
}

impl Live {
    pub(crate) fn new(
        gateway: &Arc<Gateway>,
        relay: Relay,
        record: Record,
        after: Option<Box<After>>,
        status: u16,
    ) -> Self {
        let gateway = Arc::clone(gateway);
        Self {
            gateway,
            relay,
            record,
            after,
            gate: None,
            status,
            sent: Sent::default(),
            ended: false,
            recorded: false,
            is_left: false,
        }
    }

    /// Reads the rest without a caller.
    pub(crate) async fn read_on(mut self: Box<Self>) {
        self.is_left = true;
        // Its caller may have been told that there is no more for them.
        self.ended = self.recorded;
        // Nothing is learned from what nobody saw; its content need not be kept.
        self.after = None;
        while poll_fn(|cx| self.poll_next(cx)).await.is_some() {}
    }

    /// The next bytes for the caller.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.gate.is_some() {
            return self.poll_watched(cx);
        }
        Poll::Ready(match ready!(self.relay.poll_step(cx)) {
            Step::Bytes(bytes) => {
                self.record.keep(&bytes);
                // These are the last ones that matter: the record comes before them.
                if self.relay.is_done() {
                    self.record_end(Ending::Completed);
                }
                self.sent.note(&bytes);
                Some(bytes)
            }
            Step::End(end) => self.end(end),
        })
    }

    /// The last bytes, where the stream did not end by itself.
    fn end(&mut self, end: End) -> Option<Bytes> {
        self.ended = true;
        match end {
            End::Complete => {
                self.record_end(Ending::Completed);
                None
            }
            End::Failed => {
                self.record_broken();
                None
            }
            End::Broken => {
                self.record_broken();
                Some(self.error_event("broke off", "upstream_stream_broken"))
            }
            End::TimedOut => {
                self.record_broken();
                Some(self.error_event("fell silent", "upstream_stream_timeout"))
            }
        }
    }

    fn record_broken(&mut self) {
        self.gateway.upstream.broke(self.relay.take_trial());
        self.record_end(Ending::BrokenStream);
    }

    fn record_end(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        self.note_watched();
        if ending == Ending::Completed {
            self.record.fill(self.relay.facts());
        }
        if self.is_left {
            self.record.abandon(Some(self.relay.facts()));
        } else {
            self.record
                .end(self.status, ending, Some(self.relay.facts()));
        }
        if ending != Ending::Completed {
            return;
        }
        if let Some(trial) = self.relay.take_trial() {
            trial.succeeded();
        }
        if let Some(after) = &mut self.after {
            after.succeeded(self.relay.take_facts());
        }
    }

    /// The last event of a stream that cannot be finished; no `[DONE]` follows.
    fn error_event(&mut self, how: &str, code: &str) -> Bytes {
        let served = self
            .record
            .served_key()
            .map_or("the upstream", |key| key.as_str());
        let message = format!("{served} {how} in the middle of its reply");
        let typed = ApiError {
            kind: ErrorKind::Server,
            message: message.clone(),
            code: Some(code.to_owned()),
            param: None,
        };
        if let Some(event) = self.relay.fail(typed) {
            return event;
        }
        let error = json!({"error": {
            "message": message,
            "type": "upstream_error",
            "param": null,
            "code": code,
        }});
        let gap = self.sent.gap();
        format!("{gap}data: {error}\n\n").into()
    }
}

/// The last bytes that were sent, by which it is known whether an event is unfinished.
#[derive(Debug, Default)]
struct Sent(Vec<u8>);

/// How an event ends: two line ends, each of them LF, CR or CRLF.
const EVENT_ENDS: [&[u8]; 5] = [b"\n\n", b"\n\r", b"\r\r", b"\n\r\n", b"\r\r\n"];

impl Sent {
    const KEPT: usize = 3;

    fn note(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(Self::KEPT)..];
        self.0.extend_from_slice(new);
        let surplus = self.0.len().saturating_sub(Self::KEPT);
        self.0.drain(..surplus);
    }

    /// What must come before the next event.
    fn gap(&self) -> &'static str {
        if self.0.is_empty() || EVENT_ENDS.iter().any(|end| self.0.ends_with(end)) {
            ""
        } else {
            "\n\n"
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if !self.recorded {
            self.note_watched();
            self.record.abandon(Some(self.relay.facts()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_with_two_line_ends_of_any_kind() {
        let gap = |chunks: &[&[u8]]| {
            let mut sent = Sent::default();
            chunks.iter().for_each(|chunk| sent.note(chunk));
            sent.gap()
        };
        let whole: [&[&[u8]]; 4] = [
            &[],
            &[b"data: a\n", b"\n"],
            &[b"data: a\r\n\r", b"\n"],
            &[b"a\r\r"],
        ];
        for chunks in whole {
            assert_eq!(gap(chunks), "", "{chunks:?}");
        }
        let half: [&[&[u8]]; 3] = [&[b"data: a"], &[b"data: a\n"], &[b"a\n\nb\r", b"\n"]];
        for chunks in half {
            assert_eq!(gap(chunks), "\n\n", "{chunks:?}");
        }
    }
}
