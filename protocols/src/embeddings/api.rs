//! Which form of embeddings a provider has, where it is not OpenAI's.

use super::{EmbeddingReply, EmbeddingRequest, WrittenEmbeddings, bedrock, cohere, gemini, vertex};
use crate::{
    Target,
    error::{InvalidReply, Unsupported},
};

/// A provider's own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmbeddingApi {
    /// Gemini's `batchEmbedContents`.
    Gemini,
    /// Vertex AI's `predict`.
    Vertex,
    /// Cohere's embed, version 2.
    Cohere,
    /// Bedrock's `InvokeModel`.
    Bedrock,
}

impl EmbeddingApi {
    pub fn write_requests(
        self,
        request: &EmbeddingRequest,
        target: Target<'_>,
    ) -> Result<WrittenEmbeddings, Unsupported> {
        match self {
            Self::Gemini => gemini::write_requests(request, target),
            Self::Vertex => vertex::write_requests(request, target),
            Self::Cohere => cohere::write_requests(request, target),
            Self::Bedrock => bedrock::write_requests(request, target),
        }
    }

    pub fn read_reply(self, body: &[u8]) -> Result<EmbeddingReply, InvalidReply> {
        match self {
            Self::Gemini => gemini::read_reply(body),
            Self::Vertex => vertex::read_reply(body),
            Self::Cohere => cohere::read_reply(body),
            Self::Bedrock => bedrock::read_reply(body),
        }
    }
}
