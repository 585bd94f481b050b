//! A stream that the firewall looks at while it passes.

use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::{Ending, Gate, Live, Step, withheld};

impl Live {
    /// It passes as its gate lets it.
    pub(crate) fn watched_by(mut self, gate: Option<Gate>) -> Self {
        self.gate = gate.map(Box::new);
        self
    }

    /// The next bytes that may go to the caller.
    pub(super) fn poll_watched(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let step = ready!(self.relay.poll_step(cx));
            let Some(gate) = &mut self.gate else {
                return Poll::Ready(None);
            };
            let mut passing = None;
            if let Step::Bytes(bytes) = &step {
                self.record.keep(bytes);
                gate.take(bytes);
                passing = (!gate.holds()).then(|| bytes.clone());
            }
            let is_last = matches!(step, Step::End(_)) || self.relay.is_done();
            if is_last {
                gate.finish();
            }
            let passing = passing.or_else(|| gate.pass());
            if gate.is_closed() {
                return Poll::Ready(Some(self.cut(passing)));
            }
            if let Some(passing) = &passing {
                self.sent.note(passing);
            }
            let last = match step {
                Step::End(end) => Some(self.end(end)),
                Step::Bytes(_) if is_last => {
                    self.record_end(Ending::Completed);
                    None
                }
                Step::Bytes(_) => None,
            };
            match (passing, last) {
                (Some(passing), Some(last)) => return Poll::Ready(Some(joined(passing, last))),
                (None, Some(last)) => return Poll::Ready(last),
                (Some(passing), None) => return Poll::Ready(Some(passing)),
                (None, None) => {}
            }
        }
    }

    /// The rest is for nobody, and read on for what it costs.
    fn cut(&mut self, passing: Option<Bytes>) -> Bytes {
        let Some(gate) = self.gate.take() else {
            return Bytes::new();
        };
        let watched = gate.watched();
        self.record.watched(watched);
        self.record.keep_nothing();
        self.after = None;
        self.ended = !self.is_left;
        let passing = passing.unwrap_or_default();
        self.sent.note(&passing);
        let gap = self.sent.gap().as_bytes();
        let event = withheld::event(gate.api(), &watched, gate.passed());
        [&passing, gap, &event].concat().into()
    }

    /// What is known of it now is what its record tells.
    pub(super) fn note_watched(&mut self) {
        if let Some(gate) = &self.gate {
            self.record.watched(gate.watched());
        }
    }
}

fn joined(passing: Bytes, last: Option<Bytes>) -> Bytes {
    match last {
        None => passing,
        Some(last) => [passing, last].concat().into(),
    }
}
