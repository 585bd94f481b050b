//! Google Gemini's `generateContent` and `streamGenerateContent?alt=sse`
//! (<https://ai.google.dev/api/generate-content>); Vertex AI takes and gives the same bodies.
//!
//! Where its words differ from those of others:
//!
//! * Schemas go as `parametersJsonSchema` and `responseJsonSchema`, which are JSON schema; `parameters` and
//!   `responseSchema` are a subset of OpenAPI's. The label of a reply's schema has no place and is not sent.
//! * A tool result names its function, found by the call's id in the conversation. It is sent as text under
//!   `output` or `error`: as an object its numbers would become doubles.
//! * Signatures of texts and calls are Gemini's own and go back to it
//!   (<https://ai.google.dev/gemini-api/docs/thought-signatures>); a thought with a signature is of another
//!   family and is dropped. Gemini from 3 on refuses calls without a signature: those of other models get the
//!   one that Google documents for them.
//! * Images and documents go by `https:`, `http:` and `gs:` addresses
//!   (<https://ai.google.dev/gemini-api/docs/file-input-methods>); their file names are dropped.
//! * A stream has no last event; see [`EventReader::end`].

mod error;
mod events;
mod reply;
mod wire;
mod write;

pub use self::{
    error::{read_error, retry_after_ms},
    events::EventReader,
    reply::read_reply,
    write::write_request,
};

use crate::reply::Finish;

/// What a `finishReason` means: all that some filter caught is one thing, all that went wrong another. A reply
/// with calls ends with `STOP` too.
fn read_finish(word: &str, has_call: bool) -> Finish {
    match word {
        "STOP" if has_call => Finish::ToolCalls,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "ESCALATION"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::ContentFilter,
        other => Finish::Failed(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_reason_has_its_meaning() {
        assert_eq!(read_finish("STOP", false), Finish::Stop);
        assert_eq!(read_finish("STOP", true), Finish::ToolCalls);
        assert_eq!(read_finish("MAX_TOKENS", true), Finish::Length);
        for word in [
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "MODEL_ARMOR",
            "ESCALATION",
            "IMAGE_SAFETY",
        ] {
            assert_eq!(read_finish(word, false), Finish::ContentFilter, "{word}");
        }
        for word in [
            "OTHER",
            "MALFORMED_FUNCTION_CALL",
            "UNEXPECTED_TOOL_CALL",
            "TOO_MANY_TOOL_CALLS",
            "MISSING_THOUGHT_SIGNATURE",
            "FINISH_REASON_UNSPECIFIED",
            "OF_NEXT_YEAR",
        ] {
            let failed = Finish::Failed(word.to_owned());
            assert_eq!(read_finish(word, false), failed);
        }
    }
}
