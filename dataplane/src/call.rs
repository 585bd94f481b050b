//! A request body, peeked at and kept: what routing needs is read from it, its bytes travel on.

mod chat;
mod embeddings;
mod error;
mod excerpt;
mod fields;
mod history;
mod prompt;
mod site;
mod splice;
mod untouched;
mod usage;
mod value;

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use floopy_shared::domain::{
    features::Features,
    shape::{ShapeKey, Signals, chain},
};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::Xxh3;

pub use self::error::InvalidCall;
pub use self::history::History;
pub use self::prompt::Prompt;
use self::{fields::Fields, value::text};

/// What is asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Chat,
    Embeddings,
}

/// One parsed call. Not `Debug`: it holds content.
#[derive(Clone)]
pub struct Call {
    body: Bytes,
    model_span: Range<usize>,
    /// Empty where there are none.
    messages_span: Range<usize>,
    /// What makes a stream report its usage; `None`: the caller asks for it, or there is no stream.
    usage_edit: Option<usage::Edit>,
    is_untouched: bool,
    endpoint: Endpoint,
    model: String,
    stream: bool,
    json_expected: bool,
    features: Features,
    shapes: Vec<ShapeKey>,
    history: History,
    opening: u64,
}

impl Call {
    /// Reads the body; `task` is the `floopy-task` header.
    pub fn parse(body: Bytes, endpoint: Endpoint, task: Option<&str>) -> Result<Self, InvalidCall> {
        let fields = Fields::read(&body)?;
        let (model, model_span) = read_model(&fields, &body)?;
        let seen = match endpoint {
            Endpoint::Chat => chat::read(&fields)?,
            Endpoint::Embeddings => embeddings::read(&fields)?,
        };
        let tool_names: Vec<&str> = seen.tool_names.iter().map(AsRef::as_ref).collect();
        let signals = Signals {
            task,
            system_prompt: seen.system.as_deref(),
            tool_names: &tool_names,
            schema_name: seen.schema_name.as_deref(),
            json_expected: seen.json_expected,
            first_user_text: &seen.first_user_text,
            user_text: &seen.user_text,
            features: seen.features,
        };
        let chain = chain(site::of(&signals), &signals);
        let (features, json_expected) = (seen.features, seen.json_expected);
        let (history, opening) = (seen.history, seen.opening);
        let stream = features.stream;
        let messages_span = fields.messages.map_or(0..0, |raw| span_of(raw, &body));
        let usage_edit = stream
            .then(|| usage::edit(fields.stream_options, model_span.end, &body))
            .flatten();
        Ok(Self {
            body,
            model_span,
            messages_span,
            usage_edit,
            is_untouched: false,
            endpoint,
            model,
            stream,
            json_expected,
            features,
            shapes: chain,
            history,
            opening,
        })
    }

    /// What is asked for.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The `model` as the caller wrote it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether the caller wants events.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the caller asked for JSON.
    pub fn json_expected(&self) -> bool {
        self.json_expected
    }

    /// What candidates must be capable of.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The task shapes, most specific first.
    pub fn shapes(&self) -> &[ShapeKey] {
        &self.shapes
    }

    /// What the history says of who wrote it.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// A hash of how the conversation began and who it is with; the same for each of its turns.
    pub fn opening(&self) -> u64 {
        self.opening
    }

    /// How long its body is.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Whether the caller wants to see what a stream cost; where there is none, it is never hidden.
    pub fn asks_usage(&self) -> bool {
        self.is_untouched || self.usage_edit.is_none()
    }

    /// The body with this model in place of the caller's, and with the request for a stream's usage where
    /// `with_usage` says so; every other byte is the caller's.
    pub fn body_for(&self, model: &str, with_usage: bool) -> Bytes {
        if self.is_untouched {
            return self.body.clone();
        }
        let usage = self.usage_edit.as_ref().filter(|_| with_usage);
        splice::splice(&self.body, (&self.model_span, model), usage)
    }

    /// The conversation as text for a judge, at most `max_bytes` of it.
    pub fn prompt(&self, max_bytes: usize) -> Prompt {
        prompt::read(&self.body[self.messages_span.clone()], max_bytes)
    }
}

/// What the readers of both endpoints find.
struct Seen<'a> {
    features: Features,
    json_expected: bool,
    schema_name: Option<Cow<'a, str>>,
    system: Option<Cow<'a, str>>,
    first_user_text: Cow<'a, str>,
    user_text: Cow<'a, str>,
    tool_names: Vec<Cow<'a, str>>,
    history: History,
    opening: u64,
}

fn read_model(fields: &Fields<'_>, body: &Bytes) -> Result<(String, Range<usize>), InvalidCall> {
    let raw = fields.model.ok_or(InvalidCall::Missing {
        field: "model",
        expected: MODEL,
    })?;
    let Some(model) = text(raw) else {
        return Err(InvalidCall::shown("model", raw, MODEL));
    };
    if model.trim().is_empty() {
        return Err(InvalidCall::shown("model", raw, MODEL));
    }
    Ok((model.into_owned(), span_of(raw, body)))
}

const MODEL: &str = "a model id, a comma list of them, or \"auto\"";

/// Where a value that was borrowed from the body lies in it.
fn span_of(raw: &RawValue, body: &Bytes) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - body.as_ptr() as usize;
    start..start + raw.get().len()
}

/// Hashes who is talking and how the conversation began.
fn opening_hash(parts: &[Option<&RawValue>]) -> u64 {
    let mut hasher = Xxh3::new();
    for part in parts {
        hasher.update(part.map_or("", RawValue::get).as_bytes());
        hasher.update(&[0]);
    }
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(body: &str) -> Result<Call, String> {
        Call::parse(
            Bytes::copy_from_slice(body.as_bytes()),
            Endpoint::Chat,
            None,
        )
        .map_err(|e| e.to_string())
    }

    fn embed(body: &str) -> Result<Call, String> {
        Call::parse(
            Bytes::copy_from_slice(body.as_bytes()),
            Endpoint::Embeddings,
            None,
        )
        .map_err(|e| e.to_string())
    }

    #[test]
    fn features_are_read_without_a_tokenizer() {
        let call = chat(
            r#"{"model":"gpt-4o","stream":true,"max_tokens":7,"tools":[{"type":"function","function":{"name":"f"}}],
            "response_format":{"type":"json_schema"},
            "messages":[{"role":"system","content":"be brief"},{"role":"user","content":[
            {"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"data:xxxx"}}]}]}"#,
        )
        .expect("valid");
        let features = call.features();
        assert!(features.tools && features.vision && features.json_schema && features.stream);
        assert_eq!(
            (features.messages, features.max_output_tokens),
            (2, Some(7))
        );
        assert!(features.input_tokens_estimate > 765 && features.input_tokens_estimate < 850);
        assert!(call.json_expected() && call.stream() && call.model() == "gpt-4o");
        assert!(call.shapes()[0].as_str().starts_with("site:"));
    }

    fn refuse(cases: &[(&str, &str)]) {
        for (body, expected) in cases {
            let error = chat(body).err().unwrap_or_default();
            assert!(error.contains(expected), "{body}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn bad_bodies_are_refused_with_field_value_and_type() {
        refuse(&[
            (
                "{\"model\":\n x}",
                "not valid JSON: expected value at line 2 column 2",
            ),
            ("[1]", "the body is an array, it must be a JSON object"),
            ("", "the body is empty, it must be a JSON object"),
            (r#"{"messages":[]}"#, "model is missing"),
            (
                r#"{"model":"","messages":[]}"#,
                r#"model is the string "", it must be a model id"#,
            ),
            (
                r#"{"model":42,"messages":[]}"#,
                "model is the number 42, it must be a model id",
            ),
            (r#"{"model":null}"#, "model is null"),
            (
                r#"{"model":"m","model":"n","messages":[{"role":"user"}]}"#,
                r#"the key "model" occurs twice"#,
            ),
            (
                r#"{"model":"m","x":1,"\u0078":2}"#,
                r#"the key "x" occurs twice"#,
            ),
            (
                r#"{"model":"m","messages":[{"role":"user"}]} x"#,
                "trailing characters at line 1 column 44",
            ),
        ]);
    }

    #[test]
    fn bad_fields_are_refused_without_repeating_content() {
        refuse(&[
            (r#"{"model":"m"}"#, "messages is missing"),
            (
                r#"{"model":"m","messages":[]}"#,
                "messages is an empty array",
            ),
            (
                r#"{"model":"m","messages":"secret"}"#,
                "messages is a string, it must be",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user"},"x"]}"#,
                "messages[1] is a string",
            ),
            (
                r#"{"model":"m","messages":[{"content":"x"}]}"#,
                "messages[0].role is missing",
            ),
            (
                r#"{"model":"m","messages":[{"role":3}]}"#,
                "messages[0].role is the number 3",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user"}],"stream":"yes"}"#,
                r#"stream is the string "yes""#,
            ),
        ]);
    }

    #[test]
    fn embeddings_need_an_input() {
        assert!(
            embed(r#"{"model":"m"}"#)
                .err()
                .unwrap_or_default()
                .contains("input is missing")
        );
        let number = embed(r#"{"model":"m","input":5}"#)
            .err()
            .unwrap_or_default();
        assert!(number.contains("input is a number"), "{number}");
    }

    #[test]
    fn arrays_that_would_cost_far_more_than_their_bytes_are_refused() {
        let many = |item: &str| vec![item; 10_001].join(",");
        let part = r#"{"type":"text","text":"x"}"#;
        let message = r#"{"role":"user","content":"x"}"#;
        let refused = [
            (format!(r#"[{}]"#, many(message)), "messages is"),
            (
                format!(r#"[{{"role":"user","content":[{}]}}]"#, many(part)),
                "messages[0].content is",
            ),
            (
                format!(r#"[{message}],"tools":[{}]"#, many("1")),
                "tools is",
            ),
        ];
        for (messages, field) in refused {
            let error = chat(&format!(r#"{{"model":"m","messages":{messages}}}"#))
                .err()
                .unwrap_or_default();
            let expected = format!("{field} an array of more than 10000 elements");
            assert!(error.starts_with(&expected), "{error}");
        }
        let tokens = embed(&format!(r#"{{"model":"m","input":[{}]}}"#, many("1"))).expect("valid");
        assert_eq!(tokens.features().input_tokens_estimate, 10_001);
    }

    #[test]
    fn embeddings_inputs_are_counted_in_every_form() {
        let tokens = |input: &str| {
            let call = embed(&format!(r#"{{"model":"m","input":{input}}}"#)).expect("valid");
            call.features().input_tokens_estimate
        };
        assert_eq!(tokens(r#""12345678""#), 2);
        assert_eq!(tokens(r#"["1234","5678"]"#), 2);
        assert_eq!(tokens("[1,2,3]"), 3);
        assert_eq!(tokens("[[1,2],[3]]"), 3);
    }

    #[test]
    fn turns_of_one_conversation_share_their_opening() {
        let opening = |tail: &str, user: &str| {
            let body = format!(
                r#"{{"model":"m","user":"{user}","messages":[{{"role":"system","content":"s"}},
                {{"role":"user","content":"hi"}}{tail}]}}"#
            );
            chat(&body).expect("valid").opening()
        };
        let more = r#",{"role":"assistant","content":"a"},{"role":"user","content":"b"}"#;
        assert_eq!(opening("", "u"), opening(more, "u"));
        assert_ne!(opening("", "u"), opening("", "v"));
    }
}
