//! `/v1/keys` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation, parts::Deleted};
use crate::rest::keys;

/// A key as it is asked for. It can do no more than the key that asks.
#[derive(ToSchema)]
pub(super) struct KeyInput {
    /// Spaces around it are taken off.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S", example = "ci")]
    name: String,
    /// May `GET`. One of the two permissions must be true.
    #[schema(required = false, default = true)]
    read_permission: bool,
    /// May do everything else; true unless told, or where the role is `read_only`.
    write_permission: Option<bool>,
    /// What it may change. Unless told: what the permissions and what it is held to come to, and no more than the asking
    /// key's.
    role: Option<RoleName>,
    /// All its calls are counted for this project, whatever they name.
    project_id: Option<String>,
    /// Its calls are counted for this project where they name none; not together with `project_id`.
    default_project_id: Option<String>,
    /// All its calls are counted for this environment.
    environment: Option<Environment>,
    /// Calls of this key in any minute; null: only the plan and the constraints limit it.
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    requests_per_minute: Option<u32>,
    /// The routing rule that its calls follow where they name none.
    routing_rule_id: Option<String>,
}

/// From all of the tenant's settings down to none.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum RoleName {
    Owner,
    Admin,
    Member,
    ReadOnly,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Environment {
    Development,
    Staging,
    Production,
    Other,
}

/// A key without its secret.
#[derive(ToSchema)]
pub(super) struct Key {
    id: String,
    name: String,
    /// The last characters of the key, to know it by; empty where they are not known.
    hint: String,
    role: RoleName,
    read_permission: bool,
    write_permission: bool,
    project_id: Option<String>,
    default_project_id: Option<String>,
    environment: Option<Environment>,
    requests_per_minute: Option<u32>,
    routing_rule_id: Option<String>,
    source: Source,
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// The key itself: told when it is made, and never again. Null where the answer is given again for an
    /// `Idempotency-Key`.
    #[schema(nullable = false)]
    key: Option<MadeSecret>,
}

/// Told once.
#[derive(ToSchema)]
pub(super) struct MadeSecret(Option<String>);

/// Keys of the configuration are changed there.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Source {
    Configuration,
    Api,
}

pub(super) fn routes() -> Routes {
    Routes::of("Keys")
        .get(
            "/v1/keys",
            keys::list,
            Operation::new("listKeys", "All keys")
                .says("One page holds them all. No key is readable.")
                .answers_page::<Key>("The keys."),
        )
        .post(
            "/v1/keys",
            keys::create,
            Operation::new("createKey", "Make a key")
                .says("Proxies take it about a second later. At most 1,000 keys.")
                .takes::<KeyInput>()
                .answers::<Key>(201, "The key, with its secret in `key`."),
        )
        .delete(
            "/v1/keys/{id}",
            keys::revoke,
            Operation::new("revokeKey", "End a key")
                .says("No proxy takes it from about a second later. The last key that can make others stays, and so do \
                    keys of the configuration (400).")
                .answers::<Deleted>(200, "It is gone."),
        )
}
