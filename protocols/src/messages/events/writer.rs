//! Events for a caller. Blocks come one after the other here, each closed before the next begins: what comes too
//! early waits.

use std::collections::{BTreeSet, VecDeque};

use serde::Serialize;

use super::super::{error::write_error, finish_words, usage::WireUsage};
use crate::{
    error::ApiError,
    event::{Delta, Event},
    json::Out,
    protocol::is_whole,
    reply::{Finish, Usage},
};

#[derive(Debug, Default)]
pub struct EventWriter {
    /// The block that is open.
    open: Option<Open>,
    /// How many blocks have begun.
    count: u64,
    /// What waits for the open block's end.
    waiting: VecDeque<(u32, Delta)>,
    /// The parts that are thoughts.
    thoughts: BTreeSet<u32>,
    finish: Option<Finish>,
    usage: Usage,
    failed: bool,
}

#[derive(Debug)]
struct Open {
    part: u32,
    kind: Kind,
    /// Of a call, to know when it has said all.
    arguments: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Call,
}

impl EventWriter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a delta, or lets it wait for the end of a call that is not complete.
    fn take(&mut self, part: u32, delta: &Delta, out: &mut Vec<u8>) {
        let waits_already = self.waiting.iter().any(|(waiting, _)| *waiting == part);
        if waits_already || self.open.as_ref().is_some_and(|open| open.bars(part)) {
            self.waiting.push_back((part, delta.clone()));
            return;
        }
        self.put(part, delta, out);
        self.release(out);
    }

    /// Writes what waited for a call that is complete by now.
    fn release(&mut self, out: &mut Vec<u8>) {
        while let Some((part, _)) = self.waiting.front() {
            if self.open.as_ref().is_some_and(|open| open.bars(*part)) {
                return;
            }
            self.put_waiting(*part, out);
        }
    }

    /// All that waits of a part.
    fn put_waiting(&mut self, part: u32, out: &mut Vec<u8>) {
        let waiting = std::mem::take(&mut self.waiting);
        let (now, later) = waiting.into_iter().partition(|(of, _)| *of == part);
        self.waiting = later;
        let now: VecDeque<(u32, Delta)> = now;
        for (part, delta) in now {
            self.put(part, &delta, out);
        }
    }

    fn put(&mut self, part: u32, delta: &Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => {
                self.begin(part, Kind::Text, out);
                self.delta(("text_delta", "text", text), out);
            }
            Delta::Thinking(text) => {
                self.thoughts.insert(part);
                self.begin(part, Kind::Thinking, out);
                self.delta(("thinking_delta", "thinking", text), out);
            }
            // Only thoughts are signed here.
            Delta::Signature(_) if !self.thoughts.contains(&part) => {}
            Delta::Signature(signature) => {
                self.begin(part, Kind::Thinking, out);
                self.delta(("signature_delta", "signature", signature), out);
            }
            Delta::RedactedThinking(data) => {
                let mut block = Out::default();
                block.put("type", "redacted_thinking");
                block.put("data", data);
                self.start(&block, out);
                self.stop(out);
            }
            Delta::ToolCall { id, name } => {
                let mut block = Out::default();
                block.put("type", "tool_use");
                block.put("id", id);
                block.put("name", name);
                block.put("input", &serde_json::Map::new());
                self.start(&block, out);
                self.open = Some(Open::new(part, Kind::Call));
            }
            Delta::Arguments(text) => {
                // Of a call that is closed there is nothing left to say.
                let Some(open) = self.open.as_mut().filter(|open| open.part == part) else {
                    return;
                };
                open.arguments.push_str(text);
                self.delta(("input_json_delta", "partial_json", text), out);
            }
        }
    }

    fn is_open(&self, part: u32, kind: Kind) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|open| open.part == part && open.kind == kind)
    }

    /// Words and thoughts that go on after others came between do so in a block of their own.
    fn begin(&mut self, part: u32, kind: Kind, out: &mut Vec<u8>) {
        if self.is_open(part, kind) {
            return;
        }
        let mut block = Out::default();
        if kind == Kind::Text {
            block.put("type", "text");
            block.put("text", "");
        } else {
            block.put("type", "thinking");
            block.put("thinking", "");
            block.put("signature", "");
        }
        self.start(&block, out);
        self.open = Some(Open::new(part, kind));
    }

    fn start(&mut self, block: &Out, out: &mut Vec<u8>) {
        if self.open.is_some() {
            self.stop(out);
        }
        let mut event = Out::default();
        event.put("type", "content_block_start");
        event.put("index", &self.count);
        event.put("content_block", block);
        send("content_block_start", event, out);
        self.count += 1;
    }

    fn delta(&mut self, (kind, name, text): (&str, &'static str, &str), out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let mut delta = Out::default();
        delta.put("type", kind);
        delta.put(name, text);
        let mut event = Out::default();
        event.put("type", "content_block_delta");
        event.put("index", &self.index());
        event.put("delta", &delta);
        send("content_block_delta", event, out);
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        self.open = None;
        let mut event = Out::default();
        event.put("type", "content_block_stop");
        event.put("index", &self.index());
        send("content_block_stop", event, out);
    }

    /// Of the block that began last.
    fn index(&self) -> u64 {
        self.count.saturating_sub(1)
    }

    /// Writes what waits, in the order of its beginning, and closes the last block.
    fn close(&mut self, out: &mut Vec<u8>) {
        while let Some((part, _)) = self.waiting.front() {
            self.put_waiting(*part, out);
        }
        if self.open.is_some() {
            self.stop(out);
        }
    }

    fn fail(&mut self, error: &ApiError, out: &mut Vec<u8>) {
        self.failed = true;
        let (_, body) = write_error(error);
        frame("error", &body, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        let finish = self.finish.take();
        if let Some(error) = finish.as_ref().and_then(Finish::failure) {
            self.fail(&error, out);
            return;
        }
        let (stop_reason, stop_sequence) = finish.as_ref().map_or((None, None), finish_words);
        let mut event = Out::default();
        event.put("type", "message_delta");
        let ending = Ending {
            stop_reason,
            stop_sequence,
        };
        event.put("delta", &ending);
        event.put("usage", &WireUsage::from(self.usage));
        send("message_delta", event, out);
        let mut event = Out::default();
        event.put("type", "message_stop");
        send("message_stop", event, out);
    }
}

impl Open {
    fn new(part: u32, kind: Kind) -> Self {
        Self {
            part,
            kind,
            arguments: String::new(),
        }
    }

    /// Whether another part must wait: calls may interleave, and one that is no whole object yet will go on. Words
    /// and thoughts give way.
    fn bars(&self, part: u32) -> bool {
        self.part != part && self.kind == Kind::Call && !is_whole(&self.arguments)
    }
}

#[derive(Serialize)]
struct Ending<'a> {
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: [(); 0],
    stop_reason: Option<()>,
    stop_sequence: Option<()>,
    usage: WireUsage,
}

fn message_start(id: &str, model: &str, usage: Usage) -> Out {
    let mut event = Out::default();
    event.put("type", "message_start");
    let message = Message {
        id,
        r#type: "message",
        role: "assistant",
        model,
        content: [],
        stop_reason: None,
        stop_sequence: None,
        usage: usage.into(),
    };
    event.put("message", &message);
    event
}

fn send(name: &str, event: Out, out: &mut Vec<u8>) {
    frame(name, &event.into_bytes(), out);
}

fn frame(name: &str, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

impl crate::EventWriter for EventWriter {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                send("message_start", message_start(id, model, self.usage), out);
            }
            Event::Delta {
                choice: 0,
                part,
                delta,
            } => self.take(*part, delta, out),
            // The blocks are closed at the end: some providers go on after they said why they stopped.
            Event::Finish { choice: 0, finish } => self.finish = Some(finish.clone()),
            // The API has one choice and no such numbers: nobody can have asked for them.
            Event::Delta { .. } | Event::Finish { .. } | Event::Logprobs { .. } => {}
            Event::Usage(usage) => self.usage = *usage,
            Event::Error(error) => self.fail(error, out),
            Event::Done => self.end(out),
        }
    }
}
