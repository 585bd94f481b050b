//! What the record and the judge need of a reply, read while it passes.

mod tools;
mod typed;

use std::borrow::Cow;

use floopy_shared::domain::money::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use self::tools::ToolCall;
use self::tools::ToolCalls;
use crate::call::Endpoint;

/// What is known of a reply so far. Holds content: not `Debug`.
#[derive(Default)]
pub(crate) struct Facts {
    pub completion_id: Option<String>,
    /// `None`: the upstream reported none.
    pub usage: Option<Usage>,
    /// A finish reason came.
    pub finished: bool,
    /// The stream's closing `[DONE]` came.
    pub done: bool,
    /// The upstream reported an error within the reply.
    pub failed: bool,
    /// The model, or its provider's filter, declined to answer.
    pub refused: bool,
    /// It calls tools.
    pub calls_tools: bool,
    /// Without its calls of tools.
    pub text: String,
    /// Something of the text was cut.
    pub truncated: bool,
    /// Of all text, kept or cut, and of calls of tools.
    pub text_bytes: u64,
    /// `None`: there is none.
    tools: Option<Box<ToolCalls>>,
    max_text: usize,
}

/// What one event of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Chunk,
    /// A chunk that says what the stream cost, and nothing else.
    Usage,
    Done,
    Error,
    /// Not a JSON object.
    Unreadable,
}

/// Why a reply ends that is longer than it may be.
const TOO_LONG: &str = "\"length\"";
/// Why a reply ends that the provider's filter cut.
const FILTERED: &str = "\"content_filter\"";

/// A reply or a part of it; `C` are its choices.
#[derive(Deserialize)]
struct Envelope<'a, C = Vec<Choice<'a>>> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default = "Option::default")]
    choices: Option<C>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default, alias = "delta")]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
    /// What calls were before there were several.
    #[serde(borrow, default)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Envelope<'a> {
    /// Reads everything at once. Where choices are not as they should be, the rest is read all the same.
    fn read(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().or_else(|| {
            serde_json::from_slice::<Envelope<'a, &RawValue>>(json)
                .ok()
                .map(Self::from)
        })
    }
}

impl<'a> From<Envelope<'a, &'a RawValue>> for Envelope<'a> {
    fn from(envelope: Envelope<'a, &'a RawValue>) -> Self {
        // One that says nothing stands for what cannot be read: there is something.
        let nothing = || vec![Choice::default()];
        let choices = envelope
            .choices
            .map(|raw| serde_json::from_str(raw.get()).unwrap_or_else(|_| nothing()));
        Self {
            id: envelope.id,
            choices,
            data: envelope.data,
            usage: envelope.usage,
            error: envelope.error,
        }
    }
}

impl Facts {
    pub(super) fn new(max_text: usize) -> Self {
        Self {
            max_text,
            ..Self::default()
        }
    }

    /// Only how it ended, without what it said.
    pub(super) fn ending(&self) -> Self {
        let (done, finished, failed) = (self.done, self.finished, self.failed);
        Self {
            done,
            finished,
            failed,
            refused: self.refused,
            ..Self::default()
        }
    }

    /// Reads a reply that is not streamed, or says what it is instead of one.
    pub(super) fn of_whole(
        body: &[u8],
        endpoint: Endpoint,
        max_text: usize,
    ) -> Result<Self, &'static str> {
        let envelope = Envelope::read(body).ok_or("a body that is not a JSON object")?;
        let (has_content, without) = match endpoint {
            Endpoint::Embeddings => (envelope.data.is_some(), "a reply without data"),
            Endpoint::Chat | Endpoint::Responses | Endpoint::Messages | Endpoint::CountTokens => {
                (envelope.choices.is_some(), "a reply without choices")
            }
        };
        if !has_content {
            let is_error = envelope.error.is_some();
            return Err(if is_error {
                "an error under a success status"
            } else {
                without
            });
        }
        let mut facts = Self::new(max_text);
        facts.take(&envelope);
        Ok(facts)
    }

    /// Reads one event of a stream.
    pub(super) fn add_event(&mut self, data: &[u8]) -> Event {
        if data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Event::Done;
        }
        let Some(envelope) = Envelope::read(data) else {
            return Event::Unreadable;
        };
        self.take(&envelope);
        if envelope.error.is_some() {
            self.failed = true;
            return Event::Error;
        }
        if envelope.usage.is_some() && envelope.choices.is_none_or(|choices| choices.is_empty()) {
            return Event::Usage;
        }
        Event::Chunk
    }

    fn take(&mut self, envelope: &Envelope<'_>) {
        if self.completion_id.is_none() {
            let id = envelope
                .id
                .and_then(text)
                .filter(|id| !id.is_empty() && id.len() <= 256);
            self.completion_id = id.map(Cow::into_owned);
        }
        if let Some(usage) = envelope.usage.and_then(read_usage) {
            self.usage = Some(usage);
        }
        for choice in envelope.choices.iter().flatten() {
            self.finished |= choice.finish_reason.is_some();
            self.refused |= choice
                .finish_reason
                .is_some_and(|why| why.get() == FILTERED);
            if let Some(message) = &choice.message {
                self.add_message(choice.index.unwrap_or(0), message);
            }
            if choice
                .finish_reason
                .is_some_and(|why| why.get() == TOO_LONG)
            {
                self.cut_tools(choice.index.unwrap_or(0));
            }
        }
    }

    fn add_message(&mut self, choice: u32, message: &Message<'_>) {
        let calls = message.tool_calls.filter(|calls| calls.get() != "[]");
        let calls = calls.or(message.function_call);
        if let Some(calls) = calls {
            self.calls_tools = true;
            self.tools.get_or_insert_default().take(choice, calls);
        }
        if let Some(refusal) = message
            .refusal
            .and_then(text)
            .filter(|said| !said.is_empty())
        {
            self.refused = true;
            self.add_text(&refusal);
        }
        match (message.content.and_then(text), calls) {
            (Some(content), _) if !content.is_empty() => self.add_text(&content),
            (_, Some(tool_calls)) => self.text_bytes += tool_calls.get().len() as u64,
            (_, None) => {}
        }
    }

    /// Whether it calls a tool with arguments that cannot be read, and was not cut.
    pub(crate) fn has_invalid_tool_call(&self) -> bool {
        self.finished && self.tools.as_ref().is_some_and(|tools| tools.are_invalid())
    }

    /// What it calls of tools, as far as there was room for it.
    pub(crate) fn take_calls(&mut self) -> Vec<ToolCall> {
        let tools = self.tools.take();
        tools.map_or_else(Vec::new, |tools| tools.into_calls().collect())
    }

    fn cut_tools(&mut self, choice: u32) {
        if let Some(tools) = &mut self.tools {
            tools.cut(choice);
        }
    }

    /// Cuts the text that is kept.
    pub(crate) fn cut_text(&mut self, max_bytes: usize) {
        let end = self.text.floor_char_boundary(max_bytes);
        self.truncated |= end < self.text.len();
        self.text.truncate(end);
    }

    fn add_text(&mut self, text: &str) {
        self.text_bytes += text.len() as u64;
        let room = self.max_text.saturating_sub(self.text.len());
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&text[..end]);
        self.truncated |= end < text.len();
    }
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get())
        .ok()
        .map(|text| text.0)
}

fn read_usage(raw: &RawValue) -> Option<Usage> {
    let usage: WireUsage = serde_json::from_str(raw.get()).ok()?;
    let cached = usage
        .prompt_tokens_details
        .and_then(|details| details.cached_tokens);
    Some(Usage {
        input: usage.prompt_tokens?,
        cached_input: cached.unwrap_or(0),
        output: usage.completion_tokens.unwrap_or(0),
    })
}

#[cfg(test)]
mod tests;
