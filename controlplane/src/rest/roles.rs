//! Which role each change needs, in one table, checked before a change is looked at.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method};

use super::{Api, error::ApiError, holder};
use crate::{role::Role, store::StoreError};

/// What changes need that are made by this method (`None`: any) at this path or below it; the first that fits. What is
/// not here is a setting of the tenant, and an administrator's.
const CHANGES: [(Option<Method>, &str, Role); 8] = [
    // It asks, and changes nothing.
    (None, "/v1/routing/replay", Role::Member),
    (None, "/v1/prompts", Role::Member),
    (None, "/v1/datasets", Role::Member),
    (None, "/v1/evaluations", Role::Member),
    // A call, as the proxy takes it.
    (None, "/dashboard/chat", Role::Member),
    // Whoever came in may leave.
    (None, "/dashboard/session", Role::ReadOnly),
    // One's own.
    (None, "/dashboard/password", Role::ReadOnly),
    // What was said does not come back.
    (Some(Method::DELETE), "/v1/session", Role::Owner),
];
const ELSE: Role = Role::Admin;

/// The role that a request needs.
pub(super) fn needed(method: &Method, path: &str) -> Role {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Role::ReadOnly;
    }
    let is_at = |prefix: &str| {
        let below = path.strip_prefix(prefix);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    let fits = |(by, prefix, _): &&(Option<Method>, &str, Role)| {
        by.as_ref().is_none_or(|by| by == method) && is_at(prefix)
    };
    CHANGES.iter().find(fits).map_or(ELSE, |(.., role)| *role)
}

/// Lets a request through if the role of its key suffices. Keys that are not known are refused by whoever
/// answers.
pub(super) async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    let needed = needed(request.method(), request.uri().path());
    if needed > Role::ReadOnly
        && let Err(refused) = has(&api, request.headers(), needed).await
    {
        return refused.into_response();
    }
    next.run(request).await
}

async fn has(api: &Api, headers: &HeaderMap, needed: Role) -> Result<(), ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    match holder(&mut conn, headers).await {
        Ok(holder) if !holder.write => Err(ApiError::no_permission("write")),
        // What a key that is held to anything may not change is said of it by whoever answers.
        Ok(holder) if !holder.is_scoped && holder.role < needed => {
            Err(ApiError::role_required(needed, holder.role))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}
