//! Anthropic's Messages API against golden files: as a provider for callers of chat completions, and as the
//! protocol of callers whose provider speaks those.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a broken golden file is a failed test"
)]

#[path = "support/golden.rs"]
mod golden;

use floopy_protocols::{Event, Target, chat, messages};
use golden::{
    assert_json, assert_stream, assert_written, cases, events, fold, text, value, written,
};
use serde_json::Value;

fn model(request: &str) -> String {
    let model = value(request)["model"].as_str().map(str::to_owned);
    model.expect("a model")
}

#[test]
fn chat_requests_reach_anthropic() {
    for case in cases("messages") {
        let (Some(caller), Some(expected)) =
            (text(&case, "caller.json"), text(&case, "request.json"))
        else {
            continue;
        };
        let request = chat::read_request(caller.as_bytes()).expect("valid");
        let model = model(&expected);
        let target = Target {
            provider: "anthropic",
            model: &model,
        };
        let result = messages::write_request(&request, target).expect("writable");
        assert_written(&case, &result);
    }
}

#[test]
fn anthropic_requests_reach_chat() {
    for case in cases("messages_caller") {
        let (Some(caller), Some(expected)) =
            (text(&case, "caller.json"), text(&case, "request.json"))
        else {
            continue;
        };
        let request = messages::read_request(caller.as_bytes()).expect("valid");
        let model = model(&expected);
        let target = Target {
            provider: "openai",
            model: &model,
        };
        let result = chat::write_request(&request, target).expect("writable");
        assert_written(&case, &result);
    }
}

#[test]
fn chat_requests_reach_claude_on_vertex() {
    for case in cases("messages_vertex") {
        let caller = text(&case, "caller.json").expect("a request");
        let request = chat::read_request(caller.as_bytes()).expect("valid");
        let target = Target {
            provider: "vertex",
            model: &request.model,
        };
        match messages::write_request(&request, target) {
            Ok(written) => assert_written(&case, &written),
            Err(refused) => {
                let expected = text(&case, "refused.txt").expect("a refusal");
                assert_eq!(refused.to_string(), expected.trim_end());
            }
        }
    }
}

/// Whether all that is in `part` is in `whole` too.
fn is_in(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|other| is_in(value, other))),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(a, b)| is_in(a, b))
        }
        (part, whole) => part == whole,
    }
}

#[test]
fn anthropic_replies_are_read_and_said_again() {
    for case in cases("messages") {
        let Some(body) = text(&case, "reply.json") else {
            continue;
        };
        let reply = messages::read_reply(body.as_bytes()).expect("readable");
        let again = messages::write_reply(&reply);
        let again: Value = serde_json::from_slice(&again).expect("JSON");
        assert!(is_in(&again, &value(&body)), "{}: {again}", case.display());
        if text(&case, "answer.json").is_some() {
            assert_json(&case, "answer.json", &chat::write_reply(&reply));
        }
    }
}

#[test]
fn a_stream_tells_what_the_whole_reply_tells() {
    for case in cases("messages") {
        let (Some(body), Some(stream)) = (text(&case, "reply.json"), text(&case, "stream.sse"))
        else {
            continue;
        };
        let mut reply = messages::read_reply(body.as_bytes()).expect("readable");
        // What only the API has is in whole replies alone.
        reply.rest.clear();
        for part in &mut reply.choices[0].parts {
            part.rest.clear();
        }
        let told = events(messages::EventReader::default(), &stream);
        assert_eq!(fold(&told), reply, "{}", case.display());
        assert_eq!(told.last(), Some(&Event::Done));
        let again = written(messages::EventWriter::new(), &told);
        let told = events(messages::EventReader::default(), &again);
        assert_eq!(fold(&told), reply, "{}, written again", case.display());
    }
}

#[test]
fn an_error_in_the_middle_ends_a_stream() {
    let case = &cases("messages")[2];
    assert!(case.ends_with("error"));
    let stream = text(case, "stream.sse").expect("a stream");
    let told = events(messages::EventReader::default(), &stream);
    let Some(Event::Error(error)) = told.last() else {
        panic!("{told:?}");
    };
    assert_eq!(error.message, "Overloaded");
}

#[test]
fn chat_replies_are_answered_in_anthropics_form() {
    for case in cases("messages_caller") {
        if let Some(body) = text(&case, "reply.json") {
            let reply = chat::read_reply(body.as_bytes()).expect("readable");
            assert_json(&case, "answer.json", &messages::write_reply(&reply));
        }
        let stream = text(&case, "stream.sse").expect("a stream");
        let told = events(chat::EventReader::default(), &stream);
        let answer = written(messages::EventWriter::new(), &told);
        assert_stream(&case, "answer.sse", &answer);
    }
}
