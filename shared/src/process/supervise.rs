//! Background tasks whose death ends the process: nothing limps.

use std::{future::Future, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

type TaskResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Named tasks that live until `stop`.
#[derive(Debug)]
pub struct Tasks {
    stop: CancellationToken,
    set: JoinSet<(&'static str, TaskResult)>,
}

/// A task that ended before it was asked to, or did not end in time.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    #[error("task {name} ended on its own")]
    Ended { name: &'static str },
    #[error("task {name} failed: {source}")]
    Failed {
        name: &'static str,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("a task panicked: {0}")]
    Panicked(tokio::task::JoinError),
    #[error("{0} tasks did not stop within {1:?}")]
    Stuck(usize, Duration),
}

impl Tasks {
    /// No tasks yet.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            set: JoinSet::new(),
        }
    }

    /// The token that tasks must watch.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Starts a task.
    pub fn spawn<E>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.set
            .spawn(async move { (name, task.await.map_err(Into::into)) });
    }

    /// Waits until stopped, then until every task ended or `deadline` passed. The first task that fails,
    /// or ends early, stops the others and is the error; one that failed is rather the error than one that
    /// only ended, since the failure may be why.
    pub async fn run(mut self, deadline: Duration) -> Result<(), TaskError> {
        let mut first_error = None;
        while !self.stop.is_cancelled() {
            let ended = tokio::select! {
                () = self.stop.cancelled() => break,
                ended = self.set.join_next() => ended,
            };
            let Some(ended) = ended else { break };
            if self.stop.is_cancelled() {
                first_error = failure(ended, true);
                break;
            }
            first_error = failure(ended, false);
            self.stop.cancel();
        }
        let drained = tokio::time::timeout(deadline, async {
            while let Some(ended) = self.set.join_next().await {
                first_error = weightier(first_error.take(), failure(ended, true));
            }
        });
        if drained.await.is_err() {
            let stuck = TaskError::Stuck(self.set.len(), deadline);
            self.set.abort_all();
            return Err(first_error.unwrap_or(stuck));
        }
        first_error.map_or(Ok(()), Err)
    }
}

fn weightier(first: Option<TaskError>, next: Option<TaskError>) -> Option<TaskError> {
    match first {
        None | Some(TaskError::Ended { .. }) => next.or(first),
        Some(TaskError::Failed { .. } | TaskError::Panicked(_) | TaskError::Stuck(..)) => first,
    }
}

fn failure(
    ended: Result<(&'static str, TaskResult), tokio::task::JoinError>,
    stopping: bool,
) -> Option<TaskError> {
    match ended {
        Ok((_, Ok(()))) if stopping => None,
        Ok((name, Ok(()))) => Some(TaskError::Ended { name }),
        Ok((name, Err(source))) => Some(TaskError::Failed { name, source }),
        Err(panic) => Some(TaskError::Panicked(panic)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn until(stop: CancellationToken) -> std::io::Result<()> {
        stop.cancelled().await;
        Ok(())
    }

    #[tokio::test]
    async fn a_task_that_ends_early_stops_the_others_and_is_named() {
        let mut tasks = Tasks::new(CancellationToken::new());
        let stop = tasks.stop().clone();
        tasks.spawn("steady", until(stop));
        tasks.spawn("short", async { std::io::Result::Ok(()) });
        let error = tasks
            .run(Duration::from_secs(5))
            .await
            .expect_err("short ended");
        assert_eq!(error.to_string(), "task short ended on its own");
    }

    #[tokio::test]
    async fn a_failure_is_named_rather_than_a_task_that_ended_because_of_it() {
        let mut tasks = Tasks::new(CancellationToken::new());
        let stop = tasks.stop().clone();
        tasks.spawn("follower", async { std::io::Result::Ok(()) });
        tasks.spawn("culprit", async move {
            stop.cancelled().await;
            Err(std::io::Error::other("disk is full"))
        });
        let error = tasks
            .run(Duration::from_secs(5))
            .await
            .expect_err("culprit failed");
        assert_eq!(error.to_string(), "task culprit failed: disk is full");
    }

    #[tokio::test]
    async fn a_requested_stop_is_no_error() {
        let mut tasks = Tasks::new(CancellationToken::new());
        let stop = tasks.stop().clone();
        tasks.spawn("steady", until(stop.clone()));
        stop.cancel();
        assert!(tasks.run(Duration::from_secs(5)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_given_up() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("deaf", std::future::pending::<std::io::Result<()>>());
        tasks.stop().cancel();
        let error = tasks.run(Duration::from_secs(1)).await.expect_err("stuck");
        assert!(matches!(error, TaskError::Stuck(1, _)));
    }
}
