//! Whether a call is an attack: scored by a small model on threads of its own, so that nothing else waits. There are none,
//! and no model is in memory, until a tenant or a call wants it.

mod keeper;
pub(crate) mod output;
mod queue;
pub(crate) mod redact;
mod scorer;
mod texts;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use floopy_shared::domain::{
    firewall::{self, Finding, Mode, OnFailure, Screening, Skip, Verdict},
    snapshot::Tenant,
};
use tokio::sync::oneshot;

pub(crate) use self::keeper::Keeper;
use self::{
    queue::{Job, Queue},
    scorer::Scorer,
};
use crate::{
    call::{Call, Endpoint},
    config, deadline,
    metrics::Metrics,
};

/// What looks at calls.
pub(crate) struct Firewall {
    config: Arc<config::Firewall>,
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
    began: Instant,
    /// In seconds since then: when it may next be said that calls are not scored.
    silent_until: AtomicU64,
}

/// How seldom that is said, in seconds; each such call is counted.
const SILENCE_S: u64 = 60;

impl Firewall {
    pub(crate) fn new(config: &config::Firewall, metrics: &Arc<Metrics>) -> Self {
        Self {
            config: Arc::new(config.clone()),
            queue: Arc::new(Queue::new(config.queue)),
            metrics: Arc::clone(metrics),
            began: Instant::now(),
            silent_until: AtomicU64::new(0),
        }
    }

    /// Says whether any tenant wants its calls looked at: then the model is there before the first of them.
    pub(crate) fn want(&self, wanted: bool) {
        self.queue.want(wanted);
        if wanted {
            self.enlist();
        }
    }

    /// What is said of a call; `None`: nobody wants it looked at. `asked`: the call itself wants it.
    pub(crate) async fn screen(
        &self,
        tenant: &Tenant,
        call: &Call,
        asked: bool,
    ) -> Option<Screening> {
        let own = &tenant.firewall;
        let mode = if asked { Mode::Block } else { own.mode };
        if mode == Mode::Off || !is_said(call.endpoint()) {
            return None;
        }
        let began = Instant::now();
        let found = self.score(tenant, call).await;
        let screening = match found {
            Ok(finding) => Screening::Scored {
                verdict: verdict(&finding, mode),
                finding,
            },
            Err(why) => {
                self.complain(why);
                let refused = mode == Mode::Block && own.on_failure == OnFailure::Refuse;
                Screening::Skipped { why, refused }
            }
        };
        self.metrics.firewall.screened(&screening, began.elapsed());
        Some(screening)
    }

    async fn score(&self, tenant: &Tenant, call: &Call) -> Result<Finding, Skip> {
        let own: &firewall::Firewall = &tenant.firewall;
        let (answer, answered) = oneshot::channel();
        let now = Instant::now();
        let patience = Duration::from_millis(self.config.deadline_ms);
        let late = now + patience;
        self.enlist();
        self.queue.push(Job {
            tenant: tenant.id.clone(),
            body: call.body().clone(),
            roles: own.roles().to_vec(),
            allow: Arc::clone(&own.allow),
            threshold: own.threshold,
            due: now + patience / 2,
            late,
            answer,
        })?;
        match deadline::by(late.into(), answered).await {
            Ok(Ok(found)) => found,
            // Its thread ended.
            Ok(Err(_)) => Err(Skip::Failed),
            Err(deadline::Late) => Err(Skip::Late),
        }
    }

    /// Says why a call was not scored, once in a while.
    fn complain(&self, why: Skip) {
        let now = self.began.elapsed().as_secs();
        let until = self.silent_until.load(Ordering::Relaxed);
        let next = now + SILENCE_S;
        let may = now >= until
            && self
                .silent_until
                .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if may {
            tracing::warn!(%why, "the firewall did not score a call; others are only counted for a minute");
        }
    }

    /// Starts the threads that are not there.
    fn enlist(&self) {
        for _ in 0..self.queue.enlist(self.config.threads) {
            let scorer = Scorer {
                config: Arc::clone(&self.config),
                queue: Arc::clone(&self.queue),
                metrics: Arc::clone(&self.metrics),
            };
            let thread = thread::Builder::new().name("firewall".to_owned());
            if let Err(error) = thread.spawn(move || scorer.run()) {
                self.queue.dismiss();
                tracing::error!(%error, "the firewall's thread cannot be started");
            }
        }
    }
}

impl Drop for Firewall {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Whether something is said to a model that acts on it.
fn is_said(endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::Chat | Endpoint::Responses | Endpoint::Messages => true,
        Endpoint::CountTokens | Endpoint::Embeddings => false,
    }
}

fn verdict(finding: &Finding, mode: Mode) -> Verdict {
    if finding.score < finding.threshold {
        return Verdict::Passed;
    }
    match mode {
        Mode::Block => Verdict::Blocked,
        Mode::Off | Mode::Log => Verdict::Flagged,
    }
}
