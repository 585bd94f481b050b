//! `/v1/batches`: a tenant's own batches, in OpenAI's shape.

use std::{sync::Arc, time::Duration};

use floopy_shared::domain::batch::Batch;
use http::{Method, Request, Response, StatusCode, header::RETRY_AFTER, request::Parts};
use serde_json::{Value, json};

use super::{
    body::Body,
    listing::{Query, segments},
    request_body::RequestBody,
    respond::{Refusal, json_response},
};
use crate::{
    admit::{Admitted, Permission},
    batches::{
        cancel,
        create::{MAX_BODY_BYTES, create},
        look, object_of,
    },
    doors::Passage,
    gateway::Gateway,
    pipeline::project,
};

/// Where they are.
pub(super) const PATH: &str = "/v1/batches";

/// Batches of a page (<https://platform.openai.com/docs/api-reference/batch/list>).
const PAGE: u32 = 20;
const MAX_PAGE: u32 = 100;

/// Methods of a path; `None`: there is nothing there.
pub(super) fn methods(path: &str) -> Option<&'static str> {
    match segments(path, PATH)?.as_slice() {
        [] => Some("GET, POST"),
        [_] => Some("GET"),
        [_, "cancel"] => Some("POST"),
        _ => None,
    }
}

/// Answers what is asked of batches.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    request: Request<RequestBody>,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let permission = match parts.method {
        Method::GET => Permission::Read,
        _ => Permission::Write,
    };
    let admitted = gateway.enter(&parts.headers, permission, passage)?;
    let path = parts.uri.path().to_owned();
    let below = segments(&path, PATH).unwrap_or_default();
    let object = match (&parts.method, below.as_slice()) {
        (&Method::POST, []) => {
            let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
            let bounds = (MAX_BODY_BYTES, deadline);
            let body = gateway.read(body, bounds, passage).await?;
            return made(gateway, &admitted, &parts, &body).await;
        }
        (_, []) => return list(gateway, &admitted, &parts).await,
        (&Method::POST, [id, ..]) => {
            let batch = find(gateway, &admitted, id).await?;
            cancel(gateway, batch).await?
        }
        (_, [id, ..]) => {
            let batch = find(gateway, &admitted, id).await?;
            look(gateway, batch).await?
        }
    };
    Ok(json_response(StatusCode::OK, &Value::Object(object)))
}

/// A batch is let in like a call: a tenant that has used up its month makes none.
async fn made(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    parts: &Parts,
    body: &[u8],
) -> Result<Response<Body>, Refusal> {
    let left = match gateway.within(admitted, &parts.headers) {
        Ok(admission) => admission.left,
        Err(mut answer) => {
            // Floopy's own packages make batches by themselves, wait as long as they are told, and would for weeks.
            if answer.headers().contains_key("x-should-retry") {
                answer.headers_mut().remove(RETRY_AFTER);
            }
            return Ok(*answer);
        }
    };
    let project = project(&parts.headers, admitted)?;
    let made = create(gateway, (admitted, project), &parts.headers, body).await?;
    let made = made.map(Value::Object);
    let mut response = json_response(StatusCode::OK, &made.it);
    made.tell(response.headers_mut());
    left.tell(response.headers_mut());
    Ok(response)
}

/// Another tenant's is as good as none.
async fn find(gateway: &Gateway, admitted: &Admitted, id: &str) -> Result<Batch, Refusal> {
    let of = (&admitted.tenant.id, id);
    let found = gateway.batches.books.batch(of).await?;
    found.ok_or_else(|| {
        let message = "there is no such batch";
        Refusal::new(StatusCode::NOT_FOUND, "not_found", message).about(Some("batch_id"))
    })
}

async fn list(
    gateway: &Gateway,
    admitted: &Admitted,
    parts: &Parts,
) -> Result<Response<Body>, Refusal> {
    let query = Query::read(parts.uri.query(), &["limit", "after"])?;
    let after = query.text("after");
    let limit = query.limit((PAGE, MAX_PAGE))?;
    let books = &gateway.batches.books;
    let page = books.batches(&admitted.tenant.id, (after, limit)).await?;
    let page = page.ok_or_else(|| query.wrong("after", after, "the id of a batch"))?;
    let answer = json!({
        "object": "list",
        "data": page.rows.iter().map(object_of).collect::<Vec<_>>(),
        "first_id": page.rows.first().map(|batch| &batch.id),
        "last_id": page.rows.last().map(|batch| &batch.id),
        "has_more": page.has_more,
    });
    Ok(json_response(StatusCode::OK, &answer))
}
