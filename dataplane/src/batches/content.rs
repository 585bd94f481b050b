//! Reading files, wherever they are.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use floopy_shared::domain::{
    batch::{Batch, BatchFile, Part, Place},
    ids::TenantId,
};
use futures::{StreamExt, TryStreamExt, stream::try_unfold};
use http::StatusCode;

use super::{
    books::Books,
    lines::Lines,
    output::{OutputLine, translate},
    provider_of,
    remote::{Pieces, Question, ask, pieces, segment},
};
use crate::{gateway::Gateway, http::respond::Refusal};

/// The content of a file.
pub(crate) async fn open(gateway: &Arc<Gateway>, file: &BatchFile) -> Result<Pieces, Refusal> {
    match &file.place {
        Place::Kept => Ok(kept(gateway.batches.books.clone(), file)),
        Place::Provider(id) => {
            let provider = provider_of(gateway, (&file.tenant, &file.provider))?;
            let told = |failed: super::remote::Failed| failed.refusal(&file.provider);
            let path = format!("files/{}/content", segment(id).map_err(told)?);
            let answer = ask(gateway, &provider, Question::get(path)).await;
            let answer = answer.map_err(told)?;
            Ok(pieces(gateway, answer.into_body()))
        }
        Place::Results { batch, part } => {
            let of = (&file.tenant, batch.as_str());
            let batch = gateway.batches.books.batch(of).await?;
            let batch = batch.ok_or_else(|| {
                Refusal::new(StatusCode::NOT_FOUND, "not_found", "the batch is gone")
            })?;
            let (results, part) = (results(gateway, &batch).await?, *part);
            let of_part = results.try_filter_map(move |line| async move {
                Ok((line.part == part).then(|| Bytes::from(line.json)))
            });
            Ok(of_part.boxed())
        }
    }
}

pub(super) fn kept(books: Books, file: &BatchFile) -> Pieces {
    let from = (books, file.tenant.clone(), file.id.clone(), 0u32);
    let next = |(books, tenant, id, number): (Books, TenantId, String, u32)| async move {
        let piece = books.piece((&tenant, &id), number).await;
        let piece = piece.map_err(io::Error::other)?;
        Ok::<_, io::Error>(piece.map(|piece| (piece, (books, tenant, id, number + 1))))
    };
    try_unfold(from, next).boxed()
}

/// Lines of results under way.
struct Reading {
    pieces: Pieces,
    lines: Lines,
    ready: VecDeque<OutputLine>,
    batch: String,
    created_s: u64,
    is_over: bool,
}

impl Reading {
    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let line = translate(&self.batch, line, self.created_s).map_err(io::Error::other)?;
        self.ready.push_back(line);
        Ok(())
    }

    async fn next(mut self) -> io::Result<Option<(OutputLine, Self)>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some((line, self)));
            }
            if self.is_over {
                return Ok(None);
            }
            let line = match self.pieces.next().await {
                Some(piece) => {
                    self.lines.push(&piece?);
                    while let Some((_, line)) = self.lines.next().map_err(io::Error::other)? {
                        self.take(&line)?;
                    }
                    None
                }
                None => {
                    self.is_over = true;
                    self.lines.last().map_err(io::Error::other)?
                }
            };
            if let Some((_, line)) = line {
                self.take(&line)?;
            }
        }
    }
}

/// The results of a Message Batch that has ended, as lines of output and error files.
pub(crate) async fn results(
    gateway: &Arc<Gateway>,
    batch: &Batch,
) -> Result<futures::stream::BoxStream<'static, io::Result<OutputLine>>, Refusal> {
    let provider = provider_of(gateway, (&batch.tenant, &batch.provider))?;
    let told = |failed: super::remote::Failed| failed.refusal(&batch.provider);
    let id = batch.provider_id.as_deref().unwrap_or_default();
    let path = format!("messages/batches/{}/results", segment(id).map_err(told)?);
    let answer = ask(gateway, &provider, Question::get(path)).await;
    let answer = answer.map_err(told)?;
    let reading = Reading {
        pieces: pieces(gateway, answer.into_body()),
        lines: Lines::new(gateway.config.limits.reply_bytes),
        ready: VecDeque::new(),
        batch: batch.id.clone(),
        created_s: batch.created_at_ms / 1_000,
        is_over: false,
    };
    Ok(try_unfold(reading, Reading::next).boxed())
}

/// The part of a batch's results that a file is of, by its name.
pub(crate) fn part_name(part: Part) -> &'static str {
    match part {
        Part::Succeeded => "output",
        Part::Failed => "errors",
    }
}
