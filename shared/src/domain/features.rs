//! Facts of a request that decide which candidates can serve it.

/// No text, only what capability and cost depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    pub tools: bool,
    pub vision: bool,
    pub json_schema: bool,
    pub stream: bool,
    pub embeddings: bool,
    pub messages: u32,
    /// About four bytes a token; images count as [`IMAGE_TOKENS`].
    pub input_tokens_estimate: u64,
    pub max_output_tokens: Option<u64>,
    /// Of the estimate: what was said before the last reply ended, which a provider may have cached.
    pub history_tokens_estimate: u64,
    /// Tools that the provider runs itself, with whatever effects: a second call would have them twice.
    pub provider_tools: bool,
}

/// What an image is taken to cost in input tokens (a 1024×1024 picture at high detail is 765 at OpenAI).
pub const IMAGE_TOKENS: u64 = 765;

/// Output length assumed for a cost forecast where the request does not bound it lower.
pub const EXPECTED_OUTPUT_TOKENS: u64 = 300;

impl Features {
    /// Output tokens to forecast a cost with.
    pub fn expected_output_tokens(&self) -> u64 {
        self.max_output_tokens
            .unwrap_or(EXPECTED_OUTPUT_TOKENS)
            .min(EXPECTED_OUTPUT_TOKENS)
    }
}
