//! JSON as people send it. RFC 8259, section 4, leaves open which of two values a key has that is written twice: here it
//! has none.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    #[error("not JSON: {0}")]
    Syntax(String),
    /// With its path.
    #[error("{0} is there twice; which one is meant?")]
    Twice(String),
}

impl InvalidJson {
    /// The key that is wrong, if it is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Syntax(_) => None,
            Self::Twice(path) => Some(path),
        }
    }
}

/// Reads a whole text.
pub fn read(text: &[u8]) -> Result<Value, InvalidJson> {
    let twice = RefCell::new(None);
    let mut source = serde_json::Deserializer::from_slice(text);
    let seed = Distinct {
        at: String::new(),
        twice: &twice,
    };
    let value = seed.deserialize(&mut source);
    let value = value.and_then(|value| source.end().map(|()| value));
    value.map_err(|error| match twice.take() {
        Some(path) => InvalidJson::Twice(path),
        None => InvalidJson::Syntax(error.to_string()),
    })
}

/// A value at this place.
struct Distinct<'a> {
    at: String,
    twice: &'a RefCell<Option<String>>,
}

impl Distinct<'_> {
    fn below(&self, key: &str) -> String {
        if self.at.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.at)
        }
    }
}

impl<'de> DeserializeSeed<'de> for Distinct<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Distinct<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut found = Vec::new();
        loop {
            let seed = Distinct {
                at: format!("{}[{}]", self.at, found.len()),
                twice: self.twice,
            };
            match items.next_element_seed(seed)? {
                Some(item) => found.push(item),
                None => return Ok(Value::Array(found)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut found = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            let at = self.below(&key);
            if found.contains_key(&key) {
                self.twice.replace(Some(at));
                return Err(A::Error::custom("a key twice"));
            }
            let twice = self.twice;
            found.insert(key, fields.next_value_seed(Distinct { at, twice })?);
        }
        Ok(Value::Object(found))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_that_is_there_twice_is_named_with_its_place() {
        for (text, path) in [
            (r#"{"score": 9, "score": 1}"#, "score"),
            (r#"{"a": {"b": 1, "b": 1}}"#, "a.b"),
            (r#"{"a": [{}, {"b": null, "c": 1, "b": 2}]}"#, "a[1].b"),
            (r#"{"a": 1, "\u0061": 2}"#, "a"),
        ] {
            let error = read(text.as_bytes()).expect_err(text);
            assert_eq!(error, InvalidJson::Twice(path.to_owned()));
            assert_eq!(error.field(), Some(path));
        }
    }

    #[test]
    fn what_is_not_json_is_refused_as_ever() {
        for text in ["", "{", "{} {}", r#"{"a" 1}"#, "nul", "[1,]", "\"\u{1}\""] {
            let why = serde_json::from_str::<Value>(text).expect_err(text);
            assert_eq!(
                read(text.as_bytes()),
                Err(InvalidJson::Syntax(why.to_string()))
            );
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,3}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_else_reads_as_it_does_without(value in value()) {
            let text = value.to_string();
            let plain: Value = serde_json::from_str(&text).expect("just written");
            prop_assert_eq!(read(text.as_bytes()), Ok(plain));
        }
    }
}
