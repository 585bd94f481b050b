//! OpenAI's Responses API as a caller's protocol, against golden files: towards chat completions and Anthropic.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a broken golden file is a failed test"
)]

#[path = "support/golden.rs"]
mod golden;

use floopy_protocols::{Event, Reply, Request, Target, chat, messages, responses};
use golden::{
    assert_json, assert_stream, assert_written, cases, events, fold, text, value, written,
};

fn request(caller: Option<&str>) -> Request {
    caller.map_or_else(Request::default, |caller| {
        responses::read_request(caller.as_bytes()).expect("valid")
    })
}

#[test]
fn requests_reach_providers_of_either_protocol() {
    for case in cases("responses") {
        let (Some(caller), Some(expected)) =
            (text(&case, "caller.json"), text(&case, "request.json"))
        else {
            continue;
        };
        let request = request(Some(&caller));
        let expected = value(&expected);
        let model = expected["model"].as_str().expect("a model");
        let is_claude = model.starts_with("claude");
        let target = Target {
            provider: if is_claude { "anthropic" } else { "openai" },
            model,
        };
        let result = if is_claude {
            messages::write_request(&request, target)
        } else {
            chat::write_request(&request, target)
        };
        assert_written(&case, &result.expect("writable"));
    }
}

fn reply(body: &str) -> Reply {
    let is_claude = value(body)["type"] == "message";
    let reply = if is_claude {
        messages::read_reply(body.as_bytes())
    } else {
        chat::read_reply(body.as_bytes())
    };
    reply.expect("readable")
}

fn told(stream: &str) -> Vec<Event> {
    if stream.contains("event: message_start") {
        events(messages::EventReader::default(), stream)
    } else {
        events(chat::EventReader::default(), stream)
    }
}

#[test]
fn replies_are_answered_whole_and_as_streams() {
    for case in cases("responses") {
        let request = request(text(&case, "caller.json").as_deref());
        if let Some(body) = text(&case, "reply.json") {
            let answer = responses::write_reply_to(&request, &reply(&body));
            assert_json(&case, "answer.json", &answer);
        }
        let events = told(&text(&case, "stream.sse").expect("a stream"));
        let answer = written(responses::EventWriter::new(&request), &events);
        assert_stream(&case, "answer.sse", &answer);
    }
}

#[test]
fn a_stream_ends_with_what_the_whole_reply_says() {
    for case in cases("responses") {
        let stream = text(&case, "stream.sse").expect("a stream");
        let request = request(text(&case, "caller.json").as_deref());
        let events = told(&stream);
        let answer = written(responses::EventWriter::new(&request), &events);
        let last = answer.lines().rfind(|line| line.starts_with("data: "));
        let last = value(last.expect("an end").trim_start_matches("data: "));
        if last["response"]["status"] == "failed" {
            continue;
        }
        let whole = responses::write_reply_to(&request, &fold(&events));
        let mut whole = value(&String::from_utf8(whole).expect("UTF-8"));
        // Folding keeps only the last piece of what was told of tokens.
        let tokens = "/response/output/0/content/0/logprobs";
        if let (Some(told), Some(folded)) = (
            last.pointer(tokens),
            whole.pointer_mut(&tokens["/response".len()..]),
        ) {
            folded.clone_from(told);
        }
        assert_eq!(last["response"], whole, "{}", case.display());
    }
}

#[test]
fn a_response_that_is_sent_back_is_what_was_said() {
    for case in cases("responses") {
        let Some(body) = text(&case, "reply.json") else {
            continue;
        };
        let reply = reply(&body);
        let answer = responses::write_reply(&reply);
        let answer = value(&String::from_utf8(answer).expect("UTF-8"));
        let next = serde_json::json!({"model": "m", "input": answer["output"]});
        let next = responses::read_request(next.to_string().as_bytes()).expect("valid");
        let mut said = reply.choices[0].parts.clone();
        for part in &mut said {
            part.rest.clear();
        }
        let mut read = next.messages[0].parts.clone();
        for part in &mut read {
            part.rest.clear();
        }
        assert_eq!(read, said, "{}", case.display());
    }
}
