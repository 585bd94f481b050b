//! Chunks for a caller.

use serde::Serialize;

use super::super::{error::write_error, finish_word, reply::Block, usage::WireUsage};
use crate::{
    error::ApiError,
    event::{Delta, Event},
    json::{Json, Out},
    reply::{Finish, Usage},
};

#[derive(Debug, Default)]
pub struct EventWriter {
    id: String,
    model: String,
    created: u64,
    with_usage: bool,
    /// Choices that have said who speaks.
    begun: Vec<u32>,
    /// The calls in the order in which they began: choice and part.
    calls: Vec<(u32, u32)>,
    /// The parts that are words: what signs them is no thought.
    texts: Vec<(u32, u32)>,
    /// The last that was said, for the end.
    usage: Option<Usage>,
    failed: bool,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [WireChoice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
}

#[derive(Serialize)]
struct WireChoice<'a> {
    index: u32,
    delta: Out,
    finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<&'a Json>,
}

impl EventWriter {
    /// `with_usage`: the caller asked to be told what the stream cost.
    pub fn new(with_usage: bool) -> Self {
        Self {
            with_usage,
            ..Self::default()
        }
    }

    fn chunk(&self, choices: &[WireChoice<'_>], usage: Option<WireUsage>, out: &mut Vec<u8>) {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage,
        };
        event(&serde_json::to_vec(&chunk).unwrap_or_default(), out);
    }

    fn delta(&mut self, (choice, part): (u32, u32), delta: &Delta, out: &mut Vec<u8>) {
        let mut wire = Out::default();
        if !self.begun.contains(&choice) {
            self.begun.push(choice);
            wire.put("role", "assistant");
        }
        match delta {
            Delta::Text(text) => {
                self.texts.push((choice, part));
                self.texts.dedup();
                wire.put("content", text);
            }
            Delta::Refusal(text) => wire.put("refusal", text),
            Delta::Thinking(text) => wire.put("reasoning_content", text),
            Delta::RedactedThinking(data) => {
                wire.put("thinking_blocks", &[block(None, Some(data))])
            }
            Delta::Signature(signature) => {
                self.signature((choice, part), signature, &mut wire);
            }
            Delta::ToolCall { id, name } => {
                self.calls.push((choice, part));
                let function = serde_json::json!({"name": name, "arguments": ""});
                let mut call = self.call((choice, part));
                call.put("id", id);
                call.put("type", "function");
                call.put("function", &function);
                wire.put("tool_calls", &[call]);
            }
            Delta::Arguments(text) => {
                let mut call = self.call((choice, part));
                call.put("function", &serde_json::json!({"arguments": text}));
                wire.put("tool_calls", &[call]);
            }
        }
        self.choice(choice, wire, (None, None), out);
    }

    /// On a call it is Google's, on a thought Anthropic's.
    fn signature(&self, of: (u32, u32), signature: &str, wire: &mut Out) {
        if self.texts.contains(&of) {
            return;
        }
        if self.calls.contains(&of) {
            let google = serde_json::json!({"google": {"thought_signature": signature}});
            let mut call = self.call(of);
            // OpenAI's own package takes no piece of a call without it.
            call.put("function", &serde_json::json!({"arguments": ""}));
            call.put("extra_content", &google);
            wire.put("tool_calls", &[call]);
        } else {
            wire.put("thinking_blocks", &[block(Some(signature), None)]);
        }
    }

    /// A call under its number among the calls of its choice.
    fn call(&self, of: (u32, u32)) -> Out {
        let mut own = self.calls.iter().filter(|(choice, _)| *choice == of.0);
        let mut call = Out::default();
        call.put("index", &own.position(|known| *known == of).unwrap_or(0));
        call
    }

    fn choice(
        &self,
        index: u32,
        delta: Out,
        (finish_reason, logprobs): (Option<&'static str>, Option<&Json>),
        out: &mut Vec<u8>,
    ) {
        let choice = WireChoice {
            index,
            delta,
            finish_reason,
            logprobs,
        };
        self.chunk(&[choice], None, out);
    }

    fn fail(&mut self, error: &ApiError, out: &mut Vec<u8>) {
        self.failed = true;
        event(&write_error(error).1, out);
    }

    fn finish(&mut self, choice: u32, finish: &Finish, out: &mut Vec<u8>) {
        let Some(error) = finish.failure() else {
            self.choice(
                choice,
                Out::default(),
                (Some(finish_word(finish)), None),
                out,
            );
            return;
        };
        self.fail(&error, out);
    }
}

fn block<'a>(signature: Option<&'a str>, data: Option<&'a str>) -> Block<'a> {
    Block {
        r#type: if data.is_some() {
            "redacted_thinking"
        } else {
            "thinking"
        },
        thinking: signature.map(|_| ""),
        signature,
        data,
    }
}

fn event(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

impl crate::EventWriter for EventWriter {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::Start { id, model, created } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
                self.created = created.unwrap_or(0);
            }
            Event::Delta {
                choice,
                part,
                delta,
            } => self.delta((*choice, *part), delta, out),
            Event::Logprobs { choice, logprobs } => {
                self.choice(*choice, Out::default(), (None, Some(logprobs)), out);
            }
            Event::Finish { choice, finish } => self.finish(*choice, finish, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error(error) => self.fail(error, out),
            Event::Done => {
                if let Some(usage) = self.usage.filter(|_| self.with_usage) {
                    self.chunk(&[], Some((&usage).into()), out);
                }
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
        }
    }
}
