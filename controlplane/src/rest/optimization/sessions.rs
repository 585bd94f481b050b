//! `GET /v1/sessions` and `GET /v1/optimization/sessions`: what each session cost and saved, how it was rated and how it
//! ended; or sums of them by what their callers said they belong to.

mod asked;
mod groups;

use std::collections::HashMap;

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::domain::{
    event::RatingScore,
    ids::{SessionId, TenantId},
};
use serde_json::{Value, json};

use self::asked::{Asked, By};
use super::super::{
    Api,
    error::{ApiError, brief},
    query::Pairs,
    reader,
    view::moment,
};
use crate::store::{
    StoreError,
    accounted::{
        During,
        sessions::{Apart, Asked as Question, Mark, Spent},
    },
    sessions as rated,
    units::Unit,
};

/// Sessions, or parts of them, that are looked at for sums.
const MOST_SUMMED: u32 = 200_000;
/// Sessions whose ratings are read at once.
const RATINGS_AT_ONCE: usize = 10_000;

/// A page of sessions, or sums of them.
pub(in super::super) async fn get(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let tenant = reader(&api, &headers).await?;
    let pairs = pairs.read()?;
    let asked = asked::parse(pairs)?;
    let (during, after) = begins(&api, &tenant, &asked)?;
    let mut body = match &asked.by {
        Some(by) => grouped(&api, (&asked, during), by).await?,
        None => {
            let mut body = page(&api, (&asked, during), after.as_ref()).await?;
            body["groups"] = json!([]);
            body["is_complete"] = json!(true);
            body
        }
    };
    body["window"] = json!(asked.window.0);
    body["from"] = json!(moment(during.from_ms));
    body["to"] = json!(moment(during.to_ms));
    Ok(Json(body))
}

/// A page of sessions of the last 31 days, the last active first.
pub(in super::super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let tenant = reader(&api, &headers).await?;
    let pairs = pairs.read()?;
    let asked = asked::parse_list(pairs)?;
    let (during, after) = begins(&api, &tenant, &asked)?;
    Ok(Json(page(&api, (&asked, during), after.as_ref()).await?))
}

/// Of which calls pages are, and where this one begins.
fn begins<'a>(
    api: &Api,
    tenant: &'a TenantId,
    asked: &Asked,
) -> Result<(During<'a>, Option<Mark>), ApiError> {
    let (to_ms, after) = match &asked.cursor {
        None => (api.clock.now_ms(), None),
        Some(cursor) => opened(api, (tenant, asked), cursor)?,
    };
    let during = During {
        tenant,
        from_ms: to_ms.saturating_sub(asked.window.1),
        to_ms,
    };
    Ok((during, after))
}

async fn page(
    api: &Api,
    (asked, during): (&Asked, During<'_>),
    after: Option<&Mark>,
) -> Result<Value, ApiError> {
    let question = Question {
        during,
        tags: &asked.tags,
        apart: Apart::Nothing,
        is_with_others: false,
        after,
        limit: asked.limit + 1,
    };
    let mut found = api.log.sessions(&question).await?;
    let has_more = found.len() > asked.limit as usize;
    found.truncate(asked.limit as usize);
    let ratings = ratings(api, during.tenant, &found).await?;
    let items: Vec<Value> = found
        .iter()
        .map(|spent| session(spent, ratings.get(&spent.session).copied()))
        .collect();
    let next = found.last().filter(|_| has_more);
    let next = next.map(|last| sealed(api, (during, asked), last));
    Ok(json!({"items": items, "next_cursor": next, "has_more": has_more}))
}

async fn grouped(
    api: &Api,
    (asked, during): (&Asked, During<'_>),
    by: &By,
) -> Result<Value, ApiError> {
    let question = Question {
        during,
        tags: &asked.tags,
        apart: by.apart(),
        is_with_others: true,
        after: None,
        limit: MOST_SUMMED + 1,
    };
    let mut found = api.log.sessions(&question).await?;
    let is_complete = found.len() <= MOST_SUMMED as usize;
    found.truncate(MOST_SUMMED as usize);
    let ratings = ratings(api, during.tenant, &found).await?;
    let groups = groups::told(by, &found, &ratings);
    Ok(json!({
        "items": [], "next_cursor": null, "has_more": false, "groups": groups, "is_complete": is_complete,
    }))
}

/// How sessions were rated, by their ids.
async fn ratings(
    api: &Api,
    tenant: &TenantId,
    found: &[Spent],
) -> Result<HashMap<String, RatingScore>, ApiError> {
    let ids = found
        .iter()
        .filter_map(|spent| SessionId::new(&spent.session).ok());
    let mut ids: Vec<SessionId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let mut ratings = HashMap::new();
    for ids in ids.chunks(RATINGS_AT_ONCE) {
        let units: Vec<String> = ids
            .iter()
            .map(|id| Unit::Session(id.clone()).key())
            .collect();
        let scores = rated::scores(&mut conn, tenant, &units).await?;
        let scored = ids.iter().zip(&units);
        ratings.extend(scored.filter_map(|(id, unit)| Some((id.to_string(), *scores.get(unit)?))));
    }
    Ok(ratings)
}

fn session(spent: &Spent, rating: Option<RatingScore>) -> Value {
    let mut body = sums(spent);
    body["session_id"] = json!(spent.session);
    body["first_request_at"] = json!(moment(spent.first_ms));
    body["last_request_at"] = json!(moment(spent.last_ms));
    body["rating"] = json!(rating.map(RatingScore::value));
    body["outcome"] = json!(outcome(spent, rating));
    body
}

/// The one word for how it went: what ended it by force before what was said of it.
fn outcome(spent: &Spent, rating: Option<RatingScore>) -> &'static str {
    if spent.capped > 0 {
        "capped"
    } else if spent.blocked > 0 {
        "blocked"
    } else if spent.answered == 0 {
        "failed"
    } else if rating.is_some() {
        "rated"
    } else {
        "unrated"
    }
}

/// In whole micro-USD.
fn sums(spent: &Spent) -> Value {
    let signed = |micro_usd: u64| i64::try_from(micro_usd).unwrap_or(i64::MAX);
    let saved = signed(spent.baseline_micro_usd).saturating_sub(signed(spent.counted_micro_usd));
    json!({
        "requests": spent.calls,
        "answered_requests": spent.answered,
        "failed_requests": spent.failed,
        "capped_requests": spent.capped,
        "blocked_requests": spent.blocked,
        "cost_micro_usd": spent.paid_micro_usd,
        "counted_requests": spent.counted,
        "counted_cost_micro_usd": spent.counted_micro_usd,
        "baseline_cost_micro_usd": spent.baseline_micro_usd,
        "savings_micro_usd": saved,
    })
}

/// The end of the window, so that pages are of the same calls, and where the page ended.
fn sealed(api: &Api, (during, asked): (During<'_>, &Asked), last: &Spent) -> String {
    let mut bytes = during.to_ms.to_be_bytes().to_vec();
    bytes.extend_from_slice(&last.last_ms.to_be_bytes());
    bytes.extend_from_slice(last.session.as_bytes());
    api.cursor_key
        .seal_bytes(during.tenant, &asked.fingerprint, bytes)
}

fn opened(
    api: &Api,
    (tenant, asked): (&TenantId, &Asked),
    cursor: &str,
) -> Result<(u64, Option<Mark>), ApiError> {
    let read = || {
        let bytes = api
            .cursor_key
            .open_bytes(tenant, &asked.fingerprint, cursor)?;
        let (to, rest) = bytes.split_first_chunk::<8>()?;
        let (last, session) = rest.split_first_chunk::<8>()?;
        let mark = Mark {
            last_ms: u64::from_be_bytes(*last),
            session: String::from_utf8(session.to_vec()).ok()?,
        };
        Some((u64::from_be_bytes(*to), Some(mark)))
    };
    read().ok_or_else(|| {
        let message = format!("cursor {:?} is not one of this query", brief(cursor));
        ApiError::invalid_query("cursor", message)
    })
}
