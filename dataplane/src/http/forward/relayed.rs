//! An answer of the control plane that is passed on as it comes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::upstream::ReplyBody;

/// The rest of an answer. Where it stops for too long, so does what is passed on: cut off, not ended.
pub(crate) struct Relayed {
    body: ReplyBody,
    idle: Duration,
    until: Pin<Box<Sleep>>,
}

impl Relayed {
    pub(super) fn new(body: ReplyBody, idle: Duration) -> Self {
        Self {
            body,
            idle,
            until: Box::pin(sleep(idle)),
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.until.as_mut().reset(Instant::now() + self.idle);
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        let waited = self.until.as_mut().poll(cx);
        waited.map(|()| Some(Err(io::ErrorKind::TimedOut.into())))
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
