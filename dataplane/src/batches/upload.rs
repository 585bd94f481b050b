//! Taking a file in: read part by part, passed on as it comes, and never held.

mod parts;
mod pass_on;
mod sink;

use std::sync::Arc;

use floopy_shared::domain::batch::{BatchFile, Place};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use http_body::Body as _;
use multer::Multipart;
use tokio::sync::Mutex;

use self::{
    parts::{Ahead, Arriving, Parts, arrivals, read, too_large},
    sink::Sink,
};
use super::{
    chosen, invalid,
    names::{file_id, new_name},
    once::{self, Made, Once},
};
use crate::{
    admit::Admitted,
    gateway::Gateway,
    http::{RequestBody, discard, respond::Refusal},
    provider::{BatchApi, Provider},
};

/// The only purpose of files here.
pub(crate) const PURPOSE: &str = "batch";
/// What may stand between parts.
const OVERHEAD_BYTES: u64 = 64 << 10;

/// Takes a file.
pub(crate) async fn upload(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    headers: &HeaderMap,
    body: RequestBody,
) -> Result<Made<BatchFile>, Refusal> {
    let accepted = accepted(gateway, admitted, headers, &body);
    let accepted = accepted.and_then(|accepted| Ok((accepted, once::name(headers)?)));
    let ((provider, boundary, max_bytes), name) = match accepted {
        Ok(accepted) => accepted,
        Err(refusal) => {
            discard(body).await;
            return Err(refusal);
        }
    };
    let api = super::api_of(&provider)?;
    let now_ms = gateway.clock.now_ms();
    let once = name.map(|name| Once::named("file", name, now_ms));
    let line_bytes = gateway.config.limits.body_bytes;
    let arriving = Arriving::new(&provider, max_bytes, line_bytes);
    let ahead = Ahead::default();
    let body = Arc::new(Mutex::new(body));
    let arrivals = arrivals(gateway, Arc::clone(&body), ahead.clone());
    let parts = (Multipart::new(arrivals, boundary), ahead);
    let file = begun(admitted, &provider, (once.as_ref(), now_ms));
    let taken = match api {
        BatchApi::Messages => keep(gateway, file, (arriving, parts)).await,
        BatchApi::Files => pass_on::pass_on(gateway, file, (arriving, parts)).await,
    };
    match taken {
        // A client that leaves must not keep what the provider took out of the books.
        Ok(file) => {
            let entering = enter(Arc::clone(gateway), provider, file, once);
            tokio::spawn(entering).await.unwrap_or_else(|_| {
                let message = "the file may have been taken; ask for your files";
                Err(Refusal::unavailable("unknown_outcome", message, 60))
            })
        }
        Err(refusal) => {
            discard(&mut *body.lock().await).await;
            Err(refusal)
        }
    }
}

/// A file of which nothing came yet.
fn begun(
    admitted: &Admitted,
    provider: &Provider,
    (once, now_ms): (Option<&Once>, u64),
) -> BatchFile {
    BatchFile {
        id: new_name("file-"),
        tenant: admitted.tenant.id.clone(),
        provider: provider.name().to_owned(),
        purpose: PURPOSE.to_owned(),
        filename: String::new(),
        bytes: 0,
        created_at_ms: now_ms,
        models: Vec::new(),
        place: Place::Kept,
        question: once.map(|once| once.question.clone()).unwrap_or_default(),
        digest: String::new(),
    }
}

/// Enters a file that is whole. What was sent for a question that was answered before is not wanted: its answer is given
/// again.
async fn enter(
    gateway: Arc<Gateway>,
    provider: Arc<Provider>,
    file: BatchFile,
    once: Option<Once>,
) -> Result<Made<BatchFile>, Refusal> {
    // Of what nobody asks for again nothing is to be told from the rest.
    let file = match once {
        Some(_) => file,
        None => BatchFile {
            digest: String::new(),
            ..file
        },
    };
    let since_ms = once.as_ref().map_or(u64::MAX, |once| once.since_ms);
    let known = gateway.batches.books.enter_file(&file, since_ms).await?;
    let (Some(known), Some(once)) = (known, once) else {
        return Ok(Made {
            it: file,
            is_replay: false,
        });
    };
    if let Place::Provider(id) = &file.place {
        pass_on::take_back(&gateway, &provider, id).await;
    }
    let asked = Once {
        digest: file.digest,
        ..once
    };
    asked.check(&known.digest)?;
    Ok(Made {
        it: known,
        is_replay: true,
    })
}

/// Everything that can be said before the body is read: the provider, the boundary, and how large a file may be.
fn accepted(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    headers: &HeaderMap,
    body: &RequestBody,
) -> Result<(Arc<Provider>, String, u64), Refusal> {
    let provider = chosen(admitted, headers)?;
    let limits = &gateway.config.batches;
    let max_bytes = match super::api_of(&provider)? {
        BatchApi::Files => limits.file_bytes,
        BatchApi::Messages if admitted.tenant.zero_retention => {
            let message = format!(
                "nothing is kept of this organisation's content, and files for {} would be",
                provider.name()
            );
            return Err(invalid(super::PROVIDER.as_str(), message));
        }
        BatchApi::Messages => limits.kept_file_bytes,
    };
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default());
    let boundary = boundary.map_err(|_| {
        let message =
            "the body must be multipart/form-data with a boundary, of the parts purpose and file";
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_body", message)
    })?;
    if body.size_hint().lower() > max_bytes.saturating_add(OVERHEAD_BYTES) {
        return Err(too_large(max_bytes));
    }
    Ok((provider, boundary, max_bytes))
}

/// A file for a provider that takes none is kept until it is deleted.
async fn keep(
    gateway: &Arc<Gateway>,
    file: BatchFile,
    parts: Parts<'_>,
) -> Result<BatchFile, Refusal> {
    let books = &gateway.batches.books;
    books.put_file(&file, false).await?;
    let tenant = file.tenant.clone();
    let id = file.id.clone();
    let mut sink = Sink::kept(books, (&tenant, &id));
    let read = read(parts, &mut sink, file).await;
    if read.is_err() {
        // What is left of it would go within a day by itself.
        let _ = books.delete_file((&tenant, &id)).await;
    }
    read
}

/// Our name of what the provider took.
fn named(file: BatchFile, provider_id: &str) -> BatchFile {
    BatchFile {
        id: file_id(&file.provider, provider_id),
        place: Place::Provider(provider_id.to_owned()),
        ..file
    }
}
