//! What holds of every text.

use std::borrow::Cow;

use floopy_shared::domain::sensitive::{Kind, find, scrub, scrub_json};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use crate::any::instance;

/// Anything that may stand around what is said.
fn around() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,30}",
        "[a-z0-9 .,:;@/+()_-]{0,30}",
        "[\u{4e00}-\u{4e30}\u{400}-\u{430}]{0,9}"
    ]
}

/// What separates a word from others.
fn gap() -> impl Strategy<Value = &'static str> {
    select(
        &[
            " ", "\n", "\t", "\"", "'", "<", ">", ",", ";", "、", "は", ": ",
        ][..],
    )
}

/// Instances and pieces of them, side by side.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => instance().prop_map(|(_, text)| text),
        2 => (instance(), 0usize..40).prop_map(|((_, text), at)| text[text.floor_char_boundary(at)..].to_owned()),
        4 => gap().prop_map(str::to_owned),
        2 => select(&[".", "-", "/", "@", "://", "Bearer ", "?password=", "+", "(", "0.", "1 ", "[", "\\"][..]).prop_map(str::to_owned),
        2 => around(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        soup().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(4_111_111_111_111_111_u64)),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"@.]{1,8}", inner.clone(), 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            // As arguments of tools are.
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_survives_in_any_surroundings(
        (kind, secret) in instance(),
        (before, after) in (around(), around()),
        (left, right) in (gap(), gap()),
    ) {
        let text = format!("{before}{left}{secret}{right}{after}");
        let scrubbed = scrub(&text);
        prop_assert!(!scrubbed.contains(&secret), "{} in {:?} became {:?}", kind.as_str(), text, scrubbed);
        // Some numbers are right as another kind, too.
        let alone = scrub(&secret);
        prop_assert!(Kind::ALL.iter().any(|kind| kind.placeholder() == alone), "{} became {}", secret, alone);
    }

    #[test]
    fn what_was_scrubbed_stays_as_it_is(text in soup()) {
        let once = scrub(&text).into_owned();
        prop_assert_eq!(scrub(&once), &*once, "of {:?}", text);
    }

    #[test]
    fn what_is_found_is_in_order_and_between_characters(text in prop_oneof![soup(), any::<String>()]) {
        let mut from = 0;
        for found in find(&text) {
            prop_assert!(found.range.start >= from && found.range.start < found.range.end);
            prop_assert!(text.get(found.range.clone()).is_some());
            from = found.range.end;
        }
    }

    #[test]
    fn a_text_without_any_is_untouched(text in "[A-Za-z ,.!?'\u{e0}-\u{ff}\u{4e00}-\u{4e30}\n]{0,200}") {
        prop_assert!(matches!(scrub(&text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn json_stays_json_of_the_same_form(value in value()) {
        let text = value.to_string();
        let scrubbed = scrub_json(&text).into_owned();
        let read: Value = serde_json::from_str(&scrubbed).expect("is JSON");
        prop_assert!(is_alike(&value, &read), "{} became {}", text, scrubbed);
        prop_assert_eq!(scrub_json(&scrubbed), &*scrubbed);
    }

    #[test]
    fn what_is_no_json_does_no_harm(text in any::<String>(), quoted in soup()) {
        let _ = scrub_json(&text);
        let _ = scrub_json(&format!("{{\"a\": \"{quoted}"));
    }
}

/// The same members and lengths, whatever the strings say.
fn is_alike(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.len() == after.len()
                && before.iter().all(|(name, value)| {
                    after.get(name).is_some_and(|other| is_alike(value, other))
                })
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(one, other)| is_alike(one, other))
        }
        (Value::String(_) | Value::Number(_), Value::String(_)) => true,
        (before, after) => before == after,
    }
}

#[test]
fn long_texts_that_begin_over_and_over_are_read_in_time() {
    for piece in [
        "@",
        "a@",
        "a.b@c.",
        "1 ",
        "11-",
        "(1) ",
        "+1",
        "DE89 ",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "eyJ",
        "eyJabcdefgh.",
        "Bearer ",
        "://a:",
        "?password=",
        "sk-",
        "\"",
        "\\\"",
        "{\"a\":",
    ] {
        let text = piece.repeat((256 << 10) / piece.len());
        let _ = scrub(&text);
        let _ = scrub_json(&text);
    }
}
