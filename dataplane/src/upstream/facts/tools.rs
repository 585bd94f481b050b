//! The arguments of a reply's tool calls, gathered piece by piece to see whether they can be read.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// Arguments of one reply that are looked at; of longer ones nothing is said.
const MAX_BYTES: usize = 64 << 10;
/// The same for calls.
const MAX_CALLS: usize = 32;

/// Of each choice and call. Holds content: not `Debug`.
#[derive(Default)]
pub(super) struct ToolCalls {
    arguments: BTreeMap<(u32, u32), String>,
    bytes: usize,
    /// There is more than is looked at, or the reply was cut by its length.
    is_cut: bool,
}

#[derive(Deserialize)]
struct WireCall<'a> {
    /// Pieces of a stream have one.
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    arguments: Option<Cow<'a, str>>,
}

impl ToolCalls {
    /// Reads `tool_calls` of a message or of a piece of one, or the one `function_call` that there was before them.
    pub(super) fn take(&mut self, choice: u32, raw: &RawValue) {
        if raw.get().starts_with('{') {
            let function = serde_json::from_str::<Function<'_>>(raw.get());
            if let Ok(Some(arguments)) = function.map(|function| function.arguments) {
                self.add((choice, 0), &arguments);
            }
            return;
        }
        let Ok(calls) = serde_json::from_str::<Vec<WireCall<'_>>>(raw.get()) else {
            return;
        };
        for (at, call) in (0..).zip(calls) {
            let arguments = call.function.and_then(|function| function.arguments);
            if let Some(arguments) = arguments {
                self.add((choice, call.index.unwrap_or(at)), &arguments);
            }
        }
    }

    /// More of a call's arguments.
    pub(super) fn add(&mut self, call: (u32, u32), piece: &str) {
        let is_new = !self.arguments.contains_key(&call);
        self.bytes = self.bytes.saturating_add(piece.len());
        if self.bytes > MAX_BYTES || (is_new && self.arguments.len() >= MAX_CALLS) {
            self.cut();
        } else if !self.is_cut {
            self.arguments.entry(call).or_default().push_str(piece);
        }
    }

    /// What is there is not all.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
        self.arguments.clear();
    }

    /// Whether any call has arguments that are no JSON object. Those of a call without any may be empty.
    pub(super) fn are_invalid(&self) -> bool {
        let is_object = |arguments: &str| {
            let arguments = arguments.trim();
            let is_json = serde_json::from_str::<IgnoredAny>(arguments).is_ok();
            arguments.is_empty() || (arguments.starts_with('{') && is_json)
        };
        !self.is_cut
            && self
                .arguments
                .values()
                .any(|arguments| !is_object(arguments))
    }
}
