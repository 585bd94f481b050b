//! `/v1/audit` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation};
use crate::rest::audit;

/// A change of settings.
#[derive(ToSchema)]
struct Change {
    /// Grows with time.
    id: u64,
    #[schema(format = DateTime)]
    at: String,
    /// Who made the change: `key:` and the id of a key, `user:` and the id of who was signed in, or `operator`.
    #[schema(example = "key:key_1")]
    actor: String,
    /// Of the key then; `operator` where the operator made the change; null: it is older than roles.
    role: Option<String>,
    action: Action,
    /// The kind of what was changed and its id.
    #[schema(example = "project/2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f")]
    resource: String,
    /// SHA-256 of the document before, in hexadecimal; null: there was none.
    before_sha256: Option<String>,
    /// SHA-256 of the document after, in hexadecimal; null: there is none.
    after_sha256: Option<String>,
    /// `x-request-id` of the request that made the change; null: it was made without one.
    request_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Action {
    Create,
    Update,
    Delete,
}

pub(super) fn routes() -> Routes {
    Routes::of("Audit").get(
        "/v1/audit",
        audit::list,
        Operation::new("listChanges", "Changes of settings")
            .says("Every change of settings is written down in the same transaction. Contents are told as hashes only.")
            .pages()
            .answers_page::<Change>("The changes, the newest first."),
    )
}
