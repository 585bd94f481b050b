//! Gemini's and Cohere's own forms, told and read by a caller of chat completions. In a folder of a feature:
//! `caller.json` becomes `request.json` (letting go of what `dropped.txt` names) or is refused in the words of
//! `refused.txt`; `reply.json` becomes `answer.json`, and `stream.sse` becomes `answer.sse`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use floopy_protocols::{
    Event, EventReader, EventWriter, InvalidReply, Reply, Request, Target, Unsupported, Written,
    chat, cohere, gemini,
};
use serde_json::Value;

/// One provider's functions.
struct Api {
    folder: &'static str,
    write_request: fn(&Request, Target<'_>) -> Result<Written, Unsupported>,
    read_reply: fn(&[u8]) -> Result<Reply, InvalidReply>,
    read_events: fn(&[&str]) -> Vec<Event>,
}

const GEMINI: Api = Api {
    folder: "gemini",
    write_request: gemini::write_request,
    read_reply: gemini::read_reply,
    read_events: |events| {
        let mut reader = gemini::EventReader::default();
        let mut out = read_all(&mut reader, events);
        reader.end(&mut out);
        out
    },
};

const COHERE: Api = Api {
    folder: "cohere",
    write_request: cohere::write_request,
    read_reply: cohere::read_reply,
    read_events: |events| read_all(&mut cohere::EventReader::default(), events),
};

fn read_all(reader: &mut impl EventReader, events: &[&str]) -> Vec<Event> {
    let mut out = Vec::new();
    for event in events {
        reader.read(event.as_bytes(), &mut out).expect(event);
    }
    out
}

/// The folders of an API, each a feature.
fn features(api: &Api) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = fs::read_dir(root.join(api.folder)).expect("a folder of goldens");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    folders.sort();
    assert!(folders.len() > 5, "{folders:?}");
    folders
}

fn read(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

fn json(text: &str) -> Value {
    let mut value = serde_json::from_str(text).expect(text);
    leave_out_nulls(&mut value);
    value
}

/// Nothing is the same whether it is said or not.
fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[track_caller]
fn same_json(folder: &Path, found: &[u8], expected: &str) {
    let found = json(std::str::from_utf8(found).expect("UTF-8"));
    assert_eq!(found, json(expected), "{}", folder.display());
}

fn check_request(api: &Api, folder: &Path) {
    let Some(caller) = read(folder, "caller.json") else {
        return;
    };
    let request = chat::read_request(caller.as_bytes()).expect("valid");
    let (provider, model) = request.model.split_once('/').expect("provider/model");
    let target = Target { provider, model };
    match (api.write_request)(&request, target) {
        Err(refused) => {
            let expected = read(folder, "refused.txt").unwrap_or_default();
            assert_eq!(
                refused.to_string(),
                expected.trim_end(),
                "{}",
                folder.display()
            );
        }
        Ok(written) => {
            let expected = read(folder, "request.json").expect("request.json");
            same_json(folder, &written.body, &expected);
            let dropped = read(folder, "dropped.txt").unwrap_or_default();
            let expected: Vec<&str> = dropped.lines().collect();
            assert_eq!(written.dropped, expected, "{}", folder.display());
        }
    }
}

fn check_reply(api: &Api, folder: &Path) {
    if let Some(reply) = read(folder, "reply.json") {
        let reply = (api.read_reply)(reply.as_bytes()).expect("valid");
        let expected = read(folder, "answer.json").expect("answer.json");
        same_json(folder, &chat::write_reply(&reply), &expected);
    }
}

/// What stands behind `data:`.
fn data(stream: &str) -> Vec<&str> {
    let lines = stream.lines();
    lines
        .filter_map(|line| line.strip_prefix("data: "))
        .collect()
}

fn check_stream(api: &Api, folder: &Path) {
    let Some(stream) = read(folder, "stream.sse") else {
        return;
    };
    let (mut writer, mut found) = (chat::EventWriter::new(true), Vec::new());
    for event in (api.read_events)(&data(&stream)) {
        writer.write(&event, &mut found);
    }
    let found = String::from_utf8(found).expect("UTF-8");
    let expected = read(folder, "answer.sse").expect("answer.sse");
    let of = |stream: &str| {
        let chunk = |data: &&str| (*data != "[DONE]").then(|| json(data));
        data(stream).iter().map(chunk).collect::<Vec<_>>()
    };
    assert_eq!(of(&found), of(&expected), "{}\n{found}", folder.display());
}

fn check(api: &Api) {
    for folder in features(api) {
        check_request(api, &folder);
        check_reply(api, &folder);
        check_stream(api, &folder);
    }
}

#[test]
fn gemini_is_told_and_read_as_documented() {
    check(&GEMINI);
}

#[test]
fn cohere_is_told_and_read_as_documented() {
    check(&COHERE);
}
