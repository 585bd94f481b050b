//! The provider's events.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{error::read_error, read_finish, usage::ReadUsage};
use crate::{
    error::InvalidReply,
    event::{Delta, Event},
};

#[derive(Debug, Default)]
pub struct EventReader {
    /// The blocks that have begun.
    blocks: Vec<Block>,
    /// How many parts have begun.
    count: u32,
    usage: ReadUsage,
    has_said: bool,
}

#[derive(Debug)]
struct Block {
    index: u64,
    kind: Kind,
    /// Its part, once that has begun.
    part: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Call {
        has_arguments: bool,
    },
    /// Only the API's own tools bring it.
    Foreign,
}

#[derive(Deserialize)]
struct Tag {
    r#type: String,
}

#[derive(Deserialize)]
struct Start {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    model: String,
    #[serde(default)]
    usage: Option<ReadUsage>,
}

#[derive(Deserialize)]
struct BlockStart<'a> {
    index: u64,
    #[serde(borrow)]
    content_block: WireBlock<'a>,
}

#[derive(Deserialize)]
struct WireBlock<'a> {
    r#type: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct BlockDelta {
    index: u64,
    delta: WireDelta,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireDelta {
    TextDelta {
        text: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    SignatureDelta {
        signature: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    /// Citations, and what is yet to come.
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct BlockStop {
    index: u64,
}

#[derive(Deserialize)]
struct MessageDelta {
    delta: Ending,
    #[serde(default)]
    usage: Option<ReadUsage>,
}

#[derive(Deserialize)]
struct Ending {
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
}

fn parse<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, InvalidReply> {
    serde_json::from_slice(data)
        .map_err(|e| InvalidReply(format!("an event that cannot be read: {e}")))
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
        match parse::<Tag>(data)?.r#type.as_str() {
            "message_start" => {
                if self.has_said {
                    return Err(InvalidReply("a stream that begins twice".to_owned()));
                }
                let Start { message } = parse(data)?;
                out.push(Event::Start {
                    id: message.id,
                    model: message.model,
                    created: None,
                });
                self.update(message.usage, out);
            }
            "content_block_start" => self.start(parse(data)?, out)?,
            "content_block_delta" => self.delta(parse(data)?, out)?,
            "content_block_stop" => self.stop(&parse(data)?, out)?,
            "message_delta" => {
                let MessageDelta { delta, usage } = parse(data)?;
                self.update(usage, out);
                out.extend(delta.stop_reason.map(|word| Event::Finish {
                    choice: 0,
                    finish: read_finish(&word, delta.stop_sequence),
                }));
            }
            "message_stop" => out.push(Event::Done),
            // The status went out before.
            "error" => out.push(Event::Error(read_error(200, data))),
            // Pings, and what is yet to come, which the API asks to ignore.
            _ => {}
        }
        Ok(())
    }

    fn update(&mut self, usage: Option<ReadUsage>, out: &mut Vec<Event>) {
        if let Some(usage) = usage {
            self.usage.update(usage);
            out.push(Event::Usage(self.usage.total()));
        }
    }

    fn start(&mut self, start: BlockStart<'_>, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let (index, block) = (start.index, start.content_block);
        let missing = |name| InvalidReply(format!("a {} block without {name}", block.r#type));
        let mut deltas = Vec::new();
        let kind = match block.r#type.as_str() {
            "text" => {
                deltas.extend(filled(block.text).map(Delta::Text));
                Kind::Text
            }
            "thinking" => {
                // Begins even where its words are not shown.
                deltas.push(Delta::Thinking(block.thinking.unwrap_or_default()));
                deltas.extend(filled(block.signature).map(Delta::Signature));
                Kind::Thinking
            }
            "redacted_thinking" => {
                let data = block.data.ok_or_else(|| missing("data"))?;
                deltas.push(Delta::RedactedThinking(data));
                Kind::Foreign
            }
            "tool_use" => {
                let name = block.name.ok_or_else(|| missing("name"))?;
                let id = block.id.ok_or_else(|| missing("id"))?;
                deltas.push(Delta::ToolCall { id, name });
                let whole = block.input.map(RawValue::get);
                let whole = whole.filter(|input| !is_empty_object(input));
                deltas.extend(whole.map(|input| Delta::Arguments(input.to_owned())));
                Kind::Call {
                    has_arguments: whole.is_some(),
                }
            }
            _ => Kind::Foreign,
        };
        self.blocks.push(Block {
            index,
            kind,
            part: None,
        });
        deltas
            .into_iter()
            .try_for_each(|delta| self.push(index, delta, out))
    }

    fn delta(
        &mut self,
        BlockDelta { index, delta }: BlockDelta,
        out: &mut Vec<Event>,
    ) -> Result<(), InvalidReply> {
        let block = self.block(index)?;
        let delta = match (delta, block.kind) {
            (WireDelta::TextDelta { text }, Kind::Text) => Delta::Text(text),
            (WireDelta::ThinkingDelta { thinking }, Kind::Thinking) => Delta::Thinking(thinking),
            (WireDelta::SignatureDelta { signature }, Kind::Thinking) => {
                Delta::Signature(signature)
            }
            (WireDelta::InputJsonDelta { partial_json }, Kind::Call { .. }) => {
                if partial_json.is_empty() {
                    return Ok(());
                }
                block.kind = Kind::Call {
                    has_arguments: true,
                };
                Delta::Arguments(partial_json)
            }
            (WireDelta::Unknown, _) | (_, Kind::Foreign) => return Ok(()),
            (_, Kind::Text | Kind::Thinking | Kind::Call { .. }) => {
                let said = format!("block {index} continues as another kind");
                return Err(InvalidReply(said));
            }
        };
        self.push(index, delta, out)
    }

    /// A call that said nothing takes no arguments.
    fn stop(
        &mut self,
        BlockStop { index }: &BlockStop,
        out: &mut Vec<Event>,
    ) -> Result<(), InvalidReply> {
        let is_silent_call = self.block(*index)?.kind
            == Kind::Call {
                has_arguments: false,
            };
        if is_silent_call {
            return self.push(*index, Delta::Arguments("{}".to_owned()), out);
        }
        Ok(())
    }

    fn block(&mut self, index: u64) -> Result<&mut Block, InvalidReply> {
        let found = self.blocks.iter_mut().rev().find(|b| b.index == index);
        found.ok_or_else(|| InvalidReply(format!("block {index} continues before it began")))
    }

    fn push(&mut self, index: u64, delta: Delta, out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let next = self.count;
        let part = *self.block(index)?.part.get_or_insert(next);
        if part == next {
            self.count += 1;
        }
        out.push(Event::Delta {
            choice: 0,
            part,
            delta,
        });
        Ok(())
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn is_empty_object(json: &str) -> bool {
    json.chars()
        .all(|c| matches!(c, '{' | '}') || c.is_whitespace())
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
    fn what_is_unknown_is_ignored_and_errors_are_told() {
        let events = read(&[
            r#"{"type":"ping"}"#,
            r#"{"type":"a_new_event","x":1}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ])
        .unwrap();
        let [Event::Error(error)] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(error.kind, crate::ErrorKind::Overloaded);
    }

    #[test]
    fn broken_streams_are_named() {
        for (event, expected) in [
            ("{", "an event that cannot be read"),
            (
                r#"{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"a"}}"#,
                "block 3 continues before it began",
            ),
            (
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t"}}"#,
                "a tool_use block without name",
            ),
        ] {
            let error = read(&[event]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_call_without_arguments_has_an_empty_object() {
        let events = read(&[
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"now","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
        ])
        .unwrap();
        let Event::Delta { part: 0, delta, .. } = &events[1] else {
            panic!("{events:?}");
        };
        assert_eq!(delta, &Delta::Arguments("{}".into()));
        assert_eq!(events.len(), 2);
    }
}
