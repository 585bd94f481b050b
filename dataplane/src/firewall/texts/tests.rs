//! What is read of calls of each API, and where it is said to be.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{node::MAX_VALUES, *};

/// Who said what, and where.
fn said(body: &Value) -> Vec<(&'static str, String, Vec<String>)> {
    let texts = whole(body.to_string().as_bytes(), &Role::ALL);
    let told = texts.into_iter().map(|text| {
        let places = text.segments.into_iter().map(|part| part.at);
        (text.role.as_str(), text.text, places.collect())
    });
    told.collect()
}

fn text(role: &'static str, text: &str, places: &[&str]) -> (&'static str, String, Vec<String>) {
    let places = places.iter().map(|place| (*place).to_owned());
    (role, text.to_owned(), places.collect())
}

#[test]
fn chat_completions_are_read_by_message() {
    let image =
        json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,aWdub3Jl"}});
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{\"q\":1}"}});
    let body = json!({"model": "auto", "user": "me", "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "name": "bob", "content": [{"type": "text", "text": "one"}, image, {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
    ]});
    let expected = [
        text("system", "be brief", &["messages[0].content"]),
        text(
            "user",
            "one\ntwo",
            &["messages[1].content[0].text", "messages[1].content[2].text"],
        ),
        text(
            "assistant",
            "{\"q\":1}",
            &["messages[2].tool_calls[0].function.arguments"],
        ),
        text("tool", "found", &["messages[3].content"]),
    ];
    assert_eq!(said(&body), expected);
}

#[test]
fn what_tools_and_documents_say_is_theirs_in_the_other_apis() {
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "page"}]});
    let source = json!({"type": "text", "media_type": "text/plain", "data": "paper"});
    let scan = json!({"type": "base64", "media_type": "application/pdf", "data": "cGFwZXI="});
    let body = json!({"model": "m", "system": [{"type": "text", "text": "be brief"}], "messages": [
        {"role": "user", "content": [result, {"type": "document", "source": source, "title": "A"},
            {"type": "document", "source": scan}, {"type": "text", "text": "so?"}]},
    ]});
    let at = |rest: &str| format!("messages[0].content{rest}");
    let (page, title, paper) = (
        at("[0].content[0].text"),
        at("[1].title"),
        at("[1].source.data"),
    );
    let found = said(&body);
    assert_eq!(found[0], text("system", "be brief", &["system[0].text"]));
    assert_eq!(
        (found[1].0, found[1].1.as_str()),
        ("tool", "page\npaper\nA")
    );
    assert_eq!(found[1].2, [page, paper, title]);
    assert_eq!(
        found[2],
        text("user", "so?", &["messages[0].content[3].text"])
    );
    let body = json!({"model": "m", "instructions": "be brief", "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "c", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "found"},
    ]});
    let expected = [
        text("system", "be brief", &["instructions"]),
        text("user", "hi", &["input[0].content[0].text"]),
        text("assistant", "{}", &["input[1].arguments"]),
        text("tool", "found", &["input[2].output"]),
    ];
    assert_eq!(said(&body), expected);
    assert_eq!(
        said(&json!({"input": "hi"})),
        [text("user", "hi", &["input"])]
    );
}

#[test]
fn only_those_are_read_whose_messages_are_looked_at() {
    let body = json!({"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "u"}]});
    let read = |roles: &[Role]| super::read(body.to_string().as_bytes(), roles, &[]).len();
    assert_eq!(
        (read(&Role::USUAL), read(&Role::ALL), read(&[Role::Tool])),
        (1, 2, 0)
    );
}

#[test]
fn nothing_is_missed_by_writing_it_strangely() {
    let twice =
        br#"{"messages":[{"role":"assistant","role":"user","content":"one","content":"two"}]}"#;
    let texts = read(twice, &Role::USUAL, &[]);
    assert_eq!((texts.len(), texts[0].text.as_str()), (3, "one\ntwo"));
    let deep = format!(
        r#"{{"messages":[{{"role":"user","content":{}"deep"{}}}]}}"#,
        "[".repeat(300),
        "]".repeat(300)
    );
    let texts = read(deep.as_bytes(), &Role::USUAL, &[]);
    assert!(
        texts[0].text.contains("deep"),
        "what cannot be read is looked at as it is"
    );
    let crowd = format!(
        r#"{{"messages":[{{"role":"user","content":[{}"last"]}}]}}"#,
        r#""a","#.repeat(MAX_VALUES)
    );
    let texts = read(crowd.as_bytes(), &Role::USUAL, &[]);
    assert_eq!((texts.len(), texts[0].text.len()), (1, crowd.len()));
    let unknown = json!({"messages": [{"role": "wizard", "secret words": {"more": "hidden"}}]});
    assert_eq!(
        said(&unknown),
        [text("user", "hidden", &["messages[0]"])],
        "and its keys are not told"
    );
}

#[test]
fn what_is_allowed_is_gone_and_the_rest_stays_where_it_is() {
    let body = json!({"messages": [{"role": "user", "content": "ä ignorë the noise, please"}]});
    let texts = read(
        body.to_string().as_bytes(),
        &Role::USUAL,
        &["ignorë the noise".to_owned()],
    );
    let looked_at = texts[0].message().text;
    let at = looked_at.find("please").expect("is there");
    assert!(!looked_at.contains("noise"));
    let place = texts[0].place(&(at..at + 6)).expect("is there");
    assert_eq!((place.start, place.end), (20, 26), "in characters");
}

proptest! {
    #[test]
    fn places_are_within_the_texts_that_they_name(
        parts in prop::collection::vec("[ -~äé漢😀]{1,12}", 1..5),
        cuts in (0_usize..40, 0_usize..40),
    ) {
        let content: Vec<Value> = parts.iter().map(|part| json!({"type": "text", "text": part})).collect();
        let body = json!({"messages": [{"role": "user", "content": content}]});
        for text in read(body.to_string().as_bytes(), &Role::ALL, &[]) {
            let boundary = |at: usize| text.text.ceil_char_boundary(at.min(text.text.len()));
            let (a, b) = (boundary(cuts.0), boundary(cuts.1));
            let Some(place) = text.place(&(a.min(b)..a.max(b))) else { continue };
            let index: usize = place.at["messages[0].content[".len()..].split(']').next().expect("one").parse().expect("a number");
            prop_assert!(place.start <= place.end, "{place:?}");
            prop_assert!(place.end <= parts[index].chars().count() as u64 + 1, "{place:?}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in ".{0,200}") {
        read(body.as_bytes(), &Role::ALL, &[]);
    }
}
