//! The parts of an upload, as they come: what they say is read and checked, and each goes on to the sink.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use floopy_shared::domain::batch::BatchFile;
use futures::stream::{BoxStream, StreamExt};
use http::StatusCode;
use http_body_util::BodyExt;
use multer::{Field, Multipart};
use sha2::{Digest, Sha256};
use tokio::{sync::Mutex, time::timeout};

use super::{
    super::{
        input::{BadLine, Line, Models},
        invalid,
        lines::{Lines, TooLong},
        names::question,
    },
    PURPOSE,
    sink::Sink,
};
use crate::{
    gateway::Gateway,
    http::{RequestBody, respond::Refusal},
    provider::Provider,
};

/// Of the parts beside the file.
const MAX_TEXT_BYTES: usize = 4 << 10;
const MAX_PARTS: usize = 8;
/// Bytes that may be read before something is made of them: the head of a part, and one piece of the body.
const MAX_AHEAD_BYTES: u64 = 1 << 20;
/// Longest name of a file.
const MAX_FILENAME_BYTES: usize = 255;
/// Of a value that is shown in an error.
const SHOWN_CHARS: usize = 64;

/// What is known of a file while it comes.
pub(super) struct Arriving<'a> {
    provider: &'a Provider,
    max_bytes: u64,
    has_purpose: bool,
    filename: Option<String>,
    bytes: u64,
    lines: Lines,
    models: Models,
    /// Of the file's bytes, and of the parts beside it.
    digest: Sha256,
    beside: String,
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

pub(super) fn too_large(max: u64) -> Refusal {
    let message = format!("the file is larger than {max} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", message).about(Some("file"))
}

/// Bytes that were read and of which nothing was made yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead(Arc<AtomicU64>);

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
pub(super) fn arrivals(
    gateway: &Gateway,
    body: Arc<Mutex<RequestBody>>,
    ahead: Ahead,
) -> BoxStream<'static, io::Result<Bytes>> {
    let patience = Duration::from_millis(gateway.config.timeouts.body_ms);
    let next = move |(body, ahead): (Arc<Mutex<RequestBody>>, Ahead)| async move {
        // Whoever reads takes all that there is: each piece waits until the one before it was used.
        tokio::task::yield_now().await;
        let piece = timeout(patience, async { body.lock().await.frame().await });
        let frame = match piece.await {
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
        Some((frame, (body, ahead)))
    };
    futures::stream::unfold((body, ahead), next).boxed()
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

impl<'a> Arriving<'a> {
    pub(super) fn new(provider: &'a Provider, max_bytes: u64, line_bytes: usize) -> Self {
        Self {
            provider,
            max_bytes,
            has_purpose: false,
            filename: None,
            bytes: 0,
            lines: Lines::new(line_bytes),
            models: Models::default(),
            digest: Sha256::new(),
            beside: String::new(),
        }
    }

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
        self.digest.update(piece);
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
        let content = hex::encode(self.digest.finalize());
        let digest = question(&[&file.provider, &filename, &self.beside, &content]);
        Ok(BatchFile {
            filename,
            bytes: self.bytes,
            models,
            digest,
            ..file
        })
    }
}

pub(super) type Parts<'a> = (Arriving<'a>, (Multipart<'static>, Ahead));

/// Hands each part to the sink, and gives what they make of the file.
pub(super) async fn read(
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
            arriving.beside = question(&[&arriving.beside, &name, &text]);
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
