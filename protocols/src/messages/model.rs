//! What a Claude model takes of the API, by its name. Where a name says nothing, the newest form is assumed, and
//! the API itself refuses what the model lacks.
//!
//! From <https://docs.claude.com/en/docs/about-claude/models/overview>,
//! <https://platform.claude.com/docs/en/build-with-claude/effort> and the migration guide of each model.

use crate::Target;

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// The model does not think.
    Never,
    /// In tokens; unasked, it does not think.
    Budget,
    /// As the model finds right, told how much effort; with the way to have none.
    Adaptive { off: Off, xhigh: bool },
}

/// How a model that thinks as it finds right is kept from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Off {
    /// By not asking for it.
    Unasked,
    Disabled,
    BetweenTools,
    /// It always thinks.
    Impossible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) thinking: Thinking,
    /// `temperature`, `top_p` and `top_k` other than their defaults.
    pub(super) sampling: bool,
    /// `output_config.format`.
    pub(super) schema: bool,
    /// Messages of the role `system`.
    pub(super) instructions: bool,
    /// The longest reply, in tokens.
    pub(super) max_output: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Haiku,
    Sonnet,
    Opus,
    /// Fable and Mythos.
    Other,
}

pub(super) fn model(target: Target<'_>) -> Model {
    let name = target.model;
    let lower = name.to_lowercase();
    let Some((_, tail)) = lower.split_once("claude") else {
        return NOT_CLAUDE;
    };
    let words = || tail.split(|c: char| !c.is_ascii_alphanumeric());
    let family = words().find_map(|word| match word {
        "haiku" => Some(Family::Haiku),
        "sonnet" => Some(Family::Sonnet),
        "opus" => Some(Family::Opus),
        _ => None,
    });
    // Dates have eight digits.
    let number = |word: &str| word.parse().ok().filter(|_| word.len() <= 2);
    let mut numbers = words().filter_map(number);
    let version: Option<(u8, u8)> = numbers
        .next()
        .map(|major| (major, numbers.next().unwrap_or(0)));
    let mut model = known(family.unwrap_or(Family::Other), version);
    // <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/structured_outputs>
    let is_before_4_6 = version.is_some_and(|version| version < (4, 6));
    model.schema &= !(is_on_vertex(target) && is_before_4_6);
    model
}

/// Whether it is Claude as Vertex AI serves it.
pub(super) fn is_on_vertex(target: Target<'_>) -> bool {
    target.provider == "vertex"
}

/// Others that speak the API; what they take is theirs to say. The limit is one that models of all sizes reach.
const NOT_CLAUDE: Model = Model {
    thinking: Thinking::Budget,
    sampling: true,
    schema: true,
    instructions: false,
    max_output: 8_192,
};

fn known(family: Family, version: Option<(u8, u8)>) -> Model {
    let version = match (family, version) {
        (Family::Other, _) | (_, None) => (u8::MAX, 0),
        (Family::Haiku | Family::Sonnet | Family::Opus, Some(version)) => version,
    };
    Model {
        thinking: thinking(family, version),
        sampling: version < (4, 7),
        schema: version >= (4, 5),
        instructions: version >= (4, 8) && (family, version) != (Family::Sonnet, (5, 0)),
        max_output: max_output(family, version),
    }
}

fn thinking(family: Family, version: (u8, u8)) -> Thinking {
    let adaptive = |off| Thinking::Adaptive {
        off,
        xhigh: version >= (4, 7),
    };
    if version < (3, 7) {
        return Thinking::Never;
    }
    if version < (4, 6) {
        return Thinking::Budget;
    }
    // Thinking came to be the default with 5.
    if version < (5, 0) {
        return adaptive(Off::Unasked);
    }
    if version < (5, 5) {
        return adaptive(Off::Disabled);
    }
    match family {
        Family::Haiku => adaptive(Off::Disabled),
        Family::Sonnet => adaptive(Off::BetweenTools),
        Family::Opus | Family::Other => adaptive(Off::Impossible),
    }
}

fn max_output(family: Family, version: (u8, u8)) -> u64 {
    if version < (3, 5) {
        return 4_096;
    }
    if version < (3, 7) {
        return 8_192;
    }
    if family == Family::Opus && version < (4, 5) {
        return 32_000;
    }
    if version < (4, 6) || (family == Family::Sonnet && version < (5, 0)) {
        return 64_000;
    }
    128_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(model: &str) -> Model {
        let provider = "anthropic";
        super::model(Target { provider, model })
    }

    fn adaptive(off: Off) -> Thinking {
        Thinking::Adaptive { off, xhigh: true }
    }

    #[test]
    fn names_say_how_a_model_thinks() {
        let table = [
            ("claude-3-5-haiku-20241022", Thinking::Never),
            ("claude-3-7-sonnet-latest", Thinking::Budget),
            ("anthropic.claude-opus-4-20250514-v1:0", Thinking::Budget),
            ("claude-opus-4-1@20250805", Thinking::Budget),
            ("claude-haiku-4-5", Thinking::Budget),
            ("claude-opus-4-5-20251101", Thinking::Budget),
            (
                "claude-sonnet-4-6",
                Thinking::Adaptive {
                    off: Off::Unasked,
                    xhigh: false,
                },
            ),
            ("us.anthropic.claude-opus-4-8", adaptive(Off::Unasked)),
            ("claude-opus-5", adaptive(Off::Disabled)),
            ("claude-sonnet-5-5", adaptive(Off::BetweenTools)),
            ("claude-opus-5-5", adaptive(Off::Impossible)),
            ("claude-fable-5", adaptive(Off::Impossible)),
            ("claude-mythos-preview", adaptive(Off::Impossible)),
        ];
        for (name, expected) in table {
            assert_eq!(model(name).thinking, expected, "{name}");
        }
    }

    #[test]
    fn names_say_the_longest_reply_and_what_is_taken() {
        for (name, tokens) in [
            ("claude-3-opus-20240229", 4_096),
            ("claude-3-5-sonnet-20241022", 8_192),
            ("claude-opus-4-1", 32_000),
            ("claude-haiku-4-5", 64_000),
            ("claude-sonnet-4-6", 64_000),
            ("claude-opus-4-6", 128_000),
            ("claude-sonnet-5", 128_000),
            ("kimi-k2", 8_192),
        ] {
            assert_eq!(model(name).max_output, tokens, "{name}");
        }
        let taken = |name| {
            let model = model(name);
            (model.sampling, model.schema, model.instructions)
        };
        assert_eq!(taken("claude-opus-4-1"), (true, false, false));
        assert_eq!(taken("claude-sonnet-4-5"), (true, true, false));
        assert_eq!(taken("claude-opus-4-7"), (false, true, false));
        assert_eq!(taken("claude-opus-4-8"), (false, true, true));
        assert_eq!(taken("claude-sonnet-5"), (false, true, false));
        for (model, expected) in [
            ("claude-sonnet-4-5@20250929", false),
            ("claude-sonnet-4-6", true),
        ] {
            let provider = "vertex";
            assert_eq!(super::model(Target { provider, model }).schema, expected);
        }
    }
}
