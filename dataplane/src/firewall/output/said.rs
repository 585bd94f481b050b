//! What a reply says to whoever reads it: its text and its refusals, in any of the three APIs. Thoughts and the arguments of
//! tools are not looked at.

use floopy_protocols::{
    CallerApi, Content, Delta, Event, EventReader, Reply, chat, messages, responses,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The texts of a reply in one piece, with the choices that they are of. What cannot be read is looked at as it is.
pub(super) fn whole(api: CallerApi, body: &[u8]) -> Vec<(u32, String)> {
    match api.read_reply(body) {
        Ok(reply) => texts(reply),
        Err(_) => vec![(0, String::from_utf8_lossy(body).into_owned())],
    }
}

fn texts(reply: Reply) -> Vec<(u32, String)> {
    let text = |content| match content {
        Content::Text(text) | Content::Refusal(text) => Some(text),
        Content::Thinking(_)
        | Content::RedactedThinking
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolCall { .. }
        | Content::ToolResult { .. } => None,
    };
    let of_choice = |choice: floopy_protocols::Choice| {
        let parts = choice.parts.into_iter();
        let texts: Vec<String> = parts.filter_map(|part| text(part.content)).collect();
        (choice.index, texts.join("\n"))
    };
    reply.choices.into_iter().map(of_choice).collect()
}

/// Reads the events of a stream.
pub(super) struct Events {
    reader: Box<dyn EventReader>,
    api: CallerApi,
    events: Vec<Event>,
    /// Of each choice, the part that its text was of last.
    parts: Vec<(u32, u32)>,
}

#[derive(Deserialize)]
struct Repeated<'a> {
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
}

impl Events {
    pub(super) fn new(api: CallerApi) -> Self {
        let reader: Box<dyn EventReader> = match api {
            CallerApi::Chat => Box::new(chat::EventReader::default()),
            CallerApi::Messages => Box::new(messages::EventReader::default()),
            CallerApi::Responses => Box::new(responses::EventReader::default()),
        };
        Self {
            reader,
            api,
            events: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Tells of the text that an event has, with the choice that it is of. What cannot be read is looked at as it is.
    pub(super) fn read(&mut self, data: &[u8], mut said: impl FnMut(u32, &str)) {
        if self.reader.read(data, &mut self.events).is_err() {
            self.events.clear();
            said(0, &String::from_utf8_lossy(data));
            return;
        }
        for event in self.events.drain(..) {
            let Event::Delta {
                choice,
                part,
                delta: Delta::Text(text) | Delta::Refusal(text),
            } = event
            else {
                continue;
            };
            match self.parts.iter_mut().find(|(of, _)| *of == choice) {
                Some((_, last)) if *last == part => {}
                Some((_, last)) => {
                    *last = part;
                    said(choice, "\n");
                }
                None => self.parts.push((choice, part)),
            }
            said(choice, &text);
        }
        if self.api == CallerApi::Responses && self.parts.is_empty() {
            self.repeated(data, said);
        }
    }

    /// The last event of a response has all of its text, which nobody has seen if it did not come before.
    fn repeated(&self, data: &[u8], mut said: impl FnMut(u32, &str)) {
        let event = serde_json::from_slice::<Repeated<'_>>(data).ok();
        let response = event.and_then(|event| event.response);
        let reply = response.map(|raw| responses::read_reply(raw.get().as_bytes()));
        for (choice, text) in reply.into_iter().flatten().flat_map(texts) {
            said(choice, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(api: CallerApi, events: &[&str]) -> Vec<(u32, String)> {
        let (mut reader, mut all) = (Events::new(api), Vec::new());
        for data in events {
            reader.read(data.as_bytes(), |choice, text| {
                all.push((choice, text.to_owned()));
            });
        }
        all
    }

    #[test]
    fn text_and_refusals_of_every_api_are_read_and_nothing_else() {
        let chat = r#"{"choices":[{"index":1,"message":{"content":"hi","reasoning_content":"no","tool_calls":[
            {"id":"c","type":"function","function":{"name":"n","arguments":"{\"a\":\"no\"}"}}]}}]}"#;
        let refusal = r#"{"choices":[{"index":0,"message":{"content":null,"refusal":"hi"}}]}"#;
        let messages = r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"no","signature":"s"},
            {"type":"text","text":"hi"},{"type":"text","text":"ho"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;
        let responses = r#"{"id":"r","status":"completed","output":[{"type":"reasoning","summary":[]},
            {"type":"message","content":[{"type":"output_text","text":"hi"}]}]}"#;
        for (api, body, expected) in [
            (CallerApi::Chat, chat, (1, "hi")),
            (CallerApi::Chat, refusal, (0, "hi")),
            (CallerApi::Messages, messages, (0, "hi\nho")),
            (CallerApi::Responses, responses, (0, "hi")),
            (CallerApi::Chat, "<hi>", (0, "<hi>")),
        ] {
            let (choice, text) = expected;
            assert_eq!(
                whole(api, body.as_bytes()),
                [(choice, text.to_owned())],
                "{body}"
            );
        }
    }

    #[test]
    fn events_of_every_api_are_read() {
        let text = |texts: &[&str]| -> Vec<(u32, String)> {
            texts.iter().map(|text| (0, (*text).to_owned())).collect()
        };
        let chat = [
            r#"{"choices":[{"index":0,"delta":{"content":"h"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"i"}}]}"#,
            "[DONE]",
        ];
        assert_eq!(streamed(CallerApi::Chat, &chat), text(&["h", "i"]));
        let messages = [
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"h"}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"i"}}"#,
        ];
        let told: String = streamed(CallerApi::Messages, &messages)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(told, "h\ni");
        let delta = r#"{"type":"response.output_text.delta","output_index":0,"delta":"hi"}"#;
        let done = r#"{"type":"response.completed","response":{"id":"r","status":"completed","output":[
            {"type":"message","content":[{"type":"output_text","text":"hi"}]}]}}"#;
        assert_eq!(
            streamed(CallerApi::Responses, &[delta, done]),
            text(&["hi"])
        );
        assert_eq!(streamed(CallerApi::Responses, &[done]), text(&["hi"]));
    }
}
