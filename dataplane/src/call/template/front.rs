//! What a stored prompt put in front of a call, told apart from what its caller wrote.

use std::borrow::Cow;

use bytes::Bytes;
use floopy_shared::domain::prompt::Version;

use super::{Endpoint, Places, is_system, span_of, with_edits};
use crate::call::value::items;

/// How many of the first elements of which fields are the prompt's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::call) struct Front {
    system: usize,
    messages: usize,
    input: usize,
}

impl Front {
    pub(super) fn of(version: &Version, endpoint: Endpoint) -> Self {
        let all = version.messages.len();
        match endpoint {
            Endpoint::Chat | Endpoint::Embeddings => Self {
                messages: all,
                ..Self::default()
            },
            Endpoint::Responses => Self {
                input: all,
                ..Self::default()
            },
            Endpoint::Messages | Endpoint::CountTokens => {
                let said = version.messages.iter();
                let system = said.filter(|message| is_system(message.role)).count();
                Self {
                    system,
                    messages: all - system,
                    input: 0,
                }
            }
        }
    }

    /// Nothing was put in front.
    pub(in crate::call) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Of all messages those of the caller; `None` where there are fewer than the prompt's.
    pub(in crate::call) fn own_messages(self, all: &str) -> Option<Cow<'_, str>> {
        behind(all, self.messages)
    }

    /// The body with what its caller wrote alone.
    pub(in crate::call) fn removed(self, body: &Bytes) -> Option<Bytes> {
        if self.is_empty() {
            return Some(body.clone());
        }
        let places: Places<'_> = serde_json::from_slice(body).ok()?;
        let mut edits = Vec::with_capacity(2);
        for (count, list) in [
            (self.system, places.system),
            (self.messages, places.messages),
            (self.input, places.input),
        ] {
            if count > 0 {
                let list = list?;
                edits.push((span_of(list, body), behind(list.get(), count)?));
            }
        }
        edits.sort_by_key(|(span, _)| span.start);
        let edits: Vec<_> = edits.iter().map(|(span, own)| (span, &**own)).collect();
        Some(with_edits(body, &edits))
    }
}

fn behind(list: &str, count: usize) -> Option<Cow<'_, str>> {
    if count == 0 {
        return Some(list.into());
    }
    let all = items(list)?;
    let own: Vec<&str> = all.get(count..)?.iter().map(|raw| raw.get()).collect();
    Some(format!("[{}]", own.join(",")).into())
}
