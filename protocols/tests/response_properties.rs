//! Properties of the Responses API: what was answered can be sent back, and a stream says what the whole says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "what cannot be told is a failed test"
)]

#[path = "support/golden.rs"]
#[allow(dead_code, reason = "this test compares with no golden files")]
mod golden;

use floopy_protocols::{
    Choice, Content, Delta, Event, EventReader, Finish, Part, Reply, Request, Role, Usage, chat,
    messages, responses,
};
use golden::{cases, sse, text, value, written};
use proptest::{collection::vec, option, prelude::*};
use serde_json::json;

fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\ \n]{1,12}"
}

fn part() -> impl Strategy<Value = Part> {
    let content = prop_oneof![
        words().prop_map(Content::Text),
        words().prop_map(Content::Refusal),
        words().prop_map(|word| Content::ToolCall {
            id: word.clone(),
            name: word.clone(),
            arguments: json!({ "a": word }).to_string(),
        }),
    ];
    let thought = (words(), option::of(words())).prop_map(|(text, signature)| Part {
        signature,
        ..Part::new(Content::Thinking(text))
    });
    let hidden = words().prop_map(|data| Part {
        signature: Some(data),
        ..Part::new(Content::RedactedThinking)
    });
    prop_oneof![content.prop_map(Part::new), thought, hidden]
}

fn reply() -> impl Strategy<Value = Reply> {
    let finish = prop_oneof![
        Just(Finish::Stop),
        Just(Finish::Length),
        Just(Finish::ContentFilter),
        words().prop_map(Finish::Failed),
    ];
    let usage = option::of((0..9_u64, 0..9_u64).prop_map(|(input, output)| Usage {
        input,
        output,
        ..Usage::default()
    }));
    (vec(part(), 0..5), finish, usage).prop_map(|(parts, finish, usage)| Reply {
        id: "i".into(),
        model: "m".into(),
        created: Some(7),
        choices: vec![Choice {
            parts,
            finish: Some(finish),
            ..Choice::default()
        }],
        usage,
        rest: Vec::new(),
    })
}

/// A part in pieces of so many characters.
fn deltas(part: &Part, size: usize) -> Vec<Delta> {
    let pieces = |text: &str| -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        chars
            .chunks(size)
            .map(|piece| piece.iter().collect())
            .collect()
    };
    let of = |text: &str, kind: fn(String) -> Delta| pieces(text).into_iter().map(kind).collect();
    let mut deltas: Vec<Delta> = match &part.content {
        Content::Text(text) => of(text, Delta::Text),
        Content::Refusal(text) => of(text, Delta::Refusal),
        Content::Thinking(text) => of(text, Delta::Thinking),
        Content::RedactedThinking => {
            let data = part.signature.clone().expect("data");
            return vec![Delta::RedactedThinking(data)];
        }
        Content::ToolCall {
            id,
            name,
            arguments,
        } => {
            let (id, name) = (id.clone(), name.clone());
            let mut deltas = vec![Delta::ToolCall { id, name }];
            deltas.extend(of(arguments, Delta::Arguments));
            deltas
        }
        other => panic!("{other:?} is no part of a reply"),
    };
    deltas.extend(part.signature.clone().map(Delta::Signature));
    deltas
}

fn stream(reply: &Reply, size: usize) -> Vec<Event> {
    let mut events = vec![Event::Start {
        id: reply.id.clone(),
        model: reply.model.clone(),
        created: reply.created,
    }];
    let choice = &reply.choices[0];
    for (part, number) in choice.parts.iter().zip(0..) {
        let deltas = deltas(part, size).into_iter();
        events.extend(deltas.map(|delta| Event::Delta {
            choice: 0,
            part: number,
            delta,
        }));
    }
    let finish = choice.finish.clone().expect("an end");
    events.push(Event::Finish { choice: 0, finish });
    events.extend(reply.usage.map(Event::Usage));
    events.push(Event::Done);
    events
}

proptest! {
    #[test]
    fn what_was_answered_can_be_sent_back(reply in reply()) {
        let answer = responses::write_reply(&reply);
        let answer = value(&String::from_utf8(answer).expect("UTF-8"));
        let next = json!({"model": "m", "input": answer["output"]}).to_string();
        let request = responses::read_request(next.as_bytes()).expect("valid");
        let said: Vec<Part> = request.messages.into_iter().flat_map(|message| {
            assert_eq!(message.role, Role::Assistant);
            message.parts
        }).map(|part| Part { rest: Vec::new(), ..part }).collect();
        prop_assert_eq!(&said, &reply.choices[0].parts);
    }

    #[test]
    fn a_stream_in_any_pieces_ends_with_the_whole(reply in reply(), size in 1_usize..6) {
        let whole = responses::write_reply(&reply);
        let whole = value(&String::from_utf8(whole).expect("UTF-8"));
        let writer = responses::EventWriter::new(&Request::default());
        let told = written(writer, &stream(&reply, size));
        let events = sse(&told);
        for (number, (_, data)) in events.iter().enumerate() {
            prop_assert_eq!(&value(data)["sequence_number"], number);
        }
        let last = value(events.last().expect("an end").1);
        prop_assert_eq!(&last["response"], &whole);
    }
}

#[test]
fn nothing_that_is_cut_off_makes_a_reader_panic() {
    let folders = ["messages", "messages_caller", "responses"];
    for case in folders.iter().flat_map(|folder| cases(folder)) {
        for name in ["caller.json", "reply.json", "request.json", "stream.sse"] {
            let text = text(&case, name).unwrap_or_default();
            for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
                let cut = &text.as_bytes()[..end];
                let _ = messages::read_request(cut);
                let _ = messages::read_reply(cut);
                let _ = messages::read_error(400, cut);
                let _ = responses::read_request(cut);
                let _ = chat::read_request(cut);
                let _ = messages::EventReader::default().read(cut, &mut Vec::new());
            }
        }
    }
}

#[test]
fn an_error_before_the_response_stands_alone() {
    let error = floopy_protocols::ApiError {
        kind: floopy_protocols::ErrorKind::Overloaded,
        message: "Busy.".into(),
        code: None,
        param: None,
    };
    let writer = responses::EventWriter::new(&Request::default());
    let told = written(writer, &[Event::Error(error), Event::Done]);
    let expected = concat!(
        "event: error\n",
        r#"data: {"type":"error","sequence_number":0,"code":"server_error","message":"Busy.","param":null}"#,
        "\n\n"
    );
    assert_eq!(told, expected);
}

#[test]
fn words_that_go_on_after_a_call_are_told_in_an_item_of_their_own() {
    let delta = |part, delta| Event::Delta {
        choice: 0,
        part,
        delta,
    };
    let call = Delta::ToolCall {
        id: "c".into(),
        name: "f".into(),
    };
    let events = [
        Event::Start {
            id: "i".into(),
            model: "m".into(),
            created: None,
        },
        delta(0, Delta::Text("a".into())),
        delta(1, call),
        delta(1, Delta::Arguments("{}".into())),
        delta(0, Delta::Text("b".into())),
        Event::Finish {
            choice: 0,
            finish: Finish::Stop,
        },
        Event::Done,
    ];
    let kinds = |told: &str, name: &str| -> Vec<String> {
        let events = sse(told).into_iter().map(|(_, data)| value(data));
        let begun = events.filter(|event| event["type"] == name);
        begun
            .map(|event| {
                let begun = [&event["item"]["type"], &event["content_block"]["type"]];
                let kind = begun.iter().find_map(|kind| kind.as_str());
                kind.unwrap_or_default().to_owned()
            })
            .collect()
    };
    let writer = responses::EventWriter::new(&Request::default());
    let told = written(writer, &events);
    assert_eq!(
        kinds(&told, "response.output_item.added"),
        ["message", "function_call", "message"]
    );
    let told = written(messages::EventWriter::new(), &events);
    assert_eq!(
        kinds(&told, "content_block_start"),
        ["text", "tool_use", "text"]
    );
    assert_eq!(kinds(&told, "content_block_stop").len(), 3);
}
