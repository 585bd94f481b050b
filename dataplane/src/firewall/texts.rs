//! What is said in a call, message by message: read from any of the three APIs alike, and from what they do not know yet.
//! Every string counts but those that are no text, so that nothing is missed because it stands in a new place.

mod node;

use std::{fmt::Write as _, ops::Range};

use floopy_firewall::scan;
use floopy_shared::domain::firewall::{Place, Role};

use self::node::{Node, parse};

/// Of messages and their parts: names, ids, addresses and media.
const NO_TEXT: [&str; 20] = [
    "role",
    "type",
    "name",
    "id",
    "tool_call_id",
    "tool_use_id",
    "call_id",
    "item_id",
    "url",
    "image_url",
    "file_id",
    "file_data",
    "file_url",
    "filename",
    "input_audio",
    "media_type",
    "signature",
    "encrypted_content",
    "status",
    "cache_control",
];
/// Keys that a place is told by. Others may be the caller's own words.
const SHOWN: [&str; 12] = [
    "content",
    "text",
    "output",
    "input",
    "arguments",
    "source",
    "data",
    "title",
    "context",
    "summary",
    "function",
    "tool_calls",
];

/// The text of a message that one role is the author of.
pub(super) struct Text {
    role: Role,
    text: String,
    /// Without what the tenant lets pass, as many bytes; `None`: there is nothing of that.
    blanked: Option<String>,
    segments: Vec<Segment>,
}

/// Where a part of it is from.
struct Segment {
    start: usize,
    at: String,
}

/// The texts of a call by those whose messages are looked at, and each of their parts by itself: an attack may be cut up, and
/// it may be amid much else. What cannot be read is looked at as it is.
pub(super) fn read(body: &[u8], roles: &[Role], allow: &[String]) -> Vec<Text> {
    let mut texts = whole(body, roles);
    let several = texts.iter().filter(|text| text.segments.len() > 1);
    let parts: Vec<Text> = several.flat_map(Text::parts).collect();
    texts.extend(parts);
    for text in &mut texts {
        text.blank(allow);
    }
    texts
}

/// What the system prompts of a call say, and what its users and tools do.
pub(super) struct Said {
    pub system: Vec<String>,
    pub others: Vec<String>,
}

/// The same texts by who says them, without what models said.
pub(super) fn said(body: &[u8]) -> Said {
    let (system, others): (Vec<Text>, Vec<Text>) = whole(body, &Role::USUAL)
        .into_iter()
        .partition(|text| text.role == Role::System);
    let texts = |texts: Vec<Text>| texts.into_iter().map(|text| text.text).collect();
    Said {
        system: texts(system),
        others: texts(others),
    }
}

fn whole(body: &[u8], roles: &[Role]) -> Vec<Text> {
    let mut reading = Reading {
        roles,
        texts: Vec::new(),
        is_new: true,
    };
    match parse(body) {
        Ok(body) => {
            reading.whole(&body.system, "system", Role::System);
            reading.whole(&body.instructions, "instructions", Role::System);
            reading.whole(&body.prompt, "prompt", Role::User);
            reading.messages(&body.messages, "messages");
            reading.messages(&body.input, "input");
        }
        Err(_) => reading.add(&String::from_utf8_lossy(body), "body", Role::User),
    }
    reading.texts
}

impl Text {
    pub(super) fn message(&self) -> scan::Message<'_> {
        let role = match self.role {
            Role::System => scan::Role::System,
            Role::User => scan::Role::User,
            Role::Assistant => scan::Role::Assistant,
            Role::Tool => scan::Role::Tool,
        };
        scan::Message {
            role,
            text: self.blanked.as_deref().unwrap_or(&self.text),
        }
    }

    /// Where these bytes of it are in the call.
    pub(super) fn place(&self, span: &Range<usize>) -> Option<Place> {
        let boundary = |at: usize| self.text.floor_char_boundary(at);
        let span = boundary(span.start)..boundary(span.end);
        // Of several parts the one that has most of it.
        let overlap = |part: &Segment, end: usize| {
            let (first, last) = (span.start.max(part.start), span.end.min(end));
            last.saturating_sub(first)
        };
        let parts = self.segments.iter().zip(self.ends());
        let (part, end) = parts.max_by_key(|(part, end)| overlap(part, *end))?;
        let within = |at: usize| at.clamp(part.start, end);
        let count = |range: Range<usize>| Some(self.text.get(range)?.chars().count() as u64);
        let start = count(part.start..within(span.start))?;
        Some(Place {
            at: part.at.clone(),
            role: self.role,
            start,
            end: start + count(within(span.start)..within(span.end))?,
        })
    }

    /// Where each part ends.
    fn ends(&self) -> impl Iterator<Item = usize> {
        let next = self.segments.iter().skip(1);
        next.map(|next| next.start - 1).chain([self.text.len()])
    }

    fn parts(&self) -> impl Iterator<Item = Self> {
        let parts = self.segments.iter().zip(self.ends());
        parts.map(|(part, end)| Self {
            role: self.role,
            text: self.text[part.start..end].to_owned(),
            blanked: None,
            segments: vec![Segment {
                start: 0,
                at: part.at.clone(),
            }],
        })
    }

    /// Takes away what the tenant lets pass; what is left stays where it is.
    fn blank(&mut self, allow: &[String]) {
        for phrase in allow {
            let text = self.blanked.as_ref().unwrap_or(&self.text);
            if text.contains(phrase.as_str()) {
                self.blanked = Some(text.replace(phrase.as_str(), &" ".repeat(phrase.len())));
            }
        }
    }
}

struct Reading<'a> {
    roles: &'a [Role],
    texts: Vec<Text>,
    /// The next text is of another message.
    is_new: bool,
}

impl Reading<'_> {
    /// The messages of a call, or the only one.
    fn messages(&mut self, node: &Node, at: &str) {
        match node {
            Node::List(messages) => {
                for (index, message) in messages.iter().enumerate() {
                    let role = message.role();
                    self.whole(message, &format!("{at}[{index}]"), role);
                }
            }
            Node::Text(_) | Node::Map(_) | Node::Nothing => self.whole(node, at, Role::User),
        }
    }

    fn whole(&mut self, node: &Node, at: &str, role: Role) {
        self.is_new = true;
        self.collect(node, at, role);
    }

    fn collect(&mut self, node: &Node, at: &str, role: Role) {
        match node {
            Node::Text(text) => self.add(text, at, role),
            Node::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.collect(item, &format!("{at}[{index}]"), role);
                }
            }
            Node::Map(entries) => {
                let kind = node.field("type").unwrap_or_default();
                let role = if is_foreign(kind) { Role::Tool } else { role };
                for (key, value) in entries.iter().filter(|(key, _)| is_text(key, kind)) {
                    let mut at = at.to_owned();
                    if SHOWN.contains(&key.as_str()) {
                        // Writing to a string does not fail.
                        let _written = write!(at, ".{key}");
                    }
                    self.collect(value, &at, role);
                }
            }
            Node::Nothing => {}
        }
    }

    /// Parts of a message by the same author are one text: what is cut up reads as if it were not.
    fn add(&mut self, text: &str, at: &str, role: Role) {
        if text.trim().is_empty() || !self.roles.contains(&role) {
            return;
        }
        let at = at.to_owned();
        match self.texts.last_mut() {
            Some(last) if !self.is_new && last.role == role => {
                last.text.push('\n');
                let start = last.text.len();
                last.text.push_str(text);
                last.segments.push(Segment { start, at });
            }
            Some(_) | None => self.texts.push(Text {
                role,
                text: text.to_owned(),
                blanked: None,
                segments: vec![Segment { start: 0, at }],
            }),
        }
        self.is_new = false;
    }
}

/// Whether a member has text in it, of something of this kind.
pub(super) fn is_text(key: &str, kind: &str) -> bool {
    !NO_TEXT.contains(&key) && (key != "data" || kind.is_empty() || kind == "text")
}

/// Whether a part is what a tool returned, or a document.
fn is_foreign(kind: &str) -> bool {
    kind.ends_with("_result") || kind.ends_with("_output") || kind == "document"
}

impl Node {
    /// The text of a map's key.
    fn field(&self, name: &str) -> Option<&str> {
        let Self::Map(entries) = self else {
            return None;
        };
        entries.iter().find_map(|(key, value)| match value {
            Self::Text(text) if key == name => Some(text.as_str()),
            Self::Text(_) | Self::List(_) | Self::Map(_) | Self::Nothing => None,
        })
    }

    /// Whose message it is; a user's where it says otherwise in two places, or nothing that is known.
    fn role(&self) -> Role {
        let Self::Map(entries) = self else {
            return Role::User;
        };
        let mut roles = entries.iter().filter(|(key, _)| key == "role");
        match (roles.next(), roles.next()) {
            (Some((_, Self::Text(role))), None) => match role.as_str() {
                "system" | "developer" => Role::System,
                "assistant" => Role::Assistant,
                "tool" | "function" => Role::Tool,
                _ => Role::User,
            },
            // Calls and thoughts of the Responses API have no role, and are the model's.
            (None, None) => match self.field("type") {
                Some("function_call" | "custom_tool_call" | "reasoning") => Role::Assistant,
                Some(_) | None => Role::User,
            },
            (Some(_), _) | (None, Some(_)) => Role::User,
        }
    }
}

#[cfg(test)]
mod tests;
