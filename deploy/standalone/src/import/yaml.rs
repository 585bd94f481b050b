//! YAML as a tree that knows its lines.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

/// A value and the line that it begins on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// The first document; one that is empty has nothing in it.
pub(super) fn read(text: &str) -> Result<Node, (usize, String)> {
    let documents = MarkedYaml::load_from_str(text);
    let documents = documents.map_err(|error| (error.marker().line(), error.to_string()))?;
    match documents.first() {
        Some(document) => node(document),
        None => Ok(Node::empty(1)),
    }
}

fn node(marked: &MarkedYaml<'_>) -> Result<Node, (usize, String)> {
    let line = marked.span.start.line();
    let value = match &marked.data {
        YamlData::Value(scalar) => scalar_of(scalar),
        YamlData::Representation(text, ..) => Value::Text(text.clone().into_owned()),
        YamlData::Sequence(items) => Value::List(items.iter().map(node).collect::<Result<_, _>>()?),
        YamlData::Mapping(pairs) => {
            let mut entries = Vec::with_capacity(pairs.len());
            for (key, value) in pairs {
                entries.push((key_of(key)?, node(value)?));
            }
            Value::Map(merged(entries))
        }
        YamlData::Tagged(_, inner) => node(inner)?.value,
        YamlData::Alias(_) | YamlData::BadValue => {
            return Err((line, "cannot be read as a value".to_owned()));
        }
    };
    Ok(Node { line, value })
}

fn scalar_of(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(yes) => Value::Bool(*yes),
        #[expect(clippy::cast_precision_loss, reason = "no setting is that large")]
        Scalar::Integer(number) => Value::Number(*number as f64),
        Scalar::FloatingPoint(number) => Value::Number(number.into_inner()),
        Scalar::String(text) => Value::Text(text.clone().into_owned()),
    }
}

fn key_of(marked: &MarkedYaml<'_>) -> Result<String, (usize, String)> {
    let key = node(marked)?;
    key.shown()
        .ok_or_else(|| (key.line, "a key must be a plain value".to_owned()))
}

/// With what `<<` takes from elsewhere; what is written here comes first.
fn merged(entries: Vec<(String, Node)>) -> Vec<(String, Node)> {
    let (from, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| key == "<<");
    for (_, from) in from {
        let maps = match from.value {
            Value::List(maps) => maps,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
                vec![from]
            }
        };
        let theirs = maps.into_iter().flat_map(|map| map.into_entries());
        for (key, value) in theirs {
            if own.iter().all(|(known, _)| *known != key) {
                own.push((key, value));
            }
        }
    }
    own
}

impl Node {
    /// A mapping without anything in it.
    pub(super) fn empty(line: usize) -> Self {
        let value = Value::Map(Vec::new());
        Self { line, value }
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                &[]
            }
        }
    }

    fn into_entries(self) -> Vec<(String, Self)> {
        match self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                Vec::new()
            }
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => &[],
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries().iter();
        entries
            .find(|(known, _)| known == key)
            .map(|(_, node)| node)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                None
            }
        }
    }

    /// A number, also one that is written as a text.
    pub(super) fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(super) fn is_true(&self) -> bool {
        self.value == Value::Bool(true)
    }

    /// A plain value as a text.
    pub(super) fn shown(&self) -> Option<String> {
        match &self.value {
            Value::Null => Some("null".to_owned()),
            Value::Bool(yes) => Some(yes.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
            Value::List(_) | Value::Map(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_known_and_merged_keys_come_last() {
        let text =
            "a: &base\n  x: 1\n  y: os.environ/Y\nb:\n  <<: *base\n  x: 2\nc: [true, null]\n";
        let root = read(text).expect("YAML");
        let b = root.get("b").expect("there");
        assert_eq!(b.get("x").and_then(Node::number), Some(2.0));
        assert_eq!(b.get("y").and_then(Node::text), Some("os.environ/Y"));
        assert_eq!(b.get("x").map(|it| it.line), Some(6));
        assert!(root.get("c").expect("there").items()[0].is_true());
        let (line, message) = read("a: [1\nb: 2\n").expect_err("no YAML");
        assert!(line > 0 && !message.is_empty());
    }
}
