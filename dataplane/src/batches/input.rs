//! Lines of an input file: OpenAI's requests, as they are and as Anthropic's Message Batches take them.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
};

use floopy_protocols::{CallerApi, ProviderApi, Target};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Models that the lines of one file may name; OpenAI lets it be one.
const MAX_MODELS: usize = 64;
/// Longest name of a model: books keep them with each file.
const MAX_MODEL_BYTES: usize = 256;
/// Longest name of a line that is taken.
const MAX_CUSTOM_ID_BYTES: usize = 512;
/// Of a value that is shown in an error.
const SHOWN_CHARS: usize = 64;

/// What is wrong with a line. Never shows content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {why}", .custom_id.as_ref().map(|id| format!(" (custom_id {id:?})")).unwrap_or_default())]
pub(crate) struct BadLine {
    pub line: u64,
    pub custom_id: Option<String>,
    /// As the caller wrote it.
    pub field: Option<String>,
    pub why: String,
}

/// A line as OpenAI documents it (<https://platform.openai.com/docs/guides/batch>).
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    custom_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
}

/// A line that is one.
pub(crate) struct Line<'a> {
    number: u64,
    pub custom_id: Cow<'a, str>,
    url: Cow<'a, str>,
    pub model: Cow<'a, str>,
    pub body: &'a str,
}

impl<'a> Line<'a> {
    /// Reads a line; whether its name is unique is not known here.
    pub(crate) fn read((number, json): (u64, &'a [u8])) -> Result<Self, BadLine> {
        let bad = |custom_id: Option<&str>, field: Option<&str>, why: String| BadLine {
            line: number,
            custom_id: custom_id.map(|id| id.chars().take(SHOWN_CHARS).collect()),
            field: field.map(str::to_owned),
            why,
        };
        let wire: Wire<'a> = serde_json::from_slice(json).map_err(|e| {
            let why = format!("it is not a JSON object with a request: {e}");
            bad(None, None, why)
        })?;
        let missing = |field: &str, what: &str| {
            let why = format!("{field} is missing, it must be {what}");
            bad(wire.custom_id.as_deref(), Some(field), why)
        };
        let custom_id = wire.custom_id.clone();
        let custom_id = custom_id.filter(|id| !id.is_empty());
        let custom_id =
            custom_id.ok_or_else(|| missing("custom_id", "a name that no other line has"))?;
        if custom_id.len() > MAX_CUSTOM_ID_BYTES {
            let why = format!("custom_id is longer than {MAX_CUSTOM_ID_BYTES} bytes");
            return Err(bad(Some(&custom_id), Some("custom_id"), why));
        }
        let method = wire.method.as_deref().unwrap_or_default();
        if method != "POST" {
            let why = format!("method is {}, it must be \"POST\"", shown(method));
            return Err(bad(Some(&custom_id), Some("method"), why));
        }
        let url = wire.url.clone();
        let url = url.ok_or_else(|| missing("url", "the batch's endpoint"))?;
        let body = wire.body.ok_or_else(|| missing("body", "a request"))?.get();
        let read: Body<'a> = serde_json::from_str(body)
            .map_err(|e| bad(Some(&custom_id), Some("body"), format!("body: {e}")))?;
        let model = read.model.filter(|model| !model.trim().is_empty());
        let model = model.ok_or_else(|| missing("body.model", "a model of the provider"))?;
        Ok(Self {
            number,
            custom_id,
            url,
            model,
            body,
        })
    }

    fn bad(&self, field: &str, why: String) -> BadLine {
        BadLine {
            line: self.number,
            custom_id: Some(self.custom_id.chars().take(SHOWN_CHARS).collect()),
            field: Some(field.to_owned()),
            why,
        }
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{short:?}")
}

/// A model by the name that its provider has for it.
pub(crate) fn own_name<'a>(provider: &str, model: &'a str) -> &'a str {
    let rest = model.strip_prefix(provider);
    rest.and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(model)
}

/// The models that the lines of a file name, gathered as it passes.
#[derive(Debug, Default)]
pub(crate) struct Models(BTreeSet<String>);

impl Models {
    pub(crate) fn add(&mut self, line: &Line<'_>, provider: &str) -> Result<(), BadLine> {
        let model = own_name(provider, &line.model);
        if self.0.contains(model) {
            return Ok(());
        }
        if model.len() > MAX_MODEL_BYTES {
            let bytes = model.len();
            let why = format!("body.model has {bytes} bytes, a name has {MAX_MODEL_BYTES} at most");
            return Err(line.bad("body.model", why));
        }
        if self.0.len() == MAX_MODELS {
            let why = format!("body.model is one of more than {MAX_MODELS} models in this file");
            return Err(line.bad("body.model", why));
        }
        self.0.insert(model.to_owned());
        Ok(())
    }

    pub(crate) fn into_names(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}

/// Lines on their way to Message Batches (<https://docs.claude.com/en/api/creating-message-batches>).
pub(crate) struct Translation<'a> {
    /// As configured.
    provider: &'a str,
    endpoint: &'a str,
    names: HashSet<String>,
}

/// Requests that one Message Batch takes, and the bytes of them.
pub(crate) const MAX_REQUESTS: usize = 100_000;
pub(crate) const MAX_REQUEST_BYTES: u64 = 256 << 20;

impl<'a> Translation<'a> {
    pub(crate) fn new(provider: &'a str, endpoint: &'a str) -> Self {
        Self {
            provider,
            endpoint,
            names: HashSet::new(),
        }
    }

    pub(crate) fn lines(&self) -> usize {
        self.names.len()
    }

    /// One of `requests`, as JSON.
    pub(crate) fn translate(&mut self, numbered: (u64, &[u8])) -> Result<Vec<u8>, BadLine> {
        let line = Line::read(numbered)?;
        self.check(&line)?;
        let request = CallerApi::Chat.read_request(line.body.as_bytes());
        let request = request.map_err(|invalid| {
            let field = format!("body.{}", invalid.param().unwrap_or_default());
            line.bad(field.trim_end_matches('.'), format!("body: {invalid}"))
        })?;
        if request.stream {
            let why = "body.stream is true, and a batch has nobody to stream to";
            return Err(line.bad("body.stream", why.to_owned()));
        }
        let target = Target {
            provider: self.provider,
            model: own_name(self.provider, &line.model),
        };
        let written = ProviderApi::Messages.write_request(&request, target);
        let written = written.map_err(|unsupported| {
            let field = format!("body.{}", unsupported.field);
            line.bad(&field, format!("body.{unsupported}"))
        })?;
        // A name that was checked needs no escapes.
        let mut json = format!("{{\"custom_id\":\"{}\",\"params\":", line.custom_id).into_bytes();
        json.extend_from_slice(&written.body);
        json.push(b'}');
        self.names.insert(line.custom_id.into_owned());
        Ok(json)
    }

    fn check(&self, line: &Line<'_>) -> Result<(), BadLine> {
        if line.url != self.endpoint {
            let why = format!(
                "url is {}, it must be the batch's endpoint {:?}",
                shown(&line.url),
                self.endpoint
            );
            return Err(line.bad("url", why));
        }
        if !is_name(&line.custom_id) {
            let why = format!(
                "custom_id cannot be sent to {}: its API takes 1 to 64 letters, digits, \"_\" and \"-\"",
                self.provider
            );
            return Err(line.bad("custom_id", why));
        }
        if self.names.contains(&*line.custom_id) {
            let why = "custom_id is that of an earlier line";
            return Err(line.bad("custom_id", why.to_owned()));
        }
        if self.names.len() == MAX_REQUESTS {
            let why = format!(
                "a batch at {} has at most {MAX_REQUESTS} lines",
                self.provider
            );
            return Err(line.bad("input_file_id", why));
        }
        Ok(())
    }
}

fn is_name(custom_id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=64).contains(&custom_id.len()) && custom_id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line(custom_id: &str, body: &Value) -> String {
        json!({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body})
            .to_string()
    }

    fn translate(lines: &[String]) -> Result<Vec<Value>, String> {
        let mut translation = Translation::new("anthropic", "/v1/chat/completions");
        let numbered = (1u64..).zip(lines);
        let translated = numbered.map(|(n, line)| translation.translate((n, line.as_bytes())));
        let read = |json: Vec<u8>| serde_json::from_slice(&json).expect("JSON");
        translated
            .map(|line| line.map(read).map_err(|bad| bad.to_string()))
            .collect()
    }

    #[test]
    fn a_line_becomes_a_request_of_a_message_batch() {
        let body = json!({"model": "anthropic/claude-haiku-4-5", "max_tokens": 16, "temperature": 0.5, "stop": ["END"],
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi \"you\""}]});
        let golden = json!({"custom_id": "line-1", "params": {
            "model": "claude-haiku-4-5", "max_tokens": 16, "temperature": 0.5, "stop_sequences": ["END"],
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi \"you\""}]}]}});
        let translated = translate(&[line("line-1", &body)]).expect("translated");
        assert_eq!(translated, [golden]);
    }

    #[test]
    fn what_cannot_be_said_is_named_by_line_name_and_field() {
        let messages = json!([{"role": "user", "content": "Hi"}]);
        let good = json!({"model": "claude-haiku-4-5", "messages": messages});
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            line("a", &body)
        };
        let url = line("a", &good).replace("chat/completions", "embeddings");
        let cases = [
            (vec!["{]".to_owned()], "line 1: it is not a JSON object"),
            (
                vec![line("", &good)],
                "line 1 (custom_id \"\"): custom_id is missing",
            ),
            (
                vec![line("a b", &good)],
                "line 1 (custom_id \"a b\"): custom_id cannot be sent to anthropic",
            ),
            (
                vec![line("a", &good), line("a", &good)],
                "line 2 (custom_id \"a\"): custom_id is that of an earlier line",
            ),
            (
                vec![url],
                "url is \"/v1/embeddings\", it must be the batch's endpoint",
            ),
            (
                vec![line("a", &good).replace("POST", "GET")],
                "method is \"GET\", it must be \"POST\"",
            ),
            (
                vec![line("a", &json!({"messages": messages}))],
                "body.model is missing",
            ),
            (vec![with("stream", json!(true))], "body.stream is true"),
            (
                vec![with("n", json!(2))],
                "line 1 (custom_id \"a\"): body.n cannot be sent to anthropic",
            ),
            (
                vec![with("temperature", json!("hot"))],
                "temperature is a string",
            ),
        ];
        for (lines, expected) in cases {
            let error = translate(&lines).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_models_of_a_file_are_gathered_by_their_own_names_and_never_read_two_ways() {
        let mut models = Models::default();
        for model in ["gpt-4o", "openai/gpt-4o", "gpt-4o-mini"] {
            let json = line("a", &json!({"model": model}));
            let line = Line::read((1, json.as_bytes())).expect("a line");
            models.add(&line, "openai").expect("few");
        }
        assert_eq!(models.into_names(), ["gpt-4o", "gpt-4o-mini"]);
        let twice =
            r#"{"custom_id":"a","method":"POST","url":"/v1/x","body":{"model":"a","model":"b"}}"#;
        let bad = Line::read((7, twice.as_bytes())).err().expect("two models");
        assert!(bad.to_string().contains("line 7"), "{bad}");
    }
}
