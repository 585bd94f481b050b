//! The queues that hold to the same: in the store and in Redis. A test sets their clocks forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use floopy_shared::{
    domain::event::{Event, EventBody, ScoringJob},
    domain::ids::TenantId,
    process::clock::Clock,
};

use crate::{
    config::WhenFull,
    fixture::*,
    ingest::{Intake, Verdict},
    queue::{
        Bounds, Dead, Failure, QueueError, RedisQueue, Setup, Shipped, Status, Which,
        tests::server::Server,
    },
};

/// Room for many; each is handed out twice.
pub(super) const ROOMY: Bounds = Bounds {
    jobs: 1_000,
    when_full: WhenFull::DropOldest,
    deliveries: 2,
    dead: 100,
};

/// How long a lease of a test lasts.
const LEASE_MS: u64 = 60_000;

/// A queue behind its intake.
pub(super) struct Target {
    pub(super) intake: Intake,
    now: Arc<AtomicU64>,
    server: Option<Server>,
}

impl Target {
    /// One of each kind.
    pub(super) async fn all(bounds: Bounds) -> Vec<Self> {
        vec![Self::store(bounds).await, Self::redis(bounds).await]
    }

    pub(super) async fn redis(bounds: Bounds) -> Self {
        let server = Server::start().await;
        let setup = Setup {
            url: &server.url(),
            prefix: "floopy",
            deadline: Duration::from_secs(5),
            kept_ms: 86_400_000,
        };
        let redis = RedisQueue::new(&setup).expect("valid");
        let mut target = Self::store(bounds).await;
        target.intake.queue = target.intake.queue.in_redis(redis);
        target.server = Some(server);
        target
    }

    pub(super) fn server(&self) -> &Server {
        self.server.as_ref().expect("it is in Redis")
    }

    /// Sends a batch of what waits in the store to Redis.
    pub(super) async fn ship(&self) -> Result<Shipped, QueueError> {
        match self.intake.queue.redis() {
            Some(redis) => self.intake.queue.ship(&redis).await,
            None => Ok(Shipped::Nothing),
        }
    }

    /// Sends all of it, as soon as Redis takes it.
    pub(super) async fn ship_all(&self) {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..1_500 {
            match self.ship().await {
                Ok(Shipped::Nothing) => return,
                Ok(Shipped::Some | Shipped::Full) => {}
                Err(_) => drop(tick.tick().await),
            }
        }
        panic!("Redis takes nothing");
    }

    pub(super) async fn store(bounds: Bounds) -> Self {
        let now = Arc::new(AtomicU64::new(NOW));
        let clock = Arc::clone(&now);
        let clock = Clock::from_source(move || clock.load(Ordering::SeqCst));
        Self {
            intake: intake_with(bounds, clock).await,
            now,
            server: None,
        }
    }

    /// Lets every lease end.
    pub(super) async fn pass(&self) {
        self.now.fetch_add(LEASE_MS + 1, Ordering::SeqCst);
        if let Some(server) = &self.server {
            server.age().await;
        }
    }

    /// Takes jobs in.
    pub(super) async fn put(&self, jobs: Vec<Event>) -> Vec<Verdict> {
        let verdicts = append(&self.intake, jobs).await;
        self.ship_all().await;
        verdicts
    }

    /// The numbers of the jobs that are handed out.
    pub(super) async fn lease(&self, jobs: u32) -> Vec<u64> {
        let leased = self.leased(jobs).await;
        let number = |job: ScoringJob| {
            let is_it = |n: &u64| request(*n) == job.request_id;
            (0..1_000).find(is_it).expect("one of ours")
        };
        leased.into_iter().map(number).collect()
    }

    pub(super) async fn leased(&self, jobs: u32) -> Vec<ScoringJob> {
        let ask = crate::queue::Ask {
            lease_ms: LEASE_MS,
            ..ask(jobs)
        };
        let leased = self.intake.queue.lease(&ask, Duration::ZERO).await;
        leased.expect("works")
    }

    /// A judge scores these.
    pub(super) async fn score(&self, numbers: &[u64]) {
        let scores = numbers.iter().map(|n| score(*n, 0.5)).collect();
        self.intake.report(scores, vec![]).await.expect("works");
    }

    /// A judge says why it could not.
    pub(super) async fn fail(&self, n: u64, reason: &str) {
        let failure = Failure {
            request: request(n),
            reason: reason.to_owned(),
        };
        let told = self.intake.report(vec![], vec![failure]).await;
        told.expect("works");
    }

    pub(super) async fn tend(&self) {
        self.intake.queue.tend().await.expect("works");
    }

    pub(super) async fn status(&self) -> Status {
        self.intake.queue.status().await.expect("counts")
    }

    /// Waiting, with a judge, dead.
    pub(super) async fn depth(&self) -> (u64, u64, u64) {
        let status = self.status().await;
        (status.waiting, status.in_flight, status.dead)
    }

    pub(super) async fn dead(&self, tenant: Option<&TenantId>) -> Vec<Dead> {
        let dead = self.intake.queue.dead(tenant, None, 100).await;
        dead.expect("reads")
    }

    /// Everything that waits is handed out until it is dead.
    pub(super) async fn let_die(&self) {
        loop {
            self.pass().await;
            if self.leased(100).await.is_empty() {
                break;
            }
        }
        self.tend().await;
    }

    pub(super) async fn retry(&self, which: Which) -> u64 {
        let mut tx = self.intake.store.write().await.expect("writes");
        let retried = self.intake.queue.retry(&mut tx, &which).await;
        tx.commit().await.expect("commits");
        retried.expect("works")
    }

    pub(super) async fn drop_dead(&self, which: Which) -> u64 {
        let mut tx = self.intake.store.write().await.expect("writes");
        let dropped = self.intake.queue.drop_dead(&mut tx, &which).await;
        tx.commit().await.expect("commits");
        dropped.expect("works")
    }
}

/// A job of another tenant.
pub(super) fn job_of(tenant: &TenantId, n: u64) -> Event {
    let mut event = job(n, n);
    if let EventBody::ScoringJob(job) = &mut event.body {
        job.tenant = tenant.clone();
    }
    event
}
