//! OpenAI's Responses API (<https://platform.openai.com/docs/api-reference/responses>) as a caller's protocol, without
//! state: what refers to an earlier response or to something stored has no word elsewhere and is refused by name.
//!
//! Rules:
//! * What an assistant did in a row (thoughts, words, calls) is one message, and so are the outputs of its calls.
//! * Thoughts are reasoning items. Their signature is `encrypted_content` behind a mark of ours: what OpenAI itself
//!   encrypted has none, and no other provider could read it, so that it is not passed on as one's own signature.
//!   A thought whose words are not shown has one empty summary, an encrypted one has none.
//! * Whether a summary of thoughts is wanted is kept, how detailed is not.
//! * A tool, an item or a choice of tools that only OpenAI has is kept whole, for targets to refuse by name.

mod events;
mod observe;
mod read;
mod write;

pub use self::{
    events::EventWriter,
    observe::{EventReader, read_reply},
    read::read_request,
    write::{write_reply, write_reply_to},
};
pub use crate::chat::write_error;

use crate::reply::{Choice, Finish};
use crate::request::Content;

/// Before a signature that another provider than OpenAI gave.
const SIGNED: &str = "floopy.";

/// How a response ended: its status, why it is incomplete, and what failed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ending {
    status: &'static str,
    incomplete: Option<&'static str>,
    failure: Option<String>,
}

impl Ending {
    fn new(status: &'static str) -> Self {
        Self {
            status,
            incomplete: None,
            failure: None,
        }
    }

    fn incomplete(reason: &'static str) -> Self {
        Self {
            incomplete: Some(reason),
            ..Self::new("incomplete")
        }
    }
}

/// A refusal in the model's own words is complete; one without is a filter's work. A full context window counts as
/// OpenAI counts it (<https://platform.openai.com/docs/guides/reasoning>).
fn ending(choice: Option<&Choice>) -> Ending {
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let refuses = choice.is_some_and(|choice| {
        let is_refusal = |content: &Content| matches!(content, Content::Refusal(_));
        choice.parts.iter().any(|part| is_refusal(&part.content))
    });
    match finish {
        None | Some(Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls) => {
            Ending::new("completed")
        }
        Some(Finish::Refusal) if refuses => Ending::new("completed"),
        Some(Finish::Refusal | Finish::ContentFilter) => Ending::incomplete("content_filter"),
        Some(Finish::Length | Finish::ContextLength) => Ending::incomplete("max_output_tokens"),
        Some(Finish::Paused) => Ending::new("incomplete"),
        Some(Finish::Failed(word)) => Ending {
            failure: Some(format!("the provider gave up with {word:?}")),
            ..Ending::new("failed")
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;

    #[test]
    fn endings_are_told_by_status_and_reason() {
        let of = |finish: Finish, content: Content| {
            let choice = Choice {
                parts: vec![Part::new(content)],
                finish: Some(finish),
                ..Choice::default()
            };
            let ending = ending(Some(&choice));
            (ending.status, ending.incomplete)
        };
        let text = || Content::Text("a".into());
        for (finish, expected) in [
            (Finish::Stop, ("completed", None)),
            (Finish::StopSequence(Some("x".into())), ("completed", None)),
            (Finish::ToolCalls, ("completed", None)),
            (Finish::Length, ("incomplete", Some("max_output_tokens"))),
            (
                Finish::ContextLength,
                ("incomplete", Some("max_output_tokens")),
            ),
            (
                Finish::ContentFilter,
                ("incomplete", Some("content_filter")),
            ),
            (Finish::Refusal, ("incomplete", Some("content_filter"))),
            (Finish::Paused, ("incomplete", None)),
            (Finish::Failed("x".into()), ("failed", None)),
        ] {
            assert_eq!(of(finish, text()), expected);
        }
        let words = Content::Refusal("No.".into());
        assert_eq!(of(Finish::Refusal, words), ("completed", None));
    }
}
