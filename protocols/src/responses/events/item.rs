//! The events of one output item.

use super::{
    super::write::{content, item, item_id, summary, tokens},
    frame::Frames,
};
use crate::{
    event::Delta,
    json::{Json, Out},
    request::{Content, Part},
};

/// Where an item stands.
pub(super) struct Place {
    id: String,
    index: usize,
}

impl Place {
    pub(super) fn new(reply: &str, index: usize, part: &Part) -> Self {
        Self {
            id: item_id(reply, index, part),
            index,
        }
    }

    fn put(&self, event: &mut Out) {
        event.put("item_id", &self.id);
        event.put("output_index", &self.index);
    }

    /// With the number of the one piece of its kind that the item has.
    fn put_piece(&self, event: &mut Out, name: &'static str) {
        self.put(event);
        event.put(name, &0);
    }
}

const CONTENT: &str = "content_index";
const SUMMARY: &str = "summary_index";

/// An item and its one piece begin, without words.
pub(super) fn begin(frames: &mut Frames, part: &Part, place: &Place, out: &mut Vec<u8>) {
    let added = |event: &mut Out| {
        event.put("output_index", &place.index);
        event.put_some("item", begun(part, &place.id));
    };
    frames.send("response.output_item.added", added, out);
    match &part.content {
        Content::Text(_) | Content::Refusal(_) => {
            let added = |event: &mut Out| {
                place.put_piece(event, CONTENT);
                event.put_some("part", content(part, None));
            };
            frames.send("response.content_part.added", added, out);
        }
        Content::Thinking(text) => {
            let added = |event: &mut Out| {
                place.put_piece(event, SUMMARY);
                event.put("part", &summary(text));
            };
            frames.send("response.reasoning_summary_part.added", added, out);
        }
        Content::RedactedThinking
        | Content::ToolCall { .. }
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolResult { .. } => {}
    }
}

/// The item before its first piece.
fn begun(part: &Part, id: &str) -> Option<Out> {
    let mut out = Out::default();
    match &part.content {
        Content::Text(_) | Content::Refusal(_) => {
            out.put("type", "message");
            out.put("id", id);
            out.put("status", "in_progress");
            out.put("role", "assistant");
            out.put("content", &[(); 0]);
        }
        Content::Thinking(_) => {
            out.put("type", "reasoning");
            out.put("id", id);
            out.put("summary", &[(); 0]);
        }
        Content::RedactedThinking
        | Content::ToolCall { .. }
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolResult { .. } => return item(part, id, "in_progress", None),
    }
    Some(out)
}

/// The item goes on with more words.
pub(super) fn append(
    frames: &mut Frames,
    (delta, more): (&Delta, &str),
    place: &Place,
    out: &mut Vec<u8>,
) {
    let kind = match delta {
        Delta::Text(_) => "response.output_text.delta",
        Delta::Refusal(_) => "response.refusal.delta",
        Delta::Thinking(_) => "response.reasoning_summary_text.delta",
        Delta::Arguments(_) => "response.function_call_arguments.delta",
        Delta::Signature(_) | Delta::RedactedThinking(_) | Delta::ToolCall { .. } => return,
    };
    let fields = |event: &mut Out| {
        match delta {
            Delta::Text(_) | Delta::Refusal(_) => place.put_piece(event, CONTENT),
            Delta::Thinking(_) => place.put_piece(event, SUMMARY),
            Delta::Arguments(_)
            | Delta::Signature(_)
            | Delta::RedactedThinking(_)
            | Delta::ToolCall { .. } => place.put(event),
        }
        event.put("delta", more);
        if matches!(delta, Delta::Text(_)) {
            event.put("logprobs", &[(); 0]);
        }
    };
    frames.send(kind, fields, out);
}

/// The item is done, and tells all of itself again.
pub(super) fn end(
    frames: &mut Frames,
    part: &Part,
    place: &Place,
    (status, logprobs): (&str, Option<&Json>),
    out: &mut Vec<u8>,
) {
    match &part.content {
        Content::Text(_) | Content::Refusal(_) => {
            end_words(frames, part, place, logprobs, out);
        }
        Content::Thinking(text) => end_thoughts(frames, text, place, out),
        Content::ToolCall { arguments, .. } => {
            let done = |event: &mut Out| {
                place.put(event);
                event.put("arguments", arguments);
            };
            frames.send("response.function_call_arguments.done", done, out);
        }
        Content::RedactedThinking
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolResult { .. } => {}
    }
    let done = |event: &mut Out| {
        event.put("output_index", &place.index);
        event.put_some("item", item(part, &place.id, status, logprobs));
    };
    frames.send("response.output_item.done", done, out);
}

fn end_words(
    frames: &mut Frames,
    part: &Part,
    place: &Place,
    logprobs: Option<&Json>,
    out: &mut Vec<u8>,
) {
    let whole = content(part, logprobs);
    if let Content::Refusal(text) = &part.content {
        let done = |event: &mut Out| {
            place.put_piece(event, CONTENT);
            event.put("refusal", text);
        };
        frames.send("response.refusal.done", done, out);
    } else if let Content::Text(text) = &part.content {
        let done = |event: &mut Out| {
            place.put_piece(event, CONTENT);
            event.put("text", text);
            match logprobs.and_then(tokens) {
                Some(tokens) => event.put("logprobs", &tokens),
                None => event.put("logprobs", &[(); 0]),
            }
        };
        frames.send("response.output_text.done", done, out);
    }
    let done = |event: &mut Out| {
        place.put_piece(event, CONTENT);
        event.put_some("part", whole);
    };
    frames.send("response.content_part.done", done, out);
}

fn end_thoughts(frames: &mut Frames, text: &str, place: &Place, out: &mut Vec<u8>) {
    let done = |event: &mut Out| {
        place.put_piece(event, SUMMARY);
        event.put("text", text);
    };
    frames.send("response.reasoning_summary_text.done", done, out);
    let done = |event: &mut Out| {
        place.put_piece(event, SUMMARY);
        event.put("part", &summary(text));
    };
    frames.send("response.reasoning_summary_part.done", done, out);
}
