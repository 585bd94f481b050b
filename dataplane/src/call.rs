//! A request body, peeked at and kept: what routing needs is read from it, its bytes travel on.

mod chat;
mod embeddings;
mod error;
mod excerpt;
mod fields;
mod history;
mod member;
pub(crate) mod newer;
mod prompt;
mod questions;
mod said;
mod site;
mod splice;
mod template;
mod tools;
mod typed;
mod untouched;
mod usage;
mod value;

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use floopy_protocols::{CallerApi, Invalid, Request, messages, responses};
use floopy_shared::domain::{
    affinity::Origin,
    features::Features,
    firewall::output::Redacted,
    prompt::PromptVersion,
    shape::{Classification, ShapeKey, Signal, Signals, chain, explain},
};
use serde_json::value::RawValue;

pub(crate) use self::chat::BYTES_PER_TOKEN;
pub use self::error::InvalidCall;
pub use self::history::History;
pub use self::prompt::Prompt;
pub use self::questions::Questions;
pub(crate) use self::template::Unfillable;
use self::{fields::Fields, value::text};
use crate::digest::digest_64;

/// What is asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Chat,
    /// In the form of OpenAI's Responses.
    Responses,
    /// In Anthropic's form.
    Messages,
    /// The same, of which only the tokens are counted.
    CountTokens,
    Embeddings,
}

impl Endpoint {
    /// The API in which it is asked and answered; none of those that are translated where it is not a
    /// conversation.
    pub fn api(self) -> Option<CallerApi> {
        match self {
            Self::Chat => Some(CallerApi::Chat),
            Self::Responses => Some(CallerApi::Responses),
            Self::Messages => Some(CallerApi::Messages),
            Self::CountTokens | Self::Embeddings => None,
        }
    }
}

/// One parsed call. Not `Debug`: it holds content.
#[derive(Clone)]
pub struct Call {
    body: Bytes,
    model_span: Range<usize>,
    /// Empty where there are none.
    messages_span: Range<usize>,
    /// What makes a stream report its usage; `None`: the caller asks for it, or there is no stream.
    usage_edit: Option<usage::Edit>,
    is_untouched: bool,
    /// Values for a stored prompt, which are nobody's but ours.
    inputs_span: Option<Range<usize>>,
    /// The stored prompt that the messages begin with.
    prompted: Option<PromptVersion>,
    /// What of them is that prompt's.
    front: template::Front,
    endpoint: Endpoint,
    model: String,
    stream: bool,
    json_expected: bool,
    /// More than one reply is asked for.
    wants_several: bool,
    features: Features,
    shapes: Vec<ShapeKey>,
    /// What spoke for the class among them.
    class_signals: Vec<Signal>,
    history: History,
    opening: u64,
    questions: Questions,
    user: Option<Box<str>>,
    /// What was taken out of it.
    redacted: Vec<Redacted>,
}

impl Call {
    /// Reads the body; `task` is the `floopy-task` header.
    pub fn parse(body: Bytes, endpoint: Endpoint, task: Option<&str>) -> Result<Self, InvalidCall> {
        let fields = Fields::read(&body)?;
        let (model, model_span) = read_model(&fields, &body)?;
        let typed;
        let seen = match endpoint {
            Endpoint::Chat => chat::read(&fields)?,
            Endpoint::Embeddings => embeddings::read(&fields)?,
            Endpoint::Responses => {
                typed = responses::read_request(&body).map_err(InvalidCall::Typed)?;
                typed::read(&typed, Origin::OpenAi)
            }
            Endpoint::Messages | Endpoint::CountTokens => {
                let read = if endpoint == Endpoint::Messages {
                    messages::read_request
                } else {
                    messages::read_count_request
                };
                typed = read(&body).map_err(InvalidCall::Typed)?;
                typed::read(&typed, Origin::Anthropic)
            }
        };
        let (shapes, class_signals) = seen.shapes(task);
        let user = seen.user.as_deref().filter(|user| !user.is_empty());
        let user = user.map(Box::from);
        let stream = seen.features.stream;
        let messages_span = fields.messages.map_or(0..0, |raw| span_of(raw, &body));
        let usage_edit = (stream && endpoint == Endpoint::Chat)
            .then(|| usage::edit(fields.stream_options, model_span.end, &body))
            .flatten();
        // Embeddings have no stored prompt, and their providers may well mean something by it.
        let inputs_span = inputs_span(&fields, &body).filter(|_| endpoint != Endpoint::Embeddings);
        Ok(Self {
            model_span,
            messages_span,
            usage_edit,
            is_untouched: false,
            inputs_span,
            prompted: None,
            front: template::Front::default(),
            endpoint,
            model,
            stream,
            json_expected: seen.json_expected,
            wants_several: fields.n.is_some_and(|n| n.get() != "1"),
            features: seen.features,
            shapes,
            class_signals,
            history: seen.history,
            opening: seen.opening,
            questions: seen.questions,
            user,
            redacted: Vec::new(),
            body,
        })
    }

    /// This was taken out before it was read.
    pub(crate) fn with_redacted(self, redacted: Vec<Redacted>) -> Self {
        Self { redacted, ..self }
    }

    /// What was taken out of it.
    pub(crate) fn redacted(&self) -> &[Redacted] {
        &self.redacted
    }

    /// What is asked for.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The `model` as the caller wrote it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether the caller wants events.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the caller asked for JSON.
    pub fn json_expected(&self) -> bool {
        self.json_expected
    }

    /// Whether more than one reply is asked for.
    pub fn wants_several(&self) -> bool {
        self.wants_several
    }

    /// What candidates must be capable of.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The task shapes, most specific first.
    pub fn shapes(&self) -> &[ShapeKey] {
        &self.shapes
    }

    /// What spoke for the class among the shapes, strongest first.
    pub fn class_signals(&self) -> &[Signal] {
        &self.class_signals
    }

    /// What the history says of who wrote it.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// A hash of how the conversation began and who it is with; the same for each of its turns.
    pub fn opening(&self) -> u64 {
        self.opening
    }

    /// What the user said last, as digests.
    pub fn questions(&self) -> Questions {
        self.questions
    }

    /// The last two questions as text; content.
    pub(crate) fn asked(&self) -> Option<(String, String)> {
        questions::read(self.body.get(self.messages_span.clone())?)
    }

    /// The end user: OpenAI's `user`, or Anthropic's `metadata.user_id`.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The stored prompt that its messages begin with.
    pub fn prompted(&self) -> Option<PromptVersion> {
        self.prompted
    }

    /// As it came.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// In the form between all APIs, of a call that is a conversation.
    pub(crate) fn typed(&self) -> Result<Request, Invalid> {
        match self.endpoint.api() {
            Some(api) => api.read_request(&self.body),
            None => Err(Invalid::NotJson("it is no conversation".to_owned())),
        }
    }

    /// How long its body is.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Whether the caller wants to see what a stream cost; where there is none, it is never hidden.
    pub fn asks_usage(&self) -> bool {
        self.is_untouched || self.usage_edit.is_none()
    }

    /// The body with this model in place of the caller's, and with the request for a stream's usage where
    /// `with_usage` says so; every other byte is the caller's.
    pub fn body_for(&self, model: &str, with_usage: bool) -> Bytes {
        if self.is_untouched {
            return self.body.clone();
        }
        let usage = self.usage_edit.as_ref().filter(|_| with_usage);
        splice::splice(&self.body, (&self.model_span, model), usage)
    }

    /// The conversation as text for a judge, at most `max_bytes` of it.
    pub fn prompt(&self, max_bytes: usize) -> Prompt {
        match self.endpoint {
            Endpoint::Chat | Endpoint::Embeddings => {
                prompt::read(&self.body[self.messages_span.clone()], max_bytes)
            }
            Endpoint::Responses | Endpoint::Messages | Endpoint::CountTokens => {
                let typed = self.typed();
                typed.map_or_else(
                    |_| prompt::read(&[], max_bytes),
                    |t| typed::prompt(&t, max_bytes),
                )
            }
        }
    }
}

/// What the readers of both endpoints find.
struct Seen<'a> {
    features: Features,
    json_expected: bool,
    schema_name: Option<Cow<'a, str>>,
    system: Option<Cow<'a, str>>,
    first_user_text: Cow<'a, str>,
    user_text: Cow<'a, str>,
    tool_names: Vec<Cow<'a, str>>,
    history: History,
    opening: u64,
    questions: Questions,
    /// The end user.
    user: Option<Cow<'a, str>>,
}

impl Seen<'_> {
    /// The task shapes, and what spoke for the class among them.
    fn shapes(&self, task: Option<&str>) -> (Vec<ShapeKey>, Vec<Signal>) {
        let tool_names: Vec<&str> = self.tool_names.iter().map(AsRef::as_ref).collect();
        let signals = Signals {
            task,
            system_prompt: self.system.as_deref(),
            tool_names: &tool_names,
            schema_name: self.schema_name.as_deref(),
            json_expected: self.json_expected,
            first_user_text: &self.first_user_text,
            user_text: &self.user_text,
            features: self.features,
        };
        let Classification {
            class,
            signals: spoke,
        } = explain(&signals);
        (chain(site::of(&signals), class), spoke)
    }
}

/// Where the values for a stored prompt are.
fn inputs_span(fields: &Fields<'_>, body: &Bytes) -> Option<Range<usize>> {
    fields.inputs.map(|raw| member::span_of(raw, body))
}

fn read_model(fields: &Fields<'_>, body: &Bytes) -> Result<(String, Range<usize>), InvalidCall> {
    let raw = fields.model.ok_or(InvalidCall::Missing {
        field: "model",
        expected: MODEL,
    })?;
    let Some(model) = text(raw) else {
        return Err(InvalidCall::shown("model", raw, MODEL));
    };
    if model.trim().is_empty() {
        return Err(InvalidCall::shown("model", raw, MODEL));
    }
    Ok((model.into_owned(), span_of(raw, body)))
}

const MODEL: &str = "a model id, a comma list of them, or \"auto\"";

/// Where a value that was borrowed from the body lies in it.
fn span_of(raw: &RawValue, body: &Bytes) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - body.as_ptr() as usize;
    start..start + raw.get().len()
}

/// Hashes who is talking and how the conversation began.
fn opening_hash<const N: usize>(parts: [Option<&RawValue>; N]) -> u64 {
    digest_64(&parts.map(|part| part.map_or("", RawValue::get).as_bytes()))
}

#[cfg(test)]
mod tests;
