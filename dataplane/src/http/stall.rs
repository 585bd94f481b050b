//! Clients of HTTP/2 that keep their connection busy but do not take what they asked for.
//!
//! On HTTP/1.1 such a client blocks the socket, which has a deadline. On HTTP/2 every stream has a window of its
//! own: a client that reads one and not the other looks alive, and the server does not even ask the other's
//! body for more. So bodies note when they handed something over, and a sweep takes those away that were not
//! asked since.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::body::Body;

/// What is handed over at a time: whatever a window has no room for is kept in memory.
const PIECE_BYTES: usize = 64 << 10;

/// Sweeps within the time that a client has.
const SWEEPS: u32 = 4;

/// Handles to bodies that are gone are dropped once there are so many, or twice as many as were alive.
const MIN_HANDLES: usize = 64;

/// The bodies of one connection.
#[derive(Debug)]
pub(super) struct Watch {
    limit: Duration,
    handles: Mutex<Handles>,
    /// Requests that have no reply yet.
    busy: AtomicUsize,
    requests: AtomicU64,
    begun: Notify,
}

#[derive(Debug, Default)]
struct Handles {
    bodies: Vec<Weak<Watched>>,
    prune_at: usize,
}

/// A request without a reply.
pub(super) struct Busy(Arc<Watch>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Watch {
    pub(super) fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            limit,
            handles: Mutex::default(),
            busy: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            begun: Notify::new(),
        })
    }

    /// A request came.
    pub(super) fn request(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        if self.requests.fetch_add(1, Ordering::Relaxed) == 0 {
            self.begun.notify_one();
        }
        Busy(Arc::clone(self))
    }

    /// The same body, watched.
    pub(super) fn watch(&self, body: Body) -> Body {
        let watched = Arc::new(Watched(Mutex::new(Shelf {
            body: Some(Box::new(body)),
            piece: Bytes::new(),
            handed_over: None,
        })));
        let mut handles = lock(&self.handles);
        if handles.bodies.len() >= handles.prune_at.max(MIN_HANDLES) {
            handles.bodies.retain(|body| body.strong_count() > 0);
            handles.prune_at = 2 * handles.bodies.len();
        }
        handles.bodies.push(Arc::downgrade(&watched));
        Body::watched(watched)
    }

    /// Sweeps for as long as the connection is used; ends when nothing happened on it for the whole time.
    pub(super) async fn until_idle(&self) {
        self.begun.notified().await;
        let (mut idle, mut seen) = (0, 0);
        while idle < SWEEPS {
            sleep(self.limit / SWEEPS).await;
            let alive = self.sweep(Instant::now());
            let requests = self.requests.load(Ordering::Relaxed);
            let is_used = alive || requests != seen || self.busy.load(Ordering::Relaxed) > 0;
            idle = if is_used { 0 } else { idle + 1 };
            seen = requests;
        }
    }

    /// Whether there are bodies that are being sent.
    fn sweep(&self, now: Instant) -> bool {
        let bodies: Vec<Arc<Watched>> = {
            let mut handles = lock(&self.handles);
            handles.bodies.retain(|body| body.strong_count() > 0);
            handles.bodies.iter().filter_map(Weak::upgrade).collect()
        };
        for body in &bodies {
            // Dropped here, without the lock: much may depend on it.
            drop(body.give_up(now, self.limit));
        }
        !bodies.is_empty()
    }
}

/// A body that can be taken away.
#[derive(Debug)]
pub(super) struct Watched(Mutex<Shelf>);

struct Shelf {
    /// `None`: it was taken away.
    body: Option<Box<Body>>,
    /// Of the last frame, what was not handed over yet.
    piece: Bytes,
    /// When something was handed over that was not followed by a question for more.
    handed_over: Option<Instant>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf")
            .field("handed_over", &self.handed_over)
            .finish_non_exhaustive()
    }
}

impl Watched {
    fn give_up(&self, now: Instant, limit: Duration) -> Option<Box<Body>> {
        let mut shelf = lock(&self.0);
        let since = shelf.handed_over?;
        if now.saturating_duration_since(since) < limit {
            return None;
        }
        shelf.piece = Bytes::new();
        shelf.body.take()
    }

    pub(super) fn poll_frame(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut shelf = lock(&self.0);
        shelf.handed_over = None;
        if shelf.piece.is_empty() {
            let Some(body) = &mut shelf.body else {
                let gone = io::Error::new(io::ErrorKind::TimedOut, "the client took nothing");
                return Poll::Ready(Some(Err(gone)));
            };
            match ready!(std::pin::Pin::new(&mut **body).poll_frame(cx)) {
                Some(Ok(frame)) => shelf.piece = frame.into_data().unwrap_or_default(),
                other => return Poll::Ready(other),
            }
        }
        let length = shelf.piece.len().min(PIECE_BYTES);
        shelf.handed_over = Some(Instant::now());
        Poll::Ready(Some(Ok(Frame::data(shelf.piece.split_to(length)))))
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let shelf = lock(&self.0);
        let is_ended = shelf.body.as_ref().is_some_and(|body| body.is_end_stream());
        shelf.piece.is_empty() && is_ended
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let shelf = lock(&self.0);
        let rest = shelf.body.as_ref().map(|body| body.size_hint());
        let piece = shelf.piece.len() as u64;
        match rest.unwrap_or_default().exact() {
            Some(rest) => SizeHint::with_exact(piece + rest),
            None => SizeHint::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn next(body: &Watched) -> Option<Result<usize, io::ErrorKind>> {
        let frame = poll_fn(|cx| body.poll_frame(cx)).await;
        frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.into_data().expect("data").len()),
            Err(error) => Err(error.kind()),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_not_asked_for_more_is_taken_away() {
        let watch = Watch::new(Duration::from_secs(40));
        let handle = |watch: &Watch| lock(&watch.handles).bodies[0].upgrade().expect("alive");
        let _held = watch.watch(Body::whole(vec![0; 100_000]));
        let body = handle(&watch);
        assert_eq!(body.size_hint().exact(), Some(100_000));
        assert_eq!(next(&body).await, Some(Ok(PIECE_BYTES)));
        let begun = Instant::now();
        assert!(watch.sweep(begun + Duration::from_secs(39)));
        assert_eq!(next(&body).await, Some(Ok(100_000 - PIECE_BYTES)));
        assert!(body.is_end_stream());
        watch.sweep(Instant::now() + Duration::from_secs(40));
        assert_eq!(next(&body).await, Some(Err(io::ErrorKind::TimedOut)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_after_its_last_reply() {
        let watch = Watch::new(Duration::from_secs(40));
        let begun = Instant::now();
        let busy = watch.request();
        let working = async {
            sleep(Duration::from_secs(100)).await;
            drop(busy);
        };
        tokio::join!(watch.until_idle(), working);
        assert_eq!(begun.elapsed().as_secs(), 140);
    }
}
