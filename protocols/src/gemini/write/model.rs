//! What is known of a model by its name.

/// What a model's name says about how it thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// Before 2.5: none thinks.
    Plain,
    /// 2.5: thinks as many tokens as it is told
    /// (<https://ai.google.dev/gemini-api/docs/thinking#set-budget>).
    Budget {
        max_tokens: u64,
        /// Whether it can be told not to.
        can_stop: bool,
    },
    /// From 3 on: thinks at a level, and its calls must have signatures.
    Level {
        /// Pro models know no `MINIMAL`.
        is_pro: bool,
        /// The first of them knew no `MEDIUM` either.
        has_medium: bool,
    },
    /// A name that says nothing, such as that of a tuned model.
    Unknown,
}

impl Model {
    /// `gemini-2.5-flash`, `gemini-3.1-pro-preview`, also behind `models/` or a publisher. A name such as
    /// `gemini-flash-latest`, which has no number, stands for the newest.
    pub(super) fn of(name: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or(name);
        let Some(rest) = name.strip_prefix("gemini-") else {
            return Self::Unknown;
        };
        let is_pro = rest.contains("pro");
        let Some((major, minor)) = version(rest) else {
            let has_medium = true;
            return if rest.ends_with("latest") {
                Self::Level { is_pro, has_medium }
            } else {
                Self::Unknown
            };
        };
        match (major, minor) {
            (0..=1, _) | (2, 0..=4) => Self::Plain,
            (2, _) if is_pro => Self::Budget {
                max_tokens: 32_768,
                can_stop: false,
            },
            (2, _) => Self::Budget {
                max_tokens: 24_576,
                can_stop: true,
            },
            (3.., _) => Self::Level {
                is_pro,
                has_medium: !is_pro || (major, minor) > (3, 0),
            },
        }
    }

    /// Whether a call in the conversation must have a signature.
    pub(super) fn wants_signatures(self) -> bool {
        matches!(self, Self::Level { .. })
    }

    /// Whether a tool result may hold images and documents
    /// (<https://ai.google.dev/gemini-api/docs/function-calling#multimodal>).
    pub(super) fn sees_tool_results(self) -> bool {
        matches!(self, Self::Level { .. })
    }
}

fn version(rest: &str) -> Option<(u32, u32)> {
    let number = rest.split('-').next()?;
    match number.split_once('.') {
        Some((major, minor)) => Some((major.parse().ok()?, minor.parse().ok()?)),
        None => Some((number.parse().ok()?, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_how_its_model_thinks() {
        let level = |is_pro, has_medium| Model::Level { is_pro, has_medium };
        for (name, expected) in [
            ("gemini-1.5-pro", Model::Plain),
            ("gemini-2.0-flash-001", Model::Plain),
            (
                "gemini-2.5-pro",
                Model::Budget {
                    max_tokens: 32_768,
                    can_stop: false,
                },
            ),
            (
                "publishers/google/models/gemini-2.5-flash-lite",
                Model::Budget {
                    max_tokens: 24_576,
                    can_stop: true,
                },
            ),
            ("gemini-3-pro-preview", level(true, false)),
            ("gemini-3.1-pro-preview", level(true, true)),
            ("models/gemini-3-flash-preview", level(false, true)),
            ("gemini-flash-latest", level(false, true)),
            ("gemma-3-27b-it", Model::Unknown),
            ("1234567890", Model::Unknown),
        ] {
            assert_eq!(Model::of(name), expected, "{name}");
        }
    }
}
