//! Vertex AI's text embeddings by `:predict`
//! (<https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>).

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

/// It refuses more in one request.
const MAX_INPUTS: usize = 250;

const AUTO_TRUNCATE: &str = "autoTruncate";

/// How many inputs the model takes at once. Those of Gemini after the first are not served by `:predict`.
fn inputs_at_once(target: Target<'_>) -> Result<usize, Unsupported> {
    let name = target.model.rsplit('/').next().unwrap_or(target.model);
    if name.starts_with("gemini-embedding-001") {
        return Ok(1);
    }
    if name.starts_with("gemini-") {
        let why = format!("{name} does not answer to predict");
        return Err(Unsupported::new("model", target.provider, why));
    }
    Ok(MAX_INPUTS)
}

pub fn write_requests(
    request: &EmbeddingRequest,
    target: Target<'_>,
) -> Result<WrittenEmbeddings, Unsupported> {
    let own = [
        ("task_type", "task_type"),
        ("taskType", "task_type"),
        ("title", "title"),
        ("auto_truncate", AUTO_TRUNCATE),
        ("autoTruncate", AUTO_TRUNCATE),
    ];
    let understood = understand(request, target, &own)?;
    let at_once = inputs_at_once(target)?;
    Ok(understood.bodies(at_once, |texts, understood| {
        let instances = texts.iter().map(|text| instance(text, understood));
        let mut body = Out::default();
        body.put("instances", &instances.collect::<Vec<_>>());
        body.put("parameters", &parameters(request.dimensions, understood));
        body.into_bytes()
    }))
}

fn instance(text: &str, understood: &Understood<'_>) -> Out {
    let mut out = Out::default();
    out.put("content", text);
    for (name, value) in &understood.own {
        if *name != AUTO_TRUNCATE {
            out.put(name, value);
        }
    }
    out
}

fn parameters(dimensions: Option<u64>, understood: &Understood<'_>) -> Out {
    let mut out = Out::default();
    let said = understood
        .own
        .iter()
        .find(|(name, _)| *name == AUTO_TRUNCATE);
    match said {
        Some((_, value)) => out.put(AUTO_TRUNCATE, value),
        None => out.put(AUTO_TRUNCATE, &false),
    }
    out.put_some("outputDimensionality", dimensions);
    out
}

#[derive(Deserialize)]
struct WireReply<'a> {
    #[serde(borrow)]
    predictions: Vec<Prediction<'a>>,
}

#[derive(Deserialize)]
struct Prediction<'a> {
    #[serde(borrow)]
    embeddings: Embedding<'a>,
}

#[derive(Deserialize)]
struct Embedding<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
struct Statistics {
    token_count: Option<f64>,
}

pub fn read_reply(body: &[u8]) -> Result<EmbeddingReply, InvalidReply> {
    let reply: WireReply<'_> = serde_json::from_slice(body).map_err(|e| unreadable(&e))?;
    let embeddings = reply.predictions.iter().map(|one| &one.embeddings);
    let values: Vec<&RawValue> = embeddings.clone().map(|one| one.values).collect();
    let tokens = embeddings.map(|one| one.statistics.as_ref()?.token_count);
    let tokens: Option<f64> = tokens.sum();
    Ok(EmbeddingReply {
        model: String::new(),
        vectors: Vector::read_all(&values)?,
        usage: tokens.map(usage),
    })
}
