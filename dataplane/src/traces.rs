//! Traces: one span for each call, told to an OTLP receiver once the call is over. Nothing waits for the receiver: what it
//! does not take in time is counted and forgotten.

mod context;
mod export;
mod names;
mod span;

use std::{sync::Arc, time::Duration};

use floopy_shared::domain::{
    decision::{Decision, Ending},
    ids::RequestId,
};
use http::HeaderMap;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanProcessor},
};
use tokio::runtime::Handle;

pub(crate) use self::context::Context;
pub(crate) use self::export::Unusable;
use self::{
    export::{Counted, exporter},
    names::{SCHEMA_URL, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION},
};
use crate::{config, metrics::Metrics, upstream::Client};

/// Spans that wait at most. One takes about a kilobyte.
const QUEUE: usize = 4_096;
/// Spans that are told at a time.
const BATCH: usize = 512;
/// How long a span waits at most until it is told.
const DELAY: Duration = Duration::from_secs(2);
/// For the last spans, once the proxy stops.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Tells of calls.
pub(crate) struct Traces {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
    sample: f64,
    slow_ms: u64,
    propagate: bool,
    metrics: Arc<Metrics>,
}

impl Traces {
    /// `None`: no receiver is configured. What the exporter does runs on the runtime that this is called on.
    pub(crate) fn new(
        (config, node): (&config::Traces, &str),
        client: Client,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<Self>, Unusable> {
        let Some(endpoint) = &config.endpoint else {
            return Ok(None);
        };
        let resource = Resource::builder_empty().with_schema_url(
            [
                KeyValue::new(SERVICE_NAME, config.service.clone()),
                KeyValue::new(SERVICE_INSTANCE_ID, node.to_owned()),
                KeyValue::new(SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
            ],
            SCHEMA_URL,
        );
        let exporter = exporter((config, endpoint), client, &resource.build())?;
        let exporter = Counted::new(exporter, Handle::current(), Arc::clone(metrics));
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let scope = InstrumentationScope::builder("floopy")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL);
        Ok(Some(Self {
            processor: BatchSpanProcessor::new(exporter, batches),
            scope: scope.build(),
            sample: config.sample,
            slow_ms: config.slow_ms,
            propagate: config.propagate,
            metrics: Arc::clone(metrics),
        }))
    }

    /// Where a call stands in its trace.
    pub(crate) fn context(&self, headers: &HeaderMap, id: RequestId) -> Arc<Context> {
        Arc::new(Context::of(headers, id, (self.sample, self.propagate)))
    }

    /// The call is over.
    pub(crate) fn end(&self, context: &Context, decision: &Decision, taken: Duration) {
        if !context.is_sampled() && !self.is_told_anyway(decision) {
            return;
        }
        self.metrics.traces.ended();
        let span = span::of_call(context, decision, taken, &self.scope);
        self.processor.on_end(span);
    }

    /// What went wrong is worth looking at, however few calls are told of.
    fn is_told_anyway(&self, decision: &Decision) -> bool {
        let outcome = &decision.outcome;
        outcome.status >= 400
            || outcome.ending != Ending::Completed
            || outcome.fallback_used
            || outcome.latency_ms >= self.slow_ms
    }

    /// Tells what is left. Waits, so no thread that serves may ask it.
    pub(crate) fn close(&self) {
        if let Err(error) = self.processor.shutdown_with_timeout(LAST_WORDS) {
            tracing::warn!(%error, "the last spans could not be told");
        }
    }
}
