//! The typed event stream
//! (<https://platform.openai.com/docs/api-reference/responses-streaming>): every part of a reply is an output item,
//! and several may be open at once.

mod frame;
mod item;

use self::{frame::Frames, item::Place};
use super::{
    Ending, ending,
    write::{Echo, Failure, response},
};
use crate::{
    error::{ApiError, ErrorKind},
    event::{Delta, Event},
    json::Json,
    reply::{Choice, Reply},
    request::{Content, Part, Request},
};

#[derive(Debug)]
pub struct EventWriter {
    echo: Echo,
    /// As far as it has come; the parts of its one choice are the items.
    reply: Reply,
    /// Of each item: its part's number in the events, and whether more of it may come.
    items: Vec<(u32, bool)>,
    /// How likely the words were, as it came: in the form of chat completions.
    tokens: Vec<String>,
    frames: Frames,
    has_begun: bool,
    has_ended: bool,
}

impl EventWriter {
    /// The request is repeated in the response.
    pub fn new(request: &Request) -> Self {
        Self {
            echo: Echo::new(request),
            reply: Reply {
                choices: vec![Choice::default()],
                ..Reply::default()
            },
            items: Vec::new(),
            tokens: Vec::new(),
            frames: Frames::default(),
            has_begun: false,
            has_ended: false,
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        self.has_begun = true;
        for kind in ["response.created", "response.in_progress"] {
            self.state(kind, ("in_progress", None), None, out);
        }
    }

    /// The response as far as it has come.
    fn state(
        &mut self,
        kind: &'static str,
        status: (&'static str, Option<&'static str>),
        failure: Option<Failure<'_>>,
        out: &mut Vec<u8>,
    ) {
        let response = response(&self.echo, &self.reply, status, failure);
        self.frames
            .send(kind, |event| event.put("response", &response), out);
    }

    fn delta(&mut self, number: u32, delta: &Delta, out: &mut Vec<u8>) {
        let known = self.items.iter().rposition(|(of, _)| *of == number);
        if let Delta::Signature(signature) = delta {
            if let Some(index) = known {
                self.reply.choices[0].parts[index].signature = Some(signature.clone());
            }
            return;
        }
        let open = known.filter(|index| self.items[*index].1);
        let index = match open {
            Some(index) => index,
            None => {
                let Some(part) = begun_by(delta) else { return };
                self.add(number, part, out)
            }
        };
        let part = &mut self.reply.choices[0].parts[index];
        if let Some((text, more)) = growing(&mut part.content, delta) {
            text.push_str(more);
            let place = Place::new(&self.reply.id, index, part);
            item::append(&mut self.frames, (delta, more), &place, out);
        }
    }

    /// Begins an item. What came before is done, but for calls that are no whole object yet: those may interleave.
    fn add(&mut self, number: u32, part: Part, out: &mut Vec<u8>) -> usize {
        self.close(is_whole, "completed", out);
        let index = self.items.len();
        let place = Place::new(&self.reply.id, index, &part);
        item::begin(&mut self.frames, &part, &place, out);
        self.items.push((number, true));
        self.reply.choices[0].parts.push(part);
        index
    }

    /// Ends the open items that are done. `last`: the status of the last of all.
    fn close(&mut self, is_done: impl Fn(&Part) -> bool, last: &str, out: &mut Vec<u8>) {
        let choice = &self.reply.choices[0];
        let count = self.items.len();
        for (index, (_, open)) in self.items.iter_mut().enumerate() {
            let part = &choice.parts[index];
            if !*open || !is_done(part) {
                continue;
            }
            *open = false;
            let place = Place::new(&self.reply.id, index, part);
            let status = if index + 1 == count {
                last
            } else {
                "completed"
            };
            let told = (status, choice.logprobs.as_ref());
            item::end(&mut self.frames, part, &place, told, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.has_ended = true;
        let Ending {
            status,
            incomplete,
            failure,
        } = ending(self.reply.choices.first());
        let last = if status == "completed" {
            status
        } else {
            "incomplete"
        };
        self.close(|_| true, last, out);
        let kind = match status {
            "completed" => "response.completed",
            "incomplete" => "response.incomplete",
            _ => "response.failed",
        };
        let failure = failure.as_deref().map(|message| Failure {
            code: "server_error",
            message,
        });
        self.state(kind, (status, incomplete), failure, out);
    }

    /// Before there is a response, an error stands alone.
    fn fail(&mut self, error: &ApiError, out: &mut Vec<u8>) {
        self.has_ended = true;
        let code = failure_code(error.kind);
        if self.has_begun {
            let message = &error.message;
            let failure = Some(Failure { code, message });
            self.state("response.failed", ("failed", None), failure, out);
            return;
        }
        let fields = |event: &mut crate::Out| {
            event.put("code", code);
            event.put("message", &error.message);
            event.put("param", &error.param);
        };
        self.frames.send("error", fields, out);
    }

    /// Tokens come in pieces, and are told whole with their words.
    fn add_tokens(&mut self, logprobs: &Json) {
        let Ok(mut object) = logprobs.object("logprobs") else {
            return;
        };
        for item in object.list("content").unwrap_or_default() {
            self.tokens.push(item.raw.get().to_owned());
        }
        let all = format!(r#"{{"content":[{}]}}"#, self.tokens.join(","));
        self.reply.choices[0].logprobs = Json::parse(&all);
    }
}

/// The API's code of a failed response.
fn failure_code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::ContentFilter | ErrorKind::TooLarge => {
            "invalid_prompt"
        }
        ErrorKind::ContextLength => "context_length_exceeded",
        ErrorKind::RateLimit => "rate_limit_exceeded",
        ErrorKind::Quota => "insufficient_quota",
        ErrorKind::Authentication
        | ErrorKind::Permission
        | ErrorKind::NotFound
        | ErrorKind::Overloaded
        | ErrorKind::Timeout
        | ErrorKind::Server => "server_error",
    }
}

/// The part that begins with a delta; without words yet. Arguments and signatures begin none.
fn begun_by(delta: &Delta) -> Option<Part> {
    let content = match delta {
        Delta::Text(_) => Content::Text(String::new()),
        Delta::Refusal(_) => Content::Refusal(String::new()),
        Delta::Thinking(_) => Content::Thinking(String::new()),
        Delta::RedactedThinking(data) => {
            return Some(Part {
                signature: Some(data.clone()),
                ..Part::new(Content::RedactedThinking)
            });
        }
        Delta::ToolCall { id, name } => Content::ToolCall {
            id: id.clone(),
            name: name.clone(),
            arguments: String::new(),
        },
        Delta::Signature(_) | Delta::Arguments(_) => return None,
    };
    Some(Part::new(content))
}

/// The text that a delta adds to, and what it adds.
fn growing<'a, 'b>(
    content: &'a mut Content,
    delta: &'b Delta,
) -> Option<(&'a mut String, &'b String)> {
    match (content, delta) {
        (Content::Text(text), Delta::Text(more))
        | (Content::Refusal(text), Delta::Refusal(more))
        | (Content::Thinking(text), Delta::Thinking(more))
        | (
            Content::ToolCall {
                arguments: text, ..
            },
            Delta::Arguments(more),
        ) if !more.is_empty() => Some((text, more)),
        _ => None,
    }
}

fn is_whole(part: &Part) -> bool {
    match &part.content {
        Content::ToolCall { arguments, .. } => Json::parse(arguments).is_some(),
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Thinking(_)
        | Content::RedactedThinking
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolResult { .. } => true,
    }
}

impl crate::EventWriter for EventWriter {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.has_ended {
            return;
        }
        match event {
            Event::Start { id, model, created } => {
                self.reply.id.clone_from(id);
                self.reply.model.clone_from(model);
                self.reply.created = *created;
                self.begin(out);
            }
            Event::Delta {
                choice: 0,
                part,
                delta,
            } => self.delta(*part, delta, out),
            Event::Logprobs {
                choice: 0,
                logprobs,
            } => self.add_tokens(logprobs),
            Event::Finish { choice: 0, finish } => {
                self.reply.choices[0].finish = Some(finish.clone());
            }
            // The API has one choice: nobody can have asked for more.
            Event::Delta { .. } | Event::Finish { .. } | Event::Logprobs { .. } => {}
            Event::Usage(usage) => self.reply.usage = Some(*usage),
            Event::Error(error) => self.fail(error, out),
            Event::Done => self.end(out),
        }
    }
}
