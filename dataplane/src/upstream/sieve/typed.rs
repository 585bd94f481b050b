//! A stream that is read in its typed form: rewritten for a caller of another API, or passed as it came.

use std::{collections::VecDeque, fmt::Display};

use bytes::Bytes;
use floopy_protocols::{
    ApiError, CallerApi, ErrorKind, Event, EventReader, EventWriter, ProviderApi,
    event_stream::Decoder,
};

use super::super::{
    facts::{self, Facts},
    form::{self, Names},
};

/// Reads a provider's events, and writes the caller's.
pub(crate) struct Typed {
    reader: Box<dyn EventReader>,
    what: What,
    /// For streams that are no server-sent events.
    frames: Decoder,
    pub(super) is_binary: bool,
    /// For providers that do not say what they are, or when they answered.
    names: Names,
    now_s: u64,
    events: Vec<Event>,
    written: Vec<u8>,
    /// The reader's `Done` was written.
    done: bool,
}

/// What becomes of the events.
pub(in crate::upstream) enum What {
    /// They are written in the caller's form.
    Rewritten(Box<dyn EventWriter>),
    /// Their bytes pass as they came.
    Passed(CallerApi),
}

impl Typed {
    pub(in crate::upstream) fn new(
        provider: ProviderApi,
        what: What,
        (names, now_s): (Names, u64),
    ) -> Self {
        Self {
            reader: provider.event_reader(),
            frames: Decoder::default(),
            is_binary: provider.is_binary(),
            names,
            what,
            now_s,
            events: Vec::new(),
            written: Vec::new(),
            done: false,
        }
    }

    /// Only reads; nothing is rewritten.
    pub(in crate::upstream) fn passing(reader: Box<dyn EventReader>, caller: CallerApi) -> Self {
        Self {
            reader,
            what: What::Passed(caller),
            frames: Decoder::default(),
            is_binary: false,
            names: Names::default(),
            now_s: 0,
            events: Vec::new(),
            written: Vec::new(),
            done: false,
        }
    }

    /// Whether bytes are passed as they came.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.what, What::Passed(_))
    }

    /// Reads frames as AWS writes them, of which any bytes may be a part.
    pub(super) fn read_frames(&mut self, bytes: &[u8], facts: &mut Facts) -> Option<facts::Event> {
        self.frames.push(bytes);
        let mut first = None;
        loop {
            let event = match self
                .frames
                .next_frame()
                .map(|frame| frame.map(|f| f.to_json()))
            {
                Ok(None) => return first,
                Ok(Some(Ok(data))) => self.read(&data, facts),
                Ok(Some(Err(invalid))) | Err(invalid) => {
                    return first.or(Some(self.give_up(&invalid, facts)));
                }
            };
            first = first.or(event);
        }
    }

    /// Reads one event's data; tells what it was, where it was anything.
    pub(super) fn read(&mut self, data: &[u8], facts: &mut Facts) -> Option<facts::Event> {
        // Nothing follows an error.
        if facts.failed && !self.is_passing() {
            return None;
        }
        if let Err(invalid) = self.reader.read(data, &mut self.events) {
            return Some(self.give_up(&invalid, facts));
        }
        self.pass(facts)
    }

    /// What cannot be read cannot be passed on, and the caller is told so.
    fn give_up(&mut self, what: &impl Display, facts: &mut Facts) -> facts::Event {
        self.events.clear();
        if !std::mem::replace(&mut facts.failed, true) {
            self.write(&Event::Error(ApiError {
                kind: ErrorKind::Server,
                message: format!("the upstream sent {what}"),
                code: Some("upstream_invalid_response".to_owned()),
                param: None,
            }));
        }
        facts::Event::Unreadable
    }

    fn pass(&mut self, facts: &mut Facts) -> Option<facts::Event> {
        let mut first = None;
        for mut event in std::mem::take(&mut self.events) {
            if let Event::Start { id, model, created } = &mut event {
                created.get_or_insert(self.now_s);
                self.names.complete(id, model);
            }
            facts.observe(&event);
            first = first.or(match &event {
                Event::Error(_) => Some(facts::Event::Error),
                Event::Done => Some(facts::Event::Done),
                Event::Start { .. }
                | Event::Delta { .. }
                | Event::Logprobs { .. }
                | Event::Finish { .. } => Some(facts::Event::Chunk),
                Event::Usage(_) => None,
            });
            self.write(&event);
        }
        first
    }

    fn write(&mut self, event: &Event) {
        self.done |= *event == Event::Done;
        if let What::Rewritten(writer) = &mut self.what {
            writer.write(event, &mut self.written);
        }
    }

    /// What was written since.
    pub(super) fn take(&mut self, out: &mut VecDeque<Bytes>) {
        if !self.written.is_empty() {
            out.push_back(std::mem::take(&mut self.written).into());
        }
    }

    /// The provider's stream ended: where it has no word for that, the caller's may.
    pub(super) fn finish(&mut self, facts: &mut Facts) {
        self.reader.end(&mut self.events);
        if self.done {
            self.events.clear();
        }
        self.pass(facts);
        if facts.finished && !facts.failed && !self.done {
            facts.done = true;
            self.write(&Event::Done);
        }
    }

    /// Tells the caller that the stream broke.
    pub(super) fn fail(&mut self, error: ApiError) -> Bytes {
        match &mut self.what {
            What::Rewritten(writer) => {
                writer.write(&Event::Error(error), &mut self.written);
                std::mem::take(&mut self.written).into()
            }
            What::Passed(caller) => form::error_event(*caller, error).into(),
        }
    }
}
