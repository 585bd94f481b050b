//! The embeddings of a played provider: the endpoint and the form of each, and vectors by which a text is told.

use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use floopy_protocols::sigv4::encode;

use super::{Answer, Provider, head};

/// As many as each API takes at once.
const GEMINI_INPUTS: usize = 100;
const COHERE_INPUTS: usize = 96;

/// Of a vector whose length nobody asked for.
const DIMENSIONS: usize = 4;

/// Tokens of every text.
const TOKENS: usize = 3;

impl Provider {
    /// The only model that embeds; none where the API has no embeddings of its own form.
    pub fn embedding_model(self) -> Option<&'static str> {
        match self {
            Self::Gemini => Some("gemini-embedding-001"),
            Self::Cohere => Some("embed-v4.0"),
            Self::Bedrock => Some("amazon.titan-embed-text-v2:0"),
            Self::OpenAi
            | Self::OpenAiResponses
            | Self::Azure
            | Self::AzureV1
            | Self::Mistral
            | Self::Anthropic
            | Self::VertexGemini
            | Self::VertexClaude => None,
        }
    }
}

/// Where such a provider embeds, and how it answers there.
struct Embedder {
    path: String,
    answer: fn(&[u8], &str) -> Result<Value, String>,
}

impl Embedder {
    fn of(provider: Provider, model: &str) -> Option<Self> {
        let (path, answer): (_, fn(&[u8], &str) -> _) = match provider {
            Provider::Gemini => (format!("/v1beta/models/{model}:batchEmbedContents"), gemini),
            Provider::Bedrock => (format!("/model/{}/invoke", encode(model)), titan),
            Provider::Cohere => ("/v2/embed".to_owned(), cohere),
            Provider::OpenAi
            | Provider::OpenAiResponses
            | Provider::Azure
            | Provider::AzureV1
            | Provider::Mistral
            | Provider::Anthropic
            | Provider::VertexGemini
            | Provider::VertexClaude => return None,
        };
        Some(Self { path, answer })
    }
}

/// `None`: it is no question for embeddings.
pub(super) fn answer(
    provider: Provider,
    parts: &Parts,
    body: &[u8],
) -> Option<Result<Answer, String>> {
    let model = provider.embedding_model()?;
    let embedder = Embedder::of(provider, model)?;
    (parts.uri.path_and_query()?.as_str() == embedder.path).then(|| {
        head::authorized(provider, parts, body)?;
        (embedder.answer)(body, model).map(|reply| Answer::json(&reply))
    })
}

/// Its first number is what the text says.
fn vector(text: &str, dimensions: Option<usize>) -> Result<Vec<f32>, String> {
    let number: f32 = text.parse().map_err(|_| format!("the text {text:?}"))?;
    let mut vector = vec![-0.5; dimensions.unwrap_or(DIMENSIONS)];
    *vector.first_mut().ok_or("no dimensions")? = number / 256.0;
    Ok(vector)
}

fn vectors(texts: &[String], dimensions: Option<usize>) -> Result<Vec<Vec<f32>>, String> {
    texts.iter().map(|text| vector(text, dimensions)).collect()
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| e.to_string())
}

fn at_most(found: usize, most: usize) -> Result<(), String> {
    if (1..=most).contains(&found) {
        return Ok(());
    }
    Err(format!("{found} inputs, of {most} at most"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    requests: Vec<One>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct One {
    model: String,
    content: Content,
    output_dimensionality: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    text: String,
}

fn gemini(body: &[u8], model: &str) -> Result<Value, String> {
    let batch: Batch = read(body)?;
    at_most(batch.requests.len(), GEMINI_INPUTS)?;
    let embed = |one: &One| {
        if one.model != format!("models/{model}") {
            return Err(format!("the model {}", one.model));
        }
        let text: String = one.content.parts.iter().map(|p| p.text.as_str()).collect();
        let values = vector(&text, one.output_dimensionality)?;
        Ok(json!({"values": values}))
    };
    let embeddings = batch.requests.iter().map(embed);
    let embeddings = embeddings.collect::<Result<Vec<_>, _>>()?;
    let tokens = embeddings.len() * TOKENS;
    Ok(json!({"embeddings": embeddings, "usageMetadata": {"promptTokenCount": tokens}}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Embed {
    model: String,
    texts: Vec<String>,
    input_type: String,
    truncate: String,
    embedding_types: Vec<String>,
    output_dimension: Option<usize>,
}

fn cohere(body: &[u8], model: &str) -> Result<Value, String> {
    let embed: Embed = read(body)?;
    at_most(embed.texts.len(), COHERE_INPUTS)?;
    if embed.model != model || embed.embedding_types != ["float"] {
        return Err(format!("{} as {:?}", embed.model, embed.embedding_types));
    }
    if embed.input_type != "search_document" || embed.truncate != "NONE" {
        return Err(format!("{} {}", embed.input_type, embed.truncate));
    }
    let vectors = vectors(&embed.texts, embed.output_dimension)?;
    let units = json!({"input_tokens": embed.texts.len() * TOKENS});
    Ok(
        json!({"id": "e-1", "response_type": "embeddings_by_type", "embeddings": {"float": vectors},
        "texts": embed.texts, "meta": {"api_version": {"version": "2"}, "billed_units": units}}),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Invoke {
    input_text: String,
    dimensions: Option<usize>,
}

fn titan(body: &[u8], _: &str) -> Result<Value, String> {
    let invoke: Invoke = read(body)?;
    let vector = vector(&invoke.input_text, invoke.dimensions)?;
    Ok(
        json!({"embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": TOKENS}),
    )
}
