//! Token counts in OpenAI's words.

use serde::{Deserialize, Serialize};

use crate::reply::Usage;

#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionDetails>,
    /// DeepSeek's word for what was read from its cache.
    #[serde(default, skip_serializing)]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Debug, Deserialize, Serialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    /// Not OpenAI's: only providers that charge for writing their cache report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_creation_tokens: Option<u64>,
}

#[derive(Debug, Deserialize, Serialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl From<&Usage> for WireUsage {
    fn from(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: Some(PromptDetails {
                cached_tokens: Some(usage.cached_input),
                cache_creation_tokens: (usage.cache_write > 0).then_some(usage.cache_write),
            }),
            completion_tokens_details: Some(CompletionDetails {
                reasoning_tokens: Some(usage.reasoning),
            }),
            prompt_cache_hit_tokens: None,
        }
    }
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let prompt = wire.prompt_tokens_details;
        let cached = prompt.as_ref().and_then(|details| details.cached_tokens);
        let written = prompt.and_then(|details| details.cache_creation_tokens);
        let completion = wire.completion_tokens_details;
        Self {
            input: wire.prompt_tokens,
            cached_input: cached.or(wire.prompt_cache_hit_tokens).unwrap_or(0),
            cache_write: written.unwrap_or(0),
            output: wire.completion_tokens,
            reasoning: completion
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or(0),
        }
    }
}
