//! `/v1/export` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use serde_json::json;
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decisions::{in_languages, moment, shadow},
};
use crate::rest::export;

/// The key that exports are signed with.
#[derive(ToSchema)]
struct ExportKey {
    /// `ed25519`.
    algorithm: String,
    key_id: String,
    /// 32 bytes in hexadecimal.
    public_key: String,
    /// The same as SubjectPublicKeyInfo in PEM.
    public_key_pem: String,
}

pub(super) fn routes() -> Routes {
    let lines = json!({
        "type": "string",
        "description": "One JSON object a line: decisions as in `GET /v1/decisions` with `organization_id`, `created_at`             and `prev_sha256`, the newest first; the last line is the signed trailer (`\"trailer\": true`). An export             without a trailer was cut off.",
    });
    let notice = json!({"type": "string", "enum": ["contains-shared-pool-influenced-decisions"]});
    let decisions = Operation::new("exportDecisions", "Export decisions")
        .says("Every row is chained to the one before by its SHA-256, and the trailer is signed with Ed25519;             `docs/export.md` says how to check both offline. 400 `estimated_payload_too_large` where there are more rows             than one export gives.")
        .required_query("from", moment(), "Inclusive.")
        .required_query("to", moment(), "Inclusive; at most 90 days after `from`.")
        .query("format", json!({"type": "string", "enum": ["jsonl"], "default": "jsonl"}), "Anything else is 415.")
        .query("cursor", json!({"type": "string"}), "`next_cursor` of the trailer of an export that was truncated.")
        .answers_with((200, "The rows and the trailer."), &[("application/x-ndjson", lines)])
        .tells("floopy-aggregation-notice", &notice, "Some decision rests on what other organisations pooled.")
        .refuses(415);
    Routes::of("Decisions")
        .get(
            "/v1/export/decisions",
            export::decisions,
            in_languages(shadow(decisions)),
        )
        .get(
            "/v1/export/public-key",
            export::public_key,
            Operation::new("getExportKey", "The key of exports")
                .answers::<ExportKey>(200, "The public key."),
        )
}
