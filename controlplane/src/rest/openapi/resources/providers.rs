//! `/v1/providers` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation, parts::Deleted};
use crate::rest::providers;

/// A credential as it is set: `api_key`, or `access_key_id` with `secret_access_key`, or `service_account`. It replaces the
/// one before as a whole.
#[derive(ToSchema)]
struct CredentialInput {
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
}

/// What a provider is shown in this organisation's calls. Its secrets are never told.
#[derive(ToSchema)]
struct ProviderCredential {
    /// The provider's name.
    #[schema(example = "openai")]
    id: String,
    #[schema(example = "provider_credential")]
    object: String,
    kind: CredentialKind,
    /// The last characters of the key, to know it by.
    hint: String,
    region: Option<String>,
    project: Option<String>,
    /// Set by the operator alone.
    base_url: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum CredentialKind {
    ApiKey,
    Aws,
    ServiceAccount,
}

pub(super) fn routes() -> Routes {
    let one = "/v1/providers/{name}";
    Routes::of("Providers")
        .get(
            "/v1/providers",
            providers::list,
            Operation::new("listProviderCredentials", "All provider credentials")
                .says("One page holds them all. Where there is none for a provider, the operator's are used.")
                .answers_page::<ProviderCredential>("The credentials, in the order of their providers."),
        )
        .get(
            one,
            providers::get,
            Operation::new("getProviderCredential", "One provider credential")
                .answers::<ProviderCredential>(200, "The credential, without its secrets."),
        )
        .put(
            one,
            providers::put,
            Operation::new("setProviderCredential", "Set a provider credential")
                .says("Calls of this organisation use it from about a second later, and calls of nobody else ever. At most \
                    100.")
                .takes::<CredentialInput>()
                .refuses(501)
                .answers::<ProviderCredential>(200, "The credential as it is now."),
        )
        .delete(
            one,
            providers::delete,
            Operation::new("deleteProviderCredential", "Delete a provider credential")
                .says("From about a second later the operator's are used again, if there are any.")
                .answers::<Deleted>(200, "It is gone."),
        )
}
