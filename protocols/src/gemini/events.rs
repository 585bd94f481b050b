//! A stream: each event is a reply of its own that holds what is new. Calls come whole.

use super::{
    error::read_error,
    read_finish,
    wire::{Candidate, Response, Said, call_id},
};
use crate::{
    error::InvalidReply,
    event::{Delta, Event},
    reply::Finish,
};

#[derive(Debug, Default)]
pub struct EventReader {
    has_begun: bool,
    has_failed: bool,
    /// The reply's.
    id: String,
    choices: Vec<State>,
}

/// What is known of a choice so far.
#[derive(Debug)]
struct State {
    index: u32,
    parts: u32,
    /// The kind of words that the last part goes on with, if any.
    open: Option<Words>,
    calls: u32,
    is_finished: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Text,
    Thinking,
}

impl crate::EventReader for EventReader {
    fn read(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), InvalidReply> {
        if data.trim_ascii_start().starts_with(b"[") {
            // An error at the beginning may come as the array that the API answers without SSE.
            self.fail(data, out);
            return Ok(());
        }
        let mut response: Response<'_> = serde_json::from_slice(data)
            .map_err(|e| InvalidReply(format!("an event that cannot be read: {e}")))?;
        if response.error.is_some() {
            self.fail(data, out);
            return Ok(());
        }
        if !self.has_begun {
            self.has_begun = true;
            self.id.clone_from(&response.response_id);
            out.push(Event::Start {
                id: response.response_id.clone(),
                model: std::mem::take(&mut response.model_version),
                created: None,
            });
        }
        let is_blocked = response.is_blocked();
        let candidates = response.candidates.unwrap_or_default();
        if candidates.is_empty() && is_blocked {
            self.finish(0, Finish::ContentFilter, out);
        }
        for candidate in candidates {
            self.candidate(candidate, out)?;
        }
        let usage = response.usage_metadata;
        out.extend(usage.map(|usage| Event::Usage(usage.into())));
        Ok(())
    }

    /// The API has no event that says that this is all: it is where every choice that began has said how it ended.
    fn end(&mut self, out: &mut Vec<Event>) {
        let is_finished = self.choices.iter().all(|choice| choice.is_finished);
        if is_finished && !self.choices.is_empty() && !self.has_failed {
            out.push(Event::Done);
        }
    }
}

impl EventReader {
    fn fail(&mut self, data: &[u8], out: &mut Vec<Event>) {
        self.has_failed = true;
        out.push(Event::Error(read_error(500, data)));
    }

    fn candidate(
        &mut self,
        mut candidate: Candidate<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), InvalidReply> {
        let index = candidate.index;
        for said in candidate.said() {
            let (said, signature) = said?;
            self.part(index, said, signature, out)?;
        }
        out.extend(candidate.logprobs().map(|logprobs| Event::Logprobs {
            choice: index,
            logprobs,
        }));
        if let Some(word) = &candidate.finish_reason {
            let has_call = self.state(index).calls > 0;
            self.finish(index, read_finish(word, has_call), out);
        }
        Ok(())
    }

    fn finish(&mut self, choice: u32, finish: Finish, out: &mut Vec<Event>) {
        self.state(choice).is_finished = true;
        out.push(Event::Finish { choice, finish });
    }

    fn part(
        &mut self,
        choice: u32,
        said: Said,
        signature: Option<String>,
        out: &mut Vec<Event>,
    ) -> Result<(), InvalidReply> {
        let reply_id = std::mem::take(&mut self.id);
        let state = self.state(choice);
        let mut deltas = Vec::new();
        // Google asks for a signed part to be kept apart from its unsigned neighbours.
        let words = match &said {
            Said::Text(_) if signature.is_none() => Some(Words::Text),
            Said::Thinking(_) if signature.is_none() => Some(Words::Thinking),
            Said::Text(_) | Said::Thinking(_) | Said::Image { .. } | Said::Call { .. } => None,
        };
        if words.is_none() || state.open != words {
            state.parts += 1;
        }
        state.open = words;
        let part = state.parts - 1;
        match said {
            Said::Text(text) => deltas.push(Delta::Text(text)),
            Said::Thinking(text) => deltas.push(Delta::Thinking(text)),
            Said::Image { .. } => {
                return Err(InvalidReply("an image in a stream of text".to_owned()));
            }
            Said::Call {
                id,
                name,
                arguments,
            } => {
                let id = id.unwrap_or_else(|| call_id(&reply_id, choice, state.calls));
                state.calls += 1;
                deltas.push(Delta::ToolCall { id, name });
                deltas.push(Delta::Arguments(arguments));
            }
        }
        deltas.extend(signature.map(Delta::Signature));
        self.id = reply_id;
        out.extend(deltas.into_iter().map(|delta| Event::Delta {
            choice,
            part,
            delta,
        }));
        Ok(())
    }

    fn state(&mut self, index: u32) -> &mut State {
        let place = self.choices.iter().position(|choice| choice.index == index);
        let place = place.unwrap_or_else(|| {
            self.choices.push(State {
                index,
                parts: 0,
                open: None,
                calls: 0,
                is_finished: false,
            });
            self.choices.len() - 1
        });
        &mut self.choices[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventReader as _;

    fn read(events: &[&str]) -> Vec<Event> {
        let (mut reader, mut out) = (EventReader::default(), Vec::new());
        for event in events {
            reader.read(event.as_bytes(), &mut out).expect("readable");
        }
        reader.end(&mut out);
        out
    }

    #[test]
    fn a_stream_that_stops_before_its_finish_is_not_done() {
        let half = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"responseId":"r"}"#;
        assert!(!read(&[half]).contains(&Event::Done));
        let end = r#"{"candidates":[{"finishReason":"STOP"}]}"#;
        assert_eq!(read(&[half, end]).last(), Some(&Event::Done));
        let error = r#"{"error":{"code":500,"message":"m","status":"INTERNAL"}}"#;
        assert!(!read(&[half, end, error]).contains(&Event::Done));
    }

    #[test]
    fn errors_come_alone_or_in_an_array() {
        for data in [
            r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#,
            r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#,
        ] {
            let events = read(&[data]);
            let [Event::Error(error)] = events.as_slice() else {
                panic!("{events:?}");
            };
            assert_eq!(error.kind, crate::ErrorKind::Overloaded);
        }
    }

    #[test]
    fn a_blocked_prompt_is_a_filtered_reply() {
        let events = read(&[
            r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":4},"responseId":"r"}"#,
        ]);
        let finish = Event::Finish {
            choice: 0,
            finish: Finish::ContentFilter,
        };
        assert_eq!(events[1], finish);
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        let mut reader = EventReader::default();
        assert!(reader.read(b"<html>", &mut Vec::new()).is_err());
    }
}
