//! Carries evaluations out: asks the proxy row by row, a few at a time and fairly among tenants, and gathers what the
//! calls cost and how the judges found the replies.
//!
//! Each step is written down before the next one begins: after a crash only rows that were under way are asked again.

mod fair;
mod judged;
mod outcome;
mod settle;

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::{domain::ids::TenantId, process::clock::Clock};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use self::{
    fair::{Busy, Open},
    outcome::Cause,
};
use crate::{
    Evaluations as Settings,
    evaluations::{Asker, Evaluations, NoReply, Question, Reply, RunConfig, WrittenRow},
    index::dirty::Dirty,
    store::{
        Store, StoreError,
        evaluations::{
            self, End, Run,
            items::{self, Item, Spent},
        },
    },
};

/// How often runs are looked at where nothing else says so: a run that was cancelled stops within this.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often judgements are looked for.
const JUDGE_EVERY: Duration = Duration::from_millis(400);

/// What the job works with.
#[derive(Debug, Clone)]
pub(crate) struct Evaluating {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) evaluations: Arc<Evaluations>,
    pub(crate) dirty: Arc<Dirty>,
    pub(crate) asker: Asker,
    pub(crate) settings: Settings,
}

/// A run that is not over.
struct Live {
    run: Run,
    config: RunConfig,
    /// Nothing of it is sent before this.
    wait_until_ms: u64,
    /// Since when the proxy has refused its key, or has not been there.
    trouble: Option<(Cause, u64)>,
    /// Ends what is under way.
    _stop: DropGuard,
    stopped: CancellationToken,
}

/// A row that was asked.
struct Asked {
    item: Item,
    tenant: TenantId,
    row: Option<WrittenRow>,
    latency_ms: u64,
    /// `None`: its run ended first.
    reply: Option<Result<Reply, NoReply>>,
}

type UnderWay = FuturesUnordered<BoxFuture<'static, Asked>>;

/// The job's own memory.
struct Work {
    parts: Evaluating,
    live: BTreeMap<Uuid, Live>,
    under_way: UnderWay,
    busy: Busy,
    /// What came and could not be written down yet.
    unsettled: Vec<Asked>,
    /// The store failed while rows were taken: some may be taken and not asked.
    is_unsure: bool,
    judged: Option<Instant>,
}

impl Evaluating {
    /// Runs until stopped. What is under way then is asked again after the next start.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let evaluations = Arc::clone(&self.evaluations);
        let mut work = Work {
            parts: self,
            live: BTreeMap::new(),
            under_way: UnderWay::new(),
            busy: Busy::default(),
            unsettled: Vec::new(),
            // The process before this one may have left some.
            is_unsure: true,
            judged: None,
        };
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = look.tick() => work.look().await,
                () = evaluations.changed.notified() => work.look().await,
                Some(asked) = work.under_way.next() => {
                    work.busy.release(asked.item.run, &asked.tenant);
                    work.unsettled.push(asked);
                    work.settle_all().await
                }
            };
            let begun = match done {
                Ok(()) => work.begin().await,
                Err(error) => Err(error),
            };
            if let Err(error) = begun {
                tracing::error!(%error, "evaluations could not be carried on; trying again later");
            }
        }
    }
}

impl Work {
    /// Looks at what there is to do.
    async fn look(&mut self) -> Result<(), StoreError> {
        self.settle_all().await?;
        if self.is_unsure && self.under_way.is_empty() {
            self.parts.restart().await?;
            self.is_unsure = false;
        }
        if self.judged.is_none_or(|at| at.elapsed() >= JUDGE_EVERY) {
            self.judged = Some(Instant::now());
            self.parts.judge().await?;
            self.parts.finish().await?;
        }
        let active = evaluations::active(&self.parts.store).await?;
        self.follow(active).await
    }

    /// Takes up what is new and drops what is over, with their keys.
    async fn follow(&mut self, active: Vec<Run>) -> Result<(), StoreError> {
        let ids: BTreeSet<Uuid> = active.iter().map(|run| run.id).collect();
        self.live.retain(|id, _| ids.contains(id));
        for run in active {
            if !self.live.contains_key(&run.id) {
                self.take_up(run).await?;
            }
        }
        let tenants = self.live.values().map(|live| live.run.tenant.clone());
        for tenant in self.parts.evaluations.hold(&tenants.collect())? {
            self.parts.dirty.mark_settings(tenant);
        }
        Ok(())
    }

    async fn take_up(&mut self, run: Run) -> Result<(), StoreError> {
        if self.parts.evaluations.proxy().is_none() {
            let message = "this control plane knows no proxy to ask: set proxy_url";
            return self.parts.fail(run.id, ("not_configured", message)).await;
        }
        let config = run.config.as_deref().map(serde_json::from_str).transpose();
        let Ok(config) = config else {
            let message = "what is stored of its config cannot be read";
            return self.parts.fail(run.id, ("internal", message)).await;
        };
        let stopped = CancellationToken::new();
        let live = Live {
            config: config.unwrap_or_default(),
            wait_until_ms: 0,
            trouble: None,
            _stop: stopped.clone().drop_guard(),
            stopped,
            run,
        };
        self.live.insert(live.run.id, live);
        Ok(())
    }

    /// Asks as much as there is room for. What is not written down has not begun, so nothing is counted before that.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let now_ms = self.parts.clock.now_ms();
        let most = self.parts.settings.concurrency as usize;
        if self.is_unsure || self.under_way.len() >= most {
            return Ok(());
        }
        let mut open = self.open(now_ms).await?;
        if open.is_empty() {
            return Ok(());
        }
        let mut then = self.busy.clone();
        let mut taken = Vec::new();
        self.is_unsure = true;
        let mut tx = self.parts.store.write().await?;
        while self.under_way.len() + taken.len() < most {
            let Some(at) = then.fairest(&open, most) else {
                break;
            };
            let (id, tenant) = (open[at].run, open[at].tenant.clone());
            let Some(item) = items::take(&mut tx, id, now_ms).await? else {
                open.swap_remove(at);
                continue;
            };
            evaluations::start(&mut tx, id, now_ms).await?;
            open[at].room -= 1;
            then.take(id, &tenant);
            taken.push(item);
        }
        tx.commit().await?;
        self.is_unsure = false;
        self.busy = then;
        for item in taken {
            self.send(item);
        }
        Ok(())
    }

    /// The runs that may send something now.
    async fn open(&mut self, now_ms: u64) -> Result<Vec<Open>, StoreError> {
        let mut open = Vec::new();
        let mut spent = Vec::new();
        for (id, live) in &self.live {
            let room = live.config.at_once().saturating_sub(self.busy.of_run(*id));
            if room == 0 || now_ms < live.wait_until_ms {
                continue;
            }
            if !items::is_any_due(&self.parts.store, *id, now_ms).await? {
                continue;
            }
            let allowed = match live.config.max_cost_micro_usd {
                None => Ok(usize::MAX),
                Some(limit) => allowance(items::spent(&self.parts.store, *id).await?, limit),
            };
            match allowed {
                Ok(allowed) => open.push(Open {
                    run: *id,
                    tenant: live.run.tenant.clone(),
                    created_ms: live.run.created_ms,
                    room: room.min(allowed),
                }),
                Err(why) => spent.push((*id, why)),
            }
        }
        for (id, why) in spent {
            self.live.remove(&id);
            self.parts.fail(id, (why.0, &why.1)).await?;
        }
        Ok(open)
    }

    fn send(&mut self, item: Item) {
        let Some(live) = self.live.get(&item.run) else {
            return;
        };
        let row = item.row.as_deref();
        let row: Option<WrittenRow> = row.and_then(|row| serde_json::from_str(row).ok());
        let tenant = live.run.tenant.clone();
        let question = row.as_ref().and_then(|row| self.question(live, row));
        let (asker, stopped) = (self.parts.asker.clone(), live.stopped.clone());
        let clock = self.parts.clock.clone();
        self.under_way.push(Box::pin(async move {
            let began_ms = clock.now_ms();
            let reply = match question {
                None => Some(Err(NoReply::Unreached)),
                Some(question) => tokio::select! {
                    () = stopped.cancelled() => None,
                    reply = asker.ask(question) => Some(reply),
                },
            };
            let latency_ms = clock.now_ms().saturating_sub(began_ms);
            Asked {
                item,
                tenant,
                row,
                latency_ms,
                reply,
            }
        }));
    }

    fn question(&self, live: &Live, row: &WrittenRow) -> Option<Question> {
        let evaluations = &self.parts.evaluations;
        Some(Question {
            url: evaluations.proxy()?.to_owned(),
            key: evaluations.key(&live.run.tenant)?,
            prompt: live.run.prompt,
            rule: live.config.rule.clone(),
            project: live.config.project_id,
            body: row.body(&live.run.model, &live.config).to_string(),
        })
    }
}

/// How many more calls a run may have under way without spending more than it may; an error: none ever again. Each is
/// taken to cost as much as the dearest one so far, so the first goes alone.
fn allowance(spent: Spent, limit: u64) -> Result<usize, (&'static str, String)> {
    if spent.unpriced > 0 {
        let message = "what a call cost is not known, so max_cost_micro_usd cannot be kept";
        return Err(("price_unknown", message.to_owned()));
    }
    let left = limit.saturating_sub(spent.micro_usd);
    let calls = match spent.dearest {
        0 => u64::from(left > 0),
        dearest => left / dearest,
    };
    match usize::try_from(calls.saturating_sub(spent.unknown)).unwrap_or(usize::MAX) {
        0 if spent.unknown == 0 => {
            let spent = spent.micro_usd;
            let message = format!(
                "{spent} micro-USD are spent, and another call could pass max_cost_micro_usd, which is {limit}"
            );
            Err(("max_cost_reached", message))
        }
        more => Ok(more),
    }
}

impl Evaluating {
    /// Lets what was taken and never answered be asked again.
    async fn restart(&self) -> Result<(), StoreError> {
        let mut tx = self.store.write().await?;
        let rows = items::restart(&mut tx).await?;
        tx.commit().await?;
        if rows > 0 {
            tracing::info!(rows, "rows of evaluations are asked again after a restart");
        }
        Ok(())
    }

    /// Ends a run that cannot go on.
    async fn fail(&self, id: Uuid, (reason, message): (&str, &str)) -> Result<(), StoreError> {
        let mut tx = self.store.write().await?;
        let now_ms = self.clock.now_ms();
        evaluations::finish(&mut tx, id, End::Failed { reason, message }, now_ms).await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_with_a_budget_begins_alone_and_never_sends_what_could_pass_it() {
        let spent = |micro_usd, dearest, unknown| Spent {
            micro_usd,
            dearest,
            unknown,
            unpriced: 0,
        };
        for (so_far, expected) in [
            (spent(0, 0, 0), Ok(1)),
            (spent(0, 0, 1), Ok(0)),
            (spent(10, 10, 0), Ok(9)),
            (spent(10, 10, 4), Ok(5)),
            (spent(95, 10, 0), Err("max_cost_reached")),
            (spent(85, 10, 2), Ok(0)),
            (spent(120, 10, 0), Err("max_cost_reached")),
        ] {
            let found = allowance(so_far, 100).map_err(|(reason, _)| reason);
            assert_eq!(found, expected, "{so_far:?}");
        }
        let unpriced = Spent {
            unpriced: 1,
            ..Spent::default()
        };
        assert!(allowance(unpriced, 100).is_err_and(|(reason, _)| reason == "price_unknown"));
    }
}
