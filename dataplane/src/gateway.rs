//! What lives as long as the process, and is shared by all requests.

use std::{
    fs::File,
    sync::{Arc, OnceLock, atomic::AtomicUsize},
    time::Duration,
};

use bytes::Bytes;
use floopy_shared::{domain::ids::RequestId, process::clock::Clock};
use hyper::{HeaderMap, Response};
use tokio::runtime::Handle;

use crate::{
    admit::{Admitted, Permission, admit},
    allowance::Allowance,
    batches::Batches,
    budgets::Budgets,
    cache::Cache,
    config::Config,
    conversations::Conversations,
    doors::{Doors, Passage, Shed},
    firewall::Firewall,
    http::{self, Body, RequestBody, Unread, respond::Refusal},
    linger::Lingering,
    mcp::Mcp,
    metrics::{Metrics, Reading},
    qdrant::Qdrant,
    rates::{Admission, Exceeded, Rates},
    record::spool::Spool,
    redis::Redis,
    sessions::{OpenSessions, Rated},
    shadow::Shadows,
    state::Current,
    traces::Traces,
    upstream::{Upstream, breaker::Census},
};

pub(crate) struct Gateway {
    pub config: Config,
    pub current: Arc<Current>,
    pub upstream: Upstream,
    pub spool: Arc<Spool>,
    pub sessions: OpenSessions,
    pub rated: Rated,
    pub explains: Allowance,
    pub conversations: Conversations,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    pub shadows: Shadows,
    pub doors: Arc<Doors>,
    pub rates: Rates,
    pub budgets: Budgets,
    pub lingering: Lingering,
    pub batches: Batches,
    pub cache: Cache,
    pub firewall: Firewall,
    pub mcp: Mcp,
    /// The place, in the configuration, of the control plane that answered last.
    pub leads: AtomicUsize,
    pub redis: Option<Arc<Redis>>,
    pub qdrant: Option<Arc<Qdrant>>,
    /// `None`: nobody is told of calls.
    pub traces: Option<Traces>,
    /// The runtimes of the threads that serve, once they do.
    pub serving: OnceLock<Vec<Handle>>,
    /// Keeps other proxies out of the data directory.
    pub _lock: File,
}

impl Gateway {
    /// What metrics look up when they are read.
    pub(crate) fn reading(&self) -> Reading {
        let (spool_events, spool_bytes) = self.spool.depth();
        let own = self.current.snapshot().access.census();
        let circuits: Census = [self.upstream.breakers.census(), own].into_iter().sum();
        let alive = |runtime: &Handle| runtime.metrics().num_alive_tasks();
        let serving = self.serving.get().into_iter().flatten().map(alive);
        let tasks = Handle::try_current().map_or(0, |own| alive(&own)) + serving.sum::<usize>();
        Reading {
            tasks: tasks as u64,
            circuits_open: circuits.open,
            circuits_half_open: circuits.half_open,
            candidates_resting: circuits.resting,
            cache: self.cache.census(),
            spool_events,
            spool_bytes,
            spool_level: self.spool.level() as u64,
            snapshot_version: self.current.snapshot().version(),
            snapshot_age_seconds: self.current.age_ms(self.clock.now_ms()) / 1_000,
            control_connected: self.current.is_connected(),
        }
    }

    /// Counts a call that is not let in, and says so.
    pub(crate) fn shed(&self, shed: Shed) -> Refusal {
        match shed {
            Shed::Full(_) | Shed::BytesFull(_) => self.metrics.overloaded(),
            Shed::OverShare(_) | Shed::BytesOverShare(_) => self.metrics.over_share(),
        }
        Refusal::from(shed)
    }

    /// Counts a call that is over a limit of its tenant or its key, and says so.
    pub(crate) fn limited(&self, exceeded: Exceeded) -> Response<Body> {
        self.metrics.limited();
        let mut response = Refusal::from(exceeded.clone()).response();
        exceeded.tell(response.headers_mut());
        response
    }

    /// Lets a call in that is within its limits, and counts it; else the answer to it.
    pub(crate) fn within(
        &self,
        admitted: &Admitted,
        headers: &HeaderMap,
    ) -> Result<Admission, Box<Response<Body>>> {
        let named = Rates::named(admitted, headers);
        let named = named.map_err(|refusal| Box::new(refusal.response()))?;
        let now_ms = self.clock.now_ms();
        let admission = self.rates.admit(admitted, (headers, named), now_ms);
        admission.map_err(|exceeded| Box::new(self.limited(exceeded)))
    }

    /// Lets a caller in whose key may do this, if there is room for another call of its tenant.
    pub(crate) fn enter(
        &self,
        headers: &HeaderMap,
        permission: Permission,
        passage: &mut Passage,
    ) -> Result<Admitted, Refusal> {
        let admitted = admit(self.current.snapshot(), headers, permission)?;
        let seat = passage.seat(Some(&admitted.tenant.id));
        seat.map_err(|shed| self.shed(shed))?;
        Ok(admitted)
    }

    /// A body within its size and its time, if there is room for it.
    pub(crate) async fn read(
        &self,
        body: RequestBody,
        (limit, deadline): (usize, Duration),
        passage: &mut Passage,
    ) -> Result<Bytes, Refusal> {
        match http::read(body, limit, deadline, passage).await {
            Ok(bytes) => Ok(bytes),
            Err(Unread::Shed(shed)) => Err(self.shed(shed)),
            Err(unread) => Err(unread.into()),
        }
    }

    /// Whether this request's reply goes to the judge: every one of an evaluation does.
    pub(crate) fn is_judged(&self, admitted: &Admitted, id: RequestId) -> bool {
        admitted.scope.evaluation || self.is_sampled(id)
    }

    /// Whether it is one of the share that goes there. Decided by its id, which is random.
    pub(crate) fn is_sampled(&self, id: RequestId) -> bool {
        let (high, _) = id.0.as_u64_pair();
        let unit = f64::from((high >> 32) as u32) / f64::from(u32::MAX);
        unit < self.config.scoring.sample_rate
    }
}
