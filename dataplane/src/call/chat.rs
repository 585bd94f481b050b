//! What a chat completion asks for.

use std::borrow::Cow;

use floopy_shared::domain::features::{Features, IMAGE_TOKENS};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Seen,
    error::InvalidCall,
    excerpt,
    fields::Fields,
    history::History,
    opening_hash,
    questions::Questions,
    value::{MAX_ITEMS, each, text},
};

const MESSAGES: &str = "a non-empty array of message objects";
const ROLE: &str = "a string such as \"user\"";

/// Text bytes taken for one token.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;

/// What is looked at of a message.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) thinking_blocks: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) extra_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) encrypted_content: Option<&'a RawValue>,
}

/// Reads everything but the model.
pub(super) fn read<'a>(fields: &Fields<'a>) -> Result<Seen<'a>, InvalidCall> {
    let stream = read_stream(fields)?;
    let conversation = Conversation::read(fields)?;
    let tools = read_tools(fields)?;
    let tool_bytes = fields.tools.map_or(0, |raw| raw.get().len() as u64);
    let format = fields.response_format.map(Format::read).unwrap_or_default();
    let max = fields.max_completion_tokens.or(fields.max_tokens);
    let bytes = conversation.text_bytes + tool_bytes;
    let features = Features {
        tools: !tools.is_empty(),
        vision: conversation.images > 0,
        json_schema: format.kind.as_deref() == Some("json_schema"),
        stream,
        embeddings: false,
        messages: conversation.messages,
        input_tokens_estimate: bytes.div_ceil(BYTES_PER_TOKEN) + conversation.images * IMAGE_TOKENS,
        max_output_tokens: max.and_then(|raw| raw.get().parse().ok()),
        history_tokens_estimate: conversation.history_tokens(tool_bytes),
        provider_tools: fields.web_search_options.is_some() || tools.iter().any(is_run_by_provider),
    };
    let opening = opening_hash([fields.user, conversation.system, conversation.first_user]);
    Ok(Seen {
        features,
        json_expected: matches!(format.kind.as_deref(), Some("json_schema" | "json_object")),
        schema_name: format.json_schema.and_then(|schema| schema.name),
        system: conversation.system.and_then(excerpt::of_content),
        first_user_text: excerpt_of(conversation.earlier_user()),
        user_text: excerpt_of(conversation.last_user),
        tool_names: tools.iter().filter_map(tool_name).collect(),
        history: conversation.history,
        opening,
        questions: Questions::of(conversation.last_user, conversation.user_before),
        user: fields.user.and_then(text),
    })
}

fn excerpt_of(content: Option<&RawValue>) -> Cow<'_, str> {
    content.and_then(excerpt::of_content).unwrap_or_default()
}

fn read_tools<'a>(fields: &Fields<'a>) -> Result<Vec<&'a RawValue>, InvalidCall> {
    let mut tools = Vec::new();
    let visited = fields.tools.and_then(|raw| {
        each(raw.get(), |index, tool| {
            limit(index, || "tools".to_owned())?;
            tools.push(tool);
            Ok(())
        })
    });
    visited.unwrap_or(Ok(()))?;
    Ok(tools)
}

/// Refuses an array that reaches this index.
fn limit(index: usize, field: impl FnOnce() -> String) -> Result<(), InvalidCall> {
    if index < MAX_ITEMS {
        return Ok(());
    }
    Err(InvalidCall::too_many(field()))
}

fn read_stream(fields: &Fields<'_>) -> Result<bool, InvalidCall> {
    match fields.stream.map(|raw| (raw, raw.get())) {
        None | Some((_, "false")) => Ok(false),
        Some((_, "true")) => Ok(true),
        Some((raw, _)) => Err(InvalidCall::shown("stream", raw, "true or false")),
    }
}

#[derive(Default)]
struct Conversation<'a> {
    messages: u32,
    text_bytes: u64,
    images: u64,
    system: Option<&'a RawValue>,
    first_user: Option<&'a RawValue>,
    last_user: Option<&'a RawValue>,
    user_before: Option<&'a RawValue>,
    history: History,
    /// Text bytes and images up to the end of the last reply.
    replied: Option<(u64, u64)>,
}

impl<'a> Conversation<'a> {
    fn read(fields: &Fields<'a>) -> Result<Self, InvalidCall> {
        let missing = InvalidCall::Missing {
            field: "messages",
            expected: MESSAGES,
        };
        let raw = fields.messages.ok_or(missing)?;
        let mut conversation = Self::default();
        let visited = each(raw.get(), |index, item| conversation.add(index, item));
        visited.ok_or_else(|| InvalidCall::hidden("messages", raw, MESSAGES))??;
        if conversation.messages == 0 {
            let found = "an empty array".to_owned();
            return Err(InvalidCall::Wrong {
                field: "messages".to_owned(),
                found,
                expected: MESSAGES,
            });
        }
        Ok(conversation)
    }

    fn add(&mut self, index: usize, item: &'a RawValue) -> Result<(), InvalidCall> {
        limit(index, || "messages".to_owned())?;
        let field = || format!("messages[{index}]");
        if !item.get().starts_with('{') {
            return Err(InvalidCall::hidden(field(), item, "a message object"));
        }
        let message: Message<'a> = serde_json::from_str(item.get())
            .map_err(|e| InvalidCall::NotJson(format!("{e} of {}", field())))?;
        let role_field = || format!("{}.role", field());
        let role = match message.role {
            None => {
                let found = "missing".to_owned();
                return Err(InvalidCall::Wrong {
                    field: role_field(),
                    found,
                    expected: ROLE,
                });
            }
            Some(raw) => text(raw).ok_or_else(|| InvalidCall::shown(role_field(), raw, ROLE))?,
        };
        self.messages = self.messages.saturating_add(1);
        if let Some(content) = message.content {
            self.count(content, || format!("{}.content", field()))?;
            self.remember(&role, content);
        }
        self.text_bytes += message.tool_calls.map_or(0, |raw| raw.get().len() as u64);
        self.history.add(&role, &message);
        if role == "assistant" {
            self.replied = Some((self.text_bytes, self.images));
        }
        Ok(())
    }

    /// What a provider has seen and written before, and so may have cached.
    fn history_tokens(&self, tool_bytes: u64) -> u64 {
        self.replied.map_or(0, |(bytes, images)| {
            (bytes + tool_bytes) / BYTES_PER_TOKEN + images * IMAGE_TOKENS
        })
    }

    fn remember(&mut self, role: &str, content: &'a RawValue) {
        match role {
            "system" | "developer" => {
                self.system.get_or_insert(content);
            }
            "user" => {
                self.first_user.get_or_insert(content);
                self.user_before = self.last_user.replace(content);
            }
            _ => {}
        }
    }

    /// The first user message, where it is not the last one, too.
    fn earlier_user(&self) -> Option<&'a RawValue> {
        self.first_user.filter(|first| {
            self.last_user
                .is_none_or(|last| !std::ptr::eq(*first, last))
        })
    }

    fn count(&mut self, content: &RawValue, field: impl Fn() -> String) -> Result<(), InvalidCall> {
        let visited = each(content.get(), |index, part| {
            limit(index, &field)?;
            self.count_part(&Part::read(part));
            Ok(())
        });
        visited.unwrap_or_else(|| {
            self.text_bytes += content.get().len().saturating_sub(2) as u64;
            Ok(())
        })
    }

    fn count_part(&mut self, part: &Part<'_>) {
        match part.kind.as_deref() {
            Some("image_url" | "input_image" | "image") => self.images += 1,
            _ => {
                let text = part
                    .text
                    .map_or(0, |text| text.get().len().saturating_sub(2));
                self.text_bytes += text as u64;
            }
        }
    }
}

/// A piece of a message's content.
#[derive(Deserialize, Default)]
pub(super) struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) text: Option<&'a RawValue>,
}

impl<'a> Part<'a> {
    /// Anything unreadable is an empty part: the provider will judge it.
    pub(super) fn read(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default)]
    function: Option<Named<'a>>,
}

/// Whether the provider runs the tool itself, rather than asking the caller to.
fn is_run_by_provider(raw: &&RawValue) -> bool {
    let tool: Typed<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    !matches!(tool.kind.as_deref(), None | Some("function" | "custom"))
}

fn tool_name<'a>(raw: &&'a RawValue) -> Option<Cow<'a, str>> {
    serde_json::from_str::<Tool<'a>>(raw.get())
        .ok()?
        .function?
        .name
}

#[derive(Deserialize, Default)]
struct Typed<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
}

/// What `response_format` asks for.
#[derive(Deserialize, Default)]
struct Format<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    json_schema: Option<Named<'a>>,
}

impl<'a> Format<'a> {
    /// Anything unreadable asks for nothing: the provider will judge it.
    fn read(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{Call, Endpoint};

    /// The shapes of a body with these messages and other fields.
    fn shapes(messages: &str, others: &str) -> Vec<String> {
        let body = format!(r#"{{"model":"auto","messages":[{messages}]{others}}}"#);
        let call =
            Call::parse(Bytes::from(body), Endpoint::Chat, None).unwrap_or_else(|e| panic!("{e}"));
        call.shapes().iter().map(ToString::to_string).collect()
    }

    const CODE: &str = r#"{"role":"user","content":"Write a Python function that sorts a list."}"#;

    #[test]
    fn a_follow_up_keeps_the_class_of_its_conversation() {
        let more = r#",{"role":"assistant","content":"Here."},{"role":"user","content":"thanks, and the second one?"}"#;
        assert_eq!(shapes(CODE, ""), ["class:code", "all"]);
        assert_eq!(shapes(&format!("{CODE}{more}"), ""), ["class:code", "all"]);
    }

    #[test]
    fn all_text_parts_of_a_message_are_read() {
        let parts = r#"{"role":"user","content":[{"type":"text","text":"Summarise this report."},
            {"type":"text","text":"The tram line was extended to the harbour."}]}"#;
        assert_eq!(shapes(parts, ""), ["class:extraction", "all"]);
    }

    #[test]
    fn a_format_makes_a_class_and_its_schema_a_call_site() {
        let object = r#","response_format":{"type":"json_object"}"#;
        assert_eq!(shapes(CODE, object), ["class:structured", "all"]);
        let schema = |name: &str| {
            let format = format!(
                r#","response_format":{{"type":"json_schema","json_schema":{{"name":"{name}"}}}}"#
            );
            shapes(CODE, &format)
        };
        assert_eq!(schema("invoice")[1..], ["class:structured", "all"]);
        assert_ne!(schema("invoice")[0], schema("receipt")[0]);
        let unreadable = r#","response_format":{"type":"json_schema","json_schema":7}"#;
        assert_eq!(shapes(CODE, unreadable), ["class:code", "all"]);
    }

    #[test]
    fn tools_are_compared_by_name_alone() {
        let tools = |description: &str| {
            let others = format!(
                r#","tools":[{{"type":"function","function":{{"name":"run_tests","description":"{description}"}}}}]"#
            );
            shapes(r#"{"role":"user","content":"It fails again."}"#, &others)
        };
        assert_eq!(tools("Runs them.")[1..], ["class:tool_code", "all"]);
        assert_eq!(tools("Runs them."), tools("Runs all of them, and waits."));
    }
}
