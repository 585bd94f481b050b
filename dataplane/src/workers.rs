//! The threads that serve calls: each has a runtime of its own, and a call stays on the one its connection is
//! on. Nothing is handed between threads on the way of a call.

use std::{cell::Cell, io, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

use crate::deadline;

thread_local! {
    static CURRENT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The number of the worker that this thread is; threads that are none share the first one's place.
pub(crate) fn current() -> usize {
    number().unwrap_or(0)
}

/// The number of the worker that this thread is, if it is one: then all its futures are of one runtime.
pub(crate) fn number() -> Option<usize> {
    CURRENT.get()
}

/// Running workers. They stop when this is dropped; whatever runs on them is dropped there.
#[derive(Debug)]
pub(crate) struct Workers {
    handles: Vec<Handle>,
    ended: Vec<oneshot::Receiver<()>>,
    stop: CancellationToken,
}

impl Workers {
    /// Starts this many, at least one.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let mut workers = Self {
            handles: Vec::with_capacity(count),
            ended: Vec::with_capacity(count),
            stop: CancellationToken::new(),
        };
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            workers.handles.push(runtime.handle().clone());
            let (ends, ended) = oneshot::channel::<()>();
            workers.ended.push(ended);
            let stop = workers.stop.clone();
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || {
                    CURRENT.set(Some(number));
                    runtime.block_on(stop.cancelled());
                    // What is dropped with the runtime has nothing to be kept for.
                    CURRENT.set(None);
                    deadline::forget_all();
                    drop(runtime);
                    drop(ends);
                })?;
        }
        Ok(workers)
    }

    /// All of them.
    pub(crate) fn handles(&self) -> &[Handle] {
        &self.handles
    }

    /// The one with the least to do: connections, streams and shadow calls are tasks.
    pub(crate) fn least_busy(&self) -> Option<&Handle> {
        let tasks = |handle: &&Handle| handle.metrics().num_alive_tasks();
        self.handles.iter().min_by_key(tasks)
    }

    /// Stops them and waits until their threads are done.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        for ended in std::mem::take(&mut self.ended) {
            // An error says that the thread is at its end, which is what is waited for.
            let _ = ended.await;
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
