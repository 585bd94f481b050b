//! An answer of the control plane that is passed on as it comes, however long it is: a piece at a time is held.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Sleep, sleep};

use crate::upstream::ReplyBody;

/// The body of the answer; given up where nothing comes for `idle`.
pub(super) struct Relayed<B = ReplyBody> {
    body: B,
    idle: Duration,
    /// Set while a piece is waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> Relayed<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    pub(super) fn new(body: B, idle: Duration) -> Self {
        Self {
            body,
            idle,
            timer: None,
        }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.timer = None;
            let broken = |error: B::Error| io::Error::other(error.to_string());
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(timer.as_mut().poll(cx));
        let silent = io::Error::new(io::ErrorKind::TimedOut, "the control plane fell silent");
        Poll::Ready(Some(Err(silent)))
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::{StreamExt, stream};
    use http_body_util::StreamBody;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pieces_are_passed_on_and_silence_is_an_error() {
        let pieces = stream::iter([1, 2]).then(|n| async move {
            sleep(Duration::from_secs(8)).await;
            Ok::<_, io::Error>(Frame::data(Bytes::from(vec![n; 3])))
        });
        let body = StreamBody::new(Box::pin(pieces.chain(stream::pending())));
        let mut relayed = Relayed::new(body, Duration::from_secs(10));
        let begun = Instant::now();
        for n in [1, 2] {
            let frame = poll_fn(|cx| relayed.poll_frame(cx)).await;
            let frame = frame.expect("not the end").expect("not broken");
            assert_eq!(frame.into_data().expect("data"), vec![n; 3]);
        }
        let frame = poll_fn(|cx| relayed.poll_frame(cx)).await;
        let error = frame.expect("not the end").expect_err("silent");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 26);
    }
}
