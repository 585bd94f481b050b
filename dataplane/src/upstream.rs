//! Candidates are tried in the plan's order until one brings its first byte.

mod attempt;
pub(crate) mod breaker;
mod client;
mod facts;
mod headers;
mod relay;
mod sse;
mod trail;

use std::{sync::Arc, time::Duration};

use floopy_shared::domain::{catalog::CatalogModel, decision::AttemptResult, ids::CandidateKey};
use http::{HeaderMap, StatusCode};

use self::breaker::{Breakers, Trial};
pub(crate) use self::{
    attempt::{ErrorReply, Failure, Reply},
    client::{Client, client},
    facts::Facts,
    relay::{End, Relay, Step},
    trail::Trail,
};
use crate::{
    call::Call,
    config::Config,
    latencies::Latencies,
    metrics::{AttemptLabel, Metrics},
    provider::Providers,
};

/// Everything that is needed to call providers.
pub(crate) struct Upstream {
    client: Client,
    pub(crate) providers: Providers,
    pub(crate) breakers: Arc<Breakers>,
    pub(crate) latencies: Latencies,
    metrics: Arc<Metrics>,
    limits: Limits,
}

/// Bounds of every attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub first_byte: Duration,
    pub total: Duration,
    pub stream_idle: Duration,
    pub reply_bytes: usize,
    /// Of reply text kept for the judge.
    pub text_bytes: usize,
}

/// What is to be sent, and to whom.
pub(crate) struct Errand<'a> {
    pub call: &'a Call,
    /// The caller's.
    pub headers: &'a HeaderMap,
    pub order: &'a [Arc<CatalogModel>],
}

/// A candidate that answered.
pub(crate) struct Served {
    pub model: Arc<CatalogModel>,
    pub reply: Reply,
}

/// Nobody did: the last one tried, and how it failed.
#[derive(Debug)]
pub(crate) struct Exhausted {
    pub key: CandidateKey,
    pub tried: usize,
    pub failure: Failure,
}

/// What a status means for the other candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The candidate's fault.
    Candidate,
    /// The caller's fault: every candidate would say the same.
    Caller,
}

fn verdict(status: StatusCode) -> Verdict {
    match status.as_u16() {
        // Wrong credentials, an empty account and unknown models are this candidate's own trouble.
        401..=403 | 404 | 408 | 429 | 500..=599 => Verdict::Candidate,
        _ => Verdict::Caller,
    }
}

impl Upstream {
    pub(crate) fn new(config: &Config, providers: Providers, metrics: Arc<Metrics>) -> Self {
        let timeouts = &config.timeouts;
        Self {
            client: client(timeouts),
            providers,
            breakers: Arc::new(Breakers::new(&config.breaker)),
            latencies: Latencies::default(),
            metrics,
            limits: Limits {
                first_byte: Duration::from_millis(timeouts.first_byte_ms),
                total: Duration::from_millis(timeouts.total_ms),
                stream_idle: Duration::from_millis(timeouts.stream_idle_ms),
                reply_bytes: config.limits.reply_bytes,
                text_bytes: config.scoring.max_bytes,
            },
        }
    }

    /// The connection pool, for calls that are not to providers.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Tries the candidates in order. Never called again once a reply began.
    pub(crate) async fn serve(
        &self,
        errand: &Errand<'_>,
        trail: &mut Trail,
    ) -> Result<Served, Option<Exhausted>> {
        let mut last = None;
        for (index, model) in errand.order.iter().enumerate() {
            let failure = match self.attempt(errand, model, trail).await {
                Ok(reply) => {
                    return Ok(Served {
                        model: Arc::clone(model),
                        reply,
                    });
                }
                Err(failure) => failure,
            };
            let caller_fault = is_callers_fault(&failure);
            last = Some(Exhausted {
                key: model.key.clone(),
                tried: index + 1,
                failure,
            });
            if caller_fault {
                break;
            }
        }
        Err(last)
    }

    /// Tries one candidate and tells its circuit breaker; of a stream, only its end tells.
    pub(crate) async fn attempt(
        &self,
        errand: &Errand<'_>,
        model: &CatalogModel,
        trail: &mut Trail,
    ) -> Result<Reply, Failure> {
        trail.begin(&model.key);
        let trial = Trial::begin(&self.breakers, &model.key);
        let wait = self.latencies.wait(&model.key);
        let mut result = match self.providers.get(model.key.provider()) {
            Some(provider) => {
                let request = attempt::request(provider, errand.call, &model.key, errand.headers);
                attempt::send(&self.client, &self.limits, request, errand.call).await
            }
            None => Err(Failure::Connect),
        };
        if result.is_ok() {
            wait.began();
        }
        match &mut result {
            Ok(reply) => {
                trail.end(AttemptResult::Ok, Some(reply.status().as_u16()));
                match reply {
                    Reply::Whole(_) => trial.succeeded(),
                    Reply::Stream(stream) => stream.trial = Some(trial),
                }
                self.metrics.attempt(AttemptLabel::Ok);
            }
            Err(failure) => {
                trail.end(failure.result(), failure.status().map(|s| s.as_u16()));
                self.note_failure(failure, model, trial);
            }
        }
        result
    }

    /// A stream that had begun well broke off.
    pub(crate) fn broke(&self, trial: Option<Trial>) {
        self.metrics.attempt(AttemptLabel::BrokenStream);
        if let Some(trial) = trial {
            self.count_failure(trial);
        }
    }

    fn note_failure(&self, failure: &Failure, model: &CatalogModel, trial: Trial) {
        self.metrics.attempt(AttemptLabel::of(failure.result()));
        if is_callers_fault(failure) {
            trial.succeeded();
            return;
        }
        tracing::debug!(candidate = %model.key, %failure, "attempt failed");
        if !is_callers_invention(failure, model) {
            self.count_failure(trial);
        }
    }

    fn count_failure(&self, trial: Trial) {
        let key = trial.key().clone();
        if trial.failed() {
            self.metrics.circuit_opened();
            tracing::warn!(candidate = %key, "circuit opened after repeated failures");
        }
    }
}

/// Whether a provider refuses a name that only the caller knows: that says nothing of the provider.
fn is_callers_invention(failure: &Failure, model: &CatalogModel) -> bool {
    let refused = failure
        .status()
        .is_some_and(|status| matches!(status.as_u16(), 401 | 403 | 404));
    let unlisted = CatalogModel::unlisted(model.key.clone(), model.kind);
    refused && model.benchmark_source == unlisted.benchmark_source
}

fn is_callers_fault(failure: &Failure) -> bool {
    failure
        .status()
        .is_some_and(|status| verdict(status) == Verdict::Caller)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_callers_own_mistakes_end_the_search() {
        let of = |code| verdict(StatusCode::from_u16(code).expect("valid"));
        for code in [400, 405, 409, 413, 415, 422] {
            assert_eq!(of(code), Verdict::Caller, "{code}");
        }
        for code in [401, 402, 403, 404, 408, 429, 500, 502, 503, 504, 529] {
            assert_eq!(of(code), Verdict::Candidate, "{code}");
        }
    }
}
