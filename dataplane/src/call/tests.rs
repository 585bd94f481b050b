//! Calls of both of OpenAI's older endpoints, read.

use super::*;

fn chat(body: &str) -> Result<Call, String> {
    Call::parse(
        Bytes::copy_from_slice(body.as_bytes()),
        Endpoint::Chat,
        None,
    )
    .map_err(|e| e.to_string())
}

fn embed(body: &str) -> Result<Call, String> {
    Call::parse(
        Bytes::copy_from_slice(body.as_bytes()),
        Endpoint::Embeddings,
        None,
    )
    .map_err(|e| e.to_string())
}

#[test]
fn features_are_read_without_a_tokenizer() {
    let call = chat(
        r#"{"model":"gpt-4o","stream":true,"max_tokens":7,"tools":[{"type":"function","function":{"name":"f"}}],
        "response_format":{"type":"json_schema"},
        "messages":[{"role":"system","content":"be brief"},{"role":"user","content":[
        {"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"data:xxxx"}}]}]}"#,
    )
    .expect("valid");
    let features = call.features();
    assert!(features.tools && features.vision && features.json_schema && features.stream);
    assert_eq!(
        (features.messages, features.max_output_tokens),
        (2, Some(7))
    );
    assert!(features.input_tokens_estimate > 765 && features.input_tokens_estimate < 850);
    assert!(call.json_expected() && call.stream() && call.model() == "gpt-4o");
    assert!(call.shapes()[0].as_str().starts_with("site:"));
}

fn refuse(cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        let error = chat(body).err().unwrap_or_default();
        assert!(error.contains(expected), "{body}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn bad_bodies_are_refused_with_field_value_and_type() {
    refuse(&[
        (
            "{\"model\":\n x}",
            "not valid JSON: expected value at line 2 column 2",
        ),
        ("[1]", "the body is an array, it must be a JSON object"),
        ("", "the body is empty, it must be a JSON object"),
        (r#"{"messages":[]}"#, "model is missing"),
        (
            r#"{"model":"","messages":[]}"#,
            r#"model is the string "", it must be a model id"#,
        ),
        (
            r#"{"model":42,"messages":[]}"#,
            "model is the number 42, it must be a model id",
        ),
        (r#"{"model":null}"#, "model is null"),
        (
            r#"{"model":"m","model":"n","messages":[{"role":"user"}]}"#,
            r#"the key "model" occurs twice"#,
        ),
        (
            r#"{"model":"m","x":1,"\u0078":2}"#,
            r#"the key "x" occurs twice"#,
        ),
        (
            r#"{"model":"m","messages":[{"role":"user"}]} x"#,
            "trailing characters at line 1 column 44",
        ),
    ]);
}

#[test]
fn bad_fields_are_refused_without_repeating_content() {
    refuse(&[
        (r#"{"model":"m"}"#, "messages is missing"),
        (
            r#"{"model":"m","messages":[]}"#,
            "messages is an empty array",
        ),
        (
            r#"{"model":"m","messages":"secret"}"#,
            "messages is a string, it must be",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user"},"x"]}"#,
            "messages[1] is a string",
        ),
        (
            r#"{"model":"m","messages":[{"content":"x"}]}"#,
            "messages[0].role is missing",
        ),
        (
            r#"{"model":"m","messages":[{"role":3}]}"#,
            "messages[0].role is the number 3",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user"}],"stream":"yes"}"#,
            r#"stream is the string "yes""#,
        ),
    ]);
}

#[test]
fn embeddings_need_an_input() {
    assert!(
        embed(r#"{"model":"m"}"#)
            .err()
            .unwrap_or_default()
            .contains("input is missing")
    );
    let number = embed(r#"{"model":"m","input":5}"#)
        .err()
        .unwrap_or_default();
    assert!(number.contains("input is a number"), "{number}");
}

#[test]
fn arrays_that_would_cost_far_more_than_their_bytes_are_refused() {
    let many = |item: &str| vec![item; 10_001].join(",");
    let part = r#"{"type":"text","text":"x"}"#;
    let message = r#"{"role":"user","content":"x"}"#;
    let refused = [
        (format!(r#"[{}]"#, many(message)), "messages is"),
        (
            format!(r#"[{{"role":"user","content":[{}]}}]"#, many(part)),
            "messages[0].content is",
        ),
        (
            format!(r#"[{message}],"tools":[{}]"#, many("1")),
            "tools is",
        ),
    ];
    for (messages, field) in refused {
        let error = chat(&format!(r#"{{"model":"m","messages":{messages}}}"#))
            .err()
            .unwrap_or_default();
        let expected = format!("{field} an array of more than 10000 elements");
        assert!(error.starts_with(&expected), "{error}");
    }
    let tokens = embed(&format!(r#"{{"model":"m","input":[{}]}}"#, many("1"))).expect("valid");
    assert_eq!(tokens.features().input_tokens_estimate, 10_001);
}

#[test]
fn embeddings_inputs_are_counted_in_every_form() {
    let tokens = |input: &str| {
        let call = embed(&format!(r#"{{"model":"m","input":{input}}}"#)).expect("valid");
        call.features().input_tokens_estimate
    };
    assert_eq!(tokens(r#""12345678""#), 2);
    assert_eq!(tokens(r#"["1234","5678"]"#), 2);
    assert_eq!(tokens("[1,2,3]"), 3);
    assert_eq!(tokens("[[1,2],[3]]"), 3);
}

#[test]
fn turns_of_one_conversation_share_their_opening() {
    let opening = |tail: &str, user: &str| {
        let body = format!(
            r#"{{"model":"m","user":"{user}","messages":[{{"role":"system","content":"s"}},
            {{"role":"user","content":"hi"}}{tail}]}}"#
        );
        chat(&body).expect("valid").opening()
    };
    let more = r#",{"role":"assistant","content":"a"},{"role":"user","content":"b"}"#;
    assert_eq!(opening("", "u"), opening(more, "u"));
    assert_ne!(opening("", "u"), opening("", "v"));
}

#[test]
fn the_user_is_found_in_each_form() {
    let messages = r#""model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}]"#;
    let cases = [
        (
            Endpoint::Chat,
            format!(r#"{{{messages},"user":"ann"}}"#),
            Some("ann"),
        ),
        (Endpoint::Chat, format!(r#"{{{messages},"user":7}}"#), None),
        (Endpoint::Chat, format!(r#"{{{messages},"user":""}}"#), None),
        (
            Endpoint::Embeddings,
            r#"{"model":"m","input":"x","user":"bob"}"#.to_owned(),
            Some("bob"),
        ),
        (
            Endpoint::Responses,
            r#"{"model":"m","input":"x","user":"cy"}"#.to_owned(),
            Some("cy"),
        ),
        (
            Endpoint::Messages,
            format!(r#"{{{messages},"metadata":{{"user_id":"dee"}}}}"#),
            Some("dee"),
        ),
        (Endpoint::Messages, format!(r#"{{{messages}}}"#), None),
    ];
    for (endpoint, body, expected) in cases {
        let call = Call::parse(Bytes::copy_from_slice(body.as_bytes()), endpoint, None);
        let call = call.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(call.user(), expected, "{body}");
    }
}
