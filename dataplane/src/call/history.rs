//! What a conversation's history says of who wrote it: open tool calls, and content that only its provider
//! can read.

use std::borrow::Cow;

use floopy_shared::domain::affinity::Origin;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    chat::Message,
    value::{each, text},
};

/// The marks that a history carries, gathered message by message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Ends in results of the tool calls of the last reply.
    pub tool_loop: bool,
    /// Who wrote the last reply's tool calls, by the form of their ids.
    pub caller: Option<Origin>,
    /// Whose signed or encrypted content it has; the last of several.
    pub bound_to: Option<Origin>,
    /// The last reply made tool calls that nobody else has answered.
    pub calls_open: bool,
}

/// A piece of a message, of a reply's reasoning, or a tool call.
#[derive(Deserialize, Default)]
struct Piece<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    format: Option<&'a RawValue>,
    #[serde(borrow, default)]
    signature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    encrypted_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    extra_content: Option<&'a RawValue>,
}

impl<'a> Piece<'a> {
    /// Anything unreadable has no marks: the provider will judge it.
    fn read(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }
}

impl History {
    /// The next message.
    pub(super) fn add(&mut self, role: &str, message: &Message<'_>) {
        match role {
            "assistant" => self.add_reply(message),
            "tool" | "function" => self.tool_loop = self.calls_open,
            "user" => {
                self.tool_loop = self.calls_open && message.content.is_some_and(has_tool_result);
                self.calls_open = self.tool_loop;
            }
            // Instructions in between do not end a loop.
            _ => {}
        }
    }

    fn add_reply(&mut self, message: &Message<'_>) {
        (self.tool_loop, self.calls_open, self.caller) = (false, false, None);
        if let Some(content) = message.content {
            visit(content, |piece| self.add_part(piece));
        }
        if let Some(calls) = message.tool_calls {
            visit(calls, |piece| self.add_call(piece));
        }
        if let Some(blocks) = message.thinking_blocks {
            visit(blocks, |piece| self.add_part(piece));
        }
        if let Some(details) = message.reasoning_details {
            visit(details, |piece| self.add_detail(piece));
        }
        if message.encrypted_content.is_some_and(is_filled) {
            self.bound_to = Some(Origin::OpenAi);
        }
        self.add_extra(message.extra_content);
    }

    fn add_part(&mut self, piece: &Piece<'_>) {
        match piece.kind.as_deref() {
            Some("thinking") if piece.signature.is_some_and(is_filled) => {
                self.bound_to = Some(Origin::Anthropic);
            }
            Some("redacted_thinking") => self.bound_to = Some(Origin::Anthropic),
            Some("reasoning") if piece.encrypted_content.is_some_and(is_filled) => {
                self.bound_to = Some(Origin::OpenAi);
            }
            Some("tool_use") => self.add_call(piece),
            _ => self.add_extra(piece.extra_content),
        }
    }

    fn add_call(&mut self, piece: &Piece<'_>) {
        self.calls_open = true;
        let id = piece.id.and_then(text);
        self.caller = self.caller.or(id.and_then(|id| writer_of(&id)));
        self.add_extra(piece.extra_content);
    }

    /// Reasoning in the form of aggregators, which name the family that signed or encrypted it.
    fn add_detail(&mut self, piece: &Piece<'_>) {
        let sealed = piece.signature.or(piece.data).is_some_and(is_filled);
        let Some(format) = piece.format.and_then(text).filter(|_| sealed) else {
            return;
        };
        let families = [
            ("anthropic", Origin::Anthropic),
            ("openai", Origin::OpenAi),
            ("azure-openai", Origin::OpenAi),
            ("google", Origin::Gemini),
        ];
        let family = families.iter().find(|(name, _)| format.starts_with(name));
        self.bound_to = family.map(|(_, origin)| *origin).or(self.bound_to);
    }

    /// Gemini's thought signatures in OpenAI's shape.
    fn add_extra(&mut self, extra: Option<&RawValue>) {
        if extra.is_some_and(|raw| raw.get().contains("\"thought_signature\"")) {
            self.bound_to = Some(Origin::Gemini);
        }
    }
}

/// Who gives tool calls ids of this form.
pub(super) fn writer_of(id: &str) -> Option<Origin> {
    let forms = [
        ("toolu_", Origin::Anthropic),
        ("call_", Origin::OpenAiStyle),
        ("fc_", Origin::OpenAi),
        ("function-call-", Origin::Gemini),
    ];
    let form = forms.iter().find(|(prefix, _)| id.starts_with(prefix))?;
    Some(form.1)
}

fn has_tool_result(content: &RawValue) -> bool {
    let mut found = false;
    visit(content, |piece| {
        found |= piece.kind.as_deref() == Some("tool_result");
    });
    found
}

fn is_filled(raw: &RawValue) -> bool {
    !matches!(raw.get(), "null" | "\"\"")
}

fn visit(raw: &RawValue, mut add: impl FnMut(&Piece<'_>)) {
    // A string has no pieces; what cannot be read has none either.
    let _ = each(raw.get(), |_, piece| {
        add(&Piece::read(piece));
        Ok::<_, std::convert::Infallible>(())
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::call::{Call, Endpoint};

    fn history(messages: &Value) -> History {
        let body = json!({"model": "auto", "messages": messages}).to_string();
        let call = Call::parse(body.into(), Endpoint::Chat, None).map_err(|e| e.to_string());
        *call.expect("valid").history()
    }

    fn reply(extra: Value) -> Value {
        let mut reply = json!({"role": "assistant", "content": null});
        if let (Value::Object(reply), Value::Object(extra)) = (&mut reply, extra) {
            reply.extend(extra);
        }
        reply
    }

    fn calling(id: &str) -> Value {
        reply(json!({"tool_calls": [{"id": id, "type": "function", "function": {"name": "f"}}]}))
    }

    #[test]
    fn a_loop_lasts_while_the_history_ends_in_tool_results() {
        let user = json!({"role": "user", "content": "hi"});
        let result = json!({"role": "tool", "tool_call_id": "call_1", "content": "42"});
        let open = history(&json!([user, calling("call_1"), result]));
        assert!(open.tool_loop);
        assert_eq!(open.caller, Some(Origin::OpenAiStyle));
        let note = json!({"role": "system", "content": "be brief"});
        assert!(history(&json!([user, calling("call_1"), result, note])).tool_loop);
        assert!(!history(&json!([user, calling("call_1"), result, user])).tool_loop);
        let answered = json!([
            user,
            calling("call_1"),
            result,
            reply(json!({"content": "42"}))
        ]);
        assert!(!history(&answered).tool_loop);
        assert!(!history(&json!([user, result])).tool_loop, "nobody called");
    }

    #[test]
    fn anthropic_tool_blocks_make_a_loop_too() {
        let uses = json!([{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]);
        let results = json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"},
            {"type": "text", "text": "go on"}]);
        let open = history(&json!([
            {"role": "user", "content": "hi"}, reply(json!({"content": uses})), {"role": "user", "content": results}
        ]));
        assert!(open.tool_loop);
        assert_eq!(open.caller, Some(Origin::Anthropic));
    }

    #[test]
    fn what_only_its_provider_can_read_is_recognised() {
        let cases = [
            (
                json!({"content": [{"type": "thinking", "thinking": "…", "signature": "Eq"}]}),
                Some(Origin::Anthropic),
            ),
            (
                json!({"content": [{"type": "thinking", "thinking": "…", "signature": ""}]}),
                None,
            ),
            (
                json!({"content": [{"type": "redacted_thinking", "data": "x"}]}),
                Some(Origin::Anthropic),
            ),
            (
                json!({"thinking_blocks": [{"type": "thinking", "signature": "Eq"}]}),
                Some(Origin::Anthropic),
            ),
            (
                json!({"content": [{"type": "reasoning", "encrypted_content": "gA"}]}),
                Some(Origin::OpenAi),
            ),
            (
                json!({"content": [{"type": "reasoning", "encrypted_content": null}]}),
                None,
            ),
            (json!({"encrypted_content": "gA"}), Some(Origin::OpenAi)),
            (
                json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "format": "google-gemini-v1"}]}),
                Some(Origin::Gemini),
            ),
            (
                json!({"reasoning_details": [{"type": "reasoning.text", "text": "x", "format": "openai-responses-v1"}]}),
                None,
            ),
            (
                json!({"tool_calls": [{"id": "x", "extra_content": {"google": {"thought_signature": "CiQ"}}}]}),
                Some(Origin::Gemini),
            ),
            (
                json!({"content": "my signature and my thought_signature"}),
                None,
            ),
        ];
        for (extra, expected) in cases {
            let messages = json!([{"role": "user", "content": "hi"}, reply(extra.clone()), {"role": "user", "content": "and?"}]);
            assert_eq!(history(&messages).bound_to, expected, "{extra}");
        }
    }
}
