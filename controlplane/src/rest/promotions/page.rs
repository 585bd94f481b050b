//! `GET /v1/promotions`: a page of them, the newest first.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use super::{
    super::{
        Api,
        error::ApiError,
        query::{self, Pairs},
        reading,
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
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let pairs = pairs.read()?;
    let page = query::page(pairs)?;
    let before = api
        .cursor_key
        .begins((&tenant, LIST), page.cursor.as_deref())?;
    let before = before.map(|at| at.created_ms);
    let mut found = promotions::page(&mut conn, &tenant, (before, page.limit + 1)).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let next = found.last().filter(|_| has_more).map(|(seq, _)| {
        let position = Position::numbered(*seq);
        api.cursor_key.seal(&tenant, LIST, position)
    });
    let items: Vec<Value> = found.iter().map(|(_, found)| describe(found)).collect();
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}
