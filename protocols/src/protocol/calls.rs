//! Tool calls of a stream come whole: where another part follows a call that is complete, nothing is added to it.
//!
//! Every API closes a call at some moment, and what comes for it afterwards could only be lost on the way to the
//! caller, or make JSON that is none. So a stream that does this is broken, for all APIs alike.

use std::collections::BTreeMap;

use crate::{Delta, Event, EventReader, InvalidReply, Json};

/// A reader that refuses streams which go on with closed calls.
pub(super) struct Calls<R> {
    reader: R,
    /// By choice: the part that spoke last.
    last: BTreeMap<u32, u32>,
    /// By choice and part.
    calls: BTreeMap<(u32, u32), Call>,
}

/// What has come of a call.
#[derive(Default)]
struct Call {
    arguments: String,
    /// Another part spoke since it began, and may wait for its end.
    has_company: bool,
    is_closed: bool,
}

impl Call {
    /// Closes it where others wait and it has said all.
    fn settle(&mut self) {
        self.is_closed |= self.has_company && is_whole(&self.arguments);
    }
}

/// Whether arguments have been said: they are an object.
pub(crate) fn is_whole(arguments: &str) -> bool {
    // What does not end as an object does is not worth reading.
    arguments.trim_end().ends_with('}') && Json::parse(arguments).is_some()
}

impl<R> Calls<R> {
    pub(super) fn of(reader: R) -> Self {
        Self {
            reader,
            last: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }

    /// Whether there is anything to tell of an event.
    fn check(&mut self, event: &Event) -> Result<bool, InvalidReply> {
        let Event::Delta {
            choice,
            part,
            delta,
        } = event
        else {
            return Ok(true);
        };
        if self.last.insert(*choice, *part) != Some(*part) {
            self.join(*choice, *part);
        }
        match delta {
            Delta::ToolCall { .. } => {
                self.calls.insert((*choice, *part), Call::default());
            }
            Delta::Arguments(more) => return self.add((*choice, *part), more),
            Delta::Text(_)
            | Delta::Refusal(_)
            | Delta::Thinking(_)
            | Delta::Signature(_)
            | Delta::RedactedThinking(_) => {}
        }
        Ok(true)
    }

    /// Another part speaks.
    fn join(&mut self, choice: u32, speaking: u32) {
        for ((of, part), call) in &mut self.calls {
            if *of == choice && *part != speaking {
                call.has_company = true;
                call.settle();
            }
        }
    }

    /// Blanks after its end are nothing to tell.
    fn add(&mut self, call: (u32, u32), more: &str) -> Result<bool, InvalidReply> {
        match self.calls.get_mut(&call) {
            Some(closed) if closed.is_closed && more.trim().is_empty() => Ok(false),
            Some(closed) if closed.is_closed => {
                let said = format!("part {} goes on after its call was whole", call.1);
                Err(InvalidReply(said))
            }
            Some(open) => {
                open.arguments.push_str(more);
                open.settle();
                Ok(true)
            }
            None => Ok(true),
        }
    }
}

impl<R: EventReader> EventReader for Calls<R> {
    fn read(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        let start = out.len();
        let read = self.reader.read(data, out);
        for event in out.split_off(start) {
            if self.check(&event)? {
                out.push(event);
            }
        }
        read
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.reader.end(out);
    }
}

#[cfg(test)]
mod tests {
    use crate::ProviderApi;

    /// Two calls whose arguments come in these pieces; the number before each is the call's.
    fn read(pieces: &[(u32, &str)]) -> Result<usize, String> {
        let mut reader = ProviderApi::Chat.event_reader();
        let mut out = Vec::new();
        let mut begun = Vec::new();
        for (call, arguments) in pieces {
            let mut delta =
                serde_json::json!({"index": call, "function": {"arguments": arguments}});
            if !begun.contains(call) {
                begun.push(*call);
                delta["id"] = format!("call_{call}").into();
                delta["function"]["name"] = "f".into();
            }
            let chunk = serde_json::json!({"id": "c", "model": "m", "choices": [
                {"index": 0, "delta": {"tool_calls": [delta]}, "finish_reason": null}
            ]});
            reader
                .read(chunk.to_string().as_bytes(), &mut out)
                .map_err(|e| e.to_string())?;
        }
        Ok(out.len())
    }

    #[test]
    fn calls_may_interleave_until_they_are_whole() {
        assert!(
            read(&[
                (0, "{\"a\":"),
                (1, "{\"b\":"),
                (0, "1}"),
                (1, "2}"),
                (0, " \n")
            ])
            .is_ok()
        );
        assert!(read(&[(0, "{}"), (0, "x")]).is_ok(), "nobody closed it yet");
    }

    #[test]
    fn a_closed_call_that_goes_on_breaks_the_stream() {
        for pieces in [
            [(0, "{}"), (1, "{\"b\":"), (0, "2}")].as_slice(),
            &[(0, "{"), (1, "{\"b\":"), (0, "}"), (0, "2}")],
        ] {
            let error = read(pieces).unwrap_err();
            assert!(error.contains("part 0 goes on"), "{error}");
        }
    }
}
