//! The tools that a call offers, as what a reply calls is compared with them.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Call;

/// A longer schema of one tool's arguments is not read.
const MAX_SCHEMA_BYTES: usize = 16 << 10;

/// What a call offers.
#[derive(Debug, Default)]
pub(crate) struct Offered<'a> {
    schemas: HashMap<Cow<'a, str>, Option<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    tools: Option<Vec<&'a RawValue>>,
    /// As chat completions called them before there were tools.
    #[serde(borrow, default)]
    functions: Option<Vec<&'a RawValue>>,
}

/// Of chat completions it is within `function`, of the other APIs it is not.
#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "input_schema")]
    parameters: Option<&'a RawValue>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
}

impl Call {
    /// What cannot be read is not offered.
    pub(crate) fn offered_tools(&self) -> Offered<'_> {
        let body = serde_json::from_slice::<Body<'_>>(&self.body).ok();
        let tools = body.into_iter().flat_map(|body| {
            let tools = body.tools.unwrap_or_default();
            tools.into_iter().chain(body.functions.unwrap_or_default())
        });
        let schemas = tools.filter_map(|tool| {
            let tool = serde_json::from_str::<Tool<'_>>(tool.get()).ok()?;
            match tool.function {
                Some(function) => Some((function.name, function.parameters)),
                None => Some((tool.name?, tool.parameters)),
            }
        });
        Offered {
            schemas: schemas.collect(),
        }
    }
}

impl Offered<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.schemas.is_empty()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.schemas.contains_key(name)
    }

    /// JSON Schema of its arguments, unless it has none or a very long one.
    pub(crate) fn schema(&self, name: &str) -> Option<&str> {
        let schema = self.schemas.get(name).copied().flatten()?.get();
        (schema.len() <= MAX_SCHEMA_BYTES).then_some(schema)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::call::Endpoint;

    #[test]
    fn tools_are_found_in_the_form_of_every_api() {
        let long = format!(r#"{{"description":"{}"}}"#, "a".repeat(MAX_SCHEMA_BYTES));
        let of_chat =
            r#"{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}"#;
        for (endpoint, tools) in [
            (Endpoint::Chat, format!(r#""tools":[{of_chat}]"#)),
            (
                Endpoint::Chat,
                r#""functions":[{"name":"f","parameters":{"type":"object"}}]"#.into(),
            ),
            (
                Endpoint::Responses,
                r#""tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]"#.into(),
            ),
            (
                Endpoint::Messages,
                r#""max_tokens":9,"tools":[{"name":"f","input_schema":{"type":"object"}}]"#.into(),
            ),
        ] {
            let messages = r#"[{"role":"user","content":"Hi"}]"#;
            let field = if endpoint == Endpoint::Responses {
                "input"
            } else {
                "messages"
            };
            let body = format!(r#"{{"model":"m","{field}":{messages},{tools}}}"#);
            let call = Call::parse(Bytes::from(body), endpoint, None).expect("a call");
            let offered = call.offered_tools();
            assert!(offered.has("f") && !offered.has("g"), "{tools}");
            assert_eq!(offered.schema("f"), Some(r#"{"type":"object"}"#), "{tools}");
        }
        let none = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}}],
            "tools":[{of_chat},{{"type":"function","function":{{"name":"long","parameters":{long}}}}}]}}"#
        );
        let call = Call::parse(Bytes::from(none), Endpoint::Chat, None).expect("a call");
        let offered = call.offered_tools();
        assert!(offered.has("long"));
        assert_eq!(offered.schema("long"), None);
    }
}
