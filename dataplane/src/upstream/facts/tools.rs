//! A reply's calls of tools, gathered piece by piece: what they are called with, and whether that can be read.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// Names and arguments of one reply that are kept; of longer ones nothing is said.
const MAX_BYTES: usize = 64 << 10;
/// The same for calls.
const MAX_CALLS: usize = 32;

/// Of each choice and call. Holds content: not `Debug`.
#[derive(Default)]
pub(super) struct ToolCalls {
    calls: BTreeMap<(u32, u32), ToolCall>,
    bytes: usize,
    /// There is more than is kept, or the reply was cut by its length.
    is_cut: bool,
}

/// As the model wrote it. Holds content: not `Debug`.
#[derive(Default)]
pub(crate) struct ToolCall {
    pub name: String,
    pub arguments: String,
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
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arguments: Option<Cow<'a, str>>,
}

impl ToolCalls {
    /// Reads `tool_calls` of a message or of a piece of one, or the one `function_call` that there was before them.
    pub(super) fn take(&mut self, choice: u32, raw: &RawValue) {
        if raw.get().starts_with('{') {
            if let Ok(function) = serde_json::from_str::<Function<'_>>(raw.get()) {
                self.add_function((choice, 0), &function);
            }
            return;
        }
        let Ok(calls) = serde_json::from_str::<Vec<WireCall<'_>>>(raw.get()) else {
            return;
        };
        for (at, call) in (0..).zip(calls) {
            if let Some(function) = call.function {
                self.add_function((choice, call.index.unwrap_or(at)), &function);
            }
        }
    }

    fn add_function(&mut self, call: (u32, u32), function: &Function<'_>) {
        if let Some(name) = &function.name {
            self.name(call, name);
        }
        if let Some(arguments) = &function.arguments {
            self.add(call, arguments);
        }
    }

    /// What a call is of.
    pub(super) fn name(&mut self, call: (u32, u32), name: &str) {
        // Some providers say it with every piece.
        if let Some(call) = self.room_for(call, name.len())
            && call.name.is_empty()
        {
            call.name.push_str(name);
        }
    }

    /// More of a call's arguments.
    pub(super) fn add(&mut self, call: (u32, u32), piece: &str) {
        if let Some(call) = self.room_for(call, piece.len()) {
            call.arguments.push_str(piece);
        }
    }

    fn room_for(&mut self, call: (u32, u32), bytes: usize) -> Option<&mut ToolCall> {
        let is_new = !self.calls.contains_key(&call);
        self.bytes = self.bytes.saturating_add(bytes);
        self.is_cut |= self.bytes > MAX_BYTES || (is_new && self.calls.len() >= MAX_CALLS);
        (!self.is_cut).then(|| self.calls.entry(call).or_default())
    }

    /// What is there is not all.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
    }

    pub(super) fn are_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether any call has arguments that are no JSON object. Those of a call without any may be empty.
    pub(super) fn are_invalid(&self) -> bool {
        let is_object = |arguments: &str| {
            let arguments = arguments.trim();
            let is_json = serde_json::from_str::<IgnoredAny>(arguments).is_ok();
            arguments.is_empty() || (arguments.starts_with('{') && is_json)
        };
        !self.is_cut && self.calls.values().any(|call| !is_object(&call.arguments))
    }

    pub(super) fn into_calls(self) -> impl Iterator<Item = ToolCall> {
        self.calls.into_values()
    }
}
