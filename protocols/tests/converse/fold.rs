//! A stream put together again: what its caller must end up with.
#![allow(clippy::panic, reason = "a broken assumption must end the test")]

use floopy_protocols::{Choice, Content, Delta, Event, Part, Reply};

/// Of one choice. Panics at an error, and at what no reader may send.
pub(crate) fn fold(events: &[Event]) -> Reply {
    let mut reply = Reply {
        choices: vec![Choice::default()],
        ..Reply::default()
    };
    for event in events {
        match event {
            Event::Start { id, model, created } => {
                reply.id.clone_from(id);
                reply.model.clone_from(model);
                reply.created = *created;
            }
            Event::Delta { part, delta, .. } => add(&mut reply.choices[0].parts, *part, delta),
            Event::Finish { finish, .. } => reply.choices[0].finish = Some(finish.clone()),
            Event::Usage(usage) => reply.usage = Some(*usage),
            Event::Done => {}
            Event::Logprobs { .. } | Event::Error(_) => panic!("{event:?}"),
        }
    }
    reply
}

fn add(parts: &mut Vec<Part>, number: u32, delta: &Delta) {
    let number = number as usize;
    assert!(
        number <= parts.len(),
        "part {number} before {}",
        parts.len()
    );
    if number == parts.len() {
        parts.push(Part::new(match delta {
            Delta::Text(_) => Content::Text(String::new()),
            Delta::Thinking(_) => Content::Thinking(String::new()),
            Delta::RedactedThinking(_) => Content::RedactedThinking,
            Delta::ToolCall { id, name } => Content::ToolCall {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
            },
            Delta::Refusal(_) | Delta::Signature(_) | Delta::Arguments(_) => panic!("{delta:?}"),
        }));
    }
    let part = &mut parts[number];
    match (&mut part.content, delta) {
        (Content::Text(text), Delta::Text(more))
        | (Content::Thinking(text), Delta::Thinking(more))
        | (
            Content::ToolCall {
                arguments: text, ..
            },
            Delta::Arguments(more),
        ) => {
            text.push_str(more);
        }
        (Content::ToolCall { .. }, Delta::ToolCall { .. }) => {}
        (Content::Thinking(_), Delta::Signature(data))
        | (Content::RedactedThinking, Delta::RedactedThinking(data)) => {
            part.signature = Some(data.clone());
        }
        (content, delta) => panic!("{delta:?} for {content:?}"),
    }
}
