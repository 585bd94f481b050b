//! AWS Bedrock Converse and ConverseStream, to providers
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>).
//!
//! What the two forms do not share, and what is done about it:
//! * Turns alternate: neighbours of one role become one message. Instructions at the beginning are `system`, later
//!   ones messages of the role `system`.
//! * There is no tool choice `none`: the tools are left out instead, unless the conversation already calls some,
//!   for then the API wants them declared, and `none` is refused.
//! * Texts that are empty are refused by the API. One beside other content says nothing and is left out.
//! * A document has a name of a few allowed characters: what else the caller's has becomes a hyphen, and one
//!   without a name is called `document-1`, `document-2`, ….
//! * The assistant's refusals are text: the API has no other place for its words.
//! * How much to think, `top_k` and parallel calls are told in each family's own words; see [`model`].
//! * The reply names no model, no time, and not itself: `x-amzn-requestid` does.

mod error;
mod model;
mod reply;
mod stream;
mod wire;
mod write;

pub use self::{error::read_error, reply::read_reply, stream::EventReader, write::write_request};
use crate::{reply::Finish, sigv4};

/// The path of a call, percent-encoded as it goes over the wire. A model's id may be an ARN, with colons and
/// slashes.
pub fn path(model: &str, stream: bool) -> String {
    let operation = if stream {
        "converse-stream"
    } else {
        "converse"
    };
    format!("/model/{}/{operation}", sigv4::encode(model))
}

/// `stop_sequence` is which one, where the model says it. A reason that the API's reference does not know is kept
/// as the provider's own word.
fn read_finish(reason: &str, stop_sequence: Option<String>) -> Finish {
    match reason {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence(stop_sequence),
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextLength,
        "tool_use" => Finish::ToolCalls,
        "content_filtered" | "guardrail_intervened" => Finish::ContentFilter,
        // `malformed_model_output`, `malformed_tool_use`
        other => Finish::Failed(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stop_reason_has_its_finish() {
        let failed = |word: &str| Finish::Failed(word.to_owned());
        for (reason, expected) in [
            ("end_turn", Finish::Stop),
            ("tool_use", Finish::ToolCalls),
            ("max_tokens", Finish::Length),
            ("stop_sequence", Finish::StopSequence(None)),
            ("guardrail_intervened", Finish::ContentFilter),
            ("content_filtered", Finish::ContentFilter),
            ("malformed_model_output", failed("malformed_model_output")),
            ("malformed_tool_use", failed("malformed_tool_use")),
            ("model_context_window_exceeded", Finish::ContextLength),
            ("of_next_year", failed("of_next_year")),
        ] {
            assert_eq!(read_finish(reason, None), expected, "{reason}");
        }
    }

    #[test]
    fn a_models_id_is_one_segment_of_the_path() {
        for (model, stream, expected) in [
            (
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                false,
                "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse",
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
                true,
                "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile\
                 %2Fus.amazon.nova-lite-v1%3A0/converse-stream",
            ),
        ] {
            assert_eq!(path(model, stream), expected);
        }
    }
}
