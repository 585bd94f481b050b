//! Replies of OpenAI's own Responses API, read while their bytes pass: what was said, and what it cost.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    error::{ApiError, ErrorKind, InvalidReply},
    event::{Delta, Event},
    reply::{Choice, Finish, Reply, Usage},
    request::{Content, Part},
};

#[derive(Deserialize)]
struct WireResponse {
    #[serde(default)]
    id: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    created_at: Option<serde_json::Number>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    incomplete_details: Option<Incomplete>,
    #[serde(default)]
    error: Option<WireError>,
    #[serde(default)]
    output: Vec<Item>,
    #[serde(default)]
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Incomplete {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// An item, or a piece of a message's content; of kinds that are not known only that they are there.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Item {
    r#type: String,
    content: Vec<Piece>,
    call_id: String,
    name: String,
    arguments: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Piece {
    r#type: String,
    text: String,
    refusal: String,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: u64,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: u64,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        Self {
            input: wire.input_tokens,
            cached_input: wire.input_tokens_details.map_or(0, |d| d.cached_tokens),
            cache_write: 0,
            output: wire.output_tokens,
            reasoning: wire.output_tokens_details.map_or(0, |d| d.reasoning_tokens),
        }
    }
}

impl WireResponse {
    fn finish(&self) -> Finish {
        let reason = self.incomplete_details.as_ref();
        match (self.status.as_deref(), reason.map(|r| r.reason.as_str())) {
            (Some("incomplete"), Some("content_filter")) => Finish::ContentFilter,
            (Some("incomplete"), _) => Finish::Length,
            (Some("failed" | "cancelled"), _) => {
                let code = self.error.as_ref().and_then(|error| error.code.clone());
                Finish::Failed(code.unwrap_or_else(|| "failed".to_owned()))
            }
            (Some(_) | None, _)
                if self
                    .output
                    .iter()
                    .any(|item| item.r#type == "function_call") =>
            {
                Finish::ToolCalls
            }
            (Some(_) | None, _) => Finish::Stop,
        }
    }

    fn error(&self) -> ApiError {
        let said = self.error.as_ref();
        let message = said.and_then(|error| error.message.clone());
        ApiError {
            kind: ErrorKind::Server,
            message: message.unwrap_or_else(|| "the response failed".to_owned()),
            code: said.and_then(|error| error.code.clone()),
            param: None,
        }
    }
}

fn parts(items: Vec<Item>) -> Vec<Part> {
    let mut parts = Vec::new();
    for item in items {
        if item.r#type == "function_call" {
            parts.push(Part::new(Content::ToolCall {
                id: item.call_id,
                name: item.name,
                arguments: item.arguments,
            }));
        }
        parts.extend(item.content.into_iter().filter_map(piece));
    }
    parts
}

fn piece(piece: Piece) -> Option<Part> {
    match piece.r#type.as_str() {
        "output_text" => Some(Part::text(piece.text)),
        "refusal" => Some(Part::new(Content::Refusal(piece.refusal))),
        _ => None,
    }
}

/// Reads a whole reply.
pub fn read_reply(body: &[u8]) -> Result<Reply, InvalidReply> {
    let wire: WireResponse = serde_json::from_slice(body)
        .map_err(|e| InvalidReply(format!("a response that cannot be read: {e}")))?;
    if wire.status.is_none() {
        return Err(InvalidReply("a response without a status".to_owned()));
    }
    let finish = wire.finish();
    Ok(Reply {
        created: wire
            .created_at
            .as_ref()
            .and_then(serde_json::Number::as_u64),
        choices: vec![Choice {
            parts: parts(wire.output),
            finish: Some(finish),
            ..Choice::default()
        }],
        id: wire.id,
        model: wire.model,
        usage: wire.usage.map(Into::into),
        rest: Vec::new(),
    })
}

#[derive(Deserialize)]
struct WireEvent {
    r#type: String,
    #[serde(default)]
    response: Option<WireResponse>,
    #[serde(default)]
    output_index: u32,
    #[serde(default)]
    delta: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
    #[serde(default)]
    item: Option<Box<RawValue>>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

/// What an item begins as.
#[derive(Deserialize)]
struct Begun {
    r#type: String,
    #[serde(default)]
    call_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

impl WireEvent {
    /// The call of a function that an item is.
    fn call(&self) -> Option<Begun> {
        let item = serde_json::from_str::<Begun>(self.item.as_deref()?.get()).ok()?;
        (item.r#type == "function_call").then_some(item)
    }
}

/// Reads what matters of a stream, and passes over the rest: the last event repeats everything.
#[derive(Debug, Default)]
pub struct EventReader {
    has_begun: bool,
    /// Places of calls whose arguments were told.
    argued: BTreeSet<u32>,
}

impl crate::EventReader for EventReader {
    fn read(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let event: WireEvent = serde_json::from_slice(data)
            .map_err(|e| InvalidReply(format!("an event that cannot be read: {e}")))?;
        let part = event.output_index;
        let mut put = |delta: fn(String) -> Delta| {
            out.extend(event.delta.clone().map(|text| Event::Delta {
                choice: 0,
                part,
                delta: delta(text),
            }));
        };
        match event.r#type.as_str() {
            "response.output_text.delta" => put(Delta::Text),
            "response.refusal.delta" => put(Delta::Refusal),
            "response.function_call_arguments.delta" => {
                put(Delta::Arguments);
                self.argued.insert(part);
            }
            "response.function_call_arguments.done" => self.argue(part, event.arguments, out),
            "response.output_item.done" => {
                let arguments = event.call().and_then(|call| call.arguments);
                self.argue(part, arguments, out);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                put(Delta::Thinking);
            }
            "response.output_item.added" => {
                out.extend(event.call().map(|call| Event::Delta {
                    choice: 0,
                    part,
                    delta: Delta::ToolCall {
                        id: call.call_id.unwrap_or_default(),
                        name: call.name.unwrap_or_default(),
                    },
                }));
            }
            "error" => out.push(Event::Error(ApiError {
                kind: ErrorKind::Server,
                message: event.message.unwrap_or_default(),
                code: event.code,
                param: None,
            })),
            _ => self.read_response(event, out),
        }
        Ok(())
    }
}

impl EventReader {
    /// Some servers tell arguments only when they are whole.
    fn argue(&mut self, part: u32, arguments: Option<String>, out: &mut Vec<Event>) {
        let arguments = arguments.filter(|arguments| !arguments.is_empty());
        let arguments = arguments.filter(|_| self.argued.insert(part));
        out.extend(arguments.map(|arguments| Event::Delta {
            choice: 0,
            part,
            delta: Delta::Arguments(arguments),
        }));
    }

    fn read_response(&mut self, event: WireEvent, out: &mut Vec<Event>) {
        let Some(response) = event.response else {
            return;
        };
        if !std::mem::replace(&mut self.has_begun, true) {
            out.push(Event::Start {
                id: response.id.clone(),
                model: response.model.clone(),
                created: None,
            });
        }
        match event.r#type.as_str() {
            "response.failed" => out.push(Event::Error(response.error())),
            "response.completed" | "response.incomplete" => {
                let (choice, finish) = (0, response.finish());
                out.push(Event::Finish { choice, finish });
                out.extend(response.usage.map(|usage| Event::Usage(usage.into())));
                out.push(Event::Done);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventReader as _;

    #[test]
    fn a_stream_tells_its_text_its_cost_and_its_end() {
        let (mut reader, mut out) = (EventReader::default(), Vec::new());
        for data in [
            r#"{"type":"response.created","response":{"id":"resp_1","model":"m","status":"in_progress","output":[]}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message"}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"hi"}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}}"#,
            r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","name":7}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"}"#,
            r#"{"type":"response.function_call_arguments.done","output_index":1,"arguments":"{}"}"#,
            r#"{"type":"response.output_item.done","output_index":3,"item":{"type":"function_call","name":"g","arguments":"{}"}}"#,
            r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":2},"output_tokens":1}}}"#,
        ] {
            reader.read(data.as_bytes(), &mut out).expect("readable");
        }
        let usage = Usage {
            input: 5,
            cached_input: 2,
            output: 1,
            ..Usage::default()
        };
        let text = Event::Delta {
            choice: 0,
            part: 0,
            delta: Delta::Text("hi".into()),
        };
        assert_eq!(out[1], text);
        let of_call = |delta| Event::Delta {
            choice: 0,
            part: 1,
            delta,
        };
        let (id, name) = ("c".to_owned(), "f".to_owned());
        assert_eq!(out[2], of_call(Delta::ToolCall { id, name }));
        assert_eq!(out[3], of_call(Delta::Arguments("{}".into())));
        let (choice, part, delta) = (0, 3, Delta::Arguments("{}".into()));
        assert_eq!(
            out[4],
            Event::Delta {
                choice,
                part,
                delta
            }
        );
        let (choice, finish) = (0, Finish::Stop);
        let end = [
            Event::Finish { choice, finish },
            Event::Usage(usage),
            Event::Done,
        ];
        assert_eq!(out[5..], end);
    }

    #[test]
    fn what_failed_is_told_as_failed() {
        let failed = br#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"gone"}}}"#;
        let mut out = Vec::new();
        EventReader::default()
            .read(failed, &mut out)
            .expect("readable");
        assert!(matches!(&out[1], Event::Error(error) if error.message == "gone"));
        let body = br#"{"id":"r","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}]}"#;
        let reply = read_reply(body).expect("readable");
        assert_eq!(reply.choices[0].finish, Some(Finish::Length));
        assert!(read_reply(br#"{"error":{}}"#).is_err());
    }
}
