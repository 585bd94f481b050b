//! `POST /v1/operator/reload`: the configuration is read again; `GET /v1/operator/configuration`: the one in force.

use axum::{Json, extract::State};
use floopy_shared::process::reload::{NotReloaded, Reloaded, Reloads};
use serde_json::{Value, json};

use crate::rest::{Api, error::ApiError};

/// Puts what changed in force, or says why it is not, and leaves all as it was.
pub(crate) async fn reload(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    match reloads(&api)?.ask().await {
        Ok(Reloaded {
            applied,
            needs_restart,
        }) => Ok(Json(json!({
            "object": "reload",
            "applied": applied,
            "needs_restart": needs_restart,
        }))),
        Err(NotReloaded::Refused(message)) => Err(ApiError::invalid_configuration(message)),
        Err(NotReloaded::Nobody) => Err(nobody()),
    }
}

/// The configuration as it was read last, and what of it is not in force yet. Secrets are not told.
pub(crate) async fn show(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let shown = reloads(&api)?.show().await.map_err(|_| nobody())?;
    Ok(Json(json!({
        "object": "configuration",
        "file": shown.file,
        "set": shown.set,
        "needs_restart": shown.needs_restart,
        "configuration": shown.configuration,
    })))
}

fn reloads(api: &Api) -> Result<&Reloads, ApiError> {
    api.reloads.get().ok_or_else(nobody)
}

fn nobody() -> ApiError {
    ApiError::not_configured("this process does not read its configuration again")
}
