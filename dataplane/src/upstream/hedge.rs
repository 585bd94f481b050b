//! Hedged requests: where the first candidate is slow, the second is asked too, and whoever answers first
//! serves (Dean and Barroso, "The Tail at Scale", 2013).

use std::{pin::pin, sync::Arc, time::Duration};

use floopy_shared::domain::{
    catalog::CatalogModel,
    decision::{AttemptResult, CandidateTrace},
    features::Features,
};
use tokio::time::timeout;

use super::{
    ABANDONED, Errand, Served, Trail, Upstream, attempt, breaker::Trial, retry::Failed,
    trail::Ended,
};
use crate::{config::Hedge, metrics::AttemptLabel};

/// When the second candidate is asked. Never where a provider's own tools would run twice.
pub(crate) fn hedge_after(
    config: &Hedge,
    (order, traces): (&[Arc<CatalogModel>], &[CandidateTrace]),
    features: &Features,
) -> Option<Duration> {
    let [first, _, ..] = order else { return None };
    if (config.after_ms == 0 && !config.at_p95) || features.provider_tools {
        return None;
    }
    let trace = traces.iter().find(|trace| trace.key == first.key);
    let p95_ms = trace.and_then(|trace| trace.latency_p95_ms);
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
    upstream_request_id: None,
    worked_in_vain: 1.0,
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
        self.deposit(errand, pair[0]);
        let lane = self.begin(errand, pair[0], trail);
        let mut asked = pin!(self.ask(
            errand,
            (
                pair[0],
                Trial::begin(self.breakers_of(errand, pair[0]), &pair[0].key)
            )
        ));
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
        self.deposit(errand, pair[1]);
        let lanes = [lane, self.begin(errand, pair[1], trail)];
        let mut hedge = pin!(self.ask(
            errand,
            (
                pair[1],
                Trial::begin(self.breakers_of(errand, pair[1]), &pair[1].key)
            )
        ));
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

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{catalog::ModelKind, ids::CandidateKey};

    use super::*;

    fn after_ms(at_p95: bool, p95_ms: Option<u64>, provider_tools: bool) -> Option<u128> {
        let model = |key: &str| {
            let key = CandidateKey::parse(key).expect("valid");
            Arc::new(CatalogModel::unlisted(key, ModelKind::Chat))
        };
        let order = [model("a/m"), model("b/m")];
        let trace = CandidateTrace {
            key: order[0].key.clone(),
            score: 0.0,
            posterior: None,
            propensity: 1.0,
            expected_cost_micro_usd: None,
            filter: None,
            role: None,
            latency_p95_ms: p95_ms,
            p_floor: None,
            p_best: None,
            load: None,
            published: None,
        };
        let config = Hedge {
            after_ms: 900,
            at_p95,
        };
        let features = Features {
            provider_tools,
            ..Features::default()
        };
        let after = hedge_after(&config, (&order, &[trace]), &features);
        after.map(|after| after.as_millis())
    }

    #[test]
    fn the_candidates_own_quantile_counts_where_it_is_wanted_and_known() {
        assert_eq!(after_ms(false, Some(200), false), Some(900));
        assert_eq!(after_ms(true, Some(200), false), Some(200));
        assert_eq!(after_ms(true, None, false), Some(900));
        assert_eq!(
            after_ms(true, Some(200), true),
            None,
            "tools would run twice"
        );
    }
}
