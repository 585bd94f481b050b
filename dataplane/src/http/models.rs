//! `GET /v1/models`: what a caller can ask for here, in OpenAI's shape.

use std::sync::Arc;

use floopy_shared::domain::catalog::CatalogModel;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    body::Body,
    respond::{Refusal, json_response},
};
use crate::{
    admit::{Admitted, Permission, admit},
    gateway::Gateway,
    route::select::AUTO,
};

/// The models of configured providers that the tenant may use, and `auto` first.
pub(super) fn list(gateway: &Arc<Gateway>, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
    let admitted = admit(gateway.current.snapshot(), headers, Permission::Read)?;
    let mut data = vec![model(AUTO, "floopy")];
    let listed = askable(&admitted);
    data.extend(listed.map(|listed| model(listed.key.as_str(), listed.key.provider())));
    Ok(json_response(
        StatusCode::OK,
        &json!({"object": "list", "data": data}),
    ))
}

/// The models of the catalog that the tenant may ask, of providers that are configured.
pub(super) fn askable(admitted: &Admitted) -> impl Iterator<Item = &Arc<CatalogModel>> {
    let catalog = admitted.snapshot.catalog_of(&admitted.tenant.id);
    catalog.models().iter().filter(|listed| {
        let has_provider = admitted.providers().get(listed.key.provider()).is_some();
        has_provider && admitted.tenant.constraints.forbids(&listed.key).is_none()
    })
}

fn model(id: &str, owner: &str) -> Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": owner})
}
