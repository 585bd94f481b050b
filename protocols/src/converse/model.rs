//! Which family a model is of: its maker's own parameters go beside the common ones.
//!
//! | family | thinking | `top_k` | one call at most | cache points |
//! |---|---|---|---|---|
//! | Claude up to 4.5 | `thinking` with a budget of tokens | `top_k` | `tool_choice` | yes |
//! | Claude since 4.6 | `thinking` that is adaptive, and `outputConfig.effort` | `top_k` | `tool_choice` | yes |
//! | Nova | `reasoningConfig.maxReasoningEffort` | `inferenceConfig.topK` | refused | yes |
//! | OpenAI's `gpt-oss` | `reasoning_effort` | refused | refused | dropped |
//! | others | refused | refused | refused | dropped |
//!
//! `gpt-oss` takes OpenAI's penalties and seed besides.
//!
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html>,
//! <https://docs.aws.amazon.com/nova/latest/nova2-userguide/using-converse-api.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>)

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Claude whose thinking is given a budget.
    ClaudeBudget,
    /// Claude that decides how much it thinks, by an effort.
    ClaudeAdaptive,
    Nova,
    /// OpenAI's open-weight models.
    GptOss,
    /// Of a maker whose own parameters are not known here.
    Other,
    /// The ARN of a profile, a custom model or a router does not say whose model it is.
    Unknown,
}

/// All of Claude that thinks, or cannot, before it became adaptive.
const BUDGET_CLAUDES: [&str; 9] = [
    "claude-v2",
    "claude-instant",
    "claude-3-",
    "claude-opus-4-2025",
    "claude-opus-4-1",
    "claude-opus-4-5",
    "claude-sonnet-4-2025",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
];

impl Family {
    /// `model` is an id, an id with a region before it (`us.`, `global.`), or an ARN that may end in either.
    pub(super) fn of(model: &str) -> Self {
        let id = model.rsplit_once('/').map_or(model, |(_, id)| id);
        let is_by = |maker: &str| id.split('.').any(|part| part == maker);
        if is_by("anthropic") {
            if BUDGET_CLAUDES.iter().any(|name| id.contains(name)) {
                return Self::ClaudeBudget;
            }
            return Self::ClaudeAdaptive;
        }
        if is_by("amazon") && id.contains("nova") {
            return Self::Nova;
        }
        if is_by("openai") && id.contains("gpt-oss") {
            return Self::GptOss;
        }
        if model.starts_with("arn:") && !id.contains('.') {
            return Self::Unknown;
        }
        Self::Other
    }

    pub(super) fn is_claude(self) -> bool {
        matches!(self, Self::ClaudeBudget | Self::ClaudeAdaptive)
    }

    /// The others answer a cache point with an error. Of an unknown model the caller knows better.
    pub(super) fn takes_cache_points(self) -> bool {
        matches!(
            self,
            Self::ClaudeBudget | Self::ClaudeAdaptive | Self::Nova | Self::Unknown
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_id_tells_its_family() {
        for (model, expected) in [
            (
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                Family::ClaudeBudget,
            ),
            (
                "us.anthropic.claude-sonnet-4-20250514-v1:0",
                Family::ClaudeBudget,
            ),
            (
                "global.anthropic.claude-haiku-4-5-20251001-v1:0",
                Family::ClaudeBudget,
            ),
            ("anthropic.claude-opus-4-6-v1", Family::ClaudeAdaptive),
            ("eu.anthropic.claude-sonnet-4-6", Family::ClaudeAdaptive),
            ("anthropic.claude-opus-5", Family::ClaudeAdaptive),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-2-lite-v1:0",
                Family::Nova,
            ),
            ("openai.gpt-oss-120b-1:0", Family::GptOss),
            ("us.openai.gpt-5.2", Family::Other),
            ("meta.llama3-3-70b-instruct-v1:0", Family::Other),
            ("amazon.titan-text-premier-v1:0", Family::Other),
            (
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456",
                Family::Unknown,
            ),
        ] {
            assert_eq!(Family::of(model), expected, "{model}");
        }
    }
}
