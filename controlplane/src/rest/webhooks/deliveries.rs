//! What was sent to a webhook, what came of it, and sending it again.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};

use super::{
    super::{
        Api,
        error::ApiError,
        query::{self, Pairs},
        reading,
        settings::Editing,
        view::moment,
    },
    find,
};
use crate::{
    settings::webhooks::WrittenWebhook,
    store::{
        list::Position,
        settings::Document,
        webhooks::{self, Delivery, State as Sent},
    },
    webhooks::{TEST, queue},
};

/// When to ask again where too many wait: some attempts later.
const FULL_RETRY_AFTER_S: u64 = 60;

fn describe(delivery: &Delivery) -> Value {
    let is_waiting = delivery.state == Sent::Pending;
    json!({
        "delivery_id": delivery.delivery,
        "event": delivery.event,
        "status": delivery.state.as_str(),
        "attempts": delivery.attempts,
        "created_at": moment(delivery.created_ms),
        "next_attempt_at": moment(delivery.next_ms).filter(|_| is_waiting),
        "ended_at": delivery.ended_ms.and_then(moment),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    })
}

/// A page of deliveries, the newest first.
pub(in super::super) async fn list(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let pairs = pairs.read()?;
    let page = query::page(pairs)?;
    find(&mut conn, &tenant, &id).await?;
    let bound = format!("deliveries/{id}");
    let before = api
        .cursor_key
        .begins((&tenant, &bound), page.cursor.as_deref())?;
    let before = before.map(|at| at.created_ms);
    let place = (&tenant, id.as_str());
    let mut found = webhooks::page(&mut conn, place, before, page.limit + 1).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| {
        let position = Position::numbered(last.seq);
        api.cursor_key.seal(&tenant, &bound, position)
    });
    let items: Vec<Value> = found.iter().map(describe).collect();
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}

/// Refuses what a receiver that is away would not get either.
async fn check_room(editing: &mut Editing<'_>, id: &str) -> Result<(), ApiError> {
    let tenant = editing.tenant();
    match webhooks::full(&mut editing.tx, (&tenant, id)).await? {
        None => Ok(()),
        Some(waiting) => {
            let message =
                format!("{waiting} deliveries wait for webhook {id}, which is as many as may");
            Err(ApiError::rate_limited(message, FULL_RETRY_AFTER_S))
        }
    }
}

/// Refuses what would not be sent: a delivery that ended would lose what came of it.
fn check_active(document: &Document) -> Result<(), ApiError> {
    if WrittenWebhook::read(document)?.is_active {
        return Ok(());
    }
    let id = &document.id;
    let message = format!("webhook {id} is not active: nothing is sent to it until active is true");
    Err(ApiError::invalid_field(
        "invalid_request",
        "active",
        message,
    ))
}

/// Sends a webhook an event that nothing happened for.
pub(in super::super) async fn test(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let document = find(&mut editing.tx, &tenant, &id).await?;
    check_active(&document)?;
    check_room(&mut editing, &id).await?;
    let data = json!({"message": "this is a test: nothing happened"});
    let now_ms = editing.now_ms;
    let whom = (&tenant, &document);
    let delivery = queue(&mut editing.tx, whom, (TEST, &data), now_ms).await?;
    let queued = webhooks::get(&mut editing.tx, (&tenant, &id), &delivery).await?;
    let queued = queued.ok_or_else(ApiError::internal)?;
    editing.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(describe(&queued))))
}

/// Sends a delivery that ended once more, under the same id.
pub(in super::super) async fn redeliver(
    State(api): State<Api>,
    Path((id, delivery)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let document = find(&mut editing.tx, &tenant, &id).await?;
    let place = (&tenant, id.as_str());
    let unknown = || ApiError::not_found("no such delivery");
    let found = webhooks::get(&mut editing.tx, place, &delivery).await?;
    let found = found.ok_or_else(unknown)?;
    check_active(&document)?;
    if found.state != Sent::Pending {
        check_room(&mut editing, &id).await?;
    }
    let now_ms = editing.now_ms;
    webhooks::again(&mut editing.tx, found.seq, now_ms).await?;
    let again = webhooks::get(&mut editing.tx, place, &delivery).await?;
    let again = again.ok_or_else(unknown)?;
    editing.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(describe(&again))))
}
