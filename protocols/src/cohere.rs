//! Cohere's chat, version 2 (<https://docs.cohere.com/reference/chat>).
//!
//! Where its words differ from those of others:
//!
//! * Thoughts before calls are the `tool_plan`, in both directions; other thoughts are `thinking` parts. Signed
//!   thoughts are of another family and are dropped.
//! * A schema demands `strict_tools`, of all tools, where one tool is strict; the label of a reply's schema has no
//!   place and is not sent.
//! * It thinks up to a number of tokens or as much as it likes: efforts from `high` on set no limit, as in Cohere's
//!   own translation (<https://docs.cohere.com/docs/compatibility-api>).
//! * Tokens are those that the model saw (`usage.tokens`), not those that are billed.
//! * A reply does not name its model.

mod error;
mod events;
mod reply;
mod wire;
mod write;

pub use self::{error::read_error, events::EventReader, reply::read_reply, write::write_request};

use crate::reply::Finish;

/// What a `finish_reason` means; the last two are of models and events before version 2.
fn read_finish(word: &str) -> Finish {
    match word {
        "COMPLETE" => Finish::Stop,
        "STOP_SEQUENCE" => Finish::StopSequence(None),
        "MAX_TOKENS" => Finish::Length,
        "TOOL_CALL" => Finish::ToolCalls,
        "ERROR_TOXIC" => Finish::ContentFilter,
        "ERROR_LIMIT" => Finish::ContextLength,
        other => Finish::Failed(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_reason_has_its_meaning() {
        for (word, expected) in [
            ("COMPLETE", Finish::Stop),
            ("STOP_SEQUENCE", Finish::StopSequence(None)),
            ("MAX_TOKENS", Finish::Length),
            ("TOOL_CALL", Finish::ToolCalls),
            ("ERROR_TOXIC", Finish::ContentFilter),
            ("ERROR_LIMIT", Finish::ContextLength),
            ("ERROR", Finish::Failed("ERROR".into())),
            ("TIMEOUT", Finish::Failed("TIMEOUT".into())),
            ("OF_NEXT_YEAR", Finish::Failed("OF_NEXT_YEAR".into())),
        ] {
            assert_eq!(read_finish(word), expected);
        }
    }
}
