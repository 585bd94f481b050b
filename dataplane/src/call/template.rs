//! A stored prompt's messages put before the caller's, filled from its `inputs`. What the caller wrote stays as it is,
//! byte by byte: placeholders in it are text.

mod front;

use std::{collections::HashMap, ops::Range};

use bytes::Bytes;
use floopy_shared::domain::prompt::{
    Message, PromptVersion, Role, Version,
    template::{Piece, pieces},
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{
    Call, Endpoint, InvalidCall, MODEL, fields::Fields, member, span_of, splice::with_edits,
    value::kind_of,
};

pub(super) use self::front::Front;

const INPUTS: &str = "an object of values by the names of their placeholders";

/// Why a stored prompt cannot be put into a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfillable {
    #[error(transparent)]
    Invalid(#[from] InvalidCall),
    #[error("the prompt requires a value for {0:?}: send it as inputs.{0}")]
    Missing(String),
    #[error("with its prompt the body is larger than {0} bytes")]
    TooLarge(usize),
}

/// What of a body has to do with prompts.
#[derive(Deserialize)]
struct Places<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    model: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    messages: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    input: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    system: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    inputs: Option<&'a RawValue>,
}

/// Also where it is `null`.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&'a RawValue>::deserialize(deserializer).map(Some)
}

type Inputs<'a> = HashMap<String, &'a RawValue>;

impl Call {
    /// Reads a call whose messages begin with a stored prompt's; with them the body may have `max_bytes`.
    pub(crate) fn parse_prompted(
        (body, endpoint, task): (Bytes, Endpoint, Option<&str>),
        (mark, version): (PromptVersion, &Version),
        max_bytes: usize,
    ) -> Result<Self, Unfillable> {
        let body = fill(&body, endpoint, version, max_bytes)?;
        let call = Self::parse(body, endpoint, task)?;
        Ok(Self {
            prompted: Some(mark),
            front: Front::of(version, endpoint),
            ..call
        })
    }
}

/// The body with the prompt in it, and without its inputs.
fn fill(
    body: &Bytes,
    endpoint: Endpoint,
    version: &Version,
    max_bytes: usize,
) -> Result<Bytes, Unfillable> {
    let open = body.iter().position(|byte| *byte == b'{');
    let (Ok(places), Some(open)) = (serde_json::from_slice::<Places<'_>>(body), open) else {
        // What is wrong is said as of any call.
        Fields::read(body)?;
        return Err(InvalidCall::NotJson("it cannot be read".to_owned()).into());
    };
    if places.model.is_none() {
        let (field, expected) = ("model", MODEL);
        return Err(InvalidCall::Missing { field, expected }.into());
    }
    let inputs = read_inputs(places.inputs)?;
    let filling = Filling::begin(version, &inputs, max_bytes)?;
    let mut edits = Vec::with_capacity(3);
    edits.extend(
        places
            .inputs
            .map(|raw| (member::span_of(raw, body), String::new())),
    );
    for (field, own, ours) in filling.parts(endpoint, &places)? {
        let list = joined(ours, field, own)?;
        edits.push(match own {
            Some(raw) => (span_of(raw, body), list),
            // The model comes after it.
            None => (open + 1..open + 1, format!("\"{}\":{list},", field.name())),
        });
    }
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    let edits: Vec<(&Range<usize>, &str)> = edits
        .iter()
        .map(|(span, text)| (span, text.as_str()))
        .collect();
    let filled = with_edits(body, &edits);
    if filled.len() > max_bytes {
        return Err(Unfillable::TooLarge(max_bytes));
    }
    Ok(filled)
}

fn read_inputs(raw: Option<&RawValue>) -> Result<Inputs<'_>, InvalidCall> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
        return Ok(Inputs::default());
    };
    let read = serde_json::from_str(raw.get());
    let mut inputs: Inputs<'_> = read.map_err(|_| InvalidCall::hidden("inputs", raw, INPUTS))?;
    inputs.retain(|_, value| value.get() != "null");
    Ok(inputs)
}

/// Where messages are, in the APIs that have any.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Messages,
    /// Of Responses.
    Input,
    /// Of Anthropic's Messages.
    System,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Input => "input",
            Self::System => "system",
        }
    }

    /// What a plain string there stands for, before and after it.
    fn wrapping(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Messages => None,
            Self::Input => Some((r#"{"role":"user","content":"#, "}")),
            Self::System => Some((r#"{"type":"text","text":"#, "}")),
        }
    }
}

/// Elements of ours, and after them the caller's.
fn joined(ours: String, place: Place, own: Option<&RawValue>) -> Result<String, InvalidCall> {
    let own = own.map_or("null", RawValue::get);
    let text = place.wrapping().filter(|_| own.starts_with('"'));
    let inner = match text {
        Some(_) if own == "\"\"" => String::new(),
        Some((before, after)) => format!("{before}{own}{after}"),
        None if own == "null" => String::new(),
        None => {
            let inner = own.strip_prefix('[').and_then(|own| own.strip_suffix(']'));
            let inner = inner.ok_or_else(|| InvalidCall::Wrong {
                field: place.name().to_owned(),
                found: kind_of_text(own).to_owned(),
                expected: "an array",
            })?;
            inner.trim_ascii().to_owned()
        }
    };
    let comma = if inner.is_empty() { "" } else { "," };
    Ok(format!("[{ours}{comma}{inner}]"))
}

fn kind_of_text(text: &str) -> &'static str {
    serde_json::from_str::<&RawValue>(text).map_or("nothing", kind_of)
}

/// A prompt and what it is filled with.
struct Filling<'a> {
    version: &'a Version,
    inputs: &'a Inputs<'a>,
    max_bytes: usize,
}

/// A field, what the caller has there, and what comes before that.
type Part<'a> = (Place, Option<&'a RawValue>, String);

impl<'a> Filling<'a> {
    fn begin(
        version: &'a Version,
        inputs: &'a Inputs<'a>,
        max_bytes: usize,
    ) -> Result<Self, Unfillable> {
        let is_missing = |name: &str| !inputs.contains_key(name);
        let missing = version.variables.iter().find(|variable| {
            variable.required && variable.default.is_none() && is_missing(&variable.name)
        });
        match missing {
            Some(variable) => Err(Unfillable::Missing(variable.name.to_string())),
            None => Ok(Self {
                version,
                inputs,
                max_bytes,
            }),
        }
    }

    /// What the API has fields for. Anthropic's has one of its own for what is said by the system, wherever among the
    /// messages it stands.
    fn parts(&self, endpoint: Endpoint, places: &Places<'a>) -> Result<Vec<Part<'a>>, Unfillable> {
        let mut parts = match endpoint {
            Endpoint::Chat | Endpoint::Embeddings => {
                vec![(Place::Messages, places.messages, self.messages(|_| true)?)]
            }
            Endpoint::Responses => vec![(Place::Input, places.input, self.messages(|_| true)?)],
            Endpoint::Messages | Endpoint::CountTokens => vec![
                (Place::System, places.system, self.blocks(is_system)?),
                (
                    Place::Messages,
                    places.messages,
                    self.messages(|role| !is_system(role))?,
                ),
            ],
        };
        parts.retain(|(_, _, ours)| !ours.is_empty());
        Ok(parts)
    }

    /// Messages as chat completions, Responses and Anthropic's Messages spell them.
    fn messages(&self, which: impl Fn(Role) -> bool) -> Result<String, Unfillable> {
        self.elements(which, |role, out| {
            out.push_str(r#"{"role":""#);
            out.push_str(role.as_str());
            out.push_str(r#"","content":""#);
        })
    }

    /// Blocks of text.
    fn blocks(&self, which: impl Fn(Role) -> bool) -> Result<String, Unfillable> {
        self.elements(which, |_, out| out.push_str(r#"{"type":"text","text":""#))
    }

    fn elements(
        &self,
        which: impl Fn(Role) -> bool,
        begin: impl Fn(Role, &mut String),
    ) -> Result<String, Unfillable> {
        let mut out = String::new();
        for message in self.version.messages.iter().filter(|m| which(m.role)) {
            if !out.is_empty() {
                out.push(',');
            }
            begin(message.role, &mut out);
            self.content(message, &mut out)?;
            out.push_str("\"}");
        }
        Ok(out)
    }

    fn content(&self, message: &Message, out: &mut String) -> Result<(), Unfillable> {
        for piece in pieces(&message.content) {
            match piece {
                Piece::Text(text) => push_escaped(text, out),
                Piece::Placeholder { name, written } => self.value(name, written, out),
            }
            if out.len() > self.max_bytes {
                return Err(Unfillable::TooLarge(self.max_bytes));
            }
        }
        Ok(())
    }

    /// The input of this name, else what it defaults to, else the placeholder itself.
    fn value(&self, name: &str, written: &str, out: &mut String) {
        let Some(raw) = self.inputs.get(name) else {
            let variable = self.version.variable(name);
            let default = variable.and_then(|variable| variable.default.as_deref());
            return push_escaped(default.unwrap_or(written), out);
        };
        let raw = raw.get();
        let text = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        match text {
            // It is escaped already.
            Some(text) => out.push_str(text),
            None => push_escaped(raw, out),
        }
    }
}

/// Whether Anthropic has a field of its own for what is said so.
fn is_system(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}

/// A text as it stands between the quotation marks of a JSON string.
fn push_escaped(text: &str, out: &mut String) {
    let quoted = serde_json::Value::from(text).to_string();
    out.push_str(&quoted[1..quoted.len() - 1]);
}

#[cfg(test)]
mod tests;
