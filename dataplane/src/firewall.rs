//! Whether a call is an attack: scored by a small model on threads of its own, so that nothing else waits. There are none,
//! and no model is in memory, until a tenant or a call wants it.

mod keeper;
mod queue;
mod scorer;
mod texts;

use std::{
    sync::Arc,
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
}

impl Firewall {
    pub(crate) fn new(config: &config::Firewall, metrics: &Arc<Metrics>) -> Self {
        Self {
            config: Arc::new(config.clone()),
            queue: Arc::new(Queue::new(config.queue)),
            metrics: Arc::clone(metrics),
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
            Err(why) => Screening::Skipped {
                why,
                refused: mode == Mode::Block && own.on_failure == OnFailure::Refuse,
            },
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
