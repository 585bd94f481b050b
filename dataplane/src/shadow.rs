//! Shadow calls: a served request is also sent to a candidate worth learning about; its reply is never shown.

mod budget;

use std::{future::poll_fn, sync::Arc};

use floopy_shared::domain::{
    decision::{Decision, Ending, Reason},
    ids::{RequestId, TenantId},
    route::{Shadow, expected_cost},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use self::budget::{Budgets, Reserved};
use crate::{
    after::{Judged, Work, offer},
    gateway::Gateway,
    record::Record,
    upstream::{End, Errand, Facts, Relay, Reply, Step},
};

/// Calls with a longer body have no shadow: it would hold memory that nobody counts any more.
const MAX_BODY_BYTES: usize = 4 << 20;

/// The shadow calls under way.
#[derive(Debug)]
pub(crate) struct Shadows {
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
    budgets: Budgets,
}

impl Shadows {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            budgets: Budgets::default(),
        }
    }

    /// Gives up what is under way; no caller waits for it.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Sends the shadow of a served call, if there is room.
pub(crate) fn launch(gateway: &Arc<Gateway>, mut work: Work) {
    let Some((shadow, decision)) = work.shadow.take() else {
        return;
    };
    let slot = Arc::clone(&gateway.shadows.slots).try_acquire_owned();
    let (Ok(slot), Ok(runtime)) = (slot, Handle::try_current()) else {
        gateway.metrics.shadow_dropped();
        return;
    };
    let is_long = work.call.body_bytes() > MAX_BODY_BYTES;
    if is_long || gateway.shadows.stop.is_cancelled() {
        gateway.metrics.shadow_dropped();
        return;
    }
    let Some(money) = Money::reserve(gateway, &work, &shadow) else {
        gateway.metrics.shadow_over_budget();
        return;
    };
    gateway.metrics.shadow_sent();
    let stop = gateway.shadows.stop.clone();
    let call = send(Arc::clone(gateway), work, (shadow, decision), (slot, money));
    gateway.shadows.tasks.spawn_on(
        async move {
            tokio::select! {
                () = call => {}
                () = stop.cancelled() => {}
            }
        },
        &runtime,
    );
}

/// What a shadow call may cost, set aside before it is sent; settled however it ends.
struct Money {
    gateway: Arc<Gateway>,
    tenant: TenantId,
    /// `None`: the tenant has no budget.
    reserved: Option<Reserved>,
    spent_micro_usd: u64,
}

impl Money {
    /// `None` where the tenant's budget is spent, or where nobody knows what the call would take of it.
    fn reserve(gateway: &Arc<Gateway>, work: &Work, shadow: &Shadow) -> Option<Self> {
        let tenant = &work.admitted.tenant;
        let reserved = match tenant.shadow_budget_micro_usd_per_day {
            None => None,
            Some(budget) => {
                let forecast = expected_cost(&shadow.model, work.call.features())?;
                let now_ms = gateway.clock.now_ms();
                let budgets = &gateway.shadows.budgets;
                Some(budgets.reserve(&tenant.id, (budget, forecast), now_ms)?)
            }
        };
        Some(Self {
            gateway: Arc::clone(gateway),
            tenant: tenant.id.clone(),
            reserved,
            spent_micro_usd: 0,
        })
    }
}

impl Drop for Money {
    fn drop(&mut self) {
        let spent = self.spent_micro_usd;
        self.gateway.metrics.shadow_spent(spent);
        if let Some(reserved) = self.reserved {
            let budgets = &self.gateway.shadows.budgets;
            budgets.settle(&self.tenant, reserved, spent);
        }
    }
}

async fn send(
    gateway: Arc<Gateway>,
    work: Work,
    (shadow, decision): (Shadow, Box<Decision>),
    (_slot, mut money): (OwnedSemaphorePermit, Money),
) {
    let id = RequestId(Uuid::new_v4());
    let mut record = Record::open(&gateway, &work.admitted, id).shadowing(decision.request_id);
    record.planned_shadow(&decision, &shadow);
    drop(decision);
    let model = &shadow.model;
    let order = std::slice::from_ref(model);
    let errand = Errand {
        call: &work.call,
        headers: &work.headers,
        providers: work.admitted.providers(),
        order,
        now_ms: gateway.clock.now_ms(),
        hedge_after: None,
        text_bytes: gateway.config.reply_text_bytes(false),
        trace: None,
    };
    let reply = gateway
        .upstream
        .attempt(&errand, model, record.trail())
        .await;
    let (status, facts, end) = match reply {
        Ok(reply) => {
            record.served_by(model, Reason::Shadow);
            let status = reply.status().as_u16();
            let (facts, end) = collect(&gateway, reply).await;
            (status, facts, end)
        }
        Err(failure) => {
            let status = failure.status().map_or(502, |status| status.as_u16());
            record.end(status, Ending::Error, None);
            money.spent_micro_usd = record.decision().spent_micro_usd();
            return;
        }
    };
    let ending = if end == End::Complete {
        Ending::Completed
    } else {
        Ending::BrokenStream
    };
    record.end(status, ending, Some(&facts));
    money.spent_micro_usd = record.decision().spent_micro_usd();
    drop(money);
    if end != End::Complete {
        return;
    }
    let judged = Judged {
        request_id: id,
        tenant: &work.admitted.tenant,
        candidate: &model.key,
        session: work.session.as_ref(),
        uncertainty: record.decision().uncertainty(&model.key),
    };
    offer(&gateway, &judged, (&work.call, facts));
}

async fn collect(gateway: &Gateway, reply: Reply) -> (Facts, End) {
    let stream = match reply {
        Reply::Whole(whole) => return (whole.facts, End::Complete),
        Reply::Stream(stream) => stream,
    };
    let mut relay = Relay::new(*stream, gateway.upstream.limits());
    loop {
        match poll_fn(|cx| relay.poll_step(cx)).await {
            Step::Bytes(_) => {}
            Step::End(end) => {
                match (relay.take_trial(), end) {
                    (Some(trial), End::Complete) => trial.succeeded(),
                    (None, End::Complete) => {}
                    (trial, _) => gateway.upstream.broke(trial),
                }
                return (relay.into_facts(), end);
            }
        }
    }
}
