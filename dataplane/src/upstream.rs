//! Candidates are tried in the plan's order until one brings its first byte.

mod attempt;
pub(crate) mod breaker;
mod budget;
mod client;
mod count;
mod embeddings;
mod facts;
mod form;
mod headers;
mod hedge;
mod pause;
mod relay;
mod retry;
mod sieve;
mod trail;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use floopy_shared::domain::{catalog::CatalogModel, ids::CandidateKey, route::expected_cost};
use http::{HeaderMap, StatusCode, Uri};
use tokio::time::Instant;

pub use self::client::Resolver;
pub(crate) use self::client::{ClientError, ReplyBody};
pub(crate) use self::{
    attempt::{ErrorReply, Failure, Reply, WholeReply},
    budget::RetryBudget,
    client::{Client, Streaming, Upload, Warmer, whole},
    facts::{Facts, ToolCall},
    hedge::hedge_after,
    relay::{End, Relay, Step},
    trail::Trail,
};
use self::{
    breaker::{Breakers, Trial},
    retry::Failed,
    trail::Lane,
};
use crate::{
    call::Call,
    config::{self, Config},
    latencies::Latencies,
    metrics::{AttemptLabel, Metrics},
    network::Guard,
    provider::{Provider, Providers},
    traces::Context,
};

tokio::task_local! {
    /// Set around a call whose caller has left: what is under way may end, but nothing new is begun for it.
    pub(crate) static ABANDONED: ();
}

/// Everything that is needed to call providers.
pub(crate) struct Upstream {
    client: Client,
    /// Where the providers are that are configured.
    addresses: Arc<ArcSwap<Vec<Uri>>>,
    /// Of candidates that are asked under what is configured.
    pub(crate) breakers: Arc<Breakers>,
    pub(crate) latencies: Latencies,
    metrics: Arc<Metrics>,
    limits: Limits,
    retry: config::Retry,
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
    /// Whom its tenant may ask.
    pub providers: &'a Providers,
    pub order: &'a [Arc<CatalogModel>],
    /// When it was asked.
    pub now_ms: u64,
    /// Without a first byte by then, the second candidate is asked too.
    pub hedge_after: Option<Duration>,
    /// How much of the reply's text is kept.
    pub text_bytes: usize,
    /// The trace that it belongs to; `None`: nobody is told of it.
    pub trace: Option<Arc<Context>>,
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
    /// Candidates, each counted once.
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
    pub(crate) fn new(
        config: &Config,
        providers: &Providers,
        metrics: Arc<Metrics>,
        resolver: Resolver,
    ) -> Self {
        let timeouts = &config.timeouts;
        let guarded = (guard(config, providers), resolver);
        Self {
            client: Client::new(timeouts, config.limits.workers, guarded),
            addresses: Arc::new(ArcSwap::from_pointee(providers.addresses().collect())),
            breakers: Arc::new(Breakers::new(&config.breaker)),
            latencies: Latencies::default(),
            metrics,
            limits: Limits {
                first_byte: Duration::from_millis(timeouts.first_byte_ms),
                total: Duration::from_millis(timeouts.total_ms),
                stream_idle: Duration::from_millis(timeouts.stream_idle_ms),
                reply_bytes: config.limits.reply_bytes,
                text_bytes: config.reply_text_bytes(false),
            },
            retry: config.retry.clone(),
        }
    }

    /// The connection pool, for calls that are not to providers.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Keeps connections to the providers open; for each worker.
    pub(crate) fn warmer(&self) -> Warmer {
        Warmer::new(self.client.clone(), Arc::clone(&self.addresses))
    }

    /// From now on these are the providers that are configured. What is under way ends as it began.
    pub(crate) fn configure(&self, config: &Config, providers: &Providers) {
        self.client.go_by(guard(config, providers));
        let addresses = providers.addresses().collect();
        self.addresses.store(Arc::new(addresses));
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Tries the candidates in order, and then those again whose failure may pass. Never called again once a
    /// reply began.
    pub(crate) async fn serve(
        &self,
        errand: &Errand<'_>,
        trail: &mut Trail,
    ) -> Result<Served, Option<Exhausted>> {
        let mut failed = Failed::new(Instant::now() + self.limits.total);
        let mut left = errand.order;
        if let (Some(after), [first, second, ..]) = (errand.hedge_after, left) {
            let pair = ([first, second], after);
            // Boxed: else every call would have room for two attempts at a time.
            let hedged = Box::pin(self.hedged(errand, pair, trail, &mut failed)).await;
            if let Some(served) = hedged.served {
                return Ok(served);
            }
            left = &left[hedged.asked..];
        }
        for (index, model) in left.iter().enumerate() {
            if failed.is_over() {
                break;
            }
            let breakers = self.breakers_of(errand, model);
            let trial = if index + 1 < left.len() {
                Trial::begin_unless_left_alone(breakers, &model.key)
            } else {
                Some(Trial::begin(breakers, &model.key))
            };
            let Some(trial) = trial else { continue };
            self.deposit(errand, model);
            let result = self.attempt_as(errand, (model, trial), trail).await;
            if let Some(served) = failed.sort(model, result, errand.call.features()) {
                return Ok(served);
            }
        }
        if let Some(served) = self.retry(errand, trail, &mut failed).await {
            return Ok(served);
        }
        Err(failed.into_last())
    }

    /// Tries one candidate and tells its circuit breaker; of a stream, only its end tells.
    pub(crate) async fn attempt(
        &self,
        errand: &Errand<'_>,
        model: &CatalogModel,
        trail: &mut Trail,
    ) -> Result<Reply, Failure> {
        let trial = Trial::begin(self.breakers_of(errand, model), &model.key);
        self.attempt_as(errand, (model, trial), trail).await
    }

    async fn attempt_as(
        &self,
        errand: &Errand<'_>,
        (model, trial): (&CatalogModel, Trial),
        trail: &mut Trail,
    ) -> Result<Reply, Failure> {
        let lane = self.begin(errand, model, trail);
        let result = self.ask(errand, (model, trial)).await;
        trail.end(lane, attempt::ended(&result));
        result
    }

    /// One tenant's key that is refused or used up says nothing of anybody else's.
    fn breakers_of<'a>(&'a self, errand: &Errand<'a>, model: &CatalogModel) -> &'a Arc<Breakers> {
        let own = errand.providers.breakers(model.key.provider());
        own.unwrap_or(&self.breakers)
    }

    fn begin(&self, errand: &Errand<'_>, model: &CatalogModel, trail: &mut Trail) -> Lane {
        trail.begin(&model.key, expected_cost(model, errand.call.features()))
    }

    async fn ask(
        &self,
        errand: &Errand<'_>,
        (model, trial): (&CatalogModel, Trial),
    ) -> Result<Reply, Failure> {
        let wait = self.latencies.wait(&model.key);
        let mut result = match errand.providers.get(model.key.provider()) {
            Some(provider) => {
                let limits = Limits {
                    text_bytes: errand.text_bytes,
                    ..self.limits
                };
                self.put(&limits, errand, provider, model.key.model()).await
            }
            None => Err(Failure::Connect),
        };
        if result.is_ok() {
            wait.began();
        }
        match &mut result {
            Ok(reply) => {
                match reply {
                    Reply::Whole(_) => trial.succeeded(),
                    Reply::Stream(stream) => stream.trial = Some(trial),
                }
                self.metrics.attempt(AttemptLabel::Ok);
            }
            Err(failure) => self.note_failure(failure, model, trial),
        }
        result
    }

    /// Asks a provider in its own form.
    async fn put(
        &self,
        limits: &Limits,
        errand: &Errand<'_>,
        provider: &Provider,
        model: &str,
    ) -> Result<Reply, Failure> {
        let to = (&self.client, limits);
        if let Some(question) = embeddings::question(errand.call, provider, model) {
            return Box::pin(embeddings::ask(to, errand, question)).await;
        }
        let prepared = attempt::prepare(&self.client, provider, errand, model).await?;
        // Boxed: five futures around this one are moved before they begin, and would be moved with room for it.
        let sent = attempt::send(&self.client, limits, prepared, (errand.call, provider));
        Box::pin(sent).await
    }

    /// A call that is no retry allows its provider a part of one.
    fn deposit(&self, errand: &Errand<'_>, model: &CatalogModel) {
        if let Some(provider) = errand.providers.get(model.key.provider()) {
            provider.retries.deposit(&self.retry);
        }
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
        // It was not asked, which says nothing of it.
        if matches!(failure, Failure::Unsupported(_)) {
            return;
        }
        if let Failure::Forbidden(forbidden) = failure {
            tracing::warn!(candidate = %model.key, %forbidden, "a provider's address may not be called");
        }
        tracing::debug!(candidate = %model.key, %failure, "attempt failed");
        if let Some(pause) = failure.pause() {
            trial.rest(pause);
        }
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

/// What the operator wrote down may be called.
fn guard(config: &Config, providers: &Providers) -> Guard {
    let mut guard = Guard::new(&config.upstream.allow_networks);
    for (uri, allow_private) in providers.hosts() {
        guard.provider(&uri, allow_private);
    }
    for uri in config.control.rest.iter().filter_map(|it| it.parse().ok()) {
        guard.own(&uri);
    }
    let qdrant = config.qdrant.url.as_ref().and_then(|it| it.parse().ok());
    qdrant.iter().for_each(|uri| guard.own(uri));
    guard
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
