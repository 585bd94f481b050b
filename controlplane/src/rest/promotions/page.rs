//! `GET /v1/promotions`: a page of them, the newest first.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
};
use floopy_shared::domain::ids::RequestId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{
        Api,
        error::{ApiError, brief},
        query, reading,
    },
    describe,
};
use crate::store::{list::Position, promotions};

/// What a cursor of this list is bound to besides the tenant.
const LIST: &str = "promotions";

/// A page of promotions.
pub(in super::super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let Query(pairs) = pairs.map_err(|e| ApiError::invalid_query("query", e.to_string()))?;
    let page = query::page(pairs)?;
    let open = |cursor: &String| {
        let position = api.cursor_key.open(&tenant, LIST, cursor);
        position.map(|at| at.created_ms).ok_or_else(|| {
            let message = format!("cursor {:?} is not one of this list", brief(cursor));
            ApiError::invalid_query("cursor", message)
        })
    };
    let before = page.cursor.as_ref().map(open).transpose()?;
    let mut found = promotions::page(&mut conn, &tenant, (before, page.limit + 1)).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let next = found.last().filter(|_| has_more).map(|(seq, _)| {
        // Its number is its place; there is no request of its own.
        let position = Position {
            created_ms: *seq,
            request: RequestId(Uuid::nil()),
        };
        api.cursor_key.seal(&tenant, LIST, position)
    });
    let items: Vec<Value> = found.iter().map(|(_, found)| describe(found)).collect();
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}
