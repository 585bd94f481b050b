//! Hedged requests: where the first candidate is slow, the second is asked too, and whoever answers first
//! serves (Dean and Barroso, "The Tail at Scale", 2013).

use std::{pin::pin, sync::Arc, time::Duration};

use floopy_shared::domain::{
    catalog::CatalogModel, decision::AttemptResult, features::Features, route::Choice,
};
use tokio::time::timeout;

use super::{ABANDONED, Errand, Served, Trail, Upstream, attempt, retry::Failed, trail::Ended};
use crate::{config::Hedge, metrics::AttemptLabel};

/// When the second candidate of this plan is asked. Never where a provider's own tools would run twice.
pub(crate) fn hedge_after(
    config: &Hedge,
    choice: &Choice,
    features: &Features,
) -> Option<Duration> {
    if (config.after_ms == 0 && !config.at_p95) || features.provider_tools {
        return None;
    }
    let first = choice.order.first()?;
    let trace = choice.candidates.iter().find(|c| c.key == first.key);
    let p95_ms = trace.and_then(|c| c.latency_p95_ms);
    let after_ms = p95_ms.filter(|_| config.at_p95).unwrap_or(config.after_ms);
    (after_ms > 0).then(|| Duration::from_millis(after_ms))
}

/// What came of the first one or two candidates.
pub(super) struct Hedged {
    pub served: Option<Served>,
    /// How many were asked.
    pub asked: usize,
}

const CANCELLED: Ended = Ended {
    result: AttemptResult::Cancelled,
    status: None,
    worked_in_vain: true,
};

impl Upstream {
    /// Tries the first candidate, and the second too once the first is late.
    pub(super) async fn hedged(
        &self,
        errand: &Errand<'_>,
        (pair, after): ([&Arc<CatalogModel>; 2], Duration),
        trail: &mut Trail,
        failed: &mut Failed,
    ) -> Hedged {
        let features = errand.call.features();
        self.deposit(pair[0]);
        let lane = self.begin(errand, pair[0], trail);
        let mut asked = pin!(self.ask(errand, pair[0]));
        let mut early = timeout(after, &mut asked).await.ok();
        if early.is_none() && ABANDONED.try_with(|()| ()).is_ok() {
            early = Some(asked.as_mut().await);
        }
        if let Some(result) = early {
            trail.end(lane, attempt::ended(&result));
            let served = failed.sort(pair[0], result, features);
            return Hedged { served, asked: 1 };
        }
        self.metrics.hedged();
        self.deposit(pair[1]);
        let lanes = [lane, self.begin(errand, pair[1], trail)];
        let mut hedge = pin!(self.ask(errand, pair[1]));
        let (winner, result) = tokio::select! {
            result = &mut asked => (0, result),
            result = &mut hedge => (1, result),
        };
        let loser = 1 - winner;
        trail.end(lanes[winner], attempt::ended(&result));
        let mut served = failed.sort(pair[winner], result, features);
        if served.is_some() || failed.is_over() {
            self.metrics.attempt(AttemptLabel::Cancelled);
            trail.end(lanes[loser], CANCELLED);
        } else {
            let result = if loser == 0 { asked.await } else { hedge.await };
            trail.end(lanes[loser], attempt::ended(&result));
            served = failed.sort(pair[loser], result, features);
        }
        Hedged { served, asked: 2 }
    }
}
