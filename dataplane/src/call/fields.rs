//! The top level of a body: the values we look at, borrowed, and no key twice.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{error::InvalidCall, value::kind_of_byte};

/// What a call may have that we look at; `null` counts as absent where nothing else is said.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub model: Option<&'a RawValue>,
    pub stream: Option<&'a RawValue>,
    /// Also where it is `null`.
    pub stream_options: Option<&'a RawValue>,
    pub messages: Option<&'a RawValue>,
    pub tools: Option<&'a RawValue>,
    pub response_format: Option<&'a RawValue>,
    pub max_tokens: Option<&'a RawValue>,
    pub max_completion_tokens: Option<&'a RawValue>,
    pub reasoning_effort: Option<&'a RawValue>,
    pub user: Option<&'a RawValue>,
    pub web_search_options: Option<&'a RawValue>,
    pub input: Option<&'a RawValue>,
    /// How many replies.
    pub n: Option<&'a RawValue>,
    /// Of a stored prompt. Also where it is `null`.
    pub inputs: Option<&'a RawValue>,
    duplicate: Option<String>,
    /// There are more keys than any call has.
    overfull: bool,
}

/// Keys at the top level of a body. OpenAI's API has about forty; each costs memory of ours to compare.
const MAX_KEYS: usize = 1_000;

impl<'a> Fields<'a> {
    /// Reads a whole body.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, InvalidCall> {
        let first = body.iter().copied().find(|b| !b.is_ascii_whitespace());
        if matches!(
            first,
            None | Some(b'"' | b'[' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9')
        ) {
            return Err(InvalidCall::NotAnObject {
                found: kind_of_byte(first),
            });
        }
        let mut fields: Self =
            serde_json::from_slice(body).map_err(|e| InvalidCall::NotJson(e.to_string()))?;
        if fields.overfull {
            return Err(InvalidCall::TooManyKeys(MAX_KEYS));
        }
        match fields.duplicate.take() {
            Some(key) => Err(InvalidCall::DuplicateKey(key)),
            None => Ok(fields),
        }
    }

    fn slot(&mut self, key: &str) -> Option<&mut Option<&'a RawValue>> {
        match key {
            "model" => Some(&mut self.model),
            "stream" => Some(&mut self.stream),
            "stream_options" => Some(&mut self.stream_options),
            "messages" => Some(&mut self.messages),
            "tools" => Some(&mut self.tools),
            "response_format" => Some(&mut self.response_format),
            "max_tokens" => Some(&mut self.max_tokens),
            "max_completion_tokens" => Some(&mut self.max_completion_tokens),
            "reasoning_effort" => Some(&mut self.reasoning_effort),
            "user" => Some(&mut self.user),
            "web_search_options" => Some(&mut self.web_search_options),
            "input" => Some(&mut self.input),
            "n" => Some(&mut self.n),
            "inputs" => Some(&mut self.inputs),
            _ => None,
        }
    }

    fn put(&mut self, key: &str, value: &'a RawValue) {
        let absent = value.get() == "null" && !matches!(key, "model" | "stream_options" | "inputs");
        if let Some(slot) = self.slot(key).filter(|_| !absent) {
            *slot = Some(value);
        }
    }
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        let mut seen = Seen::default();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            fields.put(&key.0, map.next_value()?);
            if seen.count() >= MAX_KEYS {
                fields.overfull = true;
            } else if seen.contains(&key) {
                let name = || key.0.chars().take(64).collect();
                fields.duplicate.get_or_insert_with(name);
            } else {
                seen.add(key);
            }
        }
        Ok(fields)
    }
}

/// The keys so far: few are compared one by one, which takes less than hashing them.
#[derive(Default)]
struct Seen<'a> {
    few: Vec<Key<'a>>,
    more: HashSet<Key<'a>>,
}

impl<'a> Seen<'a> {
    const FEW: usize = 16;

    fn count(&self) -> usize {
        self.few.len() + self.more.len()
    }

    fn contains(&self, key: &Key<'a>) -> bool {
        self.few.contains(key) || (!self.more.is_empty() && self.more.contains(key))
    }

    fn add(&mut self, key: Key<'a>) {
        if self.few.len() < Self::FEW {
            self.few.reserve(Self::FEW);
            self.few.push(key);
        } else {
            self.more.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_named_wherever_it_is() {
        for repeated in [0, Seen::FEW - 1, Seen::FEW, 40] {
            let keys: Vec<String> = (0..50).map(|n| format!("\"k{n}\":0")).collect();
            let body = format!("{{{},\"k{repeated}\":1}}", keys.join(","));
            let error = Fields::read(body.as_bytes()).err();
            let expected = InvalidCall::DuplicateKey(format!("k{repeated}"));
            assert_eq!(error, Some(expected), "k{repeated}");
        }
    }

    #[test]
    fn more_keys_than_any_call_has_are_refused() {
        let body = |keys: usize| {
            let keys: Vec<String> = (0..keys).map(|n| format!("\"k{n}\":0")).collect();
            format!("{{{}}}", keys.join(","))
        };
        assert!(Fields::read(body(MAX_KEYS).as_bytes()).is_ok());
        let error = Fields::read(body(MAX_KEYS + 1).as_bytes()).err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(error, "the body has more than 1000 keys at its top level");
    }
}
