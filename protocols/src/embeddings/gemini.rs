//! Gemini's `batchEmbedContents` (<https://ai.google.dev/api/embeddings>). It cuts what is too long for the model
//! and has no word against it.

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

/// It refuses more in one batch.
const MAX_INPUTS: usize = 100;

pub fn write_requests(
    request: &EmbeddingRequest,
    target: Target<'_>,
) -> Result<WrittenEmbeddings, Unsupported> {
    let own = [
        ("task_type", "taskType"),
        ("taskType", "taskType"),
        ("title", "title"),
    ];
    let understood = understand(request, target, &own)?;
    let name = target.model.strip_prefix("models/").unwrap_or(target.model);
    let model = format!("models/{name}");
    let one = |text: &str, understood: &Understood<'_>| {
        let (mut part, mut content, mut one) = (Out::default(), Out::default(), Out::default());
        part.put("text", text);
        content.put("parts", &[part]);
        one.put("model", &model);
        one.put("content", &content);
        for (name, value) in &understood.own {
            one.put(name, value);
        }
        one.put_some("outputDimensionality", request.dimensions);
        one
    };
    Ok(understood.bodies(MAX_INPUTS, |texts, understood| {
        let requests = texts.iter().map(|text| one(text, understood));
        let mut body = Out::default();
        body.put("requests", &requests.collect::<Vec<_>>());
        body.into_bytes()
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReply<'a> {
    #[serde(borrow)]
    embeddings: Vec<Embedding<'a>>,
    usage_metadata: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Embedding<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUsage {
    prompt_token_count: Option<f64>,
}

pub fn read_reply(body: &[u8]) -> Result<EmbeddingReply, InvalidReply> {
    let reply: WireReply<'_> = serde_json::from_slice(body).map_err(|e| unreadable(&e))?;
    let values: Vec<&RawValue> = reply.embeddings.iter().map(|one| one.values).collect();
    let tokens = reply
        .usage_metadata
        .and_then(|usage| usage.prompt_token_count);
    Ok(EmbeddingReply {
        model: String::new(),
        vectors: Vector::read_all(&values)?,
        usage: tokens.map(usage),
    })
}
