//! Lease, judge, report, again.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use floopy_proto::v1;
use floopy_shared::{
    domain::{
        event::{Score, ScoringJob},
        ids::TenantId,
        rubric::Rubric,
    },
    process::{
        backoff::Backoff,
        rpc::{Dialer, is_of_peer},
    },
    wire::scoring,
};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Client, Config, judge,
    llm::{self, Draw, Judges, Task},
    metrics::Metrics,
    report,
    rubric::Exchange,
};

/// Delays after a failed lease.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// How much longer than its own wait a lease request may take.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// One loop; several run side by side.
pub(crate) struct Worker {
    pub client: Client,
    /// Of the client's connections.
    pub dialer: Dialer,
    pub config: Arc<Config>,
    pub metrics: Metrics,
    /// Models that grade beside the built-in scorer.
    pub judges: Option<Judges>,
    pub stop: CancellationToken,
}

impl Worker {
    /// Until stopped. What was leased is reported before it ends.
    pub(crate) async fn run(mut self) -> Result<(), Infallible> {
        let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
        while !self.stop.is_cancelled() {
            let stop = self.stop.clone();
            let leased = tokio::select! {
                () = stop.cancelled() => break,
                leased = self.lease() => leased,
            };
            match leased {
                Ok(leased) => {
                    backoff.reset();
                    // The question may have waited for a job for longer than a lease lasts.
                    self.work(leased, Instant::now()).await;
                }
                Err(reason) => self.pause(&reason, backoff.next_delay()).await,
            }
        }
        Ok(())
    }

    async fn pause(&self, reason: &str, delay: Duration) {
        self.metrics.lease_errors.inc();
        tracing::debug!(reason, ?delay, "no lease; trying again");
        let _stopped = timeout(delay, self.stop.cancelled()).await;
    }

    /// As many as are worked on at once where models grade them.
    fn most_jobs(&self) -> u32 {
        let at_once = self.judges.as_ref().map(Judges::concurrency);
        at_once.map_or(self.config.batch, |most| most.min(self.config.batch))
    }

    async fn lease(&mut self) -> Result<v1::LeaseResponse, String> {
        let request = v1::LeaseRequest {
            worker: self.config.worker.clone(),
            max_jobs: self.most_jobs(),
            wait_ms: self.config.wait_ms,
            lease_ms: self.config.lease_ms,
        };
        let deadline = Duration::from_millis(self.config.wait_ms) + LEASE_MARGIN;
        let mark = self.dialer.mark();
        match timeout(deadline, self.client.lease(request)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => {
                if is_of_peer(&status) {
                    self.dialer.leave(mark);
                }
                Err(format!("{}: {}", status.code(), status.message()))
            }
            Err(_) => {
                self.dialer.leave(mark);
                Err(format!("no answer within {deadline:?}"))
            }
        }
    }

    async fn work(&mut self, leased: v1::LeaseResponse, leased_at: Instant) {
        let rubrics = Rubrics::of(leased.rubrics);
        let jobs = leased.jobs;
        if jobs.is_empty() {
            return;
        }
        self.metrics.leased.inc_by(jobs.len() as u64);
        let lease_ends = leased_at + Duration::from_millis(self.config.lease_ms);
        let mut report = report::Report::new(&self.config.worker);
        let mut tasks = Vec::new();
        for job in jobs {
            let request_id = job.request_id.clone();
            match ScoringJob::try_from(job) {
                Ok(job) => {
                    let rubric = rubrics.of_tenant(&job.tenant);
                    tasks.extend(self.judge(job, &rubric, &mut report));
                }
                Err(reason) => report.add_failed(request_id, &reason.to_string()),
            }
            // A batch of long texts takes a while; others run in between.
            tokio::task::yield_now().await;
        }
        // What no model grades does not wait for those that one does.
        report.deliver(self, lease_ends).await;
        self.grade(tasks, lease_ends).await;
    }

    /// Has models grade what is left.
    async fn grade(&mut self, tasks: Vec<Task>, lease_ends: Instant) {
        let Some(judges) = self.judges.clone().filter(|_| !tasks.is_empty()) else {
            return;
        };
        let mut report = report::Report::new(&self.config.worker);
        for graded in judges.grade(tasks, lease_ends - llm::MARGIN).await {
            let request_id = graded.task.job.request_id;
            match graded.verdict {
                Ok((verdict, own)) => {
                    let of = (request_id, graded.task.judge());
                    let score = verdict.graded(of, &graded.task.rubric, &own);
                    self.metrics.composite.observe(score.composite);
                    report.add(&Score {
                        cost_micro_usd: graded.spent,
                        ..drawn(score, graded.task.draw)
                    });
                }
                Err(reason) => {
                    let id = Bytes::copy_from_slice(request_id.0.as_bytes());
                    report.add_failed(id, &reason);
                }
            }
        }
        report.deliver(self, lease_ends).await;
    }

    /// Scores a reply, unless a model is to grade it too.
    fn judge(
        &self,
        job: ScoringJob,
        rubric: &Arc<Rubric>,
        report: &mut report::Report,
    ) -> Option<Task> {
        let verdict = judge::score(&Exchange {
            prompt: &job.prompt,
            reply: &job.reply,
            truncated: job.truncated,
            json_expected: job.json_expected,
            calls: &job.calls,
        });
        let request_id = job.request_id;
        let judges = self.judges.as_ref();
        let taken = judges.map(|judges| judges.take(job, (verdict, rubric)));
        let draw = match taken {
            Some(Ok(task)) => return Some(task),
            Some(Err(draw)) => draw,
            None => Draw::NONE,
        };
        let score = verdict.to_score(request_id, rubric);
        self.metrics.composite.observe(score.composite);
        report.add(&drawn(score, draw));
        None
    }
}

/// What tenants have their replies judged by.
#[derive(Debug, Default)]
struct Rubrics {
    of: HashMap<TenantId, Arc<Rubric>>,
    /// Of those who say nothing.
    usual: Arc<Rubric>,
}

impl Rubrics {
    /// One that cannot be read is as none: replies are judged by what all are judged by.
    fn of(told: Vec<v1::Rubric>) -> Self {
        let mut of = HashMap::new();
        for told in told {
            match scoring::rubric(told) {
                Ok((tenant, rubric)) => {
                    of.insert(tenant, Arc::new(rubric));
                }
                Err(error) => tracing::warn!(%error, "a rubric cannot be read"),
            }
        }
        Self {
            of,
            usual: Arc::default(),
        }
    }

    fn of_tenant(&self, tenant: &TenantId) -> Arc<Rubric> {
        Arc::clone(self.of.get(tenant).unwrap_or(&self.usual))
    }
}

/// A score with how it came about.
fn drawn(score: Score, draw: Draw) -> Score {
    Score {
        probability: draw.probability,
        weight: draw.weight,
        ..score
    }
}
