//! Bodies of Bedrock's `InvokeModel`: Amazon's Titan
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>) and Cohere's Embed
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>). What Cohere's cost stands in
//! a header of the reply, `x-amzn-bedrock-input-token-count`, and not here.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    EmbeddingReply, EmbeddingRequest, Vector, WrittenEmbeddings, cohere, understand, unreadable,
    usage,
};
use crate::{
    Target,
    error::{InvalidReply, Unsupported},
    json::Out,
};

pub fn write_requests(
    request: &EmbeddingRequest,
    target: Target<'_>,
) -> Result<WrittenEmbeddings, Unsupported> {
    // The name may follow a region (`eu.`) or stand at the end of an ARN.
    if target.model.contains("cohere.embed") {
        return cohere::write(request, target, None);
    }
    if target.model.contains("amazon.titan-embed-text") {
        return titan(request, target);
    }
    let why = "it is not among the models whose embeddings have a form known here";
    Err(Unsupported::new("model", target.provider, why))
}

/// One input at a time.
fn titan(request: &EmbeddingRequest, target: Target<'_>) -> Result<WrittenEmbeddings, Unsupported> {
    let understood = understand(request, target, &[("normalize", "normalize")])?;
    Ok(understood.bodies(1, |texts, understood| {
        let mut body = Out::default();
        body.put_some("inputText", texts.first());
        body.put_some("dimensions", request.dimensions);
        for (name, value) in &understood.own {
            body.put(name, value);
        }
        body.into_bytes()
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Titan<'a> {
    #[serde(borrow)]
    embedding: Option<&'a RawValue>,
    input_text_token_count: Option<f64>,
}

/// Titan's reply holds one embedding, Cohere's several.
pub fn read_reply(body: &[u8]) -> Result<EmbeddingReply, InvalidReply> {
    let reply: Titan<'_> = serde_json::from_slice(body).map_err(|e| unreadable(&e))?;
    let Some(embedding) = reply.embedding else {
        return cohere::read_reply(body);
    };
    Ok(EmbeddingReply {
        model: String::new(),
        vectors: vec![Vector::read(embedding)?],
        usage: reply.input_text_token_count.map(usage),
    })
}
