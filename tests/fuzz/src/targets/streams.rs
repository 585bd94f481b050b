//! Providers' streams: the events of a stream come in the order that is promised, and every caller can be told them.

use std::{collections::BTreeMap, mem};

use floopy_protocols::{
    Delta, Event, EventReader, EventWriter, ProviderApi, Request, chat, converse,
    event_stream::Frame, messages, responses,
};

use super::{
    bytes, is_strict,
    replies::{CALLERS, json},
};

/// Server-sent events; or, where a provider frames as AWS does, a payload in each line.
pub(super) fn read(api: ProviderApi, data: &[u8]) {
    let events = match api.is_binary() {
        true => data
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect(),
        false => bytes::events([data].into_iter()),
    };
    told(&all(&mut *api.event_reader(), &events));
}

/// Streams of OpenAI's own, which pass as they are and are only looked at.
pub(super) fn read_responses(data: &[u8]) {
    let events = bytes::events([data].into_iter());
    all(&mut responses::EventReader::default(), &events);
}

/// Every line is an event's name, a blank, and its payload.
pub(super) fn read_frames(data: &[u8]) {
    let (mut reader, mut out) = (converse::EventReader::default(), Vec::new());
    for line in data.split(|byte| *byte == b'\n') {
        let Some(blank) = line.iter().position(|byte| *byte == b' ') else {
            break;
        };
        let (name, payload) = line.split_at(blank);
        let frame = Frame::event(&String::from_utf8_lossy(name), payload[1..].to_vec());
        if reader.read_frame(&frame, &mut out).is_err() || is_over(&out) {
            break;
        }
    }
    in_order(&out);
}

/// What can be read of them, up to where the reply is done or broken: nobody reads on from there.
fn all(reader: &mut dyn EventReader, events: &[Vec<u8>]) -> Vec<Event> {
    let mut out = Vec::new();
    for data in events {
        if reader.read(data, &mut out).is_err() || is_over(&out) {
            return out;
        }
    }
    reader.end(&mut out);
    out
}

fn is_over(events: &[Event]) -> bool {
    matches!(events.last(), Some(Event::Done | Event::Error(_)))
}

fn told(events: &[Event]) {
    in_order(events);
    for caller in CALLERS {
        let said = written(caller.event_writer(&Request::default()), events);
        for data in bytes::events([said.as_slice()].into_iter()) {
            if data != b"[DONE]" {
                json(&data);
            }
        }
    }
    if !is_strict() {
        return;
    }
    again(
        events,
        || Box::new(chat::EventWriter::new(true)),
        || Box::<chat::EventReader>::default(),
    );
    again(
        events,
        || Box::new(messages::EventWriter::new()),
        || Box::<messages::EventReader>::default(),
    );
}

fn written(mut writer: Box<dyn EventWriter>, events: &[Event]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    out
}

/// What one of us writes another of us reads, and says the same again.
fn again(
    events: &[Event],
    writer: fn() -> Box<dyn EventWriter>,
    reader: fn() -> Box<dyn EventReader>,
) {
    let said = written(writer(), events);
    let (mut reader, mut read) = (reader(), Vec::new());
    for data in bytes::events([said.as_slice()].into_iter()) {
        let result = reader.read(&data, &mut read);
        result.unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&said)));
    }
    let is_whole = matches!(events.last(), Some(Event::Done))
        && !events.iter().any(
            |event| matches!(event, Event::Finish { finish, .. } if finish.failed().is_some()),
        );
    if is_whole {
        assert_eq!(
            words(&read),
            words(events),
            "{}",
            String::from_utf8_lossy(&said)
        );
    }
}

/// The letters of all words of the first choice. Their order is each API's own: one has calls one after the other.
fn words(events: &[Event]) -> Vec<char> {
    let mut words = Vec::new();
    for event in events {
        if let Event::Delta {
            choice: 0,
            delta: Delta::Text(text) | Delta::Refusal(text) | Delta::Arguments(text),
            ..
        } = event
        {
            // No arguments are an empty object elsewhere.
            words.extend(text.chars().filter(|c| !matches!(c, '{' | '}')));
        }
    }
    words.sort_unstable();
    words
}

/// One start, parts that are numbered as they begin and keep their kind, and nothing after the end.
fn in_order(events: &[Event]) {
    let mut parts: BTreeMap<u32, Vec<mem::Discriminant<Delta>>> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        match event {
            Event::Start { .. } => assert_eq!(place, 0, "a stream starts once: {events:?}"),
            Event::Delta {
                choice,
                part,
                delta,
            } => {
                let parts = parts.entry(*choice).or_default();
                let part = usize::try_from(*part).expect("few");
                assert!(
                    part <= parts.len(),
                    "parts begin in their order: {events:?}"
                );
                if part == parts.len() {
                    let is_more = matches!(delta, Delta::Signature(_) | Delta::Arguments(_));
                    assert!(!is_more, "{delta:?} begins no part");
                    parts.push(mem::discriminant(delta));
                }
                goes_on(parts[part], delta);
            }
            Event::Done | Event::Error(_) => {
                assert_eq!(place + 1, events.len(), "nothing follows: {events:?}");
            }
            Event::Logprobs { .. } | Event::Finish { .. } | Event::Usage(_) => {}
        }
    }
}

fn goes_on(begun: mem::Discriminant<Delta>, delta: &Delta) {
    let call = Delta::ToolCall {
        id: String::new(),
        name: String::new(),
    };
    let fits = match delta {
        Delta::Signature(_) => true,
        Delta::Arguments(_) => begun == mem::discriminant(&call),
        Delta::Text(_)
        | Delta::Refusal(_)
        | Delta::Thinking(_)
        | Delta::RedactedThinking(_)
        | Delta::ToolCall { .. } => begun == mem::discriminant(delta),
    };
    assert!(fits, "{delta:?} does not go on with its part");
}
