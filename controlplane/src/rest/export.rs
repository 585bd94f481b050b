//! `GET /v1/export/decisions`: a tenant's decisions as lines, oldest first, each naming the hash of the line
//! before it, with a signed trailer at the end; and the public key for it.
//!
//! A page at a time is read, rendered and sent, and the next one only once the connection asks for it, so that
//! memory does not grow with the export and no transaction outlives a page.

mod cursor;
mod key;
mod query;
mod segment;
mod slots;
mod stream;
#[cfg(test)]
mod tests;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

pub(crate) use self::slots::Exports;
use self::{
    cursor::Resume,
    query::ExportQuery,
    segment::Segment,
    stream::{Export, Source},
};
use super::{Api, error::ApiError, explain, query::Pairs, reader};
use crate::store::export::Place;

/// Tells that a row was decided with what other tenants pooled; the trailer is authoritative.
const NOTICE: (&str, &str) = (
    "floopy-aggregation-notice",
    "contains-shared-pool-influenced-decisions",
);

/// Starts an export.
pub(super) async fn decisions(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let tenant = reader(&api, &headers).await?;
    let pairs = pairs.read()?;
    let query = query::parse(pairs, &tenant)?;
    let cursor = query.cursor.as_deref();
    let resume = cursor.map(|cursor| Resume::open(&api, &query, cursor));
    let resume = resume.transpose()?;
    let goes_on = resume.is_some();
    let now_ms = api.clock.now_ms();
    let slot = api.exports.enter(&tenant, now_ms, goes_on)?;
    if !goes_on {
        check_rows(&api, &query).await?;
    }
    let resume = match resume {
        Some(resume) => resume,
        None => Resume::at(Place::Settled {
            newest: api.log.newest(&query.span).await?,
            after: None,
        }),
    };
    let locale = explain::locale(&headers);
    let source = Source {
        store: api.store.clone(),
        log: api.log.clone(),
        span: query.span.clone(),
        locale,
    };
    let segment = Segment::after(resume.last_sha256);
    let export = Export::new(source, resume.place, segment, (&api, query, slot));
    let (begun, export) = export.begin(goes_on).await?;
    let mut response = Body::from_stream(export.stream(begun.bytes)).into_response();
    let answered = response.headers_mut();
    answered.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    answered.insert(
        header::CONTENT_LANGUAGE,
        HeaderValue::from_static(locale.tag()),
    );
    if begun.is_aggregated {
        answered.insert(NOTICE.0, HeaderValue::from_static(NOTICE.1));
    }
    Ok(response)
}

async fn check_rows(api: &Api, query: &ExportQuery) -> Result<(), ApiError> {
    let most = api.exports.config().max_rows;
    let found = api.log.count(&query.span, most.saturating_add(1)).await?;
    if found > most {
        return Err(ApiError::too_many_rows(most));
    }
    Ok(())
}

/// The key that exports are signed with.
pub(super) async fn public_key(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    reader(&api, &headers).await?;
    let key = api.exports.key();
    let body = json!({
        "algorithm": "ed25519",
        "key_id": key.id(),
        "public_key": key.public_hex(),
        "public_key_pem": key.public_pem(),
    });
    Ok(Json(body).into_response())
}
