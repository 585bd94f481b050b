//! A stream: blocks that begin, grow and end, then why it stopped, then what it used.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{
    error::read_error,
    read_finish,
    reply::{stop_sequence, unknown, usage},
};
use crate::{
    EventReader as _,
    error::InvalidReply,
    event::{Delta, Event},
    event_stream::{Frame, FrameError, Kind, UNMODELLED},
    json::Object,
};

/// Reads frames, or events as the API's reference writes them: `{"messageStart":{…}}`, which is what
/// [`EventReader::read`](crate::EventReader::read) takes and [`Frame::to_json`] makes.
#[derive(Debug, Default)]
pub struct EventReader {
    has_begun: bool,
    has_stopped: bool,
    has_usage: bool,
    /// That have not ended.
    blocks: Vec<Block>,
    parts: u32,
}

/// What is known of a block. One with thoughts and words would be two parts.
#[derive(Debug)]
struct Block {
    /// The API's number.
    index: u64,
    holds: Holds,
    part: u32,
    has_arguments: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Thought,
    Call,
}

impl crate::EventReader for EventReader {
    fn read(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let events: BTreeMap<String, &RawValue> = serde_json::from_slice(data)
            .map_err(|e| InvalidReply(format!("an event that cannot be read: {e}")))?;
        let mut events = events.iter();
        match (events.next(), events.next()) {
            (Some((name, payload)), None) => self.read_event(name, payload.get().as_bytes(), out),
            (None, _) | (Some(_), Some(_)) => {
                Err(InvalidReply("an event that is not one event".to_owned()))
            }
        }
    }

    /// The API has no event that says that this is all; these two are its last.
    fn end(&mut self, out: &mut Vec<Event>) {
        if self.has_stopped && self.has_usage {
            out.push(Event::Done);
        }
    }
}

impl EventReader {
    pub fn read_frame(&mut self, frame: &Frame, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let invalid = |error: FrameError| InvalidReply(error.to_string());
        match frame.kind().map_err(invalid)? {
            Kind::Event(name) | Kind::Exception(name) => self.read_event(name, &frame.payload, out),
            Kind::Error { .. } => self.read(&frame.to_json().map_err(invalid)?, out),
        }
    }

    /// Events of unknown kinds are ignored, so that the API can grow.
    fn read_event(
        &mut self,
        name: &str,
        payload: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), InvalidReply> {
        if let Some(status) = status_of(name) {
            let name = Some(name).filter(|name| *name != UNMODELLED);
            out.push(Event::Error(read_error(status, name, payload)));
            return Ok(());
        }
        match name {
            "messageStart" => return self.begin(out),
            "contentBlockStart" => return self.start(Object::top(payload)?, out),
            "contentBlockDelta" => return self.delta(Object::top(payload)?, out),
            "contentBlockStop" => return self.stop(Object::top(payload)?, out),
            "messageStop" => {
                let mut stop = Object::top(payload)?;
                let reason = stop.required_string("stopReason")?;
                let finish = read_finish(&reason, stop_sequence(&mut stop));
                out.push(Event::Finish { choice: 0, finish });
                self.has_stopped = true;
                self.end(out);
            }
            "metadata" => {
                out.push(Event::Usage(usage(&mut Object::top(payload)?)?));
                self.has_usage = true;
                self.end(out);
            }
            _ => {}
        }
        Ok(())
    }

    /// The API names neither the reply nor the model.
    fn begin(&mut self, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        if self.has_begun || self.parts > 0 || self.has_stopped || self.has_usage {
            return Err(InvalidReply("a stream that begins twice".to_owned()));
        }
        self.has_begun = true;
        out.push(Event::Start {
            id: String::new(),
            model: String::new(),
            created: None,
        });
        Ok(())
    }

    /// Only calls need a start; a text may begin with its first delta.
    fn start(&mut self, mut event: Object<'_>, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let index = index(&mut event)?;
        let Some(mut start) = event.object("start")? else {
            return Ok(());
        };
        let Some(mut call) = start.object("toolUse")? else {
            return match start.rest().first() {
                None => Ok(()),
                Some(field) => Err(unknown("contentBlockStart.start", &field.name)),
            };
        };
        let id = call.required_string("toolUseId")?;
        let name = call.required_string("name")?;
        let part = self.open(index, Holds::Call);
        self.say(part, Delta::ToolCall { id, name }, out);
        Ok(())
    }

    fn delta(&mut self, mut event: Object<'_>, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let index = index(&mut event)?;
        let Some(mut delta) = event.object("delta")? else {
            return Err(event.missing("delta", "an object").into());
        };
        if let Some(text) = delta.string("text")? {
            self.text(index, text, out);
        } else if let Some(mut call) = delta.object("toolUse")? {
            let input = call.string("input")?.unwrap_or_default();
            self.arguments(index, input, out)?;
        } else if let Some(thought) = delta.object("reasoningContent")? {
            self.thought(index, thought, out)?;
        } else if delta.take("citation").is_none() {
            // Citations, which nothing here asks for, would come beside the words they are of.
            if let Some(field) = delta.rest().first() {
                return Err(unknown("contentBlockDelta.delta", &field.name));
            }
        }
        Ok(())
    }

    fn text(&mut self, index: u64, text: String, out: &mut Vec<Event>) {
        if !text.is_empty() {
            let part = self.part(index, Holds::Text);
            self.say(part, Delta::Text(text), out);
        }
    }

    fn arguments(
        &mut self,
        index: u64,
        input: String,
        out: &mut Vec<Event>,
    ) -> Result<(), InvalidReply> {
        let mut blocks = self.blocks.iter_mut();
        let call = blocks.find(|block| block.index == index && block.holds == Holds::Call);
        let Some(call) = call else {
            let why = "a stream in which a call's arguments come before the call";
            return Err(InvalidReply(why.to_owned()));
        };
        if !input.is_empty() {
            call.has_arguments = true;
            let part = call.part;
            self.say(part, Delta::Arguments(input), out);
        }
        Ok(())
    }

    fn thought(
        &mut self,
        index: u64,
        mut thought: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), InvalidReply> {
        if let Some(text) = thought.string("text")? {
            if !text.is_empty() {
                let part = self.part(index, Holds::Thought);
                self.say(part, Delta::Thinking(text), out);
            }
        } else if let Some(signature) = thought.string("signature")? {
            let is_new = self.find(index, Holds::Thought).is_none();
            let part = self.part(index, Holds::Thought);
            if is_new {
                // A thought whose words are not shown.
                self.say(part, Delta::Thinking(String::new()), out);
            }
            self.say(part, Delta::Signature(signature), out);
        } else if let Some(data) = thought.string("redactedContent")? {
            let part = self.next_part();
            self.say(part, Delta::RedactedThinking(data), out);
        } else {
            let at = "contentBlockDelta.delta.reasoningContent";
            return Err(unknown(at, "a thought"));
        }
        Ok(())
    }

    /// A call to which no arguments came has none, which whole replies write as `{}`.
    fn stop(&mut self, mut event: Object<'_>, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let index = index(&mut event)?;
        let ended = self.blocks.extract_if(.., |block| block.index == index);
        let ended: Vec<Block> = ended.collect();
        for block in ended {
            if block.holds == Holds::Call && !block.has_arguments {
                self.say(block.part, Delta::Arguments("{}".to_owned()), out);
            }
        }
        Ok(())
    }

    fn say(&self, part: u32, delta: Delta, out: &mut Vec<Event>) {
        out.push(Event::Delta {
            choice: 0,
            part,
            delta,
        });
    }

    fn find(&self, index: u64, holds: Holds) -> Option<u32> {
        let mut blocks = self.blocks.iter();
        let block = blocks.find(|block| block.index == index && block.holds == holds);
        block.map(|block| block.part)
    }

    fn part(&mut self, index: u64, holds: Holds) -> u32 {
        self.find(index, holds)
            .unwrap_or_else(|| self.open(index, holds))
    }

    fn open(&mut self, index: u64, holds: Holds) -> u32 {
        let part = self.next_part();
        self.blocks.push(Block {
            index,
            holds,
            part,
            has_arguments: false,
        });
        part
    }

    fn next_part(&mut self) -> u32 {
        let part = self.parts;
        self.parts = part.saturating_add(1);
        part
    }
}

fn index(event: &mut Object<'_>) -> Result<u64, InvalidReply> {
    let index = event.u64("contentBlockIndex")?;
    index.ok_or_else(|| event.missing("contentBlockIndex", "a whole number").into())
}

/// Of an exception, the status that a call without a stream would have had.
fn status_of(name: &str) -> Option<u16> {
    match name {
        "internalServerException" => Some(500),
        "modelStreamErrorException" => Some(424),
        "validationException" => Some(400),
        "throttlingException" => Some(429),
        "serviceUnavailableException" => Some(503),
        "modelTimeoutException" => Some(408),
        name if name.ends_with("Exception") => Some(500),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorKind, event_stream::HeaderValue, event_stream::Headers};

    fn read(events: &[&str]) -> Result<Vec<Event>, InvalidReply> {
        let (mut reader, mut out) = (EventReader::default(), Vec::new());
        for event in events {
            reader.read(event.as_bytes(), &mut out)?;
        }
        Ok(out)
    }

    fn only_error(events: Vec<Event>) -> (ErrorKind, String, Option<String>) {
        let [Event::Error(error)] = events.as_slice() else {
            panic!("{events:?}");
        };
        (error.kind, error.message.clone(), error.code.clone())
    }

    #[test]
    fn every_exception_of_a_stream_has_its_kind() {
        for (name, expected) in [
            ("internalServerException", ErrorKind::Server),
            ("modelStreamErrorException", ErrorKind::Server),
            ("validationException", ErrorKind::InvalidRequest),
            ("throttlingException", ErrorKind::RateLimit),
            ("serviceUnavailableException", ErrorKind::Overloaded),
            ("modelTimeoutException", ErrorKind::Timeout),
            ("ofNextYearException", ErrorKind::Server),
        ] {
            let frame = Frame::exception(name, r#"{"message":"m"}"#);
            let mut out = Vec::new();
            EventReader::default().read_frame(&frame, &mut out).unwrap();
            let (kind, message, _) = only_error(out);
            assert_eq!((kind, message.as_str()), (expected, "m"), "{name}");
        }
    }

    #[test]
    fn an_error_that_is_no_exception_keeps_its_code_and_message() {
        let text = |value: &str| HeaderValue::Text(value.to_owned());
        let frame = Frame {
            headers: Headers(vec![
                (":message-type".to_owned(), text("error")),
                (":error-code".to_owned(), text("InternalFailure")),
                (":error-message".to_owned(), text("gone")),
            ]),
            ..Frame::default()
        };
        let mut out = Vec::new();
        EventReader::default().read_frame(&frame, &mut out).unwrap();
        let code = Some("InternalFailure".to_owned());
        assert_eq!(
            only_error(out),
            (ErrorKind::Server, "gone".to_owned(), code)
        );
    }

    #[test]
    fn what_is_not_known_is_ignored_if_it_is_no_content() {
        let events = read(&[
            r#"{"ofNextYear":{"a":1}}"#,
            r#"{"contentBlockStart":{"start":{},"contentBlockIndex":0}}"#,
            r#"{"contentBlockDelta":{"delta":{"citation":{"title":"t"}},"contentBlockIndex":0}}"#,
            r#"{"contentBlockStop":{"contentBlockIndex":0,"p":"abc"}}"#,
        ]);
        assert_eq!(events, Ok(Vec::new()));
        let lost = [
            r#"{"contentBlockStart":{"start":{"image":{"format":"png"}},"contentBlockIndex":0}}"#,
            r#"{"contentBlockDelta":{"delta":{"hologram":{}},"contentBlockIndex":0}}"#,
            r#"{"contentBlockDelta":{"delta":{"toolUse":{"input":"{"}},"contentBlockIndex":0}}"#,
            r#"{"contentBlockDelta":{"contentBlockIndex":0}}"#,
            r#"{"contentBlockDelta":{"delta":{"text":"a"}}}"#,
            "[]",
        ];
        for event in lost {
            assert!(read(&[event]).is_err(), "{event}");
        }
    }

    #[test]
    fn a_stream_is_done_when_both_its_last_events_came() {
        let stop = r#"{"messageStop":{"stopReason":"end_turn"}}"#;
        let metadata = r#"{"metadata":{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":1}}}"#;
        for events in [[stop, metadata], [metadata, stop]] {
            let events = read(&events).unwrap();
            assert_eq!((events.len(), events.last()), (3, Some(&Event::Done)));
        }
    }
}
