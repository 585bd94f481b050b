//! The record of a call: made once whatever happens, and on disk before the caller has its last byte.

mod batch;
mod cached;
mod decision;
mod outcome;
pub(crate) mod spool;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::domain::{
    budget::Stopped,
    catalog::CatalogModel,
    decision::{AttemptResult, Decision, Ending, Outcome, Reason, Stage},
    experiment::Assignment,
    firewall::{Screening, output::Watched},
    ids::{CandidateKey, RequestId, SessionId},
    implicit::Implicit,
    money::Prices,
    route::Shadow,
    snapshot::Tenant,
    tags::Tags,
};
use http::HeaderMap;
use uuid::Uuid;

use self::decision::{decided, no_outcome, undecided, understood};
use self::outcome::spend_of;
pub(crate) use self::{
    batch::{Answered, BatchCall, of_line},
    cached::{Bypass, Came, Course, Told},
    decision::of_plan,
};
use crate::{
    admit::Admitted,
    budgets::Reserved,
    call::Call,
    gateway::Gateway,
    implicit,
    rates::Charged,
    record::spool::Ticket,
    route::Plan,
    traces,
    upstream::{Facts, Trail},
};

/// Text bytes taken for one token where the upstream reported no usage.
const BYTES_PER_TOKEN: u64 = 4;

/// nginx's code for a client that left before it was answered.
pub(crate) const CLIENT_GONE: u16 = 499;

/// A record under way. Dropping it unfinished records that the client left.
pub(crate) struct Record {
    gateway: Arc<Gateway>,
    tenant: Arc<Tenant>,
    decision: Box<Decision>,
    began: Instant,
    waited: Duration,
    first_byte: Option<Duration>,
    trail: Trail,
    prices: Option<Prices>,
    answered: Option<u16>,
    last_tried: Option<CandidateKey>,
    /// `None`: the cache was not asked.
    cache: Option<Box<Course>>,
    /// Whose limits its tokens count for.
    charged: Charged,
    /// What is set aside for it of budgets.
    reserved: Option<Reserved>,
    /// Where it stands in its trace; `None`: nobody is told of it.
    trace: Option<Arc<traces::Context>>,
    is_open: bool,
}

impl Record {
    /// For a caller that was admitted; nothing is known of the call yet.
    pub(crate) fn open(gateway: &Arc<Gateway>, admitted: &Admitted, request_id: RequestId) -> Self {
        let now_ms = gateway.clock.now_ms();
        let decision = undecided(admitted, (request_id, now_ms));
        Self {
            gateway: Arc::clone(gateway),
            tenant: Arc::clone(&admitted.tenant),
            decision: Box::new(decision),
            began: Instant::now(),
            waited: Duration::ZERO,
            first_byte: None,
            trail: Trail::default(),
            prices: None,
            answered: None,
            last_tried: None,
            cache: None,
            charged: Charged::default(),
            reserved: None,
            trace: None,
            is_open: true,
        }
    }

    /// A copy of another call, sent to learn.
    pub(crate) fn shadowing(mut self, served: RequestId) -> Self {
        self.decision.shadow_of = Some(served);
        self
    }

    pub(crate) fn set_session(&mut self, session: Option<SessionId>) {
        self.decision.session_id = session;
    }

    /// It is told of once it is over, where anybody is told of calls.
    pub(crate) fn traced(&mut self, headers: &HeaderMap) {
        let traces = self.gateway.traces.as_ref();
        self.trace = traces.map(|traces| traces.context(headers, self.id()));
    }

    /// For whoever is asked on its behalf.
    pub(crate) fn trace(&self) -> Option<Arc<traces::Context>> {
        self.trace.clone()
    }

    /// Where its tokens count.
    pub(crate) fn charge(&mut self, charged: Charged) {
        self.charged = charged;
    }

    /// Something is set aside for it, until it is over.
    pub(crate) fn reserve(&mut self, reserved: Reserved) {
        self.decision.charged = Some(self.gateway.budgets.charged(&reserved));
        self.reserved = Some(reserved);
    }

    /// A budget has no room for it.
    pub(crate) fn stopped(&mut self, stopped: Box<Stopped>) {
        self.decision.stopped = Some(stopped);
    }

    /// What the firewall said of it.
    pub(crate) fn screened(&mut self, screening: Screening) {
        if screening.is_blocked() {
            self.decision.reason = Reason::Firewall;
        }
        self.decision.firewall = Some(Box::new(screening));
    }

    /// What the firewall said of its reply.
    pub(crate) fn watched(&mut self, watched: Watched) {
        self.gateway.metrics.firewall.watched(&watched);
        self.decision.watched = Some(Box::new(watched));
    }

    /// Its reply is kept from its caller.
    fn is_withheld(&self) -> bool {
        self.decision
            .watched
            .as_deref()
            .is_some_and(Watched::is_blocked)
    }

    /// The project that it is counted for.
    pub(crate) fn count_for(&mut self, project: Option<Uuid>) {
        self.decision.project = project;
    }

    /// Time spent waiting for the client is not ours.
    pub(crate) fn waited_for_client(&mut self, waited: Duration) {
        self.waited += waited;
    }

    /// The body was read.
    pub(crate) fn understood(&mut self, call: &Call, admitted: &Admitted) {
        understood(&mut self.decision, call, admitted);
        self.gateway.metrics.firewall.redacted(call.redacted());
    }

    /// What its caller says it belongs to.
    pub(crate) fn tag(&mut self, tags: Option<Box<Tags>>) {
        self.decision.tags = tags;
    }

    /// It is part of an experiment, or of none.
    pub(crate) fn entered(&mut self, experiment: Option<Assignment>) {
        self.decision.experiment = experiment;
    }

    /// It was decided who is asked. What only the record needs is taken out of the plan.
    pub(crate) fn planned(&mut self, plan: &mut Plan) {
        decided(&mut self.decision, plan);
        self.planned_overhead();
    }

    fn planned_overhead(&mut self) {
        let overhead = self.began.elapsed().saturating_sub(self.waited);
        self.decision.outcome.overhead_us = u64::try_from(overhead.as_micros()).unwrap_or(u64::MAX);
        if self.decision.shadow_of.is_none() {
            self.gateway.metrics.overhead(overhead);
        }
    }

    /// Whom a shadow goes to.
    pub(crate) fn planned_shadow(&mut self, of: &Decision, shadow: &Shadow) {
        let own = &mut self.decision;
        let (request_id, created_at_ms, shadow_of) =
            (own.request_id, own.created_at_ms, own.shadow_of);
        let priced = own.priced.take();
        let decision = Decision {
            request_id,
            created_at_ms,
            shadow_of,
            chosen: Some(shadow.model.key.clone()),
            propensity: shadow.propensity,
            served: None,
            // A rating of the session must not credit what nobody saw.
            session_id: None,
            completion_id: None,
            reason: Reason::Shadow,
            attempts: Vec::new(),
            outcome: no_outcome(),
            stage: Stage::Finished,
            experiment: of.experiment.map(Assignment::copied),
            // What is tried in the shadow has a budget of its own.
            charged: None,
            tags: None,
            priced,
            // Its caller said that of whoever served.
            implicit: Vec::new(),
            ..of.clone()
        };
        *self.decision = decision;
    }

    /// Its caller did what says something of a reply.
    pub(crate) fn tells(&mut self, implicit: Implicit) {
        self.decision.implicit.push(implicit);
    }

    /// A candidate's reply began.
    pub(crate) fn served_by(&mut self, model: &CatalogModel, planned: Reason) {
        let is_first = self.decision.chosen.as_ref() == Some(&model.key);
        self.decision.reason = if is_first { planned } else { Reason::Fallback };
        self.decision.served = Some(model.key.clone());
        self.prices = model.prices;
        if let Some(priced) = &mut self.decision.priced {
            priced.served_prices = model.prices;
        }
        self.first_byte = Some(self.began.elapsed());
    }

    /// The headers of a stream may go out once this returned: from then on a crash must not lose the call. They
    /// do not wait for the records of other calls: beside a thousand streams that takes longer than a write.
    pub(crate) fn begin_stream(&mut self, status: u16, facts: &Facts) {
        self.answered = Some(status);
        let overhead_us = self.decision.outcome.overhead_us;
        self.decision.stage = Stage::Started;
        self.decision.completion_id.clone_from(&facts.completion_id);
        self.decision.attempts = self.trail.attempts();
        self.decision.outcome = self.outcome(status, Ending::Interrupted, Some(facts));
        let ticket = self.queue();
        self.decision.stage = Stage::Finished;
        self.decision.outcome = Outcome {
            overhead_us,
            ..no_outcome()
        };
        if let Some(ticket) = ticket {
            self.gateway.spool.write_until(ticket);
        }
    }

    /// Writes the record. Only the first call counts.
    pub(crate) fn end(&mut self, status: u16, ending: Ending, facts: Option<&Facts>) {
        if let Some(ticket) = self.close(status, ending, facts) {
            self.gateway.spool.write_until(ticket);
        }
    }

    /// The same for a reply that is whole and may go out once this returned. It is written together with the
    /// records of other calls.
    pub(crate) async fn complete(&mut self, status: u16, facts: &Facts) {
        if let Some(ticket) = self.close(status, Ending::Completed, Some(facts)) {
            let is_crowded = self.gateway.doors.is_crowded();
            self.gateway.spool.written(ticket, is_crowded).await;
        }
    }

    fn close(&mut self, status: u16, ending: Ending, facts: Option<&Facts>) -> Option<Ticket> {
        if !std::mem::replace(&mut self.is_open, false) {
            return None;
        }
        match ending {
            Ending::BrokenStream => self.trail.revise(AttemptResult::BrokenStream),
            Ending::ClientDisconnected if facts.is_some() => {
                self.trail.revise(AttemptResult::ClientGone)
            }
            Ending::ClientDisconnected
            | Ending::Completed
            | Ending::Error
            | Ending::Interrupted => {}
        }
        let streamed = self.answered.is_some();
        let told = implicit::of_reply(ending, streamed, facts);
        let is_served = self.decision.served.is_some() && self.decision.shadow_of.is_none();
        self.decision.implicit.extend(told.filter(|_| is_served));
        self.decision.outcome = self.outcome(status, ending, facts);
        self.decision.completion_id = facts.and_then(|facts| facts.completion_id.clone());
        self.decision.attempts = self.trail.close();
        // What is tried in the shadow has a budget of its own.
        if self.decision.shadow_of.is_none() {
            let now_ms = self.gateway.clock.now_ms();
            let usage = self.decision.outcome.usage;
            self.gateway.rates.spend(&self.tenant, usage, now_ms);
            self.charged.spend(usage, now_ms);
        }
        if let Some(reserved) = self.reserved.take() {
            let spend = spend_of(&self.decision);
            self.gateway.budgets.settle(reserved, spend);
        }
        self.tell();
        self.queue()
    }

    /// Tells those who watch.
    fn tell(&self) {
        if self.decision.shadow_of.is_none() {
            let is_stream = self.decision.features.stream;
            let times = &self.gateway.metrics.times;
            times.served(&self.decision.outcome, is_stream);
        }
        if let (Some(traces), Some(trace)) = (&self.gateway.traces, &self.trace) {
            traces.end(trace, &self.decision, self.began.elapsed());
        }
    }

    /// The client left, or was cut off because the proxy stops or the reply may not be read.
    pub(crate) fn abandon(&mut self, facts: Option<&Facts>) {
        let forced = self.gateway.doors.is_forced();
        let ending = if self.is_withheld() {
            Ending::Error
        } else if forced {
            Ending::Interrupted
        } else {
            Ending::ClientDisconnected
        };
        self.end(self.answered.unwrap_or(CLIENT_GONE), ending, facts);
    }

    /// Being dropped is counted and logged by the spool; the caller is served all the same.
    fn queue(&self) -> Option<Ticket> {
        let now_ms = self.gateway.clock.now_ms();
        let queued = self.gateway.spool.queue_decision(&self.decision, now_ms);
        queued.ok()
    }

    pub(crate) fn id(&self) -> RequestId {
        self.decision.request_id
    }

    pub(crate) fn trail(&mut self) -> &mut Trail {
        &mut self.trail
    }

    pub(crate) fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whose error the caller is told of.
    pub(crate) fn set_last_tried(&mut self, key: CandidateKey) {
        self.last_tried = Some(key);
    }

    /// The candidate that callers see: who served, or who failed last.
    pub(crate) fn shown_model(&self) -> Option<&CandidateKey> {
        self.decision.served.as_ref().or(self.last_tried.as_ref())
    }

    pub(crate) fn served_key(&self) -> Option<&CandidateKey> {
        self.decision.served.as_ref()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.is_open {
            self.abandon(None);
        }
    }
}
