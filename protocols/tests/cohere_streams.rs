//! Whatever pieces Cohere sends a reply in, it is the reply that it would have sent whole.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_protocols::{Content, Delta, Event, EventReader as _, Part, cohere};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Half of the text and the other half.
fn halves(text: &str, cut: usize) -> [String; 2] {
    let chars: Vec<char> = text.chars().collect();
    let (left, right) = chars.split_at(cut.min(chars.len()));
    [left.iter().collect(), right.iter().collect()]
}

/// The events of a reply with a plan, content and calls; calls bring their arguments in turn.
fn stream(plan: &str, content: &[(bool, String)], calls: &[String], cut: usize) -> Vec<Value> {
    let mut out = vec![json!({"type": "message-start", "id": "r", "delta": {"message": {}}})];
    for text in halves(plan, cut) {
        out.push(json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": text}}}));
    }
    for (index, (is_thought, text)) in content.iter().enumerate() {
        let field = if *is_thought { "thinking" } else { "text" };
        let event = |kind: &str, text: &str| json!({"type": kind, "index": index, "delta": {"message": {"content": {field: text}}}});
        out.push(event("content-start", ""));
        out.extend(halves(text, cut).map(|text| event("content-delta", &text)));
    }
    let call = |kind: &str, index: usize, call: Value| json!({"type": kind, "index": index, "delta": {"message": {"tool_calls": call}}});
    for index in 0..calls.len() {
        let begun = json!({"id": format!("c{index}"), "function": {"name": "f", "arguments": ""}});
        out.push(call("tool-call-start", index, begun));
    }
    for half in 0..2 {
        for (index, arguments) in calls.iter().enumerate() {
            let arguments = &halves(arguments, cut)[half];
            let more = json!({"function": {"arguments": arguments}});
            out.push(call("tool-call-delta", index, more));
        }
    }
    out.push(json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}));
    out
}

fn whole(plan: &str, content: &[(bool, String)], calls: &[String]) -> Value {
    let content = content.iter().map(|(is_thought, text)| match is_thought {
        true => json!({"type": "thinking", "thinking": text}),
        false => json!({"type": "text", "text": text}),
    });
    let calls = calls.iter().enumerate().map(|(index, arguments)| {
        let function = json!({"name": "f", "arguments": arguments});
        json!({"id": format!("c{index}"), "type": "function", "function": function})
    });
    json!({"id": "r", "finish_reason": "COMPLETE", "message": {
        "tool_plan": plan, "content": content.collect::<Vec<_>>(), "tool_calls": calls.collect::<Vec<_>>(),
    }})
}

/// The parts that the events add up to.
fn fold(events: &[Event]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for event in events {
        let Event::Delta { part, delta, .. } = event else {
            continue;
        };
        let place = *part as usize;
        let begun = match delta {
            Delta::Text(_) => Some(Content::Text(String::new())),
            Delta::Thinking(_) => Some(Content::Thinking(String::new())),
            Delta::ToolCall { id, name } => Some(Content::ToolCall {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
            }),
            Delta::Refusal(_)
            | Delta::Signature(_)
            | Delta::RedactedThinking(_)
            | Delta::Arguments(_) => None,
        };
        if place == parts.len() {
            parts.push(Part::new(begun.expect("a beginning")));
        }
        match (&mut parts[place].content, delta) {
            (Content::Text(all), Delta::Text(more))
            | (Content::Thinking(all), Delta::Thinking(more))
            | (Content::ToolCall { arguments: all, .. }, Delta::Arguments(more)) => {
                all.push_str(more);
            }
            (_, Delta::ToolCall { .. }) => {}
            (content, delta) => panic!("{delta:?} cannot go on with {content:?}"),
        }
    }
    parts
}

proptest! {
    #[test]
    fn a_streamed_reply_is_the_whole_reply(
        plan in "[a-z é]{0,8}",
        content in prop::collection::vec((any::<bool>(), "[a-z é\"\\\\]{1,12}"), 0..4),
        calls in prop::collection::vec("[a-z{}\"]{0,12}", 0..3),
        cut in 0usize..12,
    ) {
        let (mut reader, mut events) = (cohere::EventReader::default(), Vec::new());
        for event in stream(&plan, &content, &calls, cut) {
            reader.read(event.to_string().as_bytes(), &mut events).expect("readable");
        }
        let reply = whole(&plan, &content, &calls).to_string();
        let reply = cohere::read_reply(reply.as_bytes()).expect("readable");
        prop_assert_eq!(&fold(&events), &reply.choices[0].parts);
        prop_assert_eq!(events.last(), Some(&Event::Done));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in ".{0,64}") {
        for body in [&bytes[..], text.as_bytes()] {
            let _ = cohere::read_reply(body);
            let _ = cohere::read_error(400, body);
            let _ = cohere::EventReader::default().read(body, &mut Vec::new());
        }
    }
}
