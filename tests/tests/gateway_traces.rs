//! Each call is a span at an OTLP receiver, in its caller's trace, and says why it went where it went; whether the receiver is
//! there or not, calls are served.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Api, Floopy, Reply, Settings, Shape, Upstream,
    collector::{Collector, KEY, Told, spans_of},
    eventually, in_both_shapes,
    ports::free_addr,
    soak::metric,
};
use prost::Message;
use serde_json::{Value, json};

in_both_shapes!(
    a_call_is_a_span_in_its_callers_trace,
    what_goes_wrong_is_told_of_however_few_calls_are,
    traces_go_by_http_too,
    a_receiver_that_is_gone_is_not_noticed_by_callers,
    nobody_is_told_of_calls_unless_a_receiver_is_named,
);

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn settings(upstream: &Upstream, endpoint: &str, lines: &str) -> Settings {
    let (name, secret) = KEY;
    let own = format!("endpoint = \"{endpoint}\"\nheaders = {{ {name} = \"{secret}\" }}\n{lines}");
    Settings::for_upstream(upstream).proxy("traces", &own)
}

fn body(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "the marker of what was said"}],
           "max_tokens": 77})
}

async fn ask(api: &Api, traceparent: Option<&str>, body: &Value) -> Answer {
    let mut call = api.post("/v1/chat/completions").json(body);
    call = call.header("floopy-session-id", "chat-1");
    call = call.header("floopy-user-id", "the marker of a user");
    if let Some(traceparent) = traceparent {
        call = call.header("traceparent", traceparent);
        call = call.header("tracestate", "vendor=1");
    }
    call.send().await
}

#[track_caller]
fn assert_attributes(told: &Told, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        let found = told.attributes.get(*name).map(String::as_str);
        assert_eq!(found, Some(*value), "{name} in {:#?}", told.attributes);
    }
    let all = format!("{told:?}");
    assert!(!all.contains("the marker"), "{all}");
}

async fn a_call_is_a_span_in_its_callers_trace(shape: Shape) {
    let (upstream, collector) = (Upstream::start().await, Collector::start().await);
    let settings = settings(&upstream, &collector.endpoint(), "service = \"gate\"");
    let floopy = Floopy::with(shape, settings).await;
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let answer = ask(&floopy.api(), Some(&traceparent), &body("up/alpha")).await;
    let id = answer.ok().request_id();
    let told = collector.span_of(&id).await;
    let decision = floopy.api().decision(&id).await;
    assert_attributes(
        &told,
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "up"),
            ("gen_ai.request.model", "up/alpha"),
            ("gen_ai.request.max_tokens", "77"),
            ("gen_ai.request.stream", "false"),
            ("gen_ai.response.model", "alpha"),
            ("gen_ai.conversation.id", "chat-1"),
            ("http.response.status_code", "200"),
            ("floopy.reason", "dispatched"),
            ("floopy.strategy", "legacy_model"),
            ("floopy.tenant", "acme"),
        ],
    );
    let tokens = told.attributes["gen_ai.usage.output_tokens"].clone();
    assert_eq!(tokens, decision["outcome"]["output_tokens"].to_string());
    assert_eq!(told.span.name, "chat up/alpha");
    assert_eq!(told.resource["service.name"], "gate");
    let own = told.span;
    assert_eq!(hex(&own.trace_id), TRACE);
    assert_eq!(hex(&own.parent_span_id), PARENT);
    assert!(own.end_time_unix_nano >= own.start_time_unix_nano);
    // The provider is told of the span, not of its parent.
    let received = upstream.only("alpha").headers;
    let sent = format!("00-{TRACE}-{}-01", hex(&own.span_id));
    assert_eq!(received["traceparent"], sent);
    assert_eq!(received["tracestate"], "vendor=1");

    // Without a trace of the caller's, one begins that is found by the request's id.
    let id = ask(&floopy.api(), None, &body("up/beta"))
        .await
        .request_id();
    let own = collector.span_of(&id).await.span;
    assert_eq!(hex(&own.trace_id), id.replace('-', ""));
    assert!(own.parent_span_id.is_empty());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn what_goes_wrong_is_told_of_however_few_calls_are(shape: Shape) {
    let (upstream, collector) = (Upstream::start().await, Collector::start().await);
    let failure = json!({"error": {"message": "broken", "type": "server_error"}});
    upstream.script("alpha", Reply::json(500, &failure));
    let lines = "sample = 0.0\npropagate = false";
    let settings = settings(&upstream, &collector.endpoint(), lines);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let well = ask(&api, None, &body("up/beta")).await.ok().request_id();
    let fell = ask(&api, None, &body("up/alpha,up/beta")).await.ok();
    let failed = ask(&api, None, &body("up/alpha")).await.request_id();

    let told = collector.span_of(&failed).await;
    assert_attributes(&told, &[("floopy.reason", "error"), ("error.type", "500")]);
    assert_eq!(told.span.status.expect("a status").code, 2);
    let told = collector.span_of(&fell.request_id()).await;
    assert_attributes(&told, &[("floopy.fallback_used", "true")]);
    let attempts = &told.attributes["floopy.attempts"];
    assert!(
        attempts.starts_with("up/alpha upstream_error 500 "),
        "{attempts}"
    );
    // All three are in one queue: what was told of after it would have come with it.
    let ids = collector.told();
    let mut ids = ids
        .iter()
        .map(|told| told.attributes["floopy.request_id"].clone());
    assert!(!ids.any(|id| id == well), "a call that went well");
    let headers = upstream.received();
    assert!(
        headers
            .iter()
            .all(|r| !r.headers.contains_key("traceparent"))
    );
}

async fn traces_go_by_http_too(shape: Shape) {
    let (upstream, receiver) = (Upstream::start().await, Upstream::start().await);
    receiver.script("", Reply::raw(200, "application/x-protobuf", ""));
    let endpoint = receiver.base_url().replace("/v1", "/otlp/");
    let floopy = settings(&upstream, &endpoint, "protocol = \"http\"");
    let floopy = Floopy::with(shape, floopy).await;
    let id = ask(&floopy.api(), None, &body("up/alpha"))
        .await
        .ok()
        .request_id();
    let told = eventually(|| async {
        let received = receiver.received().into_iter().next();
        received.ok_or("nothing came")
    })
    .await;
    assert_eq!(told.path, "/otlp/v1/traces");
    assert_eq!(told.headers[KEY.0], KEY.1);
    let batch = Message::decode(told.body).expect("protobuf");
    let spans = spans_of(batch);
    assert_eq!(spans[0].attributes["floopy.request_id"], id);
}

async fn a_receiver_that_is_gone_is_not_noticed_by_callers(shape: Shape) {
    let upstream = Upstream::start().await;
    let nobody = format!("http://{}", free_addr());
    let floopy = Floopy::with(shape, settings(&upstream, &nobody, "")).await;
    for _ in 0..3 {
        ask(&floopy.api(), None, &body("up/alpha")).await.ok();
    }
    eventually(|| async {
        let text = floopy.admin_api().get("/metrics").await.ok().text();
        match metric(&text, "floopy_spans_lost_total") {
            3 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    let log = floopy.logs();
    let said = log
        .matches("the receiver of traces does not take them")
        .count();
    assert_eq!(said, 1, "{log}");
    ask(&floopy.api(), None, &body("up/alpha")).await.ok();
}

async fn nobody_is_told_of_calls_unless_a_receiver_is_named(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let answer = ask(&floopy.api(), Some(&traceparent), &body("up/alpha")).await;
    answer.ok();
    let received = upstream.only("alpha").headers;
    assert!(!received.contains_key("traceparent"), "{received:?}");
    let text = floopy.admin_api().get("/metrics").await.ok().text();
    assert_eq!(metric(&text, "floopy_spans_ended_total"), 0);
    assert!(metric(&text, "floopy_time_to_first_byte_seconds_count") > 0);
}
