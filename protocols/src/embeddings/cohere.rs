//! Cohere's embed, version 2 (<https://docs.cohere.com/reference/embed>).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    EmbeddingReply, EmbeddingRequest, Understood, Vector, WrittenEmbeddings, understand,
    unreadable, usage,
};
use crate::{
    Target,
    error::{InvalidReply, Unsupported},
    json::Out,
};

/// As documented for `texts`.
const MAX_INPUTS: usize = 96;

const INPUT_TYPE: &str = "input_type";
const TRUNCATE: &str = "truncate";

pub fn write_requests(
    request: &EmbeddingRequest,
    target: Target<'_>,
) -> Result<WrittenEmbeddings, Unsupported> {
    write(request, target, Some(target.model))
}

/// Bedrock's body is the same without the model.
pub(super) fn write(
    request: &EmbeddingRequest,
    target: Target<'_>,
    model: Option<&str>,
) -> Result<WrittenEmbeddings, Unsupported> {
    let own = [(INPUT_TYPE, INPUT_TYPE), (TRUNCATE, TRUNCATE)];
    let understood = understand(request, target, &own)?;
    Ok(understood.bodies(MAX_INPUTS, |texts, understood| {
        let mut body = Out::default();
        body.put_some("model", model);
        body.put("texts", texts);
        put_own(understood, &mut body);
        body.put("embedding_types", &["float"]);
        body.put_some("output_dimension", request.dimensions);
        body.into_bytes()
    }))
}

fn put_own(understood: &Understood<'_>, body: &mut Out) {
    for (name, value) in &understood.own {
        body.put(name, value);
    }
    if !understood.has(INPUT_TYPE) {
        body.put(INPUT_TYPE, "search_document");
    }
    if !understood.has(TRUNCATE) {
        body.put(TRUNCATE, "NONE");
    }
}

#[derive(Deserialize)]
struct WireReply<'a> {
    #[serde(borrow)]
    embeddings: &'a RawValue,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct ByType<'a> {
    #[serde(borrow)]
    float: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Meta {
    tokens: Option<Tokens>,
    billed_units: Option<Tokens>,
}

#[derive(Deserialize)]
struct Tokens {
    input_tokens: Option<f64>,
}

/// Embeddings come by their type; on Bedrock, where no type was asked for, without it.
pub fn read_reply(body: &[u8]) -> Result<EmbeddingReply, InvalidReply> {
    let reply: WireReply<'_> = serde_json::from_slice(body).map_err(|e| unreadable(&e))?;
    let text = reply.embeddings.get();
    let values: Vec<&RawValue> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|e| unreadable(&e))?
    } else {
        let by_type: ByType<'_> = serde_json::from_str(text).map_err(|e| unreadable(&e))?;
        by_type.float
    };
    let meta = reply.meta;
    let tokens = meta.and_then(|meta| meta.tokens.or(meta.billed_units)?.input_tokens);
    Ok(EmbeddingReply {
        model: String::new(),
        vectors: Vector::read_all(&values)?,
        usage: tokens.map(usage),
    })
}
