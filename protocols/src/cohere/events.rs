//! A stream: events with a `type`. Those of types that are not known here say nothing that has a word elsewhere
//! (`content-end`, `tool-call-end`, citations, `debug`).

use serde::Deserialize;

use super::{
    read_finish,
    wire::{LogprobItem, WireUsage, logprobs},
};
use crate::{
    error::{ApiError, ErrorKind, InvalidReply},
    event::{Delta, Event},
};

/// What a part is: content and calls are numbered apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plan,
    Text(u64),
    Thinking(u64),
    Call(u64),
}

#[derive(Debug, Default)]
pub struct EventReader {
    /// The parts in the order in which they began.
    parts: Vec<Kind>,
    has_said: bool,
}

#[derive(Deserialize)]
struct WireEvent {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    delta: WireDelta,
    #[serde(default)]
    logprobs: Option<LogprobItem>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireDelta {
    message: Message,
    finish_reason: Option<String>,
    usage: Option<WireUsage>,
    error: Option<String>,
}

/// What a message brings depends on the event; citations may be there in a form of their own.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    content: Option<Content>,
    tool_plan: Option<String>,
    tool_calls: Option<Call>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Content {
    text: Option<String>,
    thinking: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

/// What every event has. The message of the first is a whole one, with lists, and empty.
#[derive(Deserialize)]
struct Head {
    r#type: String,
    #[serde(default)]
    id: Option<String>,
}

impl crate::EventReader for EventReader {
    fn read(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let before = out.len();
        self.read_event(data, out)?;
        self.has_said |= out.len() > before;
        Ok(())
    }
}

impl EventReader {
    fn read_event(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let unreadable = |e| InvalidReply(format!("an event that cannot be read: {e}"));
        let head: Head = serde_json::from_slice(data).map_err(unreadable)?;
        match head.r#type.as_str() {
            "message-start" if self.has_said => {
                return Err(InvalidReply("a stream that begins twice".to_owned()));
            }
            "message-start" => out.push(Event::Start {
                id: head.id.unwrap_or_default(),
                model: String::new(),
                created: None,
            }),
            "message-end" => {
                let event: WireEvent = serde_json::from_slice(data).map_err(unreadable)?;
                end(event.delta, out);
            }
            "content-start" | "content-delta" | "tool-plan-delta" | "tool-call-start"
            | "tool-call-delta" => {
                let event = serde_json::from_slice(data).map_err(unreadable)?;
                self.message(event, out)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, event: WireEvent, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let index = event.index;
        let message = event.delta.message;
        let content = message.content.unwrap_or_default();
        for (kind, text) in [
            (Kind::Plan, message.tool_plan),
            (Kind::Thinking(index), content.thinking),
            (Kind::Text(index), content.text),
        ] {
            let text = text.unwrap_or_default();
            if text.is_empty() {
                continue;
            }
            let delta = match kind {
                Kind::Text(_) => Delta::Text(text),
                Kind::Plan | Kind::Thinking(_) | Kind::Call(_) => Delta::Thinking(text),
            };
            self.put(kind, delta, out);
        }
        if let Some(call) = message.tool_calls {
            self.call(Kind::Call(index), call, out)?;
        }
        let logprobs = event.logprobs.and_then(|item| logprobs(&[item]));
        out.extend(logprobs.map(|logprobs| Event::Logprobs {
            choice: 0,
            logprobs,
        }));
        Ok(())
    }

    /// A call begins where it is named.
    fn call(&mut self, kind: Kind, call: Call, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let function = call.function.unwrap_or_default();
        let has_begun = self.parts.contains(&kind);
        if let Some(name) = function.name {
            if has_begun {
                return Err(InvalidReply("a call that begins twice".to_owned()));
            }
            let id = call
                .id
                .ok_or_else(|| InvalidReply("a call without an id".to_owned()))?;
            self.put(kind, Delta::ToolCall { id, name }, out);
        } else if !has_begun {
            return Err(InvalidReply(
                "arguments of a call that did not begin".to_owned(),
            ));
        }
        let arguments = function.arguments.filter(|text| !text.is_empty());
        if let Some(arguments) = arguments {
            self.put(kind, Delta::Arguments(arguments), out);
        }
        Ok(())
    }

    /// The part's number is its place; a new one begins.
    fn put(&mut self, kind: Kind, delta: Delta, out: &mut Vec<Event>) {
        let place = self.parts.iter().position(|known| *known == kind);
        let place = place.unwrap_or_else(|| {
            self.parts.push(kind);
            self.parts.len() - 1
        });
        out.push(Event::Delta {
            choice: 0,
            part: u32::try_from(place).unwrap_or(u32::MAX),
            delta,
        });
    }
}

fn end(delta: WireDelta, out: &mut Vec<Event>) {
    let usage = delta.usage.and_then(WireUsage::read);
    if let Some(message) = delta.error {
        out.extend(usage.map(Event::Usage));
        out.push(Event::Error(ApiError {
            kind: ErrorKind::Server,
            message,
            code: delta.finish_reason,
            param: None,
        }));
        return;
    }
    out.extend(delta.finish_reason.map(|word| Event::Finish {
        choice: 0,
        finish: read_finish(&word),
    }));
    out.extend(usage.map(Event::Usage));
    out.push(Event::Done);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventReader as _;

    fn read(events: &[&str]) -> Result<Vec<Event>, InvalidReply> {
        let (mut reader, mut out) = (EventReader::default(), Vec::new());
        for event in events {
            reader.read(event.as_bytes(), &mut out)?;
        }
        Ok(out)
    }

    #[test]
    fn what_has_no_word_elsewhere_is_passed_over() {
        let events = read(&[
            r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":1,"end":2,"text":"a"}}}}"#,
            r#"{"type":"citation-end","index":0}"#,
            r#"{"type":"content-end","index":0}"#,
            r#"{"type":"of-next-year","delta":[1]}"#,
        ]);
        assert_eq!(events, Ok(Vec::new()));
    }

    #[test]
    fn an_error_at_the_end_is_the_last_event() {
        let events = read(&[
            r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"it broke","usage":{"tokens":{"input_tokens":1}}}}"#,
        ])
        .expect("readable");
        assert!(matches!(&events[0], Event::Usage(usage) if usage.input == 1));
        assert!(matches!(&events[1], Event::Error(error) if error.message == "it broke"));
        assert_eq!(events.len(), 2);
    }

    #[test]
    fn arguments_belong_to_a_call() {
        let lost = r#"{"type":"tool-call-delta","index":3,"delta":{"message":{"tool_calls":{"function":{"arguments":"{"}}}}}"#;
        assert!(read(&[lost]).is_err());
    }
}
