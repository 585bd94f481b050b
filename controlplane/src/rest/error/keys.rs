//! What is wrong with who asks.

use axum::http::StatusCode;

use super::ApiError;
use crate::role::Role;

impl ApiError {
    pub(crate) fn missing_key() -> Self {
        let message = "no API key; send it as: Authorization: Bearer <key>";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid_api_key",
            message,
        )
    }

    pub(crate) fn unknown_key() -> Self {
        let message = "this API key is not known";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid_api_key",
            message,
        )
    }

    /// The key may not do this: `what` is `read` or `write`.
    pub(crate) fn no_permission(what: &'static str) -> Self {
        let code = if what == "read" {
            "read_permission"
        } else {
            "write_permission"
        };
        let message = format!("this API key may not {what}");
        Self::new(StatusCode::FORBIDDEN, "permission_error", code, message)
    }

    /// No account has this address and this password: which of both is wrong is not told.
    pub(crate) fn wrong_password() -> Self {
        let message = "this e-mail address and this password do not belong together";
        let kind = "authentication_error";
        Self::new(StatusCode::UNAUTHORIZED, kind, "wrong_password", message)
    }

    /// A key came where only somebody who is signed in has anything to do.
    pub(crate) fn sign_in_required() -> Self {
        let message = "only whoever is signed in to the dashboard has a password to change";
        let kind = "authentication_error";
        Self::new(StatusCode::UNAUTHORIZED, kind, "sign_in_required", message)
    }

    /// Sign-in was tried too often.
    pub(crate) fn too_many_attempts(seconds: u64) -> Self {
        let message = format!("sign-in was tried too often; try again in {seconds} seconds");
        let kind = "rate_limit_error";
        let error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            kind,
            "too_many_attempts",
            message,
        );
        Self {
            retry_after: Some(seconds),
            ..error
        }
    }

    /// A change came with a cookie, and not from our own pages.
    pub(crate) fn forged() -> Self {
        let message =
            "changes by cookie need the header x-floopy-dashboard, from the dashboard's own pages";
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "csrf_refused",
            message,
        )
    }

    /// The key's role does not suffice.
    pub(crate) fn role_required(needed: Role, held: Role) -> Self {
        let (needed, held) = (needed.as_str(), held.as_str());
        let message = format!("this needs the role {needed}; this API key has the role {held}");
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "role_required",
            message,
        )
    }

    /// A tenant's key came where the operator's is asked for.
    pub(crate) fn operator_required() -> Self {
        let message = "this needs the operator's key; this API key is of a tenant";
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "operator_required",
            message,
        )
    }

    /// The operator's key came where a tenant's is asked for.
    pub(crate) fn tenant_key_required() -> Self {
        let message =
            "this is the operator's key; this endpoint needs an API key of the tenant it is about";
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "tenant_key_required",
            message,
        )
    }

    /// The operator switched the tenant off.
    pub(crate) fn tenant_disabled() -> Self {
        let message = "the tenant of this API key is disabled; ask whoever runs this Floopy";
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "tenant_disabled",
            message,
        )
    }

    /// The key is held to something, and what it asks to change is everybody's.
    pub(crate) fn scoped_key() -> Self {
        let message = "this API key is held to a project, an environment, a rate or a rule; a change for the whole \
            organisation needs a key that is not";
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "write_permission",
            message,
        )
    }
}
