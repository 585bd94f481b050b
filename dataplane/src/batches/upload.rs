//! Taking a file in: read part by part, passed on as it comes, and never held.

mod pass_on;
mod sink;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use floopy_shared::domain::batch::{BatchFile, Place};
use futures::{StreamExt, stream::BoxStream};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use http_body::Body as _;
use http_body_util::BodyStream;
use multer::{Field, Multipart};
use tokio::time::timeout;

use self::sink::Sink;
use super::{
    chosen,
    input::{BadLine, Line, Models},
    invalid,
    lines::{Lines, TooLong},
    names::{file_id, new_name},
};
use crate::{
    admit::Admitted,
    gateway::Gateway,
    http::{RequestBody, discard, respond::Refusal},
    provider::{BatchApi, Provider},
};

/// The only purpose of files here.
pub(crate) const PURPOSE: &str = "batch";
/// Of the parts beside the file, and of what stands between parts.
const MAX_TEXT_BYTES: usize = 4 << 10;
const MAX_PARTS: usize = 8;
const OVERHEAD_BYTES: u64 = 64 << 10;
/// Bytes that may be read before something is made of them: the head of a part, and one piece of the body.
const MAX_AHEAD_BYTES: u64 = 1 << 20;
/// Longest name of a file.
const MAX_FILENAME_BYTES: usize = 255;
/// Of a value that is shown in an error.
const SHOWN_CHARS: usize = 64;

/// What is known of a file while it comes.
struct Arriving<'a> {
    provider: &'a Provider,
    max_bytes: u64,
    has_purpose: bool,
    filename: Option<String>,
    bytes: u64,
    lines: Lines,
    models: Models,
}

impl From<BadLine> for Refusal {
    fn from(bad: BadLine) -> Self {
        let field = bad.field.clone().unwrap_or_else(|| "file".to_owned());
        invalid(&field, bad.to_string())
    }
}

impl From<TooLong> for Refusal {
    fn from(long: TooLong) -> Self {
        invalid("file", long.to_string())
    }
}

fn too_large(max: u64) -> Refusal {
    let message = format!("the file is larger than {max} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", message).about(Some("file"))
}

/// Takes a file.
pub(crate) async fn upload(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    headers: &HeaderMap,
    body: RequestBody,
) -> Result<BatchFile, Refusal> {
    let (body, multipart) = match accepted(gateway, admitted, headers, &body) {
        Ok(accepted) => (body, accepted),
        Err(refusal) => {
            discard(body).await;
            return Err(refusal);
        }
    };
    let (provider, boundary, max_bytes) = multipart;
    let api = super::api_of(&provider)?;
    let arriving = Arriving {
        provider: &provider,
        max_bytes,
        has_purpose: false,
        filename: None,
        bytes: 0,
        lines: Lines::new(gateway.config.limits.body_bytes),
        models: Models::default(),
    };
    let ahead = Ahead::default();
    let arrivals = arrivals(gateway, body, ahead.clone());
    let parts = (Multipart::new(arrivals, boundary), ahead);
    let file = BatchFile {
        id: new_name("file-"),
        tenant: admitted.tenant.id.clone(),
        provider: provider.name().to_owned(),
        purpose: PURPOSE.to_owned(),
        filename: String::new(),
        bytes: 0,
        created_at_ms: gateway.clock.now_ms(),
        models: Vec::new(),
        place: Place::Kept,
    };
    match api {
        BatchApi::Messages => keep(gateway, file, (arriving, parts)).await,
        BatchApi::Files => pass_on::pass_on(gateway, file, (arriving, parts)).await,
    }
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

/// Bytes that were read and of which nothing was made yet.
#[derive(Debug, Clone, Default)]
struct Ahead(Arc<AtomicU64>);

impl Ahead {
    /// Whether so much may be held.
    fn add(&self, bytes: usize) -> bool {
        let before = self.0.fetch_add(bytes as u64, Ordering::Relaxed);
        before < MAX_AHEAD_BYTES
    }

    fn taken(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The body as it comes, one piece at a time; where it stops for too long, or the head of a part does not end, it breaks
/// off.
fn arrivals(
    gateway: &Gateway,
    body: RequestBody,
    ahead: Ahead,
) -> BoxStream<'static, io::Result<Bytes>> {
    let patience = Duration::from_millis(gateway.config.timeouts.body_ms);
    let next = move |(mut frames, ahead): (BodyStream<RequestBody>, Ahead)| async move {
        // Whoever reads takes all that there is: each piece waits until the one before it was used.
        tokio::task::yield_now().await;
        let frame = match timeout(patience, frames.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(frame))) => Ok(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(error))) => Err(io::Error::other(error)),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let held = frame.as_ref().map_or(0, Bytes::len);
        let frame = if ahead.add(held) {
            frame
        } else {
            Err(io::ErrorKind::OutOfMemory.into())
        };
        Some((frame, (frames, ahead)))
    };
    futures::stream::unfold((BodyStream::new(body), ahead), next).boxed()
}

fn broken(error: &multer::Error) -> Refusal {
    let message = format!("the body is not whole multipart/form-data: {error}");
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_body", message)
}

/// Reads a part that is text.
async fn text(mut field: Field<'_>, name: &str) -> Result<String, Refusal> {
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|e| broken(&e))? {
        text.extend_from_slice(&piece);
        if text.len() > MAX_TEXT_BYTES {
            let message = format!("{name} is longer than {MAX_TEXT_BYTES} bytes");
            return Err(invalid(name, message));
        }
    }
    String::from_utf8(text).map_err(|_| invalid(name, format!("{name} is not valid UTF-8")))
}

impl Arriving<'_> {
    fn purpose(&mut self, purpose: &str) -> Result<(), Refusal> {
        if purpose != PURPOSE {
            let shown: String = purpose.chars().take(SHOWN_CHARS).collect();
            let message = format!("purpose is {shown:?}, it must be {PURPOSE:?}");
            return Err(invalid("purpose", message));
        }
        self.has_purpose = true;
        Ok(())
    }

    fn name(&mut self, filename: Option<&str>) -> Result<String, Refusal> {
        if self.filename.is_some() {
            return Err(invalid("file", "there is more than one file"));
        }
        let name = filename.unwrap_or("file").to_owned();
        if name.len() > MAX_FILENAME_BYTES || name.chars().any(char::is_control) {
            let message = format!(
                "the name of the file must have at most {MAX_FILENAME_BYTES} bytes and no control characters"
            );
            return Err(invalid("file", message));
        }
        self.filename = Some(name.clone());
        Ok(name)
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > self.max_bytes {
            return Err(too_large(self.max_bytes));
        }
        self.lines.push(piece);
        while let Some((number, line)) = self.lines.next()? {
            self.see((number, &line))?;
        }
        Ok(())
    }

    fn see(&mut self, numbered: (u64, &[u8])) -> Result<(), Refusal> {
        let line = Line::read(numbered)?;
        Ok(self.models.add(&line, self.provider.name())?)
    }

    /// All parts came: what they make of the file.
    fn complete(mut self, file: BatchFile) -> Result<BatchFile, Refusal> {
        if let Some((number, line)) = self.lines.last()? {
            self.see((number, &line))?;
        }
        if !self.has_purpose {
            let message = format!("purpose is missing, it must be {PURPOSE:?}");
            return Err(invalid("purpose", message));
        }
        let missing = || invalid("file", "the part file is missing");
        let filename = self.filename.ok_or_else(missing)?;
        let models = self.models.into_names();
        if models.is_empty() {
            return Err(invalid("file", "the file has no lines"));
        }
        Ok(BatchFile {
            filename,
            bytes: self.bytes,
            models,
            ..file
        })
    }
}

type Parts<'a> = (Arriving<'a>, (Multipart<'static>, Ahead));

/// Hands each part to the sink, and gives what they make of the file.
async fn read(
    (mut arriving, (mut parts, ahead)): Parts<'_>,
    sink: &mut Sink<'_>,
    file: BatchFile,
) -> Result<BatchFile, Refusal> {
    let mut count = 0;
    while let Some(mut field) = parts.next_field().await.map_err(|e| broken(&e))? {
        ahead.taken();
        count += 1;
        if count > MAX_PARTS {
            let message = format!("there are more than {MAX_PARTS} parts");
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "invalid_body",
                message,
            ));
        }
        let name = field.name().unwrap_or_default().to_owned();
        if name != "file" {
            let text = text(field, &name).await?;
            if name == "purpose" {
                arriving.purpose(&text)?;
            }
            sink.field(&name, &text).await?;
            continue;
        }
        let filename = arriving.name(field.file_name())?;
        sink.begin(&filename).await?;
        while let Some(piece) = field.chunk().await.map_err(|e| broken(&e))? {
            ahead.taken();
            arriving.take(&piece)?;
            sink.piece(piece).await?;
        }
        sink.end().await?;
    }
    arriving.complete(file)
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
    let entered = match read {
        Ok(file) => books.put_file(&file, true).await.map(|()| file),
        Err(refusal) => {
            // What is left of it would go within a day by itself.
            let _ = books.delete_file((&tenant, &id)).await;
            return Err(refusal);
        }
    };
    Ok(entered?)
}

/// Our name of what the provider took.
fn named(file: BatchFile, provider_id: &str) -> BatchFile {
    BatchFile {
        id: file_id(&file.provider, provider_id),
        place: Place::Provider(provider_id.to_owned()),
        ..file
    }
}
