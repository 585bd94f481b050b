//! What the typed form of a request asks for: read of callers whose protocol is not chat completions.

use std::borrow::Cow;

use floopy_protocols::{Content, Field, Format, Message, Part, Request, Role};
use floopy_shared::domain::{
    affinity::Origin,
    features::{Features, IMAGE_TOKENS},
};

use super::{Prompt, Seen, chat::BYTES_PER_TOKEN, excerpt, history::History, prompt};
use crate::digest::digest_64;

/// Reads everything but the model. `origin`: whose content the history may be bound to.
pub(super) fn read<'a>(request: &'a Request, origin: Origin) -> Seen<'a> {
    let mut counted = Counted::default();
    for message in &request.messages {
        counted.add(message);
    }
    let schema_name = match &request.format {
        Some(Format::JsonSchema { name, .. }) => Some(Cow::Borrowed(name.as_str())),
        Some(Format::JsonObject | Format::Text) | None => None,
    };
    let json_expected = matches!(
        request.format,
        Some(Format::JsonObject | Format::JsonSchema { .. })
    );
    let features = features(request, &counted);
    let system = first(request, |role| {
        matches!(role, Role::System | Role::Developer)
    });
    let first_user = first(request, |role| role == Role::User);
    let last_user = request
        .messages
        .iter()
        .rev()
        .find(|message| message.role == Role::User && has_text(message));
    let text = |message: Option<&'a Message>| message.map_or(Cow::Borrowed(""), text_of);
    let earlier =
        first_user.filter(|first| last_user.is_none_or(|last| !std::ptr::eq(*first, last)));
    let (system, user) = (system.map(text_of), request.user.as_deref());
    let opening = opening(user, system.as_deref(), &text(first_user));
    Seen {
        features,
        json_expected,
        schema_name,
        system,
        first_user_text: text(earlier),
        user_text: text(last_user),
        tool_names: request
            .tools
            .iter()
            .map(|tool| tool.name.as_str().into())
            .collect(),
        history: history(&request.messages, origin),
        opening,
        // Their words come in several forms, which are not compared.
        questions: super::Questions::default(),
        user: user.map(Cow::Borrowed),
    }
}

/// What candidates must be capable of.
fn features(request: &Request, counted: &Counted) -> Features {
    let tool_bytes: u64 = request.tools.iter().map(tool_bytes).sum();
    let tokens = |bytes: u64, images: u64| bytes / BYTES_PER_TOKEN + images * IMAGE_TOKENS;
    let replied = counted.replied;
    let is_providers = |field: &Field| field.at.0.starts_with("tools[");
    Features {
        tools: !request.tools.is_empty(),
        vision: counted.images > 0,
        json_schema: matches!(request.format, Some(Format::JsonSchema { .. })),
        stream: request.stream,
        embeddings: false,
        messages: u32::try_from(request.messages.len()).unwrap_or(u32::MAX),
        input_tokens_estimate: tokens(counted.bytes + tool_bytes, counted.images),
        max_output_tokens: request.sampling.max_output_tokens,
        history_tokens_estimate: replied
            .map_or(0, |(bytes, images)| tokens(bytes + tool_bytes, images)),
        provider_tools: request.rest.iter().any(is_providers),
    }
}

/// The conversation as text, its end first of all.
pub(super) fn prompt(request: &Request, max_bytes: usize) -> Prompt {
    let lines = request.messages.iter().rev().filter_map(line);
    prompt::last_of(lines, max_bytes)
}

fn line(message: &Message) -> Option<String> {
    let texts: Vec<&str> = texts(&message.parts).collect();
    let role = match message.role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    (!texts.is_empty()).then(|| format!("{role}: {}", texts.join("\n")))
}

fn first(request: &Request, is: impl Fn(Role) -> bool) -> Option<&Message> {
    let mut messages = request.messages.iter();
    messages.find(|message| is(message.role) && has_text(message))
}

fn has_text(message: &Message) -> bool {
    texts(&message.parts).next().is_some()
}

fn texts(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| part.content.as_text())
}

fn text_of(message: &Message) -> Cow<'_, str> {
    excerpt::of_texts(texts(&message.parts).collect())
}

fn tool_bytes(tool: &floopy_protocols::Tool) -> u64 {
    let schema = tool.parameters.as_ref().map_or(0, |json| json.text().len());
    let words = tool.name.len() + tool.description.as_ref().map_or(0, String::len);
    (schema + words) as u64
}

#[derive(Default)]
struct Counted {
    bytes: u64,
    images: u64,
    /// Both, up to the end of the last reply.
    replied: Option<(u64, u64)>,
}

impl Counted {
    fn add(&mut self, message: &Message) {
        for part in &message.parts {
            self.add_part(part);
        }
        if message.role == Role::Assistant {
            self.replied = Some((self.bytes, self.images));
        }
    }

    fn add_part(&mut self, part: &Part) {
        match &part.content {
            Content::Text(text) | Content::Refusal(text) | Content::Thinking(text) => {
                self.bytes += text.len() as u64;
            }
            Content::Image(_) => self.images += 1,
            Content::ToolCall { arguments, .. } => self.bytes += arguments.len() as u64,
            Content::ToolResult { parts, .. } => {
                for inner in parts {
                    self.add_part(inner);
                }
            }
            Content::Audio(_) | Content::Document(_) | Content::RedactedThinking => {}
        }
    }
}

/// Who wrote the history, as far as it says; signatures are those of the protocol's own family.
fn history(messages: &[Message], origin: Origin) -> History {
    let mut history = History::default();
    for message in messages {
        match message.role {
            Role::Assistant => {
                (history.tool_loop, history.calls_open, history.caller) = (false, false, None);
                for part in &message.parts {
                    add_part(&mut history, part, origin);
                }
            }
            Role::User | Role::Tool => {
                let is_result = |part: &Part| matches!(part.content, Content::ToolResult { .. });
                let answers = message.parts.iter().any(is_result);
                history.tool_loop = history.calls_open && answers;
                history.calls_open = history.tool_loop;
            }
            Role::System | Role::Developer => {}
        }
    }
    history
}

fn add_part(history: &mut History, part: &Part, origin: Origin) {
    match &part.content {
        Content::ToolCall { id, .. } => {
            history.calls_open = true;
            history.caller = history.caller.or_else(|| super::history::writer_of(id));
        }
        Content::Thinking(_) | Content::RedactedThinking if part.signature.is_some() => {
            history.bound_to = Some(origin);
        }
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolResult { .. }
        | Content::Thinking(_)
        | Content::RedactedThinking => {}
    }
}

/// Hashes who is talking and how the conversation began.
fn opening(user: Option<&str>, system: Option<&str>, first: &str) -> u64 {
    let parts = [user.unwrap_or_default(), system.unwrap_or_default(), first];
    digest_64(&parts.map(str::as_bytes))
}
