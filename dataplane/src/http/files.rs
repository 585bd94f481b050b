//! `/v1/files`: a tenant's own files, in OpenAI's shape.

use std::sync::Arc;

use floopy_shared::domain::batch::{BatchFile, Place};
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    request::Parts,
};
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
        books::Listing,
        content,
        remote::{Question, ask, segment},
        upload::upload,
    },
    doors::Passage,
    gateway::Gateway,
};

/// Where they are.
pub(super) const PATH: &str = "/v1/files";

/// Files of a page, where the caller does not say; OpenAI's is as large as a page may be.
const PAGE: u32 = 100;
const MAX_PAGE: u32 = 10_000;

/// Methods of a path; `None`: there is nothing there.
pub(super) fn methods(path: &str) -> Option<&'static str> {
    match segments(path, PATH)?.as_slice() {
        [] => Some("GET, POST"),
        [_] => Some("GET, DELETE"),
        [_, "content"] => Some("GET"),
        _ => None,
    }
}

/// Answers what is asked of files.
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
    match (&parts.method, below.as_slice()) {
        (&Method::POST, _) => {
            let made = upload(gateway, &admitted, &parts.headers, body).await?;
            let mut response = json_response(StatusCode::OK, &shown(&made.it));
            made.tell(response.headers_mut());
            Ok(response)
        }
        (_, []) => list(gateway, &admitted, &parts).await,
        (&Method::DELETE, [id, ..]) => {
            let file = find(gateway, &admitted, id).await?;
            delete(gateway, &file).await
        }
        (_, [id]) => {
            let file = find(gateway, &admitted, id).await?;
            Ok(json_response(StatusCode::OK, &shown(&file)))
        }
        (_, [id, ..]) => {
            let file = find(gateway, &admitted, id).await?;
            download(gateway, &file).await
        }
    }
}

fn shown(file: &BatchFile) -> Value {
    json!({
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created_at_ms / 1_000,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": null,
        "expires_at": null,
    })
}

/// Another tenant's is as good as none.
async fn find(gateway: &Gateway, admitted: &Admitted, id: &str) -> Result<BatchFile, Refusal> {
    let of = (&admitted.tenant.id, id);
    let found = gateway.batches.books.file(of).await?;
    found.ok_or_else(|| {
        let message = "there is no such file";
        Refusal::new(StatusCode::NOT_FOUND, "not_found", message).about(Some("file_id"))
    })
}

async fn list(
    gateway: &Gateway,
    admitted: &Admitted,
    parts: &Parts,
) -> Result<Response<Body>, Refusal> {
    let query = Query::read(parts.uri.query(), &["purpose", "limit", "after", "order"])?;
    let oldest_first = match query.text("order") {
        "" | "desc" => false,
        "asc" => true,
        other => return Err(query.wrong("order", other, "\"asc\" or \"desc\"")),
    };
    let listing = Listing {
        purpose: query.text("purpose").to_owned(),
        after: query.text("after").to_owned(),
        limit: query.limit((PAGE, MAX_PAGE))?,
        oldest_first,
    };
    let page = gateway.batches.books.files(&admitted.tenant.id, &listing);
    let unknown = || query.wrong("after", &listing.after, "the id of a file");
    let page = page.await?.ok_or_else(unknown)?;
    let answer = json!({
        "object": "list",
        "data": page.rows.iter().map(shown).collect::<Vec<_>>(),
        "first_id": page.rows.first().map(|file| &file.id),
        "last_id": page.rows.last().map(|file| &file.id),
        "has_more": page.has_more,
    });
    Ok(json_response(StatusCode::OK, &answer))
}

async fn delete(gateway: &Arc<Gateway>, file: &BatchFile) -> Result<Response<Body>, Refusal> {
    if let Place::Provider(id) = &file.place {
        let provider = crate::batches::provider_of(gateway, (&file.tenant, &file.provider))?;
        let told = |failed: crate::batches::remote::Failed| failed.refusal(&file.provider);
        let question = Question::delete(format!("files/{}", segment(id).map_err(told)?));
        match ask(gateway, &provider, question).await {
            Ok(_) => {}
            // It has gone there already.
            Err(failed) if failed.is_not_found() => {}
            Err(failed) => return Err(told(failed)),
        }
    }
    let of = (&file.tenant, file.id.as_str());
    gateway.batches.books.delete_file(of).await?;
    let answer = json!({"id": file.id, "object": "file", "deleted": true});
    Ok(json_response(StatusCode::OK, &answer))
}

async fn download(gateway: &Arc<Gateway>, file: &BatchFile) -> Result<Response<Body>, Refusal> {
    let pieces = content::open(gateway, file).await?;
    let mut response = Response::new(Body::pieces(pieces));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}
