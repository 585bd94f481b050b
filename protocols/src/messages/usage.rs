//! Tokens as the API counts them: `input_tokens` is what neither came from the cache nor went there.

use serde::{Deserialize, Serialize};

use crate::reply::Usage;

/// Of a whole reply, or so far: what is missing has not changed.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReadUsage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<Details>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
struct Details {
    #[serde(default)]
    thinking_tokens: u64,
}

impl ReadUsage {
    pub(super) fn update(&mut self, newer: Self) {
        let Self {
            input_tokens,
            cache_creation_input_tokens,
            cache_read_input_tokens,
            output_tokens,
            output_tokens_details,
        } = newer;
        self.input_tokens = input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens =
            cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.output_tokens = output_tokens.or(self.output_tokens);
        self.output_tokens_details = output_tokens_details.or(self.output_tokens_details);
    }

    pub(super) fn total(self) -> Usage {
        let cached_input = self.cache_read_input_tokens.unwrap_or(0);
        let cache_write = self.cache_creation_input_tokens.unwrap_or(0);
        let fresh = self.input_tokens.unwrap_or(0);
        Usage {
            input: fresh
                .saturating_add(cached_input)
                .saturating_add(cache_write),
            cached_input,
            cache_write,
            output: self.output_tokens.unwrap_or(0),
            reasoning: self
                .output_tokens_details
                .map_or(0, |details| details.thinking_tokens),
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct WireUsage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<Details>,
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        let cached = usage.cached_input.saturating_add(usage.cache_write);
        Self {
            input_tokens: usage.input.saturating_sub(cached),
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cached_input,
            output_tokens: usage.output,
            output_tokens_details: (usage.reasoning > 0).then_some(Details {
                thinking_tokens: usage.reasoning,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_the_sum_and_comes_apart_again() {
        let said = r#"{"input_tokens":5,"cache_creation_input_tokens":20,"cache_read_input_tokens":100,"output_tokens":7,"output_tokens_details":{"thinking_tokens":3}}"#;
        let read: ReadUsage = serde_json::from_str(said).unwrap();
        let usage = read.total();
        assert_eq!(
            usage,
            Usage {
                input: 125,
                cached_input: 100,
                cache_write: 20,
                output: 7,
                reasoning: 3,
            }
        );
        assert_eq!(
            serde_json::to_string(&WireUsage::from(usage)).unwrap(),
            said
        );
    }

    #[test]
    fn what_is_not_said_again_has_not_changed() {
        let read = |text| serde_json::from_str::<ReadUsage>(text).unwrap();
        let mut usage = read(r#"{"input_tokens":5,"cache_read_input_tokens":9,"output_tokens":1}"#);
        usage.update(read(r#"{"output_tokens":40}"#));
        let total = usage.total();
        assert_eq!((total.input, total.output), (14, 40));
    }
}
