//! Models and what they cost, by the catalog that the caller's tenant has.

use std::sync::Arc;

use floopy_shared::domain::{
    catalog::{CatalogModel, ModelKind},
    money::Usage,
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::tools::{Capability, Estimated, Listed};
use crate::{
    admit::{Permission, admit},
    call::BYTES_PER_TOKEN,
    gateway::Gateway,
    http::{models::askable, respond::Refusal},
};

const MICRO: f64 = 1e6;

/// The models that the tenant may ask.
pub(super) fn list(
    gateway: &Gateway,
    headers: &HeaderMap,
    asked: &Listed,
) -> Result<Value, Refusal> {
    let admitted = admit(gateway.current.snapshot(), headers, Permission::Read)?;
    let is_wanted = |model: &CatalogModel| {
        let provider = asked.provider.as_deref();
        provider.is_none_or(|provider| model.key.provider() == provider)
            && asked.capability.is_none_or(|can| has(model, can))
    };
    let models: Vec<Value> = askable(&admitted)
        .filter(|model| is_wanted(model))
        .map(|model| describe(model))
        .collect();
    Ok(json!({"models": models}))
}

fn has(model: &CatalogModel, capability: Capability) -> bool {
    match capability {
        Capability::Chat => model.kind == ModelKind::Chat,
        Capability::Embeddings => model.kind == ModelKind::Embedding,
        Capability::Tools => model.kind == ModelKind::Chat && model.tools,
        Capability::Vision => model.kind == ModelKind::Chat && model.vision,
        Capability::JsonSchema => model.kind == ModelKind::Chat && model.json_schema,
    }
}

fn describe(model: &CatalogModel) -> Value {
    let capabilities: Vec<&str> = Capability::ALL
        .into_iter()
        .filter(|capability| has(model, *capability))
        .map(Capability::as_str)
        .collect();
    let prices = model.prices;
    json!({
        "id": model.key.as_str(),
        "provider": model.key.provider(),
        "capabilities": capabilities,
        "context_window": model.context_tokens,
        "cost_per_million_input_tokens": prices.map(|p| usd(p.input_micro_usd_per_mtok)),
        "cost_per_million_output_tokens": prices.map(|p| usd(p.output_micro_usd_per_mtok)),
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "prices are far below 2^52 micro-USD"
)]
fn usd(micro_usd: u64) -> f64 {
    micro_usd as f64 / MICRO
}

/// What a call would cost.
pub(super) fn estimate(
    gateway: &Gateway,
    headers: &HeaderMap,
    asked: &Estimated,
) -> Result<Value, Refusal> {
    let admitted = admit(gateway.current.snapshot(), headers, Permission::Read)?;
    let refuse = |field: &str, message: String| {
        let message = format!("arguments.{field}: {message}");
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message).about(Some(field))
    };
    let is_it = |model: &&Arc<CatalogModel>| {
        model.key.as_str() == asked.model || model.key.model() == asked.model
    };
    let model = askable(&admitted).find(is_it);
    let model = model.ok_or_else(|| refuse("model", format!("{:?} is not listed", asked.model)))?;
    let input = match (asked.input_tokens, &asked.text) {
        (Some(tokens), None) => tokens,
        (None, Some(text)) => (text.len() as u64).div_ceil(BYTES_PER_TOKEN),
        (Some(_), Some(_)) | (None, None) => {
            let message = "either this or text must be there".to_owned();
            return Err(refuse("input_tokens", message));
        }
    };
    let usage = Usage {
        input,
        cached_input: 0,
        output: asked.output_tokens,
    };
    let cost = model.prices.map(|prices| prices.cost_micro_usd(usage));
    let key = &model.key;
    let cost = cost.ok_or_else(|| refuse("model", format!("the price of {key} is not known")))?;
    Ok(json!({
        "provider": key.provider(), "model": key.model(), "input_tokens": input,
        "output_tokens": asked.output_tokens, "is_estimated": asked.text.is_some(),
        "cost_micro_usd": cost, "cost_usd": usd(cost),
    }))
}
