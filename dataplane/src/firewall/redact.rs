//! Personal data and secrets in what users and tools say, taken out before anybody is asked: each is replaced by its kind, and
//! every other byte stays as it was.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use floopy_shared::domain::{
    firewall::output::{Redacted, tally},
    sensitive::{Edit, in_json},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::texts::is_text;
use crate::call::Endpoint;

/// The body without them, and how many of which kind there were; `None`: there are none, or it is no JSON.
pub(crate) fn redact(body: &Bytes, endpoint: Endpoint) -> Option<(Bytes, Vec<Redacted>)> {
    let text = std::str::from_utf8(body).ok()?;
    let mut redacting = Redacting {
        text,
        edits: Vec::new(),
    };
    for (name, value) in serde_json::from_str::<Members<'_>>(text).ok()?.0 {
        match (&*name, endpoint) {
            // Values for a stored prompt, ours or OpenAI's.
            ("inputs" | "prompt", _) | ("input", Endpoint::Embeddings) => redacting.all(value),
            ("messages" | "input", _) => redacting.messages(value),
            _ => {}
        }
    }
    redacting.done()
}

/// The members of an object in their order, those that are there twice, too.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl Members<'_> {
    /// The text of a member.
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        serde_json::from_str::<Name<'_>>(value.get())
            .ok()
            .map(|text| text.0)
    }

    /// Whose message it is; a user's where it says otherwise in two places, or nothing that is known.
    fn is_by_model_or_system(&self) -> bool {
        let roles = self.0.iter().filter(|(name, _)| name == "role").count();
        match (roles, self.text("role").as_deref()) {
            (1, Some("system" | "developer" | "assistant")) => true,
            // Calls and thoughts of the Responses API have no role, and are the model's.
            (0, None) => matches!(
                self.text("type").as_deref(),
                Some("function_call" | "custom_tool_call" | "reasoning")
            ),
            (_, _) => false,
        }
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct Redacting<'a> {
    text: &'a str,
    edits: Vec<Edit>,
}

impl<'a> Redacting<'a> {
    /// The messages of a call, or the only one. What models and system prompts say stays.
    fn messages(&mut self, value: &'a RawValue) {
        let Ok(messages) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
            return self.all(value);
        };
        for message in messages {
            let members = serde_json::from_str::<Members<'_>>(message.get());
            if !members.is_ok_and(|members| members.is_by_model_or_system()) {
                self.all(message);
            }
        }
    }

    /// Every text in it.
    fn all(&mut self, value: &'a RawValue) {
        let json = value.get();
        if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) {
            items.into_iter().for_each(|item| self.all(item));
        } else if let Ok(members) = serde_json::from_str::<Members<'_>>(json) {
            let kind = members.text("type").unwrap_or_default();
            for (name, value) in &members.0 {
                if is_text(name, &kind) {
                    self.all(value);
                }
            }
        } else {
            let start = json.as_ptr() as usize - self.text.as_ptr() as usize;
            let found = in_json(json).into_iter();
            self.edits.extend(found.map(|edit| edit.after(start)));
        }
    }

    fn done(mut self) -> Option<(Bytes, Vec<Redacted>)> {
        if self.edits.is_empty() {
            return None;
        }
        // Members may stand in any order, and each was gone through once.
        self.edits.sort_by_key(|edit| edit.range.start);
        let redacted = Edit::all(&self.edits, self.text);
        let kinds = self.edits.iter().map(|edit| edit.kind);
        Some((redacted.into(), tally(kinds)))
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::sensitive::Kind;

    use super::*;

    fn redacted(body: &str, endpoint: Endpoint) -> Option<(String, Vec<(Kind, u32)>)> {
        let (body, redacted) = redact(&Bytes::copy_from_slice(body.as_bytes()), endpoint)?;
        let counts = redacted.iter().map(|of| (of.kind, of.count)).collect();
        Some((String::from_utf8(body.to_vec()).expect("UTF-8"), counts))
    }

    #[test]
    fn only_what_was_found_in_what_users_and_tools_say_changes() {
        let body = r#"{ "model":"m", "messages" :[{"role":"system","content":"Ask a@b.com"},
            {"role":"user","content":[{"type":"text","text":"I\u00e9 am a@b.com,\n a@b.com"},{"type":"image_url","image_url":{"url":"https://u:p@c.com/"}}]},
            {"role":"assistant","content":"a@b.com","tool_calls":[{"id":"c","function":{"name":"n","arguments":"{\"a\":\"a@b.com\"}"}}]},
            {"role":"tool","tool_call_id":"c","content":"{\"card\": 4111111111111111}"}], "user":"a@b.com"}"#;
        let expected = r#"{ "model":"m", "messages" :[{"role":"system","content":"Ask a@b.com"},
            {"role":"user","content":[{"type":"text","text":"I\u00e9 am [email],\n [email]"},{"type":"image_url","image_url":{"url":"https://u:p@c.com/"}}]},
            {"role":"assistant","content":"a@b.com","tool_calls":[{"id":"c","function":{"name":"n","arguments":"{\"a\":\"a@b.com\"}"}}]},
            {"role":"tool","tool_call_id":"c","content":"{\"card\": \"[card]\"}"}], "user":"a@b.com"}"#;
        let counts = vec![(Kind::Email, 2), (Kind::Card, 1)];
        assert_eq!(
            redacted(body, Endpoint::Chat),
            Some((expected.to_owned(), counts))
        );
        assert_eq!(redacted(expected, Endpoint::Chat), None);
    }

    #[test]
    fn every_place_where_users_and_tools_speak_is_looked_at() {
        let said = "a@b.com";
        for (endpoint, body) in [
            (
                Endpoint::Responses,
                r#"{"input":"a@b.com","instructions":"x"}"#,
            ),
            (
                Endpoint::Responses,
                r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"a@b.com"}]}]}"#,
            ),
            (
                Endpoint::Responses,
                r#"{"input":[{"type":"function_call_output","call_id":"c","output":"a@b.com"}]}"#,
            ),
            (
                Endpoint::Responses,
                r#"{"prompt":{"id":"p","variables":{"who":"a@b.com"}}}"#,
            ),
            (
                Endpoint::Messages,
                r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"a@b.com"}]}]}"#,
            ),
            (
                Endpoint::Messages,
                r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a@b.com"}}]}]}"#,
            ),
            (
                Endpoint::CountTokens,
                r#"{"messages":[{"role":"user","content":"a@b.com"}]}"#,
            ),
            (Endpoint::Embeddings, r#"{"input":["x","a@b.com"]}"#),
            (
                Endpoint::Chat,
                r#"{"inputs":{"who":"a@b.com"},"messages":[]}"#,
            ),
            (
                Endpoint::Chat,
                r#"{"messages":[{"role":"assistant","role":"user","content":"a@b.com"}]}"#,
            ),
            (Endpoint::Chat, r#"{"messages":["a@b.com"]}"#),
        ] {
            let (changed, counts) = redacted(body, endpoint).unwrap_or_else(|| panic!("{body}"));
            assert_eq!(changed, body.replace(said, "[email]"));
            assert_eq!(counts, [(Kind::Email, 1)]);
        }
        for body in [
            r#"{"input":[{"type":"function_call","arguments":"a@b.com"}],"instructions":"a@b.com"}"#,
            r#"{"input":[{"type":"reasoning","summary":[{"text":"a@b.com"}]}]}"#,
            r#"{"messages":[{"role":"user","content":"a@b.com"}"#,
            "[]",
        ] {
            assert_eq!(redacted(body, Endpoint::Responses), None, "{body}");
        }
    }
}
