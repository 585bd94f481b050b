//! Response bodies: whole, or a live stream; each holds the caller's passage to its last byte.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::StreamExt;
use http_body::{Frame, SizeHint};

use super::{
    forward::Relayed,
    live::{Live, LiveBody},
    stall::Watched,
};
use crate::{after::After, batches::remote::Pieces, doors::Passage, metrics::StrategyLabel};

/// What a caller is sent.
pub(crate) struct Body {
    kind: Kind,
    /// Its work is done when the body is dropped, after the last byte.
    _after: Option<Box<After>>,
    passage: Option<Passage>,
    strategy: StrategyLabel,
}

enum Kind {
    Whole(Option<Bytes>),
    Live(LiveBody),
    Relayed(Relayed),
    /// Of a file, as they come.
    Pieces(Pieces),
    /// Another one, that is taken away where its client does not take it.
    Watched(Arc<Watched>),
}

impl Body {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self {
            kind: Kind::Whole(Some(bytes.into())),
            _after: None,
            passage: None,
            strategy: StrategyLabel::None,
        }
    }

    pub(crate) fn whole_then(bytes: Bytes, after: Option<Box<After>>) -> Self {
        Self {
            kind: Kind::Whole(Some(bytes)),
            _after: after,
            passage: None,
            strategy: StrategyLabel::None,
        }
    }

    pub(crate) fn live(live: Live) -> Self {
        Self {
            kind: Kind::Live(LiveBody::new(live)),
            _after: None,
            passage: None,
            strategy: StrategyLabel::None,
        }
    }

    pub(crate) fn relayed(relayed: Relayed) -> Self {
        Self {
            kind: Kind::Relayed(relayed),
            _after: None,
            passage: None,
            strategy: StrategyLabel::None,
        }
    }

    pub(super) fn pieces(pieces: Pieces) -> Self {
        Self {
            kind: Kind::Pieces(pieces),
            _after: None,
            passage: None,
            strategy: StrategyLabel::None,
        }
    }

    pub(super) fn watched(body: Arc<Watched>) -> Self {
        Self {
            kind: Kind::Watched(body),
            _after: None,
            passage: None,
            strategy: StrategyLabel::None,
        }
    }

    /// With other bytes, where all of them are here.
    pub(super) fn map_whole(mut self, change: impl FnOnce(Bytes) -> Bytes) -> Self {
        if let Kind::Whole(bytes) = &mut self.kind {
            *bytes = bytes.take().map(change);
        }
        self
    }

    /// What it is counted as.
    pub(crate) fn count_as(&mut self, strategy: StrategyLabel) {
        self.strategy = strategy;
    }

    pub(crate) fn strategy(&self) -> StrategyLabel {
        self.strategy
    }

    /// The passage ends with the body.
    pub(crate) fn with_passage(mut self, passage: Passage) -> Self {
        self.passage = Some(passage);
        self
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.kind {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Live(live) => live
                .poll_next(cx)
                .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Relayed(relayed) => relayed.poll_frame(cx),
            Kind::Pieces(pieces) => pieces
                .poll_next_unpin(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
            Kind::Watched(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Kind::Live(live) => live.is_ended(),
            Kind::Relayed(relayed) => relayed.is_ended(),
            Kind::Pieces(_) => false,
            Kind::Watched(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Kind::Live(_) | Kind::Pieces(_) => SizeHint::default(),
            Kind::Relayed(relayed) => relayed.size_hint(),
            Kind::Watched(body) => body.size_hint(),
        }
    }
}
