//! A provider's chunks.

use super::{
    super::{error::read_error, read_finish, reply::Chunk},
    wire::{Said, WireCall, WireChoice, WireChunk},
};
use crate::{
    error::InvalidReply,
    event::{Delta, Event},
};

/// What a part is: a choice has one of text and refusal, and as many thoughts and calls as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    /// Goes on up to its signature.
    Thinking {
        is_signed: bool,
    },
    Redacted,
    Call,
}

/// A part that has begun.
#[derive(Debug)]
struct Begun {
    choice: u32,
    kind: Kind,
    /// Of a call: the provider's number of it, which some servers give to several, and its id.
    number: u64,
    id: String,
}

#[derive(Debug, Default)]
pub struct EventReader {
    has_begun: bool,
    /// In the order in which they began.
    parts: Vec<Begun>,
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
            self.add(choice, out)?;
        }
        out.extend(chunk.usage.map(|usage| Event::Usage(usage.into())));
        Ok(())
    }
}

impl EventReader {
    fn add(&mut self, choice: WireChoice, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let index = choice.index;
        let delta = choice.delta.unwrap_or_default();
        let mut said = Vec::new();
        let thought = delta.reasoning_content.or(delta.reasoning);
        said.extend(filled(thought).map(Delta::Thinking));
        for block in delta.thinking_blocks.into_iter().flatten() {
            said.extend(filled(block.data).map(Delta::RedactedThinking));
            said.extend(filled(block.signature).map(Delta::Signature));
        }
        said.extend(delta.content.map(words).unwrap_or_default());
        said.extend(filled(delta.refusal).map(Delta::Refusal));
        for delta in said {
            self.say(index, delta, out);
        }
        for (place, call) in delta.tool_calls.into_iter().flatten().enumerate() {
            self.call(index, place as u64, call, out)?;
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
        Ok(())
    }

    /// Words, thoughts and what signs them.
    fn say(&mut self, choice: u32, delta: Delta, out: &mut Vec<Event>) {
        let open = Kind::Thinking { is_signed: false };
        let kind = match &delta {
            Delta::Text(_) => Kind::Text,
            Delta::Refusal(_) => Kind::Refusal,
            Delta::RedactedThinking(_) => Kind::Redacted,
            Delta::Thinking(_)
            | Delta::Signature(_)
            | Delta::ToolCall { .. }
            | Delta::Arguments(_) => open,
        };
        let found = self.place(choice, |begun| begun.kind == kind && kind != Kind::Redacted);
        let is_signature = matches!(delta, Delta::Signature(_));
        let part = found.unwrap_or_else(|| {
            let part = self.begin(choice, kind);
            if is_signature {
                // A thought whose words are not shown.
                push((choice, part), Delta::Thinking(String::new()), out);
            }
            part
        });
        push((choice, part), delta, out);
        if is_signature {
            for begun in &mut self.parts {
                if begun.choice == choice && begun.kind == open {
                    begun.kind = Kind::Thinking { is_signed: true };
                }
            }
        }
    }

    /// A call begins where it is named. Some servers name it again with every piece, and some give all calls one
    /// number, so that only a new id tells that another begins.
    fn call(
        &mut self,
        choice: u32,
        place: u64,
        call: WireCall,
        out: &mut Vec<Event>,
    ) -> Result<(), InvalidReply> {
        let number = call.index.unwrap_or(place);
        let function = call.function.unwrap_or_default();
        let id = call.id.unwrap_or_default();
        let known = self.place(choice, |begun| {
            begun.kind == Kind::Call && begun.number == number && (id.is_empty() || begun.id == id)
        });
        let part = match (known, filled(function.name)) {
            (Some(part), _) => Some(part),
            (None, Some(name)) => {
                let part = self.begin(choice, Kind::Call);
                if let Some(begun) = self.parts.last_mut() {
                    (begun.number, begun.id) = (number, id.clone());
                }
                push((choice, part), Delta::ToolCall { id, name }, out);
                Some(part)
            }
            (None, None) => None,
        };
        let google = call.extra_content.and_then(|extra| extra.google);
        let signature = google.and_then(|google| google.thought_signature);
        let arguments = filled(function.arguments).map(Delta::Arguments);
        for delta in arguments.into_iter().chain(signature.map(Delta::Signature)) {
            let lost = || InvalidReply("arguments of a call that did not begin".to_owned());
            push((choice, part.ok_or_else(lost)?), delta, out);
        }
        Ok(())
    }

    /// The number, within its choice, of the last part that is wanted.
    fn place(&self, choice: u32, is_wanted: impl Fn(&Begun) -> bool) -> Option<u32> {
        let own = self.parts.iter().filter(|begun| begun.choice == choice);
        let found = own.zip(0..).filter(|(begun, _)| is_wanted(begun)).last();
        found.map(|(_, place)| place)
    }

    /// A new part's number within its choice.
    fn begin(&mut self, choice: u32, kind: Kind) -> u32 {
        let own = self.parts.iter().filter(|begun| begun.choice == choice);
        let count = own.count();
        self.parts.push(Begun {
            choice,
            kind,
            number: 0,
            id: String::new(),
        });
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

fn push((choice, part): (u32, u32), delta: Delta, out: &mut Vec<Event>) {
    out.push(Event::Delta {
        choice,
        part,
        delta,
    });
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn words(said: Said) -> Vec<Delta> {
    let chunks = match said {
        Said::Text(text) => vec![Chunk::Text { text }],
        Said::Chunks(chunks) => chunks,
    };
    let deltas = chunks.into_iter().filter_map(|chunk| match chunk {
        Chunk::Text { text } => filled(Some(text)).map(Delta::Text),
        Chunk::Thinking { thinking } => {
            let text = thinking.into_iter().map(|inner| inner.text).collect();
            filled(Some(text)).map(Delta::Thinking)
        }
    });
    deltas.collect()
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
    fn a_name_that_comes_again_is_the_same_call_and_a_new_id_another() {
        let piece = |id: &str, name: &str, arguments: &str| {
            format!(
                r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"id":"{id}","function":{{"name":"{name}","arguments":"{arguments}"}}}}]}}}}]}}"#
            )
        };
        let chunks = [
            piece("a", "f", "{"),
            piece("a", "f", "}"),
            piece("b", "f", "[]"),
        ];
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let parts: Vec<u32> = read(&chunks)
            .iter()
            .filter_map(|event| {
                let Event::Delta { part, .. } = event else {
                    return None;
                };
                Some(*part)
            })
            .collect();
        assert_eq!(parts, [0, 0, 0, 1, 1]);
        let lost =
            r#"{"choices":[{"delta":{"tool_calls":[{"index":3,"function":{"arguments":"{"}}]}}]}"#;
        let error = EventReader::default().read(lost.as_bytes(), &mut Vec::new());
        let error = error.expect_err("no call").to_string();
        assert_eq!(error, "arguments of a call that did not begin");
    }

    #[test]
    fn every_signed_thought_is_a_part_of_its_own() {
        let events = read(&[
            r#"{"choices":[{"delta":{"reasoning_content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"thinking_blocks":[{"type":"thinking","thinking":"","signature":"s1"}]}}]}"#,
            r#"{"choices":[{"delta":{"thinking_blocks":[{"type":"redacted_thinking","data":"d"}]}}]}"#,
            r#"{"choices":[{"delta":{"reasoning_content":"b"}}]}"#,
            r#"{"choices":[{"delta":{"thinking_blocks":[{"type":"thinking","thinking":"","signature":"s2"}]}}]}"#,
        ]);
        let parts: Vec<_> = events[1..]
            .iter()
            .map(|event| {
                let Event::Delta { part, delta, .. } = event else {
                    panic!("{event:?}");
                };
                (*part, delta.clone())
            })
            .collect();
        let expected = [
            (0, Delta::Thinking("a".into())),
            (0, Delta::Signature("s1".into())),
            (1, Delta::RedactedThinking("d".into())),
            (2, Delta::Thinking("b".into())),
            (2, Delta::Signature("s2".into())),
        ];
        assert_eq!(parts, expected);
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
