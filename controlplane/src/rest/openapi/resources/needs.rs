//! What a call needs of whoever serves it, as decisions tell it.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::decision::ModelName;

/// What a call needs of whoever serves it.
#[derive(ToSchema)]
pub(super) struct Features {
    tools: bool,
    vision: bool,
    json_schema: bool,
    stream: bool,
    messages: u32,
    /// About four bytes a token.
    input_tokens_estimate: u64,
    max_output_tokens: Option<u64>,
    history_tokens_estimate: u64,
    /// Tools that the provider runs itself.
    provider_tools: bool,
}

/// What ties a call to whoever served its conversation before.
#[derive(ToSchema)]
pub(super) struct Affinity {
    held: Option<ModelName>,
    /// Its prompt cache is likely to be warm.
    warm: bool,
    tool_loop: bool,
    /// Whose signed content the history has: `anthropic`, `openai`, `openai_style` or `gemini`.
    origin: Option<String>,
    /// Nobody else may serve.
    bound: bool,
    /// Why it was let go all the same: `filtered`, `not_ranked` or `origin_unavailable`.
    released: Option<String>,
}
