//! `/v1/decisions` in the document.

use serde_json::{Value, json};

use super::{
    super::{Routes, operation::Operation},
    brief::DecisionSummary,
    decision::Decision,
};
use crate::rest::decisions;

pub(super) fn moment() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// Whether copies that were sent to learn are listed.
pub(super) fn shadow(operation: Operation) -> Operation {
    let schema =
        json!({"type": "string", "enum": ["exclude", "include", "only"], "default": "exclude"});
    operation.query("shadow", schema, "Copies of calls that were sent to learn.")
}

/// Answers in the caller's language.
pub(super) fn in_languages(operation: Operation) -> Operation {
    let language = json!({"type": "string"});
    operation
        .header(
            "Accept-Language",
            language.clone(),
            "Languages of the explanations, as browsers send it; English unless told.",
        )
        .tells(
            "content-language",
            &language,
            "The language of the explanations.",
        )
}

fn filters(operation: Operation) -> Operation {
    let strategies = [
        "feedback_driven",
        "fallback",
        "round_robin",
        "weighted",
        "latency_based",
        "smart_cost",
        "legacy_model",
    ];
    let confidence = || json!({"type": "number", "minimum": 0, "maximum": 1});
    let ids =
        json!({"type": "array", "items": {"type": "string", "format": "uuid"}, "maxItems": 50});
    operation
        .query(
            "session_id",
            json!({"type": "string"}),
            "Calls of this session.",
        )
        .query(
            "from",
            moment(),
            "Then or later; 31 days before `to` unless told.",
        )
        .query(
            "to",
            moment(),
            "Then or earlier; now unless told. At most 31 days after `from`.",
        )
        .query("request_ids", ids, "Only these, separated by commas.")
        .query(
            "routing_strategy",
            json!({"type": "string", "enum": strategies}),
            "Decided this way.",
        )
        .query(
            "model",
            json!({"type": "string"}),
            "Served by this model, by its exact name.",
        )
        .query("min_confidence", confidence(), "At least so confident.")
        .query(
            "max_confidence",
            confidence(),
            "At most so confident; not below `min_confidence`.",
        )
        .query("session_name", json!({"type": "string"}), "Of sessions with this name.")
        .query("session_path", json!({"type": "string"}), "Of sessions of this place in the application.")
        .query("user_id", json!({"type": "string"}), "Of this end user.")
        .query(
            "property",
            json!({"type": "string", "pattern": "^[^=]+=", "examples": ["plan=pro"]}),
            "With this property, as `name=value`; of several each, where it is there more than once.",
        )
}

pub(super) fn routes() -> Routes {
    let list = Operation::new("listDecisions", "Decisions")
        .says("Unknown query keys are refused. Without filters, those of the last 31 days.")
        .pages()
        .answers_page::<Decision>("The decisions, the newest first.");
    let summaries = Operation::new("listDecisionSummaries", "Decisions in brief")
        .says("The same list by the same filters, with what a table shows of each: for pages that are asked again and again.")
        .pages()
        .answers_page::<DecisionSummary>("The decisions, the newest first.");
    let get = Operation::new("getDecision", "One decision")
        .says("An id that is no UUID v4 is refused with 400 `invalid_request_id`.")
        .path(
            "request_id",
            json!({"type": "string", "format": "uuid"}),
            "`x-request-id` of the call, a UUID v4.",
        )
        .answers::<Decision>(200, "The decision.");
    Routes::of("Decisions")
        .get(
            "/v1/decisions",
            decisions::list,
            in_languages(shadow(filters(list))),
        )
        .get(
            "/v1/decisions/summaries",
            decisions::summaries,
            shadow(filters(summaries)),
        )
        .get(
            "/v1/decisions/{request_id}",
            decisions::get,
            in_languages(get),
        )
}
