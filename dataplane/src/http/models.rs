//! `GET /v1/models`: what a caller can ask for here, in OpenAI's shape.

use std::sync::Arc;

use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    body::Body,
    respond::{Refusal, json_response},
};
use crate::{
    admit::{Permission, admit},
    gateway::Gateway,
    route::select::AUTO,
};

/// The models of configured providers that the tenant may use, and `auto` first.
pub(super) fn list(gateway: &Arc<Gateway>, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
    let admitted = admit(gateway.current.snapshot(), headers, Permission::Read)?;
    let mut data = vec![model(AUTO, "floopy")];
    let catalog = admitted.snapshot.catalog_of(&admitted.tenant.id);
    for listed in catalog.models() {
        let provider = listed.key.provider();
        let forbidden = admitted.tenant.constraints.forbids(&listed.key);
        if admitted.providers().get(provider).is_some() && forbidden.is_none() {
            data.push(model(listed.key.as_str(), provider));
        }
    }
    Ok(json_response(
        StatusCode::OK,
        &json!({"object": "list", "data": data}),
    ))
}

fn model(id: &str, owner: &str) -> Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": owner})
}
