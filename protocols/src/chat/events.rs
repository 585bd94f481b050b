//! Streams of `chat.completion.chunk`s.

mod reader;
mod wire;
mod writer;

pub use self::{reader::EventReader, writer::EventWriter};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EventReader, EventWriter};
    use crate::{Delta, Event, EventReader as _, EventWriter as _, Finish, Usage};

    /// The data of each event of a stream of ours.
    fn data(stream: &[u8]) -> Vec<Vec<u8>> {
        let text = std::str::from_utf8(stream).expect("UTF-8");
        let events = text.split("\n\n").filter(|event| !event.is_empty());
        events
            .map(|event| event.strip_prefix("data: ").expect("data").into())
            .collect()
    }

    fn round_trip(events: &[Event]) -> Vec<Event> {
        let (mut writer, mut bytes) = (EventWriter::new(true), Vec::new());
        for event in events {
            writer.write(event, &mut bytes);
        }
        let (mut reader, mut read) = (EventReader::default(), Vec::new());
        for event in data(&bytes) {
            reader.read(&event, &mut read).expect("readable");
        }
        read
    }

    fn deltas() -> impl Strategy<Value = Vec<Event>> {
        let text = "[a-z\u{e9}\"\\\\\n]{1,8}";
        let parts = prop::collection::vec((0u8..3, text, text), 1..6);
        parts.prop_map(|parts| {
            let mut events = Vec::new();
            let (mut seen_text, mut seen_thought) = (None, None);
            let mut next = 0;
            for (kind, a, b) in parts {
                let mut fresh = |seen: &mut Option<u32>| match *seen {
                    Some(part) => part,
                    None => {
                        next += 1;
                        *seen.insert(next - 1)
                    }
                };
                let (part, several) = match kind {
                    0 => (fresh(&mut seen_text), vec![Delta::Text(a), Delta::Text(b)]),
                    1 => (fresh(&mut seen_thought), vec![Delta::Thinking(a)]),
                    _ => {
                        let call = Delta::ToolCall {
                            id: a.clone(),
                            name: a,
                        };
                        (fresh(&mut None), vec![call, Delta::Arguments(b)])
                    }
                };
                let choice = 0;
                events.extend(several.into_iter().map(|delta| Event::Delta {
                    choice,
                    part,
                    delta,
                }));
            }
            events
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(deltas in deltas()) {
            let start = Event::Start { id: "i".into(), model: "m".into(), created: Some(5) };
            let finish = Event::Finish { choice: 0, finish: Finish::ToolCalls };
            let usage = Usage { input: 9, cached_input: 3, cache_write: 2, output: 4, reasoning: 1 };
            let mut events = vec![start];
            events.extend(deltas);
            events.extend([finish, Event::Usage(usage), Event::Done]);
            prop_assert_eq!(round_trip(&events), events);
        }
    }
}
