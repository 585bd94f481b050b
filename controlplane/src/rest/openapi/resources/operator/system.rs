//! The process itself, for whoever runs Floopy.

use utoipa::ToSchema;

use super::{super::super::Routes, operation};
use crate::rest::operator::reload;

/// What came of reading the configuration again.
#[derive(ToSchema)]
struct Reload {
    object: String,
    /// Keys that changed and are in force now, such as `tenants[acme].plan`.
    applied: Vec<String>,
    /// Keys that changed and are in force with the next start.
    needs_restart: Vec<String>,
}

pub(super) fn routes() -> Routes {
    Routes::of("System").post(
        "/v1/operator/reload",
        reload::reload,
        operation("reloadConfiguration", "Read the configuration again")
            .says(
                "All of it is checked first: one that cannot be used is refused with 400 \
                `invalid_configuration`, and what was in force stays. A process that has no file answers 501.",
            )
            .answers::<Reload>(200, "What changed.")
            .refuses(501),
    )
}
