//! Embeddings asked for in OpenAI's form of providers with forms of their own. In a folder of a feature:
//! `caller.json` becomes the bodies in `requests.json` (letting go of what `dropped.txt` names) or is refused in the
//! words of `refused.txt`, and the bodies in `replies.json` become `answer.json`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{fs, path::Path};

use floopy_protocols::{
    Target,
    embeddings::{EmbeddingApi, EmbeddingReply, EmbeddingRequest, Input, openai},
};
use serde_json::{Value, value::RawValue};

fn api(provider: &str) -> EmbeddingApi {
    match provider {
        "gemini" => EmbeddingApi::Gemini,
        "vertex" => EmbeddingApi::Vertex,
        "cohere" => EmbeddingApi::Cohere,
        "bedrock" => EmbeddingApi::Bedrock,
        other => panic!("{other}"),
    }
}

fn read(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

fn check(folder: &Path) {
    let name = folder.display();
    let caller = read(folder, "caller.json").expect("caller.json");
    let request = openai::read_request(caller.as_bytes()).expect("valid");
    let (provider, model) = request.model.split_once('/').expect("provider/model");
    let api = api(provider);
    let written = match api.write_requests(&request, Target { provider, model }) {
        Ok(written) => written,
        Err(refused) => {
            let expected = read(folder, "refused.txt").unwrap_or_default();
            assert_eq!(refused.to_string(), expected.trim_end(), "{name}");
            return;
        }
    };
    let bodies = written.bodies.iter();
    let bodies = bodies.map(|body| json(std::str::from_utf8(&body.json).expect("UTF-8")));
    let expected = read(folder, "requests.json").expect("requests.json");
    assert_eq!(Value::Array(bodies.collect()), json(&expected), "{name}");
    let dropped = read(folder, "dropped.txt").unwrap_or_default();
    assert_eq!(
        written.dropped,
        dropped.lines().collect::<Vec<_>>(),
        "{name}"
    );

    let replies = read(folder, "replies.json").expect("replies.json");
    let replies: Vec<&RawValue> = serde_json::from_str(&replies).expect("replies");
    let replies = replies
        .iter()
        .map(|reply| api.read_reply(reply.get().as_bytes()));
    let replies = replies.collect::<Result<Vec<_>, _>>().expect("valid");
    let reply = EmbeddingReply::join(replies, request.inputs.len()).expect("all");
    let answer = openai::write_reply(&reply, request.encoding);
    let answer = String::from_utf8(answer).expect("UTF-8");
    let expected = read(folder, "answer.json").expect("answer.json");
    assert_eq!(json(&answer), json(&expected), "{name}");
}

#[test]
fn every_provider_is_told_and_read_as_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/embeddings");
    let entries = fs::read_dir(root).expect("a folder of goldens");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("entry").path()).collect();
    folders.sort();
    assert!(folders.len() > 5, "{folders:?}");
    folders.iter().for_each(|folder| check(folder));
}

#[test]
fn more_inputs_than_a_provider_takes_become_several_requests() {
    for (provider, model, bodies) in [
        ("gemini", "gemini-embedding-001", 3),
        ("vertex", "text-embedding-005", 1),
        ("vertex", "gemini-embedding-001", 201),
        ("cohere", "embed-v4.0", 3),
        ("bedrock", "eu.cohere.embed-v4:0", 3),
        ("bedrock", "amazon.titan-embed-text-v2:0", 201),
    ] {
        let inputs = (0..201).map(|index| Input::Text(index.to_string()));
        let request = EmbeddingRequest {
            inputs: inputs.collect(),
            ..EmbeddingRequest::default()
        };
        let target = Target { provider, model };
        let written = api(provider)
            .write_requests(&request, target)
            .expect("valid");
        assert_eq!(written.bodies.len(), bodies, "{model}");
        let inputs: usize = written.bodies.iter().map(|body| body.inputs).sum();
        assert_eq!(inputs, 201, "{model}");
    }
}

#[test]
fn a_reply_without_vectors_is_invalid() {
    for provider in ["gemini", "vertex", "cohere", "bedrock"] {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"embeddings":5}"#,
            r#"{"embeddings":[{"values":[]}]}"#,
            r#"{"embeddings":{"int8":[[1]]}}"#,
            r#"{"embedding":"x"}"#,
            r#"{"predictions":[{"embeddings":{}}]}"#,
        ] {
            let read = api(provider).read_reply(body.as_bytes());
            assert!(read.is_err(), "{provider} {body}");
        }
    }
}

/// Digits that 64 bits cannot hold are the provider's.
#[test]
fn numbers_keep_their_digits() {
    let body = br#"{"embedding":[0.123456789012345678901, -1e-3],"inputTextTokenCount":1}"#;
    let reply = EmbeddingApi::Bedrock.read_reply(body).expect("valid");
    let answer = openai::write_reply(&reply, floopy_protocols::embeddings::Encoding::Float);
    let answer = String::from_utf8(answer).expect("UTF-8");
    assert!(
        answer.contains("[0.123456789012345678901, -1e-3]"),
        "{answer}"
    );
}
