//! The span of a call: what OpenTelemetry's conventions for generative AI ask for
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>), and why it was routed as it was. Nothing of what was
//! said is in it, and nothing that a caller labelled it with.

use std::{
    borrow::Cow,
    time::{Duration, UNIX_EPOCH},
};

use floopy_shared::domain::{
    decision::{Attempt, Decision, Ending},
    ids::CandidateKey,
};
use opentelemetry::{
    Array, InstrumentationScope, Key, KeyValue, StringValue, Value,
    trace::{SpanId, SpanKind, Status},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::{
    Context,
    names::{
        ERROR_TYPE, GEN_AI_CONVERSATION_ID, GEN_AI_OPERATION_NAME, GEN_AI_PROVIDER_NAME,
        GEN_AI_REQUEST_MAX_TOKENS, GEN_AI_REQUEST_MODEL, GEN_AI_REQUEST_STREAM, GEN_AI_RESPONSE_ID,
        GEN_AI_RESPONSE_MODEL, GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
        GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, GEN_AI_USAGE_INPUT_TOKENS,
        GEN_AI_USAGE_OUTPUT_TOKENS, HTTP_RESPONSE_STATUS_CODE,
    },
};
use crate::record::CLIENT_GONE;

/// Attributes of a call with all of them.
const ATTRIBUTES: usize = 32;

/// Tells of a call that is over, and took so long.
pub(super) fn of_call(
    context: &Context,
    decision: &Decision,
    taken: Duration,
    scope: &InstrumentationScope,
) -> SpanData {
    let start_time = UNIX_EPOCH + Duration::from_millis(decision.created_at_ms);
    let operation = operation(decision);
    let failure = failure(decision);
    let mut attributes = Attributes(Vec::with_capacity(ATTRIBUTES));
    attributes.of_call(decision, operation);
    attributes.of_routing(decision);
    attributes.of_outcome(decision);
    attributes.some(ERROR_TYPE, failure.clone());
    SpanData {
        span_context: context.own().clone(),
        parent_span_id: context.parent(),
        parent_span_is_remote: context.parent() != SpanId::INVALID,
        span_kind: SpanKind::Client,
        name: Cow::Owned(format!("{operation} {}", decision.requested_model)),
        start_time,
        end_time: start_time + taken,
        attributes: attributes.0,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: failure.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope.clone(),
    }
}

fn operation(decision: &Decision) -> &'static str {
    if decision.features.embeddings {
        "embeddings"
    } else {
        "chat"
    }
}

/// What went wrong, from a small set of names; `None`: nothing.
fn failure(decision: &Decision) -> Option<Cow<'static, str>> {
    let outcome = &decision.outcome;
    match outcome.ending {
        Ending::BrokenStream => return Some("broken_stream".into()),
        Ending::Interrupted => return Some("interrupted".into()),
        // That the caller did not wait is nobody's failure.
        Ending::ClientDisconnected => return None,
        Ending::Completed | Ending::Error => {}
    }
    (outcome.status >= 400 && outcome.status != CLIENT_GONE)
        .then(|| outcome.status.to_string().into())
}

/// The attributes of one span.
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn add(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.push(KeyValue::new(Key::from_static_str(key), value));
    }

    fn some(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    fn count(&mut self, key: &'static str, value: impl TryInto<i64>) {
        self.add(key, value.try_into().unwrap_or(i64::MAX));
    }

    fn of_call(&mut self, decision: &Decision, operation: &'static str) {
        let features = &decision.features;
        let by = decision.served.as_ref().or(decision.chosen.as_ref());
        self.add(GEN_AI_OPERATION_NAME, operation);
        let provider = |key: &CandidateKey| key.provider().to_owned();
        self.some(GEN_AI_PROVIDER_NAME, by.map(provider));
        self.add(GEN_AI_REQUEST_MODEL, decision.requested_model.clone());
        self.add(GEN_AI_REQUEST_STREAM, features.stream);
        if let Some(most) = features.max_output_tokens {
            self.count(GEN_AI_REQUEST_MAX_TOKENS, most);
        }
        let session = decision.session_id.as_ref();
        self.some(GEN_AI_CONVERSATION_ID, session.map(ToString::to_string));
    }

    fn of_routing(&mut self, decision: &Decision) {
        self.add("floopy.request_id", decision.request_id.to_string());
        self.add("floopy.tenant", decision.tenant.to_string());
        self.add("floopy.strategy", decision.strategy.as_str());
        self.add("floopy.reason", decision.reason.as_str());
        self.some("floopy.rule", decision.rule.clone());
        let shape = decision.ranked_shape.as_ref();
        self.some("floopy.task_shape", shape.map(ToString::to_string));
        self.some("floopy.confidence", decision.confidence);
        if decision.chosen.is_some() {
            self.add("floopy.propensity", decision.propensity);
        }
        self.count("floopy.snapshot_version", decision.snapshot_version);
        if !decision.attempts.is_empty() {
            let attempts = decision.attempts.iter();
            let attempts = attempts
                .map(|tried| StringValue::from(told(tried)))
                .collect();
            self.add("floopy.attempts", Value::Array(Array::String(attempts)));
        }
        self.count("floopy.overhead_us", decision.outcome.overhead_us);
    }

    fn of_outcome(&mut self, decision: &Decision) {
        let outcome = &decision.outcome;
        self.count(HTTP_RESPONSE_STATUS_CODE, outcome.status);
        if let Some(served) = &decision.served {
            self.add(GEN_AI_RESPONSE_MODEL, served.model().to_owned());
            self.some(GEN_AI_RESPONSE_ID, decision.completion_id.clone());
            self.count(GEN_AI_USAGE_INPUT_TOKENS, outcome.usage.input);
            self.count(GEN_AI_USAGE_OUTPUT_TOKENS, outcome.usage.output);
            self.count(
                GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
                outcome.usage.cached_input,
            );
            self.add("floopy.usage_estimated", outcome.usage_estimated);
            self.add("floopy.fallback_used", outcome.fallback_used);
        }
        if decision.features.stream {
            let first = outcome.first_byte_ms.map(Duration::from_millis);
            let first = first.map(|first| first.as_secs_f64());
            self.some(GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, first);
        }
        if let Some(cost) = outcome.cost_micro_usd {
            self.count("floopy.cost_micro_usd", cost);
        }
    }
}

/// One try in a line, as in `openai/gpt-4o ok 200 812ms`.
fn told(attempt: &Attempt) -> String {
    let (key, result) = (&attempt.key, attempt.result.as_str());
    let status = attempt.status.map(|status| format!(" {status}"));
    let status = status.unwrap_or_default();
    format!("{key} {result}{status} {}ms", attempt.latency_ms)
}
