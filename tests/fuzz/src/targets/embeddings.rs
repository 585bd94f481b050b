//! Embeddings: callers' requests, told to every provider, and the providers' replies.

use floopy_protocols::{
    InvalidReply, Target,
    embeddings::{
        EmbeddingReply, EmbeddingRequest, Encoding, Input, WrittenEmbeddings, bedrock, cohere,
        gemini, openai, vertex,
    },
};

use super::replies::json;

pub(super) fn read(data: &[u8]) {
    match openai::read_request(data) {
        Ok(request) => asked(&request),
        Err(invalid) => assert!(!invalid.to_string().is_empty()),
    }
    for reply in [
        cohere::read_reply(data),
        gemini::read_reply(data),
        vertex::read_reply(data),
        bedrock::read_reply(data),
    ] {
        told(reply);
    }
}

fn asked(request: &EmbeddingRequest) {
    let target = |model| Target {
        provider: "p",
        model,
    };
    for written in [
        cohere::write_requests(request, target("embed-v4.0")),
        gemini::write_requests(request, target("gemini-embedding-001")),
        vertex::write_requests(request, target("gemini-embedding-001")),
        vertex::write_requests(request, target("text-embedding-005")),
        bedrock::write_requests(request, target("amazon.titan-embed-text-v2:0")),
        bedrock::write_requests(request, target("cohere.embed-english-v3")),
    ] {
        match written {
            Ok(written) => sent(request, &written),
            Err(refused) => assert!(!refused.field.is_empty() && !refused.why.is_empty()),
        }
    }
}

fn sent(request: &EmbeddingRequest, written: &WrittenEmbeddings) {
    let asked: usize = written.bodies.iter().map(|body| body.inputs).sum();
    assert_eq!(asked, request.inputs.len());
    let bodies: String = written.bodies.iter().map(|body| json(&body.json)).collect();
    for input in &request.inputs {
        let Input::Text(text) = input else {
            panic!("tokens were sent as something else");
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == ' ';
        assert!(!text.chars().all(is_plain) || bodies.contains(text.as_str()));
    }
}

fn told(reply: Result<EmbeddingReply, InvalidReply>) {
    let reply = match reply {
        Ok(reply) => reply,
        Err(invalid) => return assert!(!invalid.0.is_empty()),
    };
    for encoding in [Encoding::Float, Encoding::Base64] {
        json(&openai::write_reply(&reply, encoding));
    }
    let count = reply.vectors.len();
    let joined = EmbeddingReply::join(vec![reply.clone(), reply], count * 2);
    assert_eq!(joined.map(|joined| joined.vectors.len()), Ok(count * 2));
}
