//! Schemas of bodies, taken from Rust types.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Named schemas, as they stand in the document.
#[derive(Debug, Clone, Default)]
pub(super) struct Schemas {
    named: BTreeMap<String, Value>,
    /// Names of two different things.
    conflicts: Vec<String>,
}

/// What a body is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Unknown keys are refused.
    Asked,
    /// What is not known is passed on.
    PassedOn,
    /// Every key is there, `null` where there is nothing to say, but those that are told to be missing at times:
    /// `#[schema(nullable = false)]` on an `Option`.
    Told,
}

impl Schemas {
    /// Takes in a type and everything that it is made of; what refers to it.
    pub(super) fn add<T: ToSchema>(&mut self, used: Use) -> Value {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            let mut schema = serde_json::to_value(schema).unwrap_or_default();
            shape(&mut schema, used);
            self.insert(name, schema);
        }
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }

    pub(super) fn merge(&mut self, others: Self) {
        for (name, schema) in others.named {
            self.insert(name, schema);
        }
        self.conflicts.extend(others.conflicts);
    }

    fn insert(&mut self, name: String, schema: Value) {
        match self.named.get(&name) {
            Some(known) if *known != schema => self.conflicts.push(name),
            Some(_) => {}
            None => {
                self.named.insert(name, schema);
            }
        }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.named.into_iter().collect::<Map<_, _>>())
    }

    #[cfg(test)]
    pub(super) fn conflicts(&self) -> &[String] {
        &self.conflicts
    }
}

fn shape(schema: &mut Value, used: Use) {
    match schema {
        Value::Object(fields) => {
            // Lengths of integers are not checked by JSON Schema; they would only be warned of.
            if fields.contains_key("properties") && fields.get("type") == Some(&json!("object")) {
                shape_object(fields, used);
            }
            fields.values_mut().for_each(|value| shape(value, used));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shape(item, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn shape_object(fields: &mut Map<String, Value>, used: Use) {
    match used {
        Use::Asked => {
            let usual = json!(false);
            fields.entry("additionalProperties").or_insert(usual);
        }
        Use::PassedOn => {
            fields.insert("additionalProperties".to_owned(), json!(true));
        }
        Use::Told => {
            let required = always_there(fields);
            fields.insert("required".to_owned(), json!(required));
        }
    }
}

fn always_there(fields: &Map<String, Value>) -> Vec<String> {
    let declared = fields.get("required").and_then(Value::as_array);
    let is_declared = |name: &String| declared.is_some_and(|all| all.contains(&json!(name)));
    let properties = fields.get("properties").and_then(Value::as_object);
    let of = properties.into_iter().flatten();
    of.filter(|(name, schema)| is_declared(name) || may_be_null(schema))
        .map(|(name, _)| name.clone())
        .collect()
}

fn may_be_null(schema: &Value) -> bool {
    let is_null = |kind: &Value| *kind == "null" || kind["type"] == "null";
    let among = |key: &str| {
        schema[key]
            .as_array()
            .is_some_and(|all| all.iter().any(is_null))
    };
    let says_nothing = ["type", "$ref", "oneOf", "anyOf", "allOf", "enum"];
    among("type") || among("oneOf") || says_nothing.iter().all(|key| schema[*key].is_null())
}
