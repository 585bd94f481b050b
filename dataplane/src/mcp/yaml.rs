//! YAML of a header, as JSON: what is wrong with it is said with its line and column.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Number, Value};

/// Deeper than any plugin is.
const MAX_DEPTH: usize = 16;
/// More than any plugin has: what is read without trust is not to be deeper than the stack.
const MAX_BRACKETS: usize = 256;

/// Reads a mapping in braces: a header is one line. What aliases may come to is bounded by the library.
pub(super) fn read(text: &str) -> Result<Value, String> {
    if !text.starts_with('{') {
        return Err("line 1, column 1: it must begin with {".to_owned());
    }
    if text
        .bytes()
        .filter(|byte| matches!(byte, b'[' | b'{'))
        .count()
        > MAX_BRACKETS
    {
        return Err("line 1: it is nested too deeply".to_owned());
    }
    let documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let marker = error.marker();
        // What is not closed is missed on a line that a header does not have.
        let column = if marker.line() > 1 {
            text.chars().count() + 1
        } else {
            marker.col() + 1
        };
        format!("line 1, column {column}: {}", error.info())
    })?;
    match documents.first() {
        Some(document) => value(document, MAX_DEPTH),
        None => Err("it is empty".to_owned()),
    }
}

fn value(marked: &MarkedYaml<'_>, depth: usize) -> Result<Value, String> {
    let at = || {
        let start = marked.span.start;
        format!("line {}, column {}", start.line(), start.col() + 1)
    };
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!("{}: it is nested too deeply", at()));
    };
    match &marked.data {
        YamlData::Value(scalar) => Ok(scalar_of(scalar)),
        YamlData::Representation(text, ..) => Ok(Value::String(text.clone().into_owned())),
        YamlData::Sequence(items) => items.iter().map(|item| value(item, depth)).collect(),
        YamlData::Mapping(pairs) => {
            let mut entries = Map::new();
            for (key, held) in pairs {
                let Value::String(key) = value(key, depth)? else {
                    return Err(format!("{}: a key must be a text", at()));
                };
                entries.insert(key, value(held, depth)?);
            }
            Ok(Value::Object(entries))
        }
        YamlData::Tagged(_, inner) => value(inner, depth),
        YamlData::Alias(_) | YamlData::BadValue => {
            Err(format!("{}: it cannot be read as a value", at()))
        }
    }
}

fn scalar_of(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(yes) => Value::Bool(*yes),
        Scalar::Integer(number) => Value::Number((*number).into()),
        Scalar::FloatingPoint(number) => {
            Number::from_f64(number.into_inner()).map_or(Value::Null, Value::Number)
        }
        Scalar::String(text) => Value::String(text.clone().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_a_header_is_read() {
        let text = "{version: 1, mcp_servers: [{id: a, tools: [x, 'y'], on: true}], n: null}";
        let expected = json!({
            "version": 1, "mcp_servers": [{"id": "a", "tools": ["x", "y"], "on": true}], "n": null,
        });
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read("{\"a\": 1.5}"), Ok(json!({"a": 1.5})));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, said) in [
            ("{a: [1, 2}", "line 1, column"),
            ("", "must begin with {"),
            ("- - - 1", "must begin with {"),
            ("{[1]: 2}", "a key must be a text"),
            ("{a: 1, a: 2}", "line 1"),
            (&"{".repeat(20), "line 1"),
            (&"{".repeat(9_000), "nested too deeply"),
            (
                &format!("{{a: {}{}}}", "[".repeat(20), "]".repeat(20)),
                "nested too deeply",
            ),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
