//! What ties a call to whoever served its conversation before, as the proxy saw it; a replay needs it.

use super::ids::CandidateKey;

/// What the proxy remembers of the conversation, and what the call's own history says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Affinity {
    /// Who served the conversation last, as far as this proxy remembers.
    pub held: Option<CandidateKey>,
    /// Its prompt cache is probably still there.
    pub warm: bool,
    /// The history ends in results of tool calls that a model made.
    pub tool_loop: bool,
    /// Whose content the history has.
    pub origin: Option<Origin>,
    /// That content can be read by nobody else: signed thinking, encrypted reasoning.
    pub bound: bool,
}

/// A call of its own: nobody served before it.
pub static UNTIED: Affinity = Affinity {
    held: None,
    warm: false,
    tool_loop: false,
    origin: None,
    bound: false,
};

/// Who writes content of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Claude, wherever it is hosted.
    Anthropic,
    /// OpenAI itself, or Azure.
    OpenAi,
    /// Any of the many that imitate OpenAI's tool call ids: everybody but Claude and Gemini.
    OpenAiStyle,
    /// Gemini, wherever it is hosted.
    Gemini,
}

impl Origin {
    /// Whether the candidate writes, and so understands, content of this origin.
    pub fn is_of(self, key: &CandidateKey) -> bool {
        let claude = || key.provider() == "anthropic" || key.model().contains("claude");
        let gemini = || {
            matches!(key.provider(), "gemini" | "google" | "vertex")
                || key.model().contains("gemini")
        };
        match self {
            Self::Anthropic => claude(),
            Self::OpenAi => matches!(key.provider(), "openai" | "azure"),
            Self::OpenAiStyle => !claude() && !gemini(),
            Self::Gemini => gemini() && !claude(),
        }
    }
}

/// Why a tie did not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Whoever is held was filtered; the trace has the filter.
    Filtered,
    /// Whoever is held is no candidate of this ranking.
    NotRanked,
    /// No candidate that can serve understands what the history has.
    OriginUnavailable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_know_their_candidates_wherever_they_are_hosted() {
        let of =
            |origin: Origin, name: &str| origin.is_of(&CandidateKey::parse(name).expect("valid"));
        assert!(of(Origin::Anthropic, "bedrock/anthropic.claude-sonnet-4-5"));
        assert!(of(Origin::Gemini, "gemini/gemini-2.5-flash"));
        assert!(
            of(Origin::OpenAi, "openai/gpt-5") && !of(Origin::OpenAi, "groq/openai/gpt-oss-20b")
        );
        assert!(of(Origin::OpenAiStyle, "groq/openai/gpt-oss-20b"));
        assert!(!of(Origin::OpenAiStyle, "anthropic/claude-haiku-4-5"));
        assert!(!of(Origin::OpenAiStyle, "vertex/gemini-2.5-pro"));
    }
}
