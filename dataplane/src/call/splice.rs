//! Replacing the model, and asking for usage, and nothing else: providers see the caller's own bytes, in the
//! caller's order.

use std::ops::Range;

use bytes::Bytes;

use super::usage::Edit;

/// The body with the value at `span` replaced by this text as a JSON string, and one more edit.
pub(super) fn splice(
    body: &Bytes,
    (span, model): (&Range<usize>, &str),
    usage: Option<&Edit>,
) -> Bytes {
    let value = serde_json::Value::from(model).to_string();
    let model = (span, value.as_str());
    let Some(usage) = usage.map(|edit| (&edit.span, &*edit.text)) else {
        if body[span.clone()] == *value.as_bytes() {
            return body.clone();
        }
        return with_edits(body, &[model]);
    };
    if usage.0.start < span.start {
        with_edits(body, &[usage, model])
    } else {
        with_edits(body, &[model, usage])
    }
}

/// Edits in the order of their places, which do not overlap.
pub(super) fn with_edits(body: &Bytes, edits: &[(&Range<usize>, &str)]) -> Bytes {
    let added: usize = edits.iter().map(|(_, text)| text.len()).sum();
    let mut spliced = Vec::with_capacity(body.len() + added);
    let mut from = 0;
    for (span, text) in edits {
        spliced.extend_from_slice(&body[from..span.start]);
        spliced.extend_from_slice(text.as_bytes());
        from = span.end;
    }
    spliced.extend_from_slice(&body[from..]);
    spliced.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{Call, Endpoint};
    use super::*;

    /// Arbitrary JSON, with nested keys named `model` among others.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            Just(Value::from("\"model\": \\ \u{1F600}\n")),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let key = prop_oneof![Just("model".to_owned()), "\\PC{0,6}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    fn encoded(value: &Value, pretty: bool) -> String {
        let text = if pretty {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        text.expect("values serialise")
    }

    proptest! {
        #[test]
        fn only_the_models_bytes_change(
            before in prop::collection::vec(("[a-l\u{e9}\"\\\\]{1,6}", json()), 0..4),
            after in prop::collection::vec(("[n-z\u{1F600}/]{1,6}", json()), 0..4),
            old in "\\PC{1,20}",
            new in "\\PC{1,20}",
            pretty in any::<bool>(),
            gap in "[ \t\r\n]{0,3}",
        ) {
            prop_assume!(!old.trim().is_empty());
            let mut seen = std::collections::HashSet::new();
            let mut pairs = Vec::new();
            let own = [("model".to_owned(), Value::from(old))];
            let messages = [("messages".to_owned(), json!([{"role": "user", "content": {"model": "x"}}]))];
            for (key, value) in before.into_iter().chain(own).chain(messages).chain(after) {
                if seen.insert(key.clone()) {
                    pairs.push((encoded(&Value::from(key), false), encoded(&value, pretty)));
                }
            }
            let join = |value_of: &dyn Fn(&str, &str) -> String| {
                let fields: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{gap}{key}{gap}:{gap}{}{gap}", value_of(key, value)))
                    .collect();
                format!("{gap}{{{}}}{gap}", fields.join(","))
            };
            let body = join(&|_, value| value.to_owned());
            let new_value = encoded(&Value::from(new.clone()), false);
            let expected = join(&|key, value| {
                if key == "\"model\"" { new_value.clone() } else { value.to_owned() }
            });
            let call = Call::parse(Bytes::from(body), Endpoint::Chat, None);
            let call = call.map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(&call.body_for(&new, true)[..], expected.as_bytes());
        }

        #[test]
        fn no_bytes_make_the_parser_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Call::parse(Bytes::from(body), Endpoint::Chat, None);
        }

        #[test]
        fn no_text_like_json_makes_the_parser_panic(body in "[\\[\\]{}\",:a-z0-9 \\\\]{0,80}") {
            let body = format!("{{\"model\":\"m\",\"messages\":{body}}}");
            let _ = Call::parse(Bytes::from(body), Endpoint::Chat, None);
        }
    }

    #[test]
    fn the_same_model_costs_no_copy() {
        let body = Bytes::from_static(br#"{"model":"m","messages":[{"role":"user"}]}"#);
        let call = Call::parse(body.clone(), Endpoint::Chat, None).expect("valid");
        assert_eq!(call.body_for("m", true).as_ptr(), body.as_ptr());
    }

    #[test]
    fn an_escaped_key_is_the_same_key() {
        let body = Bytes::from_static(br#"{"mod\u0065l":"a","messages":[{"role":"user"}]}"#);
        let call = Call::parse(body, Endpoint::Chat, None).expect("valid");
        assert_eq!(
            &call.body_for("b", true)[..],
            br#"{"mod\u0065l":"b","messages":[{"role":"user"}]}"#
        );
    }
}
