//! A stream being passed to a caller, with its record and what comes after it.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use floopy_shared::domain::decision::Ending;
use serde_json::json;

use crate::{
    after::After,
    gateway::Gateway,
    record::Record,
    upstream::{End, Relay, Step},
};

pub(crate) struct Live {
    gateway: Arc<Gateway>,
    relay: Relay,
    record: Record,
    after: Option<After>,
    status: u16,
    /// Everything that will be sent was sent.
    ended: bool,
    /// The record was written.
    recorded: bool,
}

impl Live {
    pub(crate) fn new(
        gateway: &Arc<Gateway>,
        relay: Relay,
        record: Record,
        after: Option<After>,
        status: u16,
    ) -> Self {
        let gateway = Arc::clone(gateway);
        Self {
            gateway,
            relay,
            record,
            after,
            status,
            ended: false,
            recorded: false,
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// The next bytes for the caller.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let end = match ready!(self.relay.poll_step(cx)) {
            Step::Bytes(bytes) => {
                // These are the last ones that matter: the record comes before them.
                if self.relay.is_done() {
                    self.record_end(Ending::Completed);
                }
                return Poll::Ready(Some(bytes));
            }
            Step::End(end) => end,
        };
        self.ended = true;
        Poll::Ready(match end {
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
        })
    }

    fn record_broken(&mut self) {
        if let Some(key) = self.record.served_key() {
            self.gateway.upstream.broke(key);
        }
        self.record_end(Ending::BrokenStream);
    }

    fn record_end(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        self.record
            .end(self.status, ending, Some(self.relay.facts()));
        if ending == Ending::Completed
            && let Some(after) = &mut self.after
        {
            after.succeeded(self.relay.take_facts());
        }
    }

    /// The last event of a stream that cannot be finished; no `[DONE]` follows.
    fn error_event(&self, how: &str, code: &str) -> Bytes {
        let served = self
            .record
            .served_key()
            .map_or("the upstream", |key| key.as_str());
        let error = json!({"error": {
            "message": format!("{served} {how} in the middle of its reply"),
            "type": "upstream_error",
            "param": null,
            "code": code,
        }});
        format!("data: {error}\n\n").into()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if !self.recorded {
            self.record.abandon(Some(self.relay.facts()));
        }
    }
}
