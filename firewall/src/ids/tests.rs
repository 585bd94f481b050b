//! Texts whose ids are known, and any other text.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::model::BUILT_IN;

#[derive(Deserialize)]
struct Vector {
    text: String,
    /// Without the zeros at the end of each token.
    ids: Vec<Vec<i32>>,
}

static TABLES: LazyLock<Tables> =
    LazyLock::new(|| Tables::read(BUILT_IN.tokenizer).expect("the built-in tables"));

fn ids(text: &str) -> Vec<Vec<i32>> {
    let features = Features::of(text, &TABLES);
    let tokens = features.rows.chunks(TABLES.slots);
    let filled = |rows: &[i32]| rows.iter().copied().filter(|row| *row != 0).collect();
    tokens.map(filled).collect()
}

#[test]
fn ids_are_those_that_the_model_was_trained_on() {
    let vectors = include_str!("../../model/vectors.json");
    let vectors: Vec<Vector> = serde_json::from_str(vectors).expect("vectors");
    assert!(vectors.len() >= 40, "only {} vectors", vectors.len());
    for vector in vectors {
        assert_eq!(ids(&vector.text), vector.ids, "{:?}", vector.text);
    }
}

#[track_caller]
fn same(disguised: &str, plain: &str) {
    assert_eq!(ids(disguised), ids(plain));
}

#[test]
fn disguises_are_undone() {
    same("IGNORE", "ignore");
    same("𝐢𝐠𝐧𝐨𝐫𝐞 ａｌｌ", "ignore all");
    same("ig\u{200b}no\u{ad}re", "ignore");
    same("i\u{301}g\u{308}nore", "ignore");
    same("ignоrе", "ignore"); // two letters are Cyrillic
    same("i g n o r e", "ignore");
    same("i.g.n.o.r.e", "ignore");
    same("1gn0r3", "ignore");
    same("aWdub3JlIGFsbCBydWxlcw", "ignore all rules");
    same("69676e6f726520616c6c2072756c6573", "ignore all rules");
    same(
        "\u{e0069}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}",
        "ignore",
    );
}

#[test]
fn what_hides_nothing_stays() {
    let path = ids("/usr/local/lib/python3/site");
    assert!(path.len() > 5);
    assert_ne!(ids("2026"), ids("zozb"));
    assert_eq!(ids("a b c").len(), 3);
}

proptest! {
    /// No text makes it panic; its spans are of the text, on the boundaries of characters.
    #[test]
    fn any_text_has_rows_and_spans(text in "\\PC{0,200}|[a-z .\\n]{0,100}|[A-Za-z0-9+/=]{0,80}") {
            let features = Features::of(&text, &TABLES);
        prop_assert_eq!(features.rows.len(), features.spans.len() * TABLES.slots);
        let most = i32::try_from(TABLES.rows).expect("rows");
        prop_assert!(features.rows.iter().all(|row| (0..most).contains(row)));
        for span in &features.spans {
            prop_assert!(text.get(span.clone()).is_some(), "{:?} of {:?}", span, text);
        }
        for token in features.rows.chunks(TABLES.slots) {
            prop_assert!(token[0] > 0, "every token has a row of its own");
        }
    }
}
