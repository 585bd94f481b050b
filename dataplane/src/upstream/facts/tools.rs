//! A reply's calls of tools, gathered piece by piece: what they are called with, and whether that can be read.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// Names and arguments of one reply that are kept; a call that there is no room for is left out.
const MAX_BYTES: usize = 64 << 10;
/// The same for calls.
const MAX_CALLS: usize = 32;

/// Of all choices, in the order in which they began. Holds content: not `Debug`.
#[derive(Default)]
pub(super) struct ToolCalls {
    calls: Vec<Begun>,
    /// By choice and number, the last one that began there: where it is among the calls.
    latest: BTreeMap<(u32, u32), usize>,
    bytes: usize,
    /// There is more than is kept, or the reply was cut by its length.
    is_partial: bool,
}

struct Begun {
    id: String,
    call: ToolCall,
    /// Something of it is missing.
    is_left_out: bool,
}

/// As the model wrote it. Holds content: not `Debug`.
#[derive(Default)]
pub(crate) struct ToolCall {
    pub choice: u32,
    pub name: String,
    pub arguments: String,
    /// The reply was cut by its length, and went no further than this.
    pub is_cut: bool,
}

#[derive(Deserialize)]
struct WireCall<'a> {
    /// Pieces of a stream have one.
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
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
                self.add_function((choice, 0), "", &function);
            }
            return;
        }
        let Ok(calls) = serde_json::from_str::<Vec<WireCall<'_>>>(raw.get()) else {
            return;
        };
        for (at, call) in (0..).zip(calls) {
            if let Some(function) = call.function {
                let id = call.id.unwrap_or_default();
                self.add_function((choice, call.index.unwrap_or(at)), &id, &function);
            }
        }
    }

    fn add_function(&mut self, place: (u32, u32), id: &str, function: &Function<'_>) {
        if let Some(name) = &function.name {
            self.begin(place, id, name);
        }
        if let Some(arguments) = &function.arguments {
            self.add(place, arguments);
        }
    }

    /// What a call is of. Some servers say it with every piece, some of them under a new id each time, and some give all
    /// calls one number: there another call begins where one is whole, or one of another tool is named.
    pub(super) fn begin(&mut self, place: (u32, u32), id: &str, name: &str) {
        let known = self.latest.get(&place).and_then(|at| self.calls.get(*at));
        let is_same = |begun: &Begun| {
            let is_its_id = id.is_empty() || begun.id.is_empty() || begun.id == id;
            is_its_id || (begun.call.name == name && !is_whole(&begun.call.arguments))
        };
        if known.is_some_and(|begun| is_same(begun) && !begun.call.name.is_empty()) {
            return;
        }
        if !known.is_some_and(is_same) {
            self.latest.remove(&place);
        }
        if let Some(begun) = self.room_for(place, id.len() + name.len()) {
            id.clone_into(&mut begun.id);
            name.clone_into(&mut begun.call.name);
        }
    }

    /// More of a call's arguments.
    pub(super) fn add(&mut self, place: (u32, u32), piece: &str) {
        if let Some(begun) = self.room_for(place, piece.len()) {
            begun.call.arguments.push_str(piece);
        }
    }

    /// The call that is told of at this place; none where there is no room, and then all of it is left out.
    fn room_for(&mut self, place: (u32, u32), bytes: usize) -> Option<&mut Begun> {
        let known = self.latest.get(&place).copied();
        let at = match known {
            Some(at) => at,
            None if self.calls.len() >= MAX_CALLS => {
                self.is_partial = true;
                return None;
            }
            None => {
                let choice = place.0;
                self.calls.push(Begun {
                    id: String::new(),
                    call: ToolCall {
                        choice,
                        ..ToolCall::default()
                    },
                    is_left_out: false,
                });
                self.latest.insert(place, self.calls.len() - 1);
                self.calls.len() - 1
            }
        };
        self.bytes = self.bytes.saturating_add(bytes);
        let begun = self.calls.get_mut(at)?;
        begun.is_left_out |= self.bytes > MAX_BYTES;
        self.is_partial |= begun.is_left_out;
        (!begun.is_left_out).then_some(begun)
    }

    /// The last call of this choice may not be whole.
    pub(super) fn cut(&mut self, choice: u32) {
        self.is_partial = true;
        let mut newest_first = self.calls.iter_mut().rev();
        if let Some(begun) = newest_first.find(|begun| begun.call.choice == choice) {
            begun.call.is_cut = true;
        }
    }

    /// Whether any call has arguments that are no JSON object. Those of a call without any may be empty.
    pub(super) fn are_invalid(&self) -> bool {
        let is_object = |arguments: &str| {
            let arguments = arguments.trim();
            arguments.is_empty() || (arguments.starts_with('{') && is_whole(arguments))
        };
        !self.is_partial
            && self
                .calls
                .iter()
                .any(|begun| !is_object(&begun.call.arguments))
    }

    /// Those that are there from beginning to end, or as far as the reply went.
    pub(super) fn into_calls(self) -> impl Iterator<Item = ToolCall> {
        let calls = self.calls.into_iter();
        calls
            .filter(|begun| !begun.is_left_out)
            .map(|begun| begun.call)
    }
}

fn is_whole(json: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(json).is_ok()
}
