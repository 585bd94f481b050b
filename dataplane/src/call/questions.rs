//! The last two questions of a conversation, to see whether one was asked again.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::value::{items, text};
use crate::digest::digest_64;

/// Digests of what the user said last and before that, as it was written; 0: nothing that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Questions {
    pub last: u64,
    pub before: u64,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

impl Questions {
    pub(super) fn of(last: Option<&RawValue>, before: Option<&RawValue>) -> Self {
        let digest =
            |content: Option<&RawValue>| content.map_or(0, |c| digest_64(&[c.get().as_bytes()]));
        Self {
            last: digest(last),
            before: digest(before),
        }
    }
}

fn message(raw: &RawValue) -> Option<Message<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// The last question and the one before, where both are nothing but text and a reply stands between them; `messages` is
/// the call's array of them.
pub(super) fn read(messages: &[u8]) -> Option<(String, String)> {
    let messages = items(std::str::from_utf8(messages).ok()?)?;
    let said = |message: Message<'_>| text(message.content?).map(Cow::into_owned);
    let is = |message: &Message<'_>, role: &str| message.role.as_deref() == Some(role);
    let mut newest_first = messages.into_iter().rev().map(message);
    let last = newest_first.next()??;
    if !is(&last, "user") {
        return None;
    }
    let mut is_replied = false;
    for message in newest_first {
        let message = message?;
        if is(&message, "user") {
            return Some((said(last)?, said(message)?)).filter(|_| is_replied);
        }
        is_replied |= is(&message, "assistant");
    }
    None
}
