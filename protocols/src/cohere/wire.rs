//! What whole replies and streams have in common.

use serde::{Deserialize, Serialize};

use crate::{json::Json, reply::Usage};

/// Cohere's numbers of tokens are floating.
#[derive(Deserialize)]
pub(super) struct WireUsage {
    tokens: Option<Tokens>,
    billed_units: Option<Tokens>,
    cached_tokens: Option<f64>,
}

#[derive(Deserialize)]
struct Tokens {
    input_tokens: Option<f64>,
    output_tokens: Option<f64>,
}

impl WireUsage {
    pub(super) fn read(self) -> Option<Usage> {
        let tokens = self.tokens.or(self.billed_units)?;
        Some(Usage {
            input: whole(tokens.input_tokens),
            cached_input: whole(self.cached_tokens),
            cache_write: 0,
            output: whole(tokens.output_tokens),
            reasoning: 0,
        })
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and counts are whole and small"
)]
fn whole(count: Option<f64>) -> u64 {
    count.unwrap_or(0.0) as u64
}

/// A piece of text of one or several tokens.
#[derive(Deserialize)]
pub(super) struct LogprobItem {
    #[serde(default)]
    text: String,
    logprobs: Option<Vec<f64>>,
}

#[derive(Serialize)]
struct OpenAi<'a> {
    content: Vec<Token<'a>>,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
    /// Of the text: where it is several tokens, the product of their probabilities.
    logprob: f64,
    bytes: Option<()>,
    top_logprobs: [(); 0],
}

/// In OpenAI's form.
pub(super) fn logprobs(items: &[LogprobItem]) -> Option<Json> {
    let tokens = items.iter().map(|item| {
        Some(Token {
            token: &item.text,
            logprob: item.logprobs.as_ref()?.iter().sum(),
            bytes: None,
            top_logprobs: [],
        })
    });
    let content = tokens.collect::<Option<Vec<_>>>()?;
    Json::parse(&serde_json::to_string(&OpenAi { content }).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_billed_stands_in_where_nothing_else_is_told() {
        let of = |usage: &str| {
            let usage: WireUsage = serde_json::from_str(usage).expect("usage");
            usage.read().map(|usage| (usage.input, usage.output))
        };
        let both = r#"{"billed_units":{"input_tokens":5,"output_tokens":4},"tokens":{"input_tokens":71.0,"output_tokens":6.0}}"#;
        assert_eq!(of(both), Some((71, 6)));
        let billed = r#"{"billed_units":{"input_tokens":5,"output_tokens":4}}"#;
        assert_eq!(of(billed), Some((5, 4)));
        assert_eq!(of("{}"), None);
    }
}
