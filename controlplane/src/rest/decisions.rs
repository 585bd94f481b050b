//! `GET /v1/decisions`, `GET /v1/decisions/summaries` and `GET /v1/decisions/{request_id}`.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, TenantId},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Api, benchmark,
    error::{ApiError, brief},
    explain::{self, Locale},
    labels,
    query::{self, Pairs},
    reader, view,
};
use crate::store::{StoreError, list::Position};

/// One decision with everything that explains it.
pub(super) async fn get(
    State(api): State<Api>,
    uri: Uri,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let tenant = reader(&api, &headers).await?;
    // What is not even text is shown as it was sent.
    let sent = || uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let request_id = path.map_or_else(|_| sent(), |Path(request_id)| request_id);
    let request =
        strict_id(&request_id).ok_or_else(|| ApiError::invalid_request_id(&request_id))?;
    let found = api.log.get(&tenant, request).await?;
    let decision = found.ok_or_else(|| ApiError::not_found("no such decision"))?;
    let locale = explain::locale(&headers);
    let mut items = describe(&api, &tenant, &[decision], locale).await?;
    let body = items.pop().ok_or_else(ApiError::internal)?;
    Ok(([(header::CONTENT_LANGUAGE, locale.tag())], Json(body)).into_response())
}

/// Exactly the hyphenated form of a version 4 UUID.
pub(super) fn strict_id(text: &str) -> Option<RequestId> {
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
    (id.get_version_num() == 4).then_some(RequestId(id))
}

/// A page of decisions, newest first.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let page = Found::read(&api, &headers, pairs).await?;
    let locale = explain::locale(&headers);
    let items = describe(&api, &page.tenant, &page.decisions, locale).await?;
    let body = page.told(&items);
    Ok(([(header::CONTENT_LANGUAGE, locale.tag())], Json(body)).into_response())
}

/// The same page with what a row of a table shows, for whoever asks again and again.
pub(super) async fn summaries(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let page = Found::read(&api, &headers, pairs).await?;
    let labels = labels::of(&api.store, &page.tenant, &page.decisions).await?;
    let items = page.decisions.iter().zip(&labels);
    let items: Vec<Value> = items
        .map(|(decision, of)| view::brief(decision, of))
        .collect();
    Ok(Json(page.told(&items)))
}

/// A page of decisions as it was found.
struct Found {
    tenant: TenantId,
    decisions: Vec<Decision>,
    /// Where the next page begins; `None`: this is the last one.
    next: Option<String>,
}

impl Found {
    async fn read(api: &Api, headers: &HeaderMap, pairs: Pairs) -> Result<Self, ApiError> {
        let tenant = reader(api, headers).await?;
        let pairs = pairs.read()?;
        let query = query::parse(pairs, api.clock.now_ms(), api.retention_ms)?;
        let after = match &query.cursor {
            None => None,
            Some(cursor) => Some(
                api.cursor_key
                    .open(&tenant, &query.fingerprint, cursor)
                    .ok_or_else(|| {
                        let cursor = brief(cursor);
                        let message = format!("cursor {cursor:?} is not one of this query");
                        ApiError::invalid_query("cursor", message)
                    })?,
            ),
        };
        let page = api.log.page(&tenant, &query.filter, after, query.limit + 1);
        let mut decisions = page.await?;
        let has_more = decisions.len() > query.limit as usize;
        decisions.truncate(query.limit as usize);
        let last = decisions.last().filter(|_| has_more);
        let next = last.map(|last| seal(api, &tenant, &query.fingerprint, last));
        Ok(Self {
            tenant,
            decisions,
            next,
        })
    }

    fn told(&self, items: &[Value]) -> Value {
        json!({"items": items, "next_cursor": self.next, "has_more": self.next.is_some()})
    }
}

fn seal(api: &Api, tenant: &TenantId, fingerprint: &str, last: &Decision) -> String {
    let position = Position {
        created_ms: last.created_at_ms,
        request: last.request_id,
    };
    api.cursor_key.seal(tenant, fingerprint, position)
}

async fn describe(
    api: &Api,
    tenant: &TenantId,
    decisions: &[Decision],
    locale: Locale,
) -> Result<Vec<Value>, StoreError> {
    let labels = labels::of(&api.store, tenant, decisions).await?;
    let tables = api.index.current();
    let described = decisions.iter().zip(&labels).map(|(decision, labels)| {
        let mut body = view::decision(decision, labels, locale);
        body["benchmark_source"] = json!(benchmark::source(&tables, decision));
        body
    });
    Ok(described.collect())
}
