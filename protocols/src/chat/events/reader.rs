//! A provider's chunks.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{error::read_error, read_finish, reply::Chunk, usage::WireUsage};
use crate::{
    error::InvalidReply,
    event::{Delta, Event},
    json::Json,
};

/// What a part is: a choice has one of each, and as many calls as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Thinking,
    /// Its number among the calls.
    Call(u64),
}

#[derive(Debug, Default)]
pub struct EventReader {
    has_begun: bool,
    /// The parts in the order in which they began, with their choices.
    parts: Vec<(u32, Kind)>,
}

#[derive(Deserialize)]
struct WireChunk<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    created: Option<serde_json::Number>,
    #[serde(default)]
    choices: Option<Vec<WireChoice>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireChoice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Option<WireDelta>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    logprobs: Option<Json>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireDelta {
    content: Option<Said>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    thinking_blocks: Option<Vec<WireBlock>>,
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Text(String),
    Chunks(Vec<Chunk>),
}

#[derive(Deserialize)]
struct WireBlock {
    #[serde(default)]
    signature: Option<String>,
}

#[derive(Deserialize)]
struct WireCall {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<WireFunction>,
    #[serde(default)]
    extra_content: Option<Extra>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireFunction {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Extra {
    #[serde(default)]
    google: Option<Google>,
}

#[derive(Deserialize)]
struct Google {
    #[serde(default)]
    thought_signature: Option<String>,
}

impl crate::EventReader for EventReader {
    fn read(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        if data.trim_ascii() == b"[DONE]" {
            out.push(Event::Done);
            return Ok(());
        }
        let chunk: WireChunk<'_> = serde_json::from_slice(data)
            .map_err(|e| InvalidReply(format!("a chunk that cannot be read: {e}")))?;
        if chunk.error.is_some() {
            out.push(Event::Error(read_error(500, data)));
            return Ok(());
        }
        if !self.has_begun {
            self.has_begun = true;
            out.push(Event::Start {
                id: chunk.id.unwrap_or_default(),
                model: chunk.model.unwrap_or_default(),
                created: chunk.created.and_then(|created| created.as_u64()),
            });
        }
        for choice in chunk.choices.unwrap_or_default() {
            self.add(choice, out);
        }
        out.extend(chunk.usage.map(|usage| Event::Usage(usage.into())));
        Ok(())
    }
}

impl EventReader {
    fn add(&mut self, choice: WireChoice, out: &mut Vec<Event>) {
        let index = choice.index;
        let delta = choice.delta.unwrap_or_default();
        let mut put = |kind: Kind, delta: Delta| {
            let part = self.part(index, kind);
            out.push(Event::Delta {
                choice: index,
                part,
                delta,
            });
        };
        let thought = delta.reasoning_content.or(delta.reasoning);
        if let Some(thought) = filled(thought) {
            put(Kind::Thinking, Delta::Thinking(thought));
        }
        for block in delta.thinking_blocks.into_iter().flatten() {
            if let Some(signature) = filled(block.signature) {
                put(Kind::Thinking, Delta::Signature(signature));
            }
        }
        for (kind, delta) in delta.content.map(said).unwrap_or_default() {
            put(kind, delta);
        }
        if let Some(refusal) = filled(delta.refusal) {
            put(Kind::Refusal, Delta::Refusal(refusal));
        }
        for (place, call) in delta.tool_calls.into_iter().flatten().enumerate() {
            let number = call.index.unwrap_or(place as u64);
            for delta in call_deltas(call) {
                put(Kind::Call(number), delta);
            }
        }
        out.extend(choice.logprobs.map(|logprobs| Event::Logprobs {
            choice: index,
            logprobs,
        }));
        let finish = choice.finish_reason.as_deref().map(read_finish);
        out.extend(finish.map(|finish| Event::Finish {
            choice: index,
            finish,
        }));
    }

    /// The part's number within its choice; a new one begins.
    fn part(&mut self, choice: u32, kind: Kind) -> u32 {
        let mut own = self.parts.iter().filter(|(of, _)| *of == choice);
        let found = own.position(|(_, known)| *known == kind);
        let index = found.unwrap_or_else(|| {
            let count = self.parts.iter().filter(|(of, _)| *of == choice).count();
            self.parts.push((choice, kind));
            count
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn said(said: Said) -> Vec<(Kind, Delta)> {
    let chunks = match said {
        Said::Text(text) => vec![Chunk::Text { text }],
        Said::Chunks(chunks) => chunks,
    };
    let deltas = chunks.into_iter().map(|chunk| match chunk {
        Chunk::Text { text } => (text.is_empty(), Kind::Text, Delta::Text(text)),
        Chunk::Thinking { thinking } => {
            let text: String = thinking.into_iter().map(|inner| inner.text).collect();
            (text.is_empty(), Kind::Thinking, Delta::Thinking(text))
        }
    });
    deltas
        .filter(|(is_empty, ..)| !is_empty)
        .map(|(_, kind, delta)| (kind, delta))
        .collect()
}

/// A call begins where it is named.
fn call_deltas(call: WireCall) -> Vec<Delta> {
    let function = call.function.unwrap_or_default();
    let mut deltas = Vec::new();
    if let Some(name) = filled(function.name) {
        let id = call.id.unwrap_or_default();
        deltas.push(Delta::ToolCall { id, name });
    }
    deltas.extend(filled(function.arguments).map(Delta::Arguments));
    let google = call.extra_content.and_then(|extra| extra.google);
    let signature = google.and_then(|google| google.thought_signature);
    deltas.extend(signature.map(Delta::Signature));
    deltas
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventReader as _;

    fn read(chunks: &[&str]) -> Vec<Event> {
        let (mut reader, mut out) = (EventReader::default(), Vec::new());
        for chunk in chunks {
            reader.read(chunk.as_bytes(), &mut out).expect("readable");
        }
        out
    }

    #[test]
    fn interleaved_calls_keep_their_numbers() {
        let events = read(&[
            r#"{"id":"i","model":"m","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}},{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}},{"index":1,"function":{"arguments":"}"}}]}}]}"#,
        ]);
        let of = |wanted: u32| {
            let delta = |event: &Event| {
                let Event::Delta { part, delta, .. } = event else {
                    return None;
                };
                (*part == wanted).then(|| delta.clone())
            };
            events.iter().filter_map(delta).collect::<Vec<_>>()
        };
        let call = |id: &str, name: &str| Delta::ToolCall {
            id: id.into(),
            name: name.into(),
        };
        assert_eq!(of(0), [call("a", "f"), Delta::Arguments("{}".into())]);
        assert_eq!(
            of(1),
            [
                call("b", "g"),
                Delta::Arguments("{".into()),
                Delta::Arguments("}".into())
            ]
        );
    }

    #[test]
    fn thoughts_in_chunks_and_errors_in_the_middle_are_understood() {
        let events = read(&[
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]}}]}"#,
            r#"{"error":{"message":"gone","type":"server_error"}}"#,
        ]);
        assert!(
            matches!(&events[1], Event::Delta { delta: Delta::Thinking(text), .. } if text == "hm")
        );
        assert!(matches!(&events[3], Event::Error(error) if error.message == "gone"));
    }
}
