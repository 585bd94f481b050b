//! The part of a body that has text in it, as JSON that keeps everything: a key that occurs twice is there twice.

use std::{borrow::Cow, cell::Cell, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Values of a call that are read one by one; where there are more, it is looked at as it is.
pub(super) const MAX_VALUES: usize = 50_000;

/// What of a body has text in it.
#[derive(Default)]
pub(super) struct Body {
    pub(super) system: Node,
    pub(super) instructions: Node,
    pub(super) prompt: Node,
    pub(super) messages: Node,
    pub(super) input: Node,
}

/// A JSON value with its texts; a key that occurs twice is there twice.
#[derive(Default)]
pub(super) enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    #[default]
    Nothing,
}

/// What of a body is read, with so many values in it at most: each takes more memory than the byte it may be written in.
pub(super) fn parse(body: &[u8]) -> serde_json::Result<Body> {
    let left = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parsed = reader.deserialize_map(BodyReader(&left))?;
    reader.end()?;
    Ok(parsed)
}

struct BodyReader<'a>(&'a Cell<usize>);

impl<'de> Visitor<'de> for BodyReader<'_> {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of a call")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Body, A::Error> {
        let mut body = Body::default();
        while let Some(key) = entries.next_key::<Cow<'de, str>>()? {
            let place = match &*key {
                "system" => &mut body.system,
                "instructions" => &mut body.instructions,
                "prompt" => &mut body.prompt,
                "messages" => &mut body.messages,
                "input" => &mut body.input,
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = entries.next_value_seed(Reader(self.0))?;
        }
        Ok(body)
    }
}

/// Reads a value; `left`: how many more there may be.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let left = self.0.get().checked_sub(1);
        let left = left.ok_or_else(|| D::Error::custom("too many values"))?;
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key()? {
            map.push((key, entries.next_value_seed(self)?));
        }
        Ok(Node::Map(map))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }
}
