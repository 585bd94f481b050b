//! The conversation in the form of chat completions, for its session to be told again. A stored prompt's messages are
//! no part of it: the next call that names the prompt has them anew.

use std::borrow::Cow;

use floopy_protocols::{Content, Message, Part, ProviderApi, Role, Target};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Call, Endpoint, value::items};

/// What is said in a call. Content: it must not be logged.
pub(crate) struct Said {
    /// A JSON array.
    pub messages: String,
    /// More than one reply was asked for.
    pub wants_several: bool,
    /// Something was cut.
    pub truncated: bool,
}

#[derive(Deserialize)]
struct Messages<'a> {
    #[serde(borrow)]
    messages: &'a RawValue,
}

#[derive(Deserialize)]
struct Spoken<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
}

impl Call {
    /// At most `max_bytes` of it, the newest messages; `None` where it is no conversation that chat completions could
    /// go on with.
    pub(crate) fn said(&self, max_bytes: usize) -> Option<Said> {
        let (messages, truncated) = newest(&self.own_messages()?, max_bytes);
        Some(Said {
            messages,
            wants_several: self.wants_several,
            truncated,
        })
    }

    /// What the caller sent.
    fn own_messages(&self) -> Option<Cow<'_, str>> {
        match self.endpoint {
            Endpoint::Chat => {
                let all = std::str::from_utf8(&self.body[self.messages_span.clone()]).ok()?;
                self.front.own_messages(all)
            }
            Endpoint::Responses | Endpoint::Messages => {
                let own = self.front.removed(&self.body)?;
                let Ok(mut typed) = self.endpoint.api()?.read_request(&own) else {
                    // Some APIs take no call without messages, which this one has none of but the prompt's.
                    return (!self.front.is_empty()).then_some("[]".into());
                };
                // Where the prompt had all that the system says.
                typed.messages.retain(|message| !is_blank(message));
                let target = Target {
                    provider: "openai",
                    model: &self.model,
                };
                let written = ProviderApi::Chat.write_request(&typed, target).ok()?;
                let written: Messages<'_> = serde_json::from_slice(&written.body).ok()?;
                Some(written.messages.get().to_owned().into())
            }
            Endpoint::CountTokens | Endpoint::Embeddings => None,
        }
    }
}

/// Whether the system says nothing.
fn is_blank(message: &Message) -> bool {
    let is_empty = |part: &Part| matches!(&part.content, Content::Text(text) if text.is_empty());
    matches!(message.role, Role::System | Role::Developer) && message.parts.iter().all(is_empty)
}

/// The system's first words and the newest messages that fit, and whether that is not all. What is kept of the rest
/// begins with a user's message: a tool's result means nothing without its call.
fn newest(messages: &str, max_bytes: usize) -> (String, bool) {
    if messages.len() <= max_bytes {
        return (messages.to_owned(), false);
    }
    let all = items(messages).unwrap_or_default();
    let role = |raw: &RawValue| {
        serde_json::from_str::<Spoken<'_>>(raw.get())
            .map_or_else(|_| String::new(), |s| s.role.into())
    };
    let is_system = |raw: &&&RawValue| matches!(role(raw).as_str(), "system" | "developer");
    let (system, spoken) = all.split_at(all.iter().take_while(is_system).count());
    // With the comma after it.
    let length = |raw: &&RawValue| raw.get().len() + 1;
    let system_bytes = 2 + system.iter().map(length).sum::<usize>();
    let (system, mut room) = match max_bytes.checked_sub(system_bytes) {
        Some(room) => (system, room),
        None => (&[][..], max_bytes.saturating_sub(2)),
    };
    let fits = |raw: &&&RawValue| {
        let left = room.checked_sub(length(raw));
        room = left.unwrap_or(room);
        left.is_some()
    };
    let count = spoken.iter().rev().take_while(fits).count();
    let kept = &spoken[spoken.len() - count..];
    let first = kept.iter().position(|raw| role(raw) == "user");
    let kept = &kept[first.unwrap_or(kept.len())..];
    let texts: Vec<&str> = system.iter().chain(kept).map(|raw| raw.get()).collect();
    (format!("[{}]", texts.join(",")), true)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;

    fn said(endpoint: Endpoint, body: &Value, max_bytes: usize) -> (Value, bool) {
        let body = Bytes::from(body.to_string());
        let call = Call::parse(body, endpoint, None).unwrap_or_else(|e| panic!("{e}"));
        let said = call.said(max_bytes).expect("a conversation");
        assert!(said.messages.len() <= max_bytes, "{}", said.messages);
        (
            serde_json::from_str(&said.messages).expect("JSON"),
            said.truncated,
        )
    }

    #[test]
    fn other_apis_are_told_as_chat_completions() {
        let chat = json!([
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi"},
        ]);
        let body = json!({"model": "m", "messages": chat});
        assert_eq!(said(Endpoint::Chat, &body, 1_000), (chat.clone(), false));
        let body = json!({"model": "m", "max_tokens": 9, "system": "be brief",
            "messages": [{"role": "user", "content": "hi"}]});
        assert_eq!(
            said(Endpoint::Messages, &body, 1_000),
            (chat.clone(), false)
        );
        let body = json!({"model": "m", "instructions": "be brief", "input": "hi"});
        let (messages, _) = said(Endpoint::Responses, &body, 1_000);
        assert_eq!(
            (&messages[0]["content"], &messages[1]),
            (&chat[0]["content"], &chat[1])
        );
    }

    #[test]
    fn of_a_long_conversation_the_newest_is_kept_from_a_users_message_on() {
        let system = json!({"role": "system", "content": "be brief"});
        let user = json!({"role": "user", "content": "what is it?"});
        let call = json!({"role": "assistant", "tool_calls": [{"id": "c"}]});
        let result = json!({"role": "tool", "tool_call_id": "c", "content": "42"});
        let all = [&system, &user, &call, &result, &user, &call, &result, &user];
        let body = json!({"model": "m", "messages": all});
        let whole = Value::from(all.map(Value::clone).to_vec())
            .to_string()
            .len();
        assert_eq!(said(Endpoint::Chat, &body, whole), (json!(all), false));
        let cut = json!([system, user, call, result, user]);
        assert_eq!(said(Endpoint::Chat, &body, whole - 1), (cut, true));
        assert_eq!(
            said(Endpoint::Chat, &body, 100),
            (json!([system, user]), true)
        );
        assert_eq!(said(Endpoint::Chat, &body, 20), (json!([]), true));
    }

    /// What is kept of a call under a prompt of a system's and a user's message.
    fn said_with_prompt(endpoint: Endpoint, body: &Value) -> Value {
        use floopy_shared::domain::prompt::{Message, PromptVersion, Role, Version};

        let message = |role| Message {
            role,
            content: "the prompt's".into(),
        };
        let version = Version {
            number: 1,
            messages: [message(Role::System), message(Role::User)].into(),
            variables: Box::default(),
        };
        let mark = PromptVersion {
            id: uuid::Uuid::nil(),
            version: 1,
        };
        let body = Bytes::from(body.to_string());
        let call = Call::parse_prompted((body, endpoint, None), (mark, &version), 1_000);
        let call = call.unwrap_or_else(|e| panic!("{e}")).without_inputs();
        let sent = String::from_utf8_lossy(&call.body).into_owned();
        assert!(sent.contains("the prompt's"), "{sent}");
        let said = call.said(1_000).expect("a conversation");
        assert!(!said.messages.contains("the prompt's"), "{}", said.messages);
        serde_json::from_str(&said.messages).expect("JSON")
    }

    #[test]
    fn the_messages_of_a_stored_prompt_are_not_kept_again_with_each_turn() {
        let user = json!({"role": "user", "content": "hi"});
        let chat = json!({"model": "m", "inputs": {"x": 1}, "messages": [user]});
        assert_eq!(said_with_prompt(Endpoint::Chat, &chat), json!([user]));
        let nothing = json!({"model": "m"});
        assert_eq!(said_with_prompt(Endpoint::Chat, &nothing), json!([]));
        for input in [json!("hi"), json!([user])] {
            let body = json!({"model": "m", "input": input});
            let said = said_with_prompt(Endpoint::Responses, &body);
            assert_eq!(said, json!([user]));
        }
        assert_eq!(said_with_prompt(Endpoint::Responses, &nothing), json!([]));
        let messages = json!({"model": "m", "max_tokens": 9, "messages": [user]});
        assert_eq!(
            said_with_prompt(Endpoint::Messages, &messages),
            json!([user])
        );
        let mut brief = messages.clone();
        brief["system"] = json!("be brief");
        let said = said_with_prompt(Endpoint::Messages, &brief);
        assert_eq!(
            said,
            json!([{"role": "system", "content": "be brief"}, user])
        );
        let nothing = json!({"model": "m", "max_tokens": 9});
        assert_eq!(said_with_prompt(Endpoint::Messages, &nothing), json!([]));
    }
}
