//! Providers' credentials, of everybody and of each tenant, in the operator's document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::operation;
use crate::rest::{
    openapi::{Routes, parts::Deleted},
    operator::providers,
};

/// A credential as it is set: `api_key`, or `access_key_id` with `secret_access_key`, or `service_account`. It replaces the
/// one before as a whole.
#[derive(ToSchema)]
struct OperatorCredentialInput {
    /// Visible ASCII.
    #[schema(min_length = 8, max_length = 4096, pattern = "^[!-~]+$")]
    api_key: Option<String>,
    /// Of AWS, for `bedrock`.
    #[schema(min_length = 8, max_length = 4096, pattern = "^[!-~]+$")]
    access_key_id: Option<String>,
    #[schema(min_length = 8, max_length = 4096, pattern = "^[!-~]+$")]
    secret_access_key: Option<String>,
    /// Of AWS credentials that end.
    #[schema(min_length = 8, max_length = 4096, pattern = "^[!-~]+$")]
    session_token: Option<String>,
    /// The text of the JSON file of a Google service account, for `vertex`.
    #[schema(max_length = 16384)]
    service_account: Option<String>,
    /// Of `bedrock` and `vertex`, which need one.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9-]+$")]
    region: Option<String>,
    /// Of `vertex`; unsaid, the one of the service account.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9:.-]+$")]
    project: Option<String>,
    /// Where the provider is, in place of where it is known or configured to be.
    #[schema(max_length = 2048)]
    base_url: Option<String>,
}

/// What a provider is shown in calls. Its secrets are never told.
#[derive(ToSchema)]
struct OperatorCredential {
    /// The provider's name.
    #[schema(example = "openai")]
    id: String,
    object: String,
    kind: OperatorCredentialKind,
    /// The last characters of the key, to know it by.
    hint: String,
    region: Option<String>,
    project: Option<String>,
    base_url: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Null: everybody's.
    tenant: Option<String>,
    /// The key that sealed it.
    key_id: String,
    /// Grows with every change.
    revision: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum OperatorCredentialKind {
    ApiKey,
    Aws,
    ServiceAccount,
}

/// A key that seals credentials.
#[derive(ToSchema)]
struct CredentialsKey {
    id: String,
    object: String,
    /// Whether the control plane has it.
    configured: bool,
    /// Whether it seals what is set from now on.
    newest: bool,
    /// That it has sealed.
    credentials: u64,
}

/// What sealing everything anew came to.
#[derive(ToSchema)]
struct Rotation {
    object: String,
    /// The key that seals now.
    key_id: String,
    total: u64,
    resealed: u64,
    failed: Vec<NotResealed>,
}

/// Stays sealed as it was.
#[derive(ToSchema)]
struct NotResealed {
    tenant: Option<String>,
    provider: String,
    reason: String,
}

fn everybodys() -> Routes {
    let one = "/v1/operator/providers/{name}";
    Routes::of("Providers")
        .get(
            "/v1/operator/providers",
            providers::list,
            operation("listSharedCredentials", "Everybody's credentials")
                .answers_page::<OperatorCredential>(
                    "The credentials, in the order of their providers.",
                ),
        )
        .put(
            one,
            providers::put,
            operation("setSharedCredential", "Set a credential for everybody")
                .says("Calls of tenants without one of their own use it from about a second later.")
                .takes::<OperatorCredentialInput>()
                .refuses(501)
                .answers::<OperatorCredential>(200, "The credential as it is now."),
        )
        .delete(
            one,
            providers::delete,
            operation("deleteSharedCredential", "Delete a credential of everybody")
                .answers::<Deleted>(200, "It is gone."),
        )
}

fn of_tenants() -> Routes {
    let one = "/v1/operator/tenants/{id}/providers/{name}";
    Routes::of("Providers")
        .get(
            "/v1/operator/tenants/{id}/providers",
            providers::list_of,
            operation("listTenantCredentials", "A tenant's credentials")
                .answers_page::<OperatorCredential>(
                    "The credentials, in the order of their providers.",
                ),
        )
        .put(
            one,
            providers::put_of,
            operation("setTenantCredential", "Set a credential of a tenant")
                .takes::<OperatorCredentialInput>()
                .refuses(501)
                .answers::<OperatorCredential>(200, "The credential as it is now."),
        )
        .delete(
            one,
            providers::delete_of,
            operation("deleteTenantCredential", "Delete a credential of a tenant")
                .answers::<Deleted>(200, "It is gone."),
        )
}

fn keys() -> Routes {
    Routes::of("Providers")
        .get(
            "/v1/operator/credentials",
            providers::keys,
            operation("listCredentialsKeys", "The keys that seal credentials")
                .answers_page::<CredentialsKey>("The keys, the newest first."),
        )
        .post(
            "/v1/operator/credentials/rotate",
            providers::rotate,
            operation("rotateCredentials", "Seal everything with the newest key")
                .refuses(501)
                .answers::<Rotation>(200, "What was sealed anew, and what could not be opened."),
        )
}

pub(super) fn routes() -> Routes {
    everybodys().and(of_tenants()).and(keys())
}
