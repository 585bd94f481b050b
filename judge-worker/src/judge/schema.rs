//! Whether arguments keep to the schema that the caller gave, as far as it says what models get wrong: types, names,
//! what is required, what may be chosen from, how long and how many.
//!
//! Schemas are the caller's and come with every reply: they may refer to themselves without end or ask for any amount of
//! work, and the judge may run within the process that serves. So what is looked at is bounded, in depth and in all, and
//! what lies beyond, or is not known here (`pattern`, `format`, `if` …), is taken for kept.

use floopy_shared::domain::sensitive::Kind;
use serde_json::{Map, Value};

/// Schemas within schemas that are looked at.
const MAX_DEPTH: u32 = 32;
/// Pairs of a schema and a value that are looked at.
const MAX_STEPS: u32 = 5_000;

/// A check of one value.
struct Check<'a> {
    root: &'a Value,
    steps: u32,
}

/// Whether a value keeps to a schema.
pub(super) fn keeps(schema: &Value, value: &Value) -> bool {
    let mut check = Check {
        root: schema,
        steps: 0,
    };
    check.keeps(schema, value, 0)
}

impl Check<'_> {
    fn keeps(&mut self, schema: &Value, value: &Value, depth: u32) -> bool {
        self.steps = self.steps.saturating_add(1 + work(schema, value));
        if depth > MAX_DEPTH || self.steps > MAX_STEPS {
            return true;
        }
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(allows) => return *allows,
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => return true,
        };
        // What was taken out may have been anything. OpenAPI's way of allowing null.
        let is_nullable = value.is_null() && schema.get("nullable") == Some(&Value::Bool(true));
        if is_nullable || is_scrubbed(value) {
            return true;
        }
        is_of_type(schema, value)
            && is_chosen(schema, value)
            && is_within(schema, value)
            && self.refers(schema, value, depth)
            && self.combines(schema, value, depth)
            && self.has_members(schema, value, depth)
            && self.has_items(schema, value, depth)
    }

    /// `$ref` within the schema itself.
    fn refers(&mut self, schema: &Map<String, Value>, value: &Value, depth: u32) -> bool {
        let pointer = schema.get("$ref").and_then(Value::as_str);
        let pointer = pointer.and_then(|to| to.strip_prefix('#'));
        let target = pointer.and_then(|pointer| self.root.pointer(pointer));
        target.is_none_or(|target| self.keeps(target, value, depth + 1))
    }

    fn combines(&mut self, schema: &Map<String, Value>, value: &Value, depth: u32) -> bool {
        let list = |key: &str| schema.get(key).and_then(Value::as_array);
        let mut all = list("allOf").into_iter().flatten();
        if !all.all(|one| self.keeps(one, value, depth + 1)) {
            return false;
        }
        ["anyOf", "oneOf"].into_iter().all(|key| {
            list(key).is_none_or(|any| any.iter().any(|one| self.keeps(one, value, depth + 1)))
        })
    }

    fn has_members(&mut self, schema: &Map<String, Value>, value: &Value, depth: u32) -> bool {
        let Value::Object(members) = value else {
            return true;
        };
        let mut required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        if !required.all(|name| name.as_str().is_none_or(|name| members.contains_key(name))) {
            return false;
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        // Names that match a pattern are not among the others, and patterns are not looked at.
        let others = others.filter(|_| !schema.contains_key("patternProperties"));
        members.iter().all(|(name, value)| {
            let of = known.and_then(|known| known.get(name)).or(others);
            of.is_none_or(|schema| self.keeps(schema, value, depth + 1))
        })
    }

    fn has_items(&mut self, schema: &Map<String, Value>, value: &Value, depth: u32) -> bool {
        let (Value::Array(items), Some(each)) = (value, schema.get("items")) else {
            return true;
        };
        // Where the first ones have schemas of their own, which those are depends on the version of JSON Schema.
        schema.contains_key("prefixItems")
            || items.iter().all(|item| self.keeps(each, item, depth + 1))
    }
}

fn is_of_type(schema: &Map<String, Value>, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    match schema.get("type") {
        Some(Value::String(name)) => is(name),
        Some(Value::Array(names)) => names.iter().any(|name| name.as_str().is_none_or(is)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => true,
    }
}

/// `enum` and `const`.
fn is_chosen(schema: &Map<String, Value>, value: &Value) -> bool {
    let among = schema.get("enum").and_then(Value::as_array);
    // One is 1.0.
    let same = |one: &Value| one == value || (one.is_number() && one.as_f64() == value.as_f64());
    among.is_none_or(|among| among.iter().any(same)) && schema.get("const").is_none_or(same)
}

/// What looking at a value takes beside the first step: its text, its names, and what the schema lists.
fn work(schema: &Value, value: &Value) -> u32 {
    let of_value = match value {
        Value::String(text) => text.len() / 64,
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => 0,
    };
    let listed = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    };
    let all = of_value + listed("enum") + listed("required");
    u32::try_from(all).unwrap_or(MAX_STEPS)
}

/// Bounds of numbers, of the length of texts, and of the number of items.
fn is_within(schema: &Map<String, Value>, value: &Value) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let (least, most, size) = match value {
        Value::Number(number) => ("minimum", "maximum", number.as_f64()),
        Value::String(text) => ("minLength", "maxLength", size(text.chars().count())),
        Value::Array(items) => ("minItems", "maxItems", size(items.len())),
        Value::Null | Value::Bool(_) | Value::Object(_) => return true,
    };
    size.is_none_or(|size| {
        bound(least).is_none_or(|least| size >= least)
            && bound(most).is_none_or(|most| size <= most)
    })
}

fn size(n: usize) -> Option<f64> {
    u32::try_from(n).ok().map(f64::from)
}

/// Whether personal data or a secret stood here.
fn is_scrubbed(value: &Value) -> bool {
    let text = value.as_str().filter(|text| text.contains('['));
    text.is_some_and(|text| {
        Kind::ALL
            .into_iter()
            .any(|kind| text.contains(kind.placeholder()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_tool_would_refuse_is_seen() {
        let schema = json!({
            "type": "object", "required": ["city", "days"], "additionalProperties": false,
            "properties": {
                "city": {"type": "string", "minLength": 1},
                "days": {"type": "integer", "minimum": 1, "maximum": 14},
                "unit": {"enum": ["c", "f", null, 1]},
                "note": {"type": "string", "nullable": true},
                "at": {"$ref": "#/$defs/point"},
                "tags": {"type": "array", "items": {"type": ["string", "null"]}, "maxItems": 2},
                "when": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["from"]}]},
            },
            "$defs": {"point": {"type": "array", "items": {"type": "number"}, "minItems": 2}},
        });
        let keeps = |value: Value| keeps(&schema, &value);
        for good in [
            json!({"city": "Ulm", "days": 3}),
            json!({"city": "Ulm", "days": 3.0, "unit": null, "at": [1, 2.5], "tags": ["a", null]}),
            json!({"city": "Ulm", "days": 1, "when": {"from": "now"}}),
            json!({"city": "Ulm", "days": "[phone]"}),
            json!({"city": "Ulm", "days": 3, "unit": 1.0, "note": null}),
        ] {
            assert!(keeps(good.clone()), "{good}");
        }
        for bad in [
            json!([]),
            json!({"city": "Ulm"}),
            json!({"city": "", "days": 3}),
            json!({"city": 5, "days": 3}),
            json!({"city": "Ulm", "days": "3"}),
            json!({"city": "Ulm", "days": 3.5}),
            json!({"city": "Ulm", "days": 15}),
            json!({"city": "Ulm", "days": 3, "unit": "k"}),
            json!({"city": "Ulm", "days": 3, "at": [1]}),
            json!({"city": "Ulm", "days": 3, "at": ["1", "2"]}),
            json!({"city": "Ulm", "days": 3, "tags": ["a", "b", "c"]}),
            json!({"city": "Ulm", "days": 3, "when": {"to": "now"}}),
            json!({"city": "Ulm", "days": 3, "town": "Ulm"}),
        ] {
            assert!(!keeps(bad.clone()), "{bad}");
        }
    }

    #[test]
    fn schemas_without_end_come_to_one() {
        let deep = |n: usize| {
            let (open, close) = ("[".repeat(n), "]".repeat(n));
            serde_json::from_str::<Value>(&format!("{open}{close}")).expect("JSON")
        };
        for schema in [
            json!({"$ref": "#"}),
            json!({"$ref": ""}),
            json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
            json!({"anyOf": [{"$ref": "#/anyOf/1"}, {"$ref": "#/anyOf/0"}]}),
            json!({"items": {"$ref": "#"}, "allOf": [{"items": {"$ref": "#"}}]}),
            json!(null),
            json!([]),
        ] {
            assert!(keeps(&schema, &deep(100)), "{schema}");
        }
        assert!(!keeps(&json!(false), &json!({})));
    }

    proptest! {
        #[test]
        fn any_schema_is_read(schema in "[\\[\\]{}\":,a-z#$/0-9]{0,60}", kind in "type|enum|items|required|properties|\\$ref") {
            let told = json!({ kind: serde_json::from_str::<Value>(&schema).unwrap_or(Value::Null) });
            let value = json!({"a": [1, "b", {"c": null}]});
            prop_assert_eq!(keeps(&told, &value), keeps(&told, &value));
        }
    }
}
