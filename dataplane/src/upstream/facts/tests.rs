//! What replies are read as.

use super::*;

#[test]
fn a_whole_reply_gives_id_usage_and_text() {
    let body = br#"{"id":"chatcmpl-1","choices":[{"message":{"content":"h\u00e9llo"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#;
    let facts = Facts::of_whole(body, Endpoint::Chat, 100).expect("a reply");
    assert_eq!(facts.completion_id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(
        facts.usage,
        Some(Usage {
            input: 9,
            cached_input: 4,
            output: 2
        })
    );
    assert_eq!((facts.text.as_str(), facts.truncated), ("héllo", false));
}

#[test]
fn what_is_no_reply_is_named_without_its_content() {
    let whole = |body: &str, endpoint| Facts::of_whole(body.as_bytes(), endpoint, 10).err();
    let cases = [
        ("<html>", Endpoint::Chat, "a body that is not a JSON object"),
        (
            r#"{"error":{"message":"x"}}"#,
            Endpoint::Chat,
            "an error under a success status",
        ),
        (r#"{"id":"x"}"#, Endpoint::Chat, "a reply without choices"),
        (
            r#"{"choices":[]}"#,
            Endpoint::Embeddings,
            "a reply without data",
        ),
    ];
    for (body, endpoint, expected) in cases {
        assert_eq!(whole(body, endpoint), Some(expected), "{body}");
    }
    assert_eq!(
        whole(
            r#"{"data":[],"usage":{"prompt_tokens":3}}"#,
            Endpoint::Embeddings
        ),
        None
    );
}

#[test]
fn a_stream_is_put_together_and_its_text_bounded() {
    let mut facts = Facts::new(6);
    let chunk =
        |text: &str| format!(r#"{{"id":"c","choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
    assert_eq!(facts.add_event(chunk("abc").as_bytes()), Event::Chunk);
    assert_eq!(facts.add_event(chunk("déf").as_bytes()), Event::Chunk);
    assert_eq!(
        facts.add_event(br#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#),
        Event::Chunk
    );
    let usage = br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":5}}"#;
    assert_eq!(facts.add_event(usage), Event::Usage);
    assert_eq!(facts.add_event(b"[DONE]"), Event::Done);
    assert_eq!(
        (facts.text.as_str(), facts.truncated, facts.text_bytes),
        ("abcdé", true, 7)
    );
    assert!(facts.finished && facts.done && !facts.failed);
    assert_eq!(facts.usage.map(|usage| usage.output), Some(5));
    assert_eq!(facts.add_event(b"nonsense"), Event::Unreadable);
    assert_eq!(
        facts.add_event(br#"{"error":{"message":"x"}}"#),
        Event::Error
    );
}

#[test]
fn a_refusal_is_told_from_an_answer_and_its_words_are_kept() {
    let whole = |message: &str, why: &str| {
        let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":"{why}"}}]}}"#);
        Facts::of_whole(body.as_bytes(), Endpoint::Chat, 100).expect("a reply")
    };
    let facts = whole(
        r#"{"content":null,"refusal":"I cannot help with that."}"#,
        "stop",
    );
    assert!(facts.refused);
    assert_eq!(facts.text, "I cannot help with that.");
    assert!(whole(r#"{"content":""}"#, "content_filter").refused);
    assert!(!whole(r#"{"content":"yes","refusal":null}"#, "stop").refused);
    let mut facts = Facts::new(100);
    facts.add_event(br#"{"choices":[{"delta":{"refusal":"No."}}]}"#);
    assert!(facts.refused);
}

#[test]
fn a_call_of_a_function_is_one_in_the_old_form_too() {
    let whole = |message: &str| {
        let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":"x"}}]}}"#);
        Facts::of_whole(body.as_bytes(), Endpoint::Chat, 100).expect("a reply")
    };
    let of = |facts: &Facts| (facts.calls_tools, facts.has_invalid_tool_call());
    let calls = |mut facts: Facts| {
        let calls = facts.take_calls().into_iter();
        let calls: Vec<_> = calls.map(|call| (call.name, call.arguments)).collect();
        (facts.text, calls)
    };
    let called = |arguments: &str| {
        let call = ("f".to_owned(), arguments.to_owned());
        (String::new(), vec![call])
    };
    let good = whole(r#"{"content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}}"#);
    assert_eq!(of(&good), (true, false));
    assert!(good.text_bytes > 7, "what it calls is paid for");
    assert_eq!(calls(good), called(r#"{"a":1}"#));
    let bad = whole(r#"{"content":null,"function_call":{"name":"f","arguments":"{\"a\":"}}"#);
    assert_eq!(of(&bad), (true, true));
    let both = r#"{"content":null,"tool_calls":[],"function_call":{"name":"f","arguments":""}}"#;
    assert_eq!(calls(whole(both)), called(""));
    let none = whole(r#"{"content":"yes","function_call":null,"tool_calls":[]}"#);
    assert_eq!(of(&none), (false, false));
    let mut facts = Facts::new(100);
    for piece in ["", r#"{\"a\":"#, "1}"] {
        let event = format!(
            r#"{{"choices":[{{"delta":{{"function_call":{{"name":"f","arguments":"{piece}"}}}}}}]}}"#
        );
        assert_eq!(facts.add_event(event.as_bytes()), Event::Chunk, "{event}");
    }
    facts.add_event(br#"{"choices":[{"delta":{},"finish_reason":"function_call"}]}"#);
    assert_eq!(of(&facts), (true, false));
    assert_eq!(calls(facts), called(r#"{"a":1}"#));
}

#[test]
fn calls_are_told_apart_by_their_ids_and_those_too_long_are_left_out() {
    let calls = |pieces: &[serde_json::Value]| {
        let mut facts = Facts::new(100);
        for piece in pieces {
            let event = serde_json::json!({"choices": [{"delta": {"tool_calls": [piece]}}]});
            facts.add_event(event.to_string().as_bytes());
        }
        facts.add_event(br#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#);
        assert!(!facts.has_invalid_tool_call());
        let calls = facts.take_calls().into_iter();
        calls
            .map(|call| format!("{}{}", call.name, call.arguments))
            .collect::<Vec<_>>()
    };
    let piece = |id: &str, name: &str, arguments: &str| serde_json::json!({"index": 0, "id": id, "function": {"name": name, "arguments": arguments}});
    let one_number = [
        piece("a", "f", "{}"),
        piece("b", "g", "{\"x\":1}"),
        piece("c", "g", "{\"x\":2}"),
    ];
    assert_eq!(calls(&one_number), ["f{}", "g{\"x\":1}", "g{\"x\":2}"]);
    let new_ids = [
        piece("a", "f", ""),
        piece("b", "f", "{\"x\":"),
        piece("c", "f", "1}"),
    ];
    assert_eq!(calls(&new_ids), ["f{\"x\":1}"]);
    let named_again: Vec<_> = (0..3_000)
        .map(|_| piece("a", "a_rather_long_name_of_a_tool", " "))
        .collect();
    assert_eq!(calls(&named_again).len(), 1);
    let long = "x".repeat(70_000);
    let left_out = [piece("a", "f", "{}"), piece("b", "write", &long)];
    assert_eq!(calls(&left_out), ["f{}"]);
}

#[test]
fn a_whole_reply_that_ran_out_of_length_is_not_an_invalid_call() {
    let body =
        br#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a","type":"function",
        "function":{"name":"f","arguments":"{\"a\":"}}]},"finish_reason":"length"}]}"#;
    let mut facts = Facts::of_whole(body, Endpoint::Chat, 100).expect("a reply");
    assert!(!facts.has_invalid_tool_call());
    assert!(facts.take_calls().iter().all(|call| call.is_cut));
}
