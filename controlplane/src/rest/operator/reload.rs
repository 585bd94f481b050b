//! `POST /v1/operator/reload`: the configuration is read again.

use axum::{Json, extract::State};
use floopy_shared::process::reload::{NotReloaded, Reloaded};
use serde_json::{Value, json};

use crate::rest::{Api, error::ApiError};

/// Puts what changed in force, or says why it is not, and leaves all as it was.
pub(crate) async fn reload(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let nobody = || ApiError::not_configured("this process does not read its configuration again");
    let reloads = api.reloads.get().ok_or_else(nobody)?;
    match reloads.ask().await {
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
