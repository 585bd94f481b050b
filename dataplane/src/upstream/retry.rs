//! Asking again, where that is safe: after a failure that passes, while nobody else is left to ask.
//!
//! Waits are drawn with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015), so that
//! callers who failed together do not come back together. Everything is bounded: by the number of retries of a
//! call, by its deadline, and by the provider's budget.

use std::{sync::Arc, time::Duration};

use floopy_shared::{
    domain::{catalog::CatalogModel, features::Features},
    process::backoff::Backoff,
};
use tokio::time::{Instant, sleep};

use super::{
    ABANDONED, Errand, Exhausted, Failure, Reply, Served, Trail, Upstream, is_callers_fault,
};

/// What has failed of a call so far.
pub(super) struct Failed {
    last: Option<Exhausted>,
    tried: usize,
    /// Those that may do better, in the order of the plan, with the pause that they asked for.
    again: Vec<(Arc<CatalogModel>, Duration)>,
    deadline: Instant,
    is_callers_fault: bool,
}

impl Failed {
    /// Nothing yet.
    pub(super) fn new(deadline: Instant) -> Self {
        Self {
            last: None,
            tried: 0,
            again: Vec::new(),
            deadline,
            is_callers_fault: false,
        }
    }

    /// What came of a candidate that had not been tried before: it serves, or is one more that failed.
    pub(super) fn sort(
        &mut self,
        model: &Arc<CatalogModel>,
        result: Result<Reply, Failure>,
        features: &Features,
    ) -> Option<Served> {
        self.tried += 1;
        self.last = None;
        self.sort_again(model, result, features)
    }

    /// The same of one that is tried again. The caller is told of the last one of the plan.
    fn sort_again(
        &mut self,
        model: &Arc<CatalogModel>,
        result: Result<Reply, Failure>,
        features: &Features,
    ) -> Option<Served> {
        let failure = match result {
            Ok(reply) => {
                let model = Arc::clone(model);
                return Some(Served { model, reply });
            }
            Err(failure) => failure,
        };
        self.is_callers_fault |= is_callers_fault(&failure);
        if may_pass(&failure, features) {
            let pause = failure.pause().unwrap_or_default();
            self.again.push((Arc::clone(model), pause));
        }
        if self.last.as_ref().is_none_or(|last| last.key == model.key) {
            self.last = Some(Exhausted {
                key: model.key.clone(),
                tried: self.tried,
                failure,
            });
        }
        None
    }

    /// Whether it makes no sense to ask anybody else: all would say the same, time is up, or nobody waits.
    pub(super) fn is_over(&self) -> bool {
        self.last.is_some()
            && (self.is_callers_fault
                || Instant::now() >= self.deadline
                || ABANDONED.try_with(|()| ()).is_ok())
    }

    pub(super) fn into_last(self) -> Option<Exhausted> {
        self.last
    }

    /// Whoever is ready soonest; of those, the first in the plan.
    fn next(&mut self) -> Option<(Arc<CatalogModel>, Duration)> {
        let pauses = self.again.iter().enumerate();
        let (index, _) = pauses.min_by_key(|(_, (_, pause))| *pause)?;
        Some(self.again.remove(index))
    }
}

/// Whether the same request may succeed in a moment, and was not carried out already.
fn may_pass(failure: &Failure, features: &Features) -> bool {
    match failure {
        Failure::Connect => true,
        Failure::Late(late) => may_pass(&late.failure, features),
        // It may have been at work: what its own tools do would be done twice.
        Failure::Reset => !features.provider_tools,
        Failure::Status(reply) => matches!(reply.status.as_u16(), 429 | 502 | 503),
        Failure::Forbidden(_)
        | Failure::TimedOut(_)
        | Failure::Invalid(_)
        | Failure::Unsupported(_)
        | Failure::Credentials(_)
        | Failure::Cut(_) => false,
    }
}

impl Upstream {
    /// Asks those again whose failure may pass, after everybody was asked.
    pub(super) async fn retry(
        &self,
        errand: &Errand<'_>,
        trail: &mut Trail,
        failed: &mut Failed,
    ) -> Option<Served> {
        let first = Duration::from_millis(self.retry.first_ms);
        let max_wait = Duration::from_millis(self.retry.max_wait_ms);
        let mut backoff = Backoff::new(first, max_wait);
        for _ in 0..self.retry.times {
            if failed.is_over() {
                return None;
            }
            let (model, pause) = failed.next()?;
            let wait = backoff.next_delay().max(pause);
            if wait > max_wait || Instant::now() + wait >= failed.deadline {
                return None;
            }
            let provider = errand.providers.get(model.key.provider())?;
            if !provider.retries.withdraw(&self.retry) {
                self.metrics.retry_refused();
                return None;
            }
            self.metrics.retried();
            sleep(wait).await;
            let result = self.attempt(errand, &model, trail).await;
            let served = failed.sort_again(&model, result, errand.call.features());
            if served.is_some() {
                return served;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::{super::ErrorReply, *};

    fn status(code: u16) -> Failure {
        let status = StatusCode::from_u16(code).expect("valid");
        Failure::Status(Box::new(ErrorReply {
            status,
            shown: status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            pause: None,
        }))
    }

    #[test]
    fn only_what_was_not_carried_out_and_may_pass_is_asked_again() {
        let plain = Features::default();
        for code in [429, 502, 503] {
            assert!(may_pass(&status(code), &plain), "{code}");
        }
        for code in [400, 401, 404, 408, 500, 504, 529] {
            assert!(!may_pass(&status(code), &plain), "{code}");
        }
        assert!(may_pass(&Failure::Connect, &plain) && may_pass(&Failure::Reset, &plain));
        assert!(!may_pass(&Failure::TimedOut(Duration::ZERO), &plain));
        assert!(!may_pass(&Failure::Invalid("x".into()), &plain));
        let provider_tools = Features {
            provider_tools: true,
            ..plain
        };
        assert!(!may_pass(&Failure::Reset, &provider_tools));
        assert!(may_pass(&Failure::Connect, &provider_tools));
    }
}
