//! Golden files: folders of requests, replies and streams, one per feature.

use std::{
    fs,
    path::{Path, PathBuf},
};

use floopy_protocols::{
    Choice, Content, Delta, Event, EventReader, EventWriter, Part, Reply, Written,
};
use serde_json::Value;

/// The folders below `golden/<api>`.
pub(super) fn cases(api: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = fs::read_dir(root.join(api)).expect("a folder");
    let mut cases: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// A file of a case that has it.
pub(super) fn text(case: &Path, name: &str) -> Option<String> {
    let path = case.join(name);
    path.exists()
        .then(|| fs::read_to_string(path).expect("readable"))
}

pub(super) fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

pub(super) fn assert_json(case: &Path, name: &str, actual: &[u8]) {
    let expected = text(case, name).unwrap_or_else(|| "null".to_owned());
    let actual: Value = serde_json::from_slice(actual).expect("JSON");
    assert_eq!(
        value(&expected),
        actual,
        "{}/{name}; actual: {actual}",
        case.display()
    );
}

/// The request that was written, and what was let go on the way.
pub(super) fn assert_written(case: &Path, written: &Written) {
    assert_json(case, "request.json", &written.body);
    let dropped = text(case, "dropped.json").map_or_else(Vec::new, |text| {
        serde_json::from_str::<Vec<String>>(&text).expect("a list")
    });
    let sorted = |mut fields: Vec<String>| {
        fields.sort();
        fields
    };
    assert_eq!(
        sorted(dropped),
        sorted(written.dropped.clone()),
        "{}",
        case.display()
    );
}

/// Server-sent events: name and data.
pub(super) fn sse(stream: &str) -> Vec<(Option<&str>, &str)> {
    let blocks = stream.split("\n\n").filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let of = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            (of("event: "), of("data: ").expect("data"))
        })
        .collect()
}

pub(super) fn events(mut reader: impl EventReader, stream: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for (_, data) in sse(stream) {
        reader.read(data.as_bytes(), &mut events).expect("readable");
    }
    events
}

pub(super) fn written(mut writer: impl EventWriter, events: &[Event]) -> String {
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    String::from_utf8(out).expect("UTF-8")
}

/// Compares streams event by event, whatever the order of fields.
pub(super) fn assert_stream(case: &Path, name: &str, actual: &str) {
    let expected = text(case, name).expect("a stream");
    let parse = |stream: &str| {
        let events = sse(stream).into_iter();
        let parsed = events.map(|(event, data)| {
            let data = serde_json::from_str(data).unwrap_or_else(|_| Value::from(data));
            (event.map(str::to_owned), data)
        });
        parsed.collect::<Vec<_>>()
    };
    let (expected, parsed) = (parse(&expected), parse(actual));
    for (index, (expected, actual)) in expected.iter().zip(&parsed).enumerate() {
        assert_eq!(expected, actual, "{}/{name} at {index}", case.display());
    }
    assert_eq!(expected.len(), parsed.len(), "{}: {actual}", case.display());
}

/// The reply that a stream tells.
pub(super) fn fold(events: &[Event]) -> Reply {
    let mut reply = Reply::default();
    for event in events {
        match event {
            Event::Start { id, model, created } => {
                reply.id.clone_from(id);
                reply.model.clone_from(model);
                reply.created = *created;
            }
            Event::Delta {
                choice,
                part,
                delta,
            } => add(&mut choice_of(&mut reply, *choice).parts, *part, delta),
            Event::Logprobs { choice, logprobs } => {
                choice_of(&mut reply, *choice).logprobs = Some(logprobs.clone());
            }
            Event::Finish { choice, finish } => {
                choice_of(&mut reply, *choice).finish = Some(finish.clone());
            }
            Event::Usage(usage) => reply.usage = Some(*usage),
            Event::Error(_) | Event::Done => {}
        }
    }
    reply
}

fn choice_of(reply: &mut Reply, index: u32) -> &mut Choice {
    let found = reply
        .choices
        .iter()
        .position(|choice| choice.index == index);
    let place = found.unwrap_or_else(|| {
        reply.choices.push(Choice {
            index,
            ..Choice::default()
        });
        reply.choices.len() - 1
    });
    &mut reply.choices[place]
}

fn add(parts: &mut Vec<Part>, index: u32, delta: &Delta) {
    let index = usize::try_from(index).expect("small");
    assert!(index <= parts.len(), "parts begin in order");
    if index == parts.len() {
        let content = match delta {
            Delta::Text(_) => Content::Text(String::new()),
            Delta::Refusal(_) => Content::Refusal(String::new()),
            Delta::Thinking(_) => Content::Thinking(String::new()),
            Delta::RedactedThinking(_) => Content::RedactedThinking,
            Delta::ToolCall { id, name } => Content::ToolCall {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
            },
            Delta::Signature(_) | Delta::Arguments(_) => panic!("{delta:?} begins no part"),
        };
        parts.push(Part::new(content));
    }
    let part = &mut parts[index];
    match (&mut part.content, delta) {
        (Content::Text(text), Delta::Text(more))
        | (Content::Refusal(text), Delta::Refusal(more))
        | (Content::Thinking(text), Delta::Thinking(more)) => text.push_str(more),
        (Content::ToolCall { arguments, .. }, Delta::Arguments(more)) => arguments.push_str(more),
        (Content::ToolCall { .. }, Delta::ToolCall { .. }) => {}
        (_, Delta::Signature(signature)) | (_, Delta::RedactedThinking(signature)) => {
            part.signature = Some(signature.clone());
        }
        (_, delta) => panic!("{delta:?} does not go on with its part"),
    }
}
