//! `POST /v1/routing/replay`: a recorded decision again, under other constraints. Nothing is changed by asking.

mod answer;
mod question;

use axum::{
    Json,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::HeaderMap,
    routing::{MethodRouter, post},
};
use floopy_shared::domain::{
    catalog::Catalog,
    ids::TenantId,
    ranking::Rankings,
    route::replay::{Present, Recorded},
    snapshot::{TableBody, TableName, Tenant},
};
use serde_json::Value;
use std::sync::Arc;

use self::question::Question;
use super::{Api, error::ApiError, writer};
use crate::{index::tables::Tables, store::StoreError};

/// Of a question.
const MAX_BODY_BYTES: usize = 64 << 10;

pub(super) fn route() -> MethodRouter<Api> {
    post(replay).layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// Decides again what a record tells of.
async fn replay(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let holder = writer(&mut conn, &headers).await?;
    if !holder.read {
        return Err(ApiError::no_permission("read"));
    }
    let id = holder.tenant;
    let body = body.map_err(|_| ApiError::body_too_large(MAX_BODY_BYTES))?;
    let now = Now::of(&api.index.current(), &id);
    let question = question::read(&body, &now.catalog, &now.tenant)?;
    drop(conn);
    let found = api.log.get(&id, question.request).await?;
    let decision = found.ok_or_else(|| ApiError::not_found("no such decision"))?;
    if let Some(served) = decision.shadow_of {
        let message = format!(
            "request_id is that of a copy that was sent to learn; replay {served}, which it shadowed"
        );
        return Err(ApiError::invalid_query("request_id", message));
    }
    let present = now.present(&question);
    let recorded = Recorded::new(&decision, present);
    Ok(Json(answer::answer(&decision, &question, recorded)))
}

/// What the tables say of a tenant now.
struct Now {
    catalog: Arc<Catalog>,
    tenant: Arc<Tenant>,
    rankings: Option<Arc<Rankings>>,
}

impl Now {
    fn of(tables: &Tables, id: &TenantId) -> Self {
        let body = |name: &TableName| tables.get(name).map(|entry| entry.body.clone());
        let tenant = match body(&TableName::Tenant(id.clone())) {
            Some(TableBody::Tenant(tenant)) => tenant,
            Some(
                TableBody::Catalog(_)
                | TableBody::Rankings(_)
                | TableBody::Prompts(_)
                | TableBody::Credential(_),
            )
            | None => Arc::new(Tenant::new(id.clone())),
        };
        let rankings = match body(&TableName::Ranking(id.clone())) {
            Some(TableBody::Rankings(rankings)) => Some(rankings),
            Some(
                TableBody::Catalog(_)
                | TableBody::Tenant(_)
                | TableBody::Prompts(_)
                | TableBody::Credential(_),
            )
            | None => None,
        };
        let everybody = match body(&TableName::Catalog) {
            Some(TableBody::Catalog(catalog)) => catalog,
            Some(
                TableBody::Tenant(_)
                | TableBody::Rankings(_)
                | TableBody::Prompts(_)
                | TableBody::Credential(_),
            )
            | None => Arc::default(),
        };
        // What was published has no duplicates.
        let own = everybody.with_own(&tenant.models).map(Arc::new);
        Self {
            catalog: own.unwrap_or(everybody),
            tenant,
            rankings,
        }
    }

    fn present<'a>(&'a self, question: &'a Question) -> Present<'a> {
        Present {
            catalog: &self.catalog,
            rankings: self.rankings.as_deref(),
            routing: &self.tenant.routing,
            default_model: question.default_model.as_ref(),
            floor: self.tenant.constraints.min_quality.map(|m| m.floor),
        }
    }
}
