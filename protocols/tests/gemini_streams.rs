//! Whatever pieces Gemini sends a reply in, it is the reply that it would have sent whole.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_protocols::{Content, Delta, Event, EventReader as _, Part, gemini};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A part of a reply as Gemini writes it.
fn part() -> impl Strategy<Value = Value> {
    let text = "[a-z é\"\\\\]{1,12}";
    let signature = proptest::option::weighted(0.3, "[A-Za-z0-9]{4}");
    (0u8..3, text, signature).prop_map(|(kind, text, signature)| {
        let mut part = match kind {
            0 => json!({"text": text}),
            1 => json!({"text": text, "thought": true}),
            _ => json!({"functionCall": {"name": "f", "args": {"text": text}}}),
        };
        if let Some(signature) = signature {
            part["thoughtSignature"] = json!(signature);
        }
        part
    })
}

fn response(index: u32, parts: &[Value], finish: Option<&str>) -> String {
    let mut candidate = json!({"index": index, "content": {"role": "model", "parts": parts}});
    if let Some(word) = finish {
        candidate["finishReason"] = json!(word);
    }
    json!({"candidates": [candidate], "responseId": "r", "modelVersion": "m"}).to_string()
}

/// Words that nobody signed, cut in two, and otherwise one event for each part.
fn pieces(parts: &[Value], cut: usize) -> Vec<Value> {
    let mut out = Vec::new();
    for part in parts {
        match part["text"].as_str() {
            Some(text) if part.get("thoughtSignature").is_none() => {
                let chars: Vec<char> = text.chars().collect();
                let (left, right) = chars.split_at(cut.min(chars.len()));
                for half in [left, right] {
                    let mut piece = part.clone();
                    piece["text"] = json!(half.iter().collect::<String>());
                    out.push(piece);
                }
            }
            Some(_) | None => out.push(part.clone()),
        }
    }
    out
}

/// The parts of one choice that the events add up to.
fn fold(events: &[Event], wanted: u32) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for event in events {
        let Event::Delta {
            choice,
            part,
            delta,
        } = event
        else {
            continue;
        };
        if *choice != wanted {
            continue;
        }
        let begun = match delta {
            Delta::Text(_) => Content::Text(String::new()),
            Delta::Thinking(_) => Content::Thinking(String::new()),
            Delta::ToolCall { id, name } => Content::ToolCall {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
            },
            Delta::Refusal(_)
            | Delta::Signature(_)
            | Delta::RedactedThinking(_)
            | Delta::Arguments(_) => {
                assert!((*part as usize) < parts.len(), "{delta:?} begins no part");
                Content::RedactedThinking
            }
        };
        if *part as usize == parts.len() {
            parts.push(Part::new(begun));
        }
        let part = &mut parts[*part as usize];
        match (&mut part.content, delta) {
            (Content::Text(all), Delta::Text(more))
            | (Content::Thinking(all), Delta::Thinking(more))
            | (Content::ToolCall { arguments: all, .. }, Delta::Arguments(more)) => {
                all.push_str(more);
            }
            (_, Delta::Signature(signature)) => part.signature = Some(signature.clone()),
            _ => {}
        }
    }
    parts
}

proptest! {
    #[test]
    fn a_streamed_reply_is_the_whole_reply(
        first in prop::collection::vec(part(), 1..6),
        second in prop::collection::vec(part(), 1..6),
        cut in 0usize..12,
    ) {
        let mut reader = gemini::EventReader::default();
        let mut events = Vec::new();
        let (left, right) = (pieces(&first, cut), pieces(&second, cut));
        for index in 0..left.len().max(right.len()) {
            for (choice, pieces) in [(0, &left), (1, &right)] {
                if let Some(piece) = pieces.get(index) {
                    let is_last = index + 1 == pieces.len();
                    let data = response(choice, std::slice::from_ref(piece), is_last.then_some("STOP"));
                    reader.read(data.as_bytes(), &mut events).expect("readable");
                }
            }
        }
        for (choice, parts) in [(0, &first), (1, &second)] {
            let whole = response(choice, parts, Some("STOP"));
            let reply = gemini::read_reply(whole.as_bytes()).expect("readable");
            let [only] = reply.choices.as_slice() else { panic!("one choice") };
            prop_assert_eq!(&fold(&events, choice), &only.parts);
            let finish = only.finish.clone().expect("finish");
            let finish = Event::Finish { choice, finish };
            prop_assert!(events.contains(&finish));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in ".{0,64}") {
        for body in [&bytes[..], text.as_bytes()] {
            let _ = gemini::read_reply(body);
            let _ = gemini::read_error(400, body);
            let _ = gemini::retry_after_ms(body);
            let _ = gemini::EventReader::default().read(body, &mut Vec::new());
        }
    }
}
