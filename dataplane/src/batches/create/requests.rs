//! The body of a Message Batch, made of a file: read once to find what is wrong, and once more while it is sent.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use floopy_shared::domain::batch::BatchFile;
use futures::{StreamExt, TryStreamExt, stream::try_unfold};
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use super::{
    super::{
        content::kept,
        input::{MAX_REQUEST_BYTES, Translation},
        lines::Lines,
        remote::{Pieces, Sent},
    },
    question::Asked,
};
use crate::{gateway::Gateway, http::respond::Refusal};

const BEGIN: &[u8] = b"{\"requests\":[";
const END: &[u8] = b"]}";

/// Requests that were found to be right.
pub(super) struct Requests {
    file: BatchFile,
    endpoint: String,
    max_line: usize,
    length: u64,
}

impl Requests {
    /// Translates all lines, and keeps none.
    pub(super) async fn check(
        gateway: &Arc<Gateway>,
        file: &BatchFile,
        asked: &Asked,
    ) -> Result<Self, Refusal> {
        let max_line = gateway.config.limits.body_bytes;
        let mut translation = Translation::new(&file.provider, &asked.endpoint);
        let mut pieces = kept(gateway.batches.books.clone(), file);
        let mut lines = Lines::new(max_line);
        let mut length = (BEGIN.len() + END.len()) as u64;
        let mut add = |(number, line): (u64, Bytes)| -> Result<(), Refusal> {
            let json = translation.translate((number, &line))?;
            let comma = u64::from(translation.lines() > 1);
            length = length.saturating_add(json.len() as u64 + comma);
            Ok(())
        };
        let gone = |_| {
            let message = "the file could not be read; ask again";
            Refusal::unavailable("control_plane_unavailable", message, 2)
        };
        while let Some(piece) = pieces.try_next().await.map_err(gone)? {
            lines.push(&piece);
            while let Some(line) = lines.next()? {
                add(line)?;
            }
        }
        if let Some(line) = lines.last()? {
            add(line)?;
        }
        if length > MAX_REQUEST_BYTES {
            let message = format!(
                "the file makes a request of {length} bytes to {}, which takes {MAX_REQUEST_BYTES}",
                file.provider
            );
            let refusal = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", message);
            return Err(refusal.about(Some("input_file_id")));
        }
        Ok(Self {
            file: file.clone(),
            endpoint: asked.endpoint.clone(),
            max_line,
            length,
        })
    }

    /// The same as a body on its way out.
    pub(super) fn sent(self, gateway: &Arc<Gateway>) -> Sent {
        let length = self.length;
        let writing = Writing {
            pieces: kept(gateway.batches.books.clone(), &self.file),
            lines: Lines::new(self.max_line),
            provider: self.file.provider,
            endpoint: self.endpoint,
            ready: VecDeque::from([Bytes::from_static(BEGIN)]),
            count: 0,
            is_over: false,
        };
        let frames = try_unfold(writing, Writing::next).map_ok(Frame::data);
        Sent {
            content_type: "application/json".to_owned(),
            length: Some(length),
            body: StreamBody::new(frames.boxed()).boxed_unsync(),
        }
    }
}

/// A body under way.
struct Writing {
    pieces: Pieces,
    lines: Lines,
    provider: String,
    endpoint: String,
    ready: VecDeque<Bytes>,
    count: u64,
    is_over: bool,
}

impl Writing {
    fn add(&mut self, (number, line): (u64, Bytes)) -> io::Result<()> {
        // Names were found to be unique; each line is looked at alone now.
        let mut translation = Translation::new(&self.provider, &self.endpoint);
        let json = translation.translate((number, &line));
        let json = json.map_err(io::Error::other)?;
        if self.count > 0 {
            self.ready.push_back(Bytes::from_static(b","));
        }
        self.count += 1;
        self.ready.push_back(json.into());
        Ok(())
    }

    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some((bytes, self)));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.pieces.next().await {
                Some(piece) => {
                    self.lines.push(&piece?);
                    while let Some(line) = self.lines.next().map_err(io::Error::other)? {
                        self.add(line)?;
                    }
                }
                None => {
                    self.is_over = true;
                    if let Some(line) = self.lines.last().map_err(io::Error::other)? {
                        self.add(line)?;
                    }
                    self.ready.push_back(Bytes::from_static(END));
                }
            }
        }
    }
}
