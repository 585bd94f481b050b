//! `/v1/promotions/pins`: who serves a kind of task whatever is learned.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use floopy_shared::domain::{
    catalog::ModelKind,
    ids::CandidateKey,
    shape::{ROOT, ShapeKey},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{
        Api,
        body::{self, JsonObject},
        error::{ApiError, brief},
        reading,
        settings::{Editing, whole_list, with_times},
    },
    named,
};
use crate::{
    settings::promotions::WrittenPin,
    store::{
        StoreError,
        settings::{self, Document, Kind},
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `None`: every shape that has no pin of its own.
    task_shape: Option<String>,
    /// `None`: the tenant's default model.
    model: Option<String>,
}

fn describe(document: &Document) -> Result<Value, StoreError> {
    let pin = WrittenPin::read(document)?;
    let model = CandidateKey::parse(&pin.model);
    let model = model.map_err(|e| StoreError::corrupt("pin", e))?;
    let fields = json!({
        "object": "pin", "task_shape": document.id, "model": named(&model), "by": pin.by,
    });
    Ok(with_times(fields, document))
}

/// All of them.
pub(in super::super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let found = settings::list(&mut conn, &tenant, Kind::Pin).await?;
    let items: Result<Vec<Value>, StoreError> = found.iter().map(describe).collect();
    Ok(Json(whole_list(items?)))
}

/// Pins a model in place of whoever was pinned. It serves from about a second later.
pub(in super::super) async fn pin(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let asked: Asked = body::read(Value::Object(fields), "")?;
    let shape = asked.task_shape.as_deref().unwrap_or(ROOT);
    let shape = ShapeKey::named(shape).ok_or_else(|| {
        let message = format!("task_shape is {:?}, which is none", brief(shape));
        ApiError::invalid_body("task_shape", message)
    })?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let model = model(&mut editing, asked.model).await?;
    let tenant = editing.tenant();
    let place = (&tenant, Kind::Pin);
    let before = settings::get(&mut editing.tx, place, shape.as_str()).await?;
    let body = json!(WrittenPin {
        model: model.to_string(),
        by: editing.holder.actor(),
    });
    let place = (shape.as_str(), before.as_ref());
    let document = editing.replace(Kind::Pin, place, &body).await?;
    editing.commit().await?;
    Ok(Json(describe(&document)?))
}

/// A chat model of the catalog that the tenant allows.
async fn model(editing: &mut Editing<'_>, asked: Option<String>) -> Result<CandidateKey, ApiError> {
    let tenant = editing.current().await?;
    let refused = |message: String| ApiError::invalid_body("model", message);
    let key = match asked {
        Some(name) => CandidateKey::parse(&name)
            .map_err(|e| refused(format!("model is {:?}: {e}", brief(&name))))?,
        None => tenant
            .default_model
            .clone()
            .ok_or_else(|| refused("model is missing, and there is no default model".to_owned()))?,
    };
    let catalog = editing.catalog();
    let mut models = catalog.models().iter();
    if !models.any(|known| known.key == key && known.kind == ModelKind::Chat) {
        return Err(refused(format!(
            "model is {key}, which is no chat model of the catalog"
        )));
    }
    if tenant.constraints.forbids(&key).is_some() {
        return Err(refused(format!(
            "model is {key}, which the routing constraints forbid"
        )));
    }
    Ok(key)
}

/// Takes a pin away.
pub(in super::super) async fn unpin(
    State(api): State<Api>,
    Path(shape): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let found = settings::get(&mut editing.tx, (&tenant, Kind::Pin), &shape).await?;
    let document = found.ok_or_else(|| ApiError::not_found("no such pin"))?;
    editing.delete(Kind::Pin, &document).await?;
    editing.commit().await?;
    Ok(Json(
        json!({"task_shape": shape, "object": "pin", "deleted": true}),
    ))
}
