//! Where a call stands in its trace, by W3C Trace Context (<https://www.w3.org/TR/trace-context/>).

use floopy_shared::domain::ids::RequestId;
use http::HeaderMap;
use opentelemetry::{
    Context as Remote,
    propagation::TextMapPropagator,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// The bits of a trace's id that are random by the standard's second level: the lowest 56.
const RANDOM_BITS: u32 = 56;

/// Of one call.
#[derive(Debug)]
pub(crate) struct Context {
    own: SpanContext,
    parent: SpanId,
    propagate: bool,
}

impl Context {
    /// Goes on with the caller's trace, or begins one that has the request's id for its own.
    pub(super) fn of(headers: &HeaderMap, id: RequestId, (sample, propagate): (f64, bool)) -> Self {
        let remote = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        let span = remote.span();
        let parent = span.span_context();
        let id = id.0.as_u128();
        let (trace, state, parent_id, is_wanted) = if parent.is_valid() {
            let state = parent.trace_state().clone();
            (
                parent.trace_id(),
                state,
                parent.span_id(),
                parent.is_sampled(),
            )
        } else {
            let trace = TraceId::from(id);
            (trace, TraceState::default(), SpanId::INVALID, true)
        };
        let flags = if is_wanted && is_drawn(trace, sample) {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        };
        let own = SpanId::from(low(id));
        Self {
            own: SpanContext::new(trace, own, flags, false, state),
            parent: parent_id,
            propagate,
        }
    }

    pub(super) fn own(&self) -> &SpanContext {
        &self.own
    }

    /// [`SpanId::INVALID`] where the trace begins here.
    pub(super) fn parent(&self) -> SpanId {
        self.parent
    }

    pub(super) fn is_sampled(&self) -> bool {
        self.own.is_sampled()
    }

    /// Tells whoever is asked next.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        if !self.propagate {
            return;
        }
        let own = Remote::new().with_remote_span_context(self.own.clone());
        TraceContextPropagator::new().inject_context(&own, &mut HeaderInjector(headers));
    }
}

/// The random half of a request's id.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn low(id: u128) -> u64 {
    id as u64
}

/// The same for all calls of a trace.
#[expect(
    clippy::cast_precision_loss,
    reason = "both are below 2^56, and the share is no finer than that"
)]
fn is_drawn(trace: TraceId, sample: f64) -> bool {
    let [.., a, b, c, d, e, f, g] = trace.to_bytes();
    let drawn = u64::from_be_bytes([0, a, b, c, d, e, f, g]);
    (drawn as f64) < sample * (1_u64 << RANDOM_BITS) as f64
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn context(traceparent: Option<&'static str>, sample: f64) -> Context {
        let mut headers = HeaderMap::new();
        if let Some(value) = traceparent {
            headers.insert("traceparent", HeaderValue::from_static(value));
            headers.insert("tracestate", HeaderValue::from_static("vendor=x"));
        }
        let id = RequestId(Uuid::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788));
        Context::of(&headers, id, (sample, true))
    }

    fn told(context: &Context) -> (String, String) {
        let mut headers = HeaderMap::new();
        context.tell(&mut headers);
        let text = |name| headers.get(name).map(|value| value.to_str().expect("text"));
        (
            text("traceparent").unwrap_or_default().to_owned(),
            text("tracestate").unwrap_or_default().to_owned(),
        )
    }

    #[test]
    fn a_callers_trace_goes_on_and_a_new_one_has_the_requests_id() {
        let own = "1122334455667788";
        for (sent, expected, state) in [
            (
                Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                format!("00-{TRACE}-{own}-01"),
                "vendor=x",
            ),
            (
                Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
                format!("00-{TRACE}-{own}-00"),
                "vendor=x",
            ),
            (
                Some("00-0af7651916cd43dd8448eb211c80319c-nonsense-01"),
                format!("00-123456789abcdef01122334455667788-{own}-01"),
                "",
            ),
            (
                None,
                format!("00-123456789abcdef01122334455667788-{own}-01"),
                "",
            ),
        ] {
            let told = told(&context(sent, 1.0));
            assert_eq!(told, (expected, state.to_owned()), "{sent:?}");
        }
    }

    #[test]
    fn who_may_not_know_is_not_told() {
        let mut context = context(None, 1.0);
        context.propagate = false;
        assert_eq!(told(&context), (String::new(), String::new()));
    }

    proptest! {
        #[test]
        fn a_trace_that_is_drawn_for_a_share_is_drawn_for_every_larger_one(id in any::<u128>(), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
            let trace = TraceId::from(id);
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(!is_drawn(trace, less) || is_drawn(trace, more));
            prop_assert!(is_drawn(trace, 1.0) && !is_drawn(trace, 0.0));
        }
    }
}
