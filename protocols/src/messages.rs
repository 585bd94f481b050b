//! Anthropic's Messages API (<https://docs.claude.com/en/api/messages>), as a provider and as a caller's protocol.
//!
//! Rules of the translation towards it:
//! * It requires `max_tokens`. Where the caller set no limit, the model's documented longest reply stands in
//!   (<https://docs.claude.com/en/docs/about-claude/models/overview>), which is what no limit means.
//! * Instructions before the conversation are `system`. Instructions in its middle stay there for the models that
//!   take them
//!   (<https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages>), and are refused for
//!   others: neither moved, nor put into the user's mouth.
//! * Messages of one role that follow each other are one message, tool results belong to the user: the API itself
//!   reads them so. Empty texts, which it refuses, are left out.
//! * Effort becomes adaptive thinking with that effort, or a budget of thinking tokens for models that only know
//!   budgets (<https://platform.claude.com/docs/en/build-with-claude/effort>).
//! * A JSON schema is `output_config.format`, for the models that have structured outputs
//!   (<https://platform.claude.com/docs/en/build-with-claude/structured-outputs>); others refuse it, as all refuse
//!   JSON without a schema.
//! * Thoughts go back only with the signature that proves them; others are let go, and named.
//!
//! And of the translation from it:
//! * `thinking` and `output_config.effort` are one setting elsewhere; `max` is the top of the scale. A budget stays
//!   a budget.
//! * Counts of tokens that a provider did not tell are 0, as the API has no word for not knowing.
//! * Arguments that are no JSON object stand under the key `INVALID_JSON`, as Anthropic proposes for such
//!   (<https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming>).

mod count;
mod error;
mod events;
mod model;
mod read;
mod reply;
mod usage;
mod write;

pub use self::{
    count::{read_count, read_count_request, write_count},
    error::{is_error, read_error, write_error},
    events::{EventReader, EventWriter},
    read::read_request,
    reply::{read_reply, write_reply},
    write::write_request,
};

use crate::reply::Finish;

/// The word and the stop sequence that tell how a reply ended; no word where the API has none.
fn finish_words(finish: &Finish) -> (Option<&'static str>, Option<&str>) {
    match finish {
        Finish::Stop => (Some("end_turn"), None),
        Finish::StopSequence(which) => (Some("stop_sequence"), which.as_deref()),
        Finish::Length => (Some("max_tokens"), None),
        Finish::ContextLength => (Some("model_context_window_exceeded"), None),
        Finish::ToolCalls => (Some("tool_use"), None),
        Finish::ContentFilter | Finish::Refusal => (Some("refusal"), None),
        Finish::Paused => (Some("pause_turn"), None),
        Finish::Failed(_) => (None, None),
    }
}

fn read_finish(word: &str, sequence: Option<String>) -> Finish {
    match word {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence(sequence),
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextLength,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::Refusal,
        "pause_turn" => Finish::Paused,
        other => Finish::Failed(other.to_owned()),
    }
}

/// A call's arguments as the object that the API wants: nothing said is an empty one.
fn arguments_object(arguments: &str) -> Option<crate::Json> {
    let text = match arguments.trim() {
        "" => "{}",
        text => text,
    };
    crate::Json::parse(text).filter(|_| text.starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_reasons_map_both_ways() {
        let table = [
            ("end_turn", Finish::Stop),
            ("max_tokens", Finish::Length),
            ("tool_use", Finish::ToolCalls),
            ("pause_turn", Finish::Paused),
            ("refusal", Finish::Refusal),
            ("model_context_window_exceeded", Finish::ContextLength),
            ("stop_sequence", Finish::StopSequence(None)),
        ];
        for (word, finish) in table {
            assert_eq!(read_finish(word, None), finish);
            assert_eq!(finish_words(&finish), (Some(word), None));
        }
        let named = Finish::StopSequence(Some("END".into()));
        assert_eq!(read_finish("stop_sequence", Some("END".into())), named);
        assert_eq!(finish_words(&named), (Some("stop_sequence"), Some("END")));
        assert_eq!(finish_words(&Finish::ContentFilter).0, Some("refusal"));
        let new = read_finish("a_new_reason", None);
        assert_eq!(new, Finish::Failed("a_new_reason".into()));
        assert_eq!(finish_words(&new), (None, None));
    }

    #[test]
    fn only_objects_are_arguments() {
        let text = |arguments| arguments_object(arguments).map(|json| json.text().to_owned());
        assert_eq!(text("").as_deref(), Some("{}"));
        assert_eq!(text(" {\"a\": 1.50} ").as_deref(), Some("{\"a\": 1.50}"));
        for bad in ["[1]", "{\"a\":", "null", "x"] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }
}
