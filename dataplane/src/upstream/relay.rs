//! A stream on its way to the client: facts are read from what passes, and silence is bounded.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use floopy_protocols::ApiError;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    Limits, attempt::StreamReply, breaker::Trial, client::ReplyBody, facts::Facts, sieve::Sieve,
};

/// After `[DONE]`, how long the upstream may take to end the body; ended ones keep their connection.
const LINGER: Duration = Duration::from_millis(500);

/// A stream that is being passed on.
pub(crate) struct Relay<B = ReplyBody> {
    /// What may pass now.
    ready: VecDeque<Bytes>,
    tail: B,
    sieve: Sieve,
    /// Nothing more comes from upstream.
    end: Option<End>,
    /// When the next piece must have come, or the whole.
    timer: Pin<Box<Sleep>>,
    idle: Duration,
    deadline: Instant,
    trial: Option<Trial>,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Step {
    Bytes(Bytes),
    End(End),
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    /// The upstream itself said, within the stream, that it failed.
    Failed,
    /// It stopped in the middle.
    Broken,
    /// It fell silent, or took too long as a whole.
    TimedOut,
}

impl Relay {
    pub(crate) fn new(reply: StreamReply, limits: &Limits) -> Self {
        let StreamReply {
            head,
            tail,
            sieve,
            deadline,
            trial,
            ..
        } = reply;
        let timer = Box::pin(sleep_until(
            deadline.min(Instant::now() + limits.stream_idle),
        ));
        Self {
            ready: head,
            tail,
            sieve,
            end: None,
            timer,
            idle: limits.stream_idle,
            deadline,
            trial,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Relay<B> {
    pub(crate) fn facts(&self) -> &Facts {
        &self.sieve.facts
    }

    pub(crate) fn into_facts(self) -> Facts {
        self.sieve.facts
    }

    /// To be told how the stream ended; told nothing, it is neither success nor failure.
    pub(crate) fn take_trial(&mut self) -> Option<Trial> {
        self.trial.take()
    }

    /// What was read, for good; only how it ended is still known afterwards.
    pub(crate) fn take_facts(&mut self) -> Facts {
        let rest = self.sieve.facts.ending();
        std::mem::replace(&mut self.sieve.facts, rest)
    }

    /// Whether everything was read and is whole, so that the next bytes are the last.
    pub(crate) fn is_done(&self) -> bool {
        self.ready.is_empty() && self.facts().done && !self.facts().failed
    }

    /// The next bytes, or the end.
    pub(crate) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Step::Bytes(bytes));
            }
            if let Some(end) = self.end {
                return Poll::Ready(Step::End(end));
            }
            let Poll::Ready(frame) = Pin::new(&mut self.tail).poll_frame(cx) else {
                ready!(self.timer.as_mut().poll(cx));
                self.finish(self.end_at_deadline());
                continue;
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) => self.take(bytes),
                // Trailers are not passed on.
                Some(Ok(Err(_))) => {}
                Some(Err(_)) => self.finish(self.end_of_body(true)),
                None => self.finish(self.end_of_body(false)),
            }
        }
    }

    fn take(&mut self, bytes: Bytes) {
        self.sieve.pass(bytes, &mut self.ready);
        let idle = if self.facts().done { LINGER } else { self.idle };
        self.timer
            .as_mut()
            .reset(self.deadline.min(Instant::now() + idle));
    }

    fn finish(&mut self, end: End) {
        self.sieve.finish(&mut self.ready);
        if end == End::Complete {
            self.sieve.complete(&mut self.ready);
        }
        self.end = Some(end);
    }

    /// Tells the caller that the stream broke, where its API is not chat completions.
    pub(crate) fn fail(&mut self, error: ApiError) -> Option<Bytes> {
        self.sieve.fail(error)
    }

    fn end_at_deadline(&self) -> End {
        if self.facts().failed {
            End::Failed
        } else if self.facts().done {
            End::Complete
        } else {
            End::TimedOut
        }
    }

    /// A finish reason or `[DONE]` means the reply is whole, however the connection closed.
    fn end_of_body(&self, with_error: bool) -> End {
        let facts = self.facts();
        if facts.failed {
            End::Failed
        } else if facts.done || (facts.finished && !with_error) {
            End::Complete
        } else {
            End::Broken
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::poll_fn};

    use http_body_util::{Full, StreamBody};
    use tokio_stream::{StreamExt, pending};

    use super::*;

    fn relay<B>(tail: B, idle_ms: u64, total_ms: u64) -> Relay<B> {
        let deadline = Instant::now() + Duration::from_millis(total_ms);
        let idle = Duration::from_millis(idle_ms);
        Relay {
            ready: VecDeque::from([Bytes::from_static(b": hello\n\n")]),
            tail,
            sieve: Sieve::new(100, false),
            end: None,
            timer: Box::pin(sleep_until(deadline.min(Instant::now() + idle))),
            idle,
            deadline,
            trial: None,
        }
    }

    async fn drain<B: Body<Data = Bytes> + Unpin>(mut relay: Relay<B>) -> (Vec<u8>, End) {
        let mut passed = Vec::new();
        loop {
            match poll_fn(|cx| relay.poll_step(cx)).await {
                Step::Bytes(bytes) => passed.extend_from_slice(&bytes),
                Step::End(end) => return (passed, end),
            }
        }
    }

    async fn end_of(events: &'static str) -> End {
        let (passed, end) = drain(relay(
            Full::new(Bytes::from_static(events.as_bytes())),
            1_000,
            1_000,
        ))
        .await;
        assert_eq!(
            passed,
            [b": hello\n\n", events.as_bytes()].concat(),
            "bytes pass unchanged"
        );
        end
    }

    #[tokio::test]
    async fn a_stream_is_complete_only_with_its_end_marker_or_a_finish_reason() {
        let finish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        assert_eq!(end_of("data: [DONE]\n\n").await, End::Complete);
        assert_eq!(end_of(finish).await, End::Complete);
        assert_eq!(
            end_of("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n").await,
            End::Broken
        );
        assert_eq!(
            end_of("data: {\"error\":{\"message\":\"x\"}}\n\n").await,
            End::Failed
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_followed_by_the_end_marker_is_a_failure() {
        let events = "data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n";
        assert_eq!(end_of(events).await, End::Failed);
        let frame = Ok::<_, Infallible>(Frame::data(Bytes::from_static(events.as_bytes())));
        let lingering = StreamBody::new(tokio_stream::once(frame).chain(pending()));
        let mut relay = relay(lingering, 500, 60_000);
        for _ in 0..2 {
            let step = poll_fn(|cx| relay.poll_step(cx)).await;
            assert!(matches!(step, Step::Bytes(_)));
            assert!(!relay.is_done(), "it is not whole");
        }
        assert_eq!(drain(relay).await.1, End::Failed);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_stream() {
        let silent = StreamBody::new(pending::<Result<Frame<Bytes>, Infallible>>());
        let begun = Instant::now();
        let (_, end) = drain(relay(silent, 500, 60_000)).await;
        assert_eq!((end, begun.elapsed().as_millis() / 10), (End::TimedOut, 50));
    }
}
