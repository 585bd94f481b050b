//! Personal data and secrets taken out of calls before anybody is asked, on the real binaries: only what was found changes,
//! and the caller, the record and the counts say how much of it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually,
    firewall::set, in_both_shapes,
};
use serde_json::{Value, json};

in_both_shapes!(
    providers_get_what_was_said_without_what_was_found,
    every_api_is_redacted_and_so_is_what_is_forwarded_untouched,
);

const CHAT: &str = "/v1/chat/completions";
/// With what must not be sent, and spaces and escapes that must stay.
const BODY: &str = r#"{ "model": "up/alpha",  "messages": [ {"role":"system","content":"Ask boss@mill.example"},
    {"role":"user","content":"I\u00e9 am ann@example.com, my card is 4111 1111 1111 1111.\n"},
    {"role":"assistant","content":"I know bob@example.com"}, {"role":"user", "content":"Then write to ann@example.com"} ] }"#;

async fn ask(api: &Api, (path, body): (&str, &str), headers: &[(&str, &str)]) -> Answer {
    let mut call = api.post(path).header("content-type", "application/json");
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.bytes(body.to_owned()).send().await
}

/// Switches it on, and waits until the proxy goes by it.
async fn redacting(api: &Api) {
    set(api, json!({"redact": "on"})).await.ok();
    let said = r#"{"model":"up/beta","messages":[{"role":"user","content":"ann@example.com"}]}"#;
    eventually(|| async {
        let answer = ask(api, (CHAT, said), &[]).await.ok();
        match answer.header("floopy-firewall-redacted") {
            "email=1" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
}

/// What the model was sent last.
fn sent(upstream: &Upstream) -> String {
    let last = upstream.received().pop().expect("a call");
    String::from_utf8(last.body.to_vec()).expect("UTF-8")
}

async fn providers_get_what_was_said_without_what_was_found(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let (api, other) = (floopy.api(), floopy.other_api());
    let told = api.get("/v1/firewall").await.ok().json();
    assert_eq!(
        (&told["redact"], &told["month"]["redacted"]),
        (&json!("off"), &json!(0))
    );
    let whole = ask(&api, (CHAT, BODY), &[]).await.ok();
    assert_eq!(whole.header("floopy-firewall-redacted"), "");
    let as_it_was = sent(&upstream);
    assert_eq!(as_it_was, BODY.replace("up/alpha", "alpha"));
    redacting(&api).await;
    let answer = ask(&api, (CHAT, BODY), &[]).await.ok();
    assert_eq!(answer.header("floopy-firewall-redacted"), "email=2, card=1");
    let expected = as_it_was
        .replace("ann@example.com", "[email]")
        .replace("4111 1111 1111 1111", "[card]");
    assert_eq!(sent(&upstream), expected);
    let decision = api.decision(&answer.request_id()).await;
    let outcome = &decision["decision_trace"]["outcome"];
    let counts = json!([{"kind": "email", "count": 2}, {"kind": "card", "count": 1}]);
    assert_eq!(outcome["firewall_redacted"], counts);
    assert!(!decision.to_string().contains("ann@"), "{decision}");
    ask(&other, (CHAT, BODY), &[]).await.ok();
    assert_eq!(sent(&upstream), as_it_was, "another tenant's");
    let month = api.get("/v1/firewall").await.ok().json()["month"].clone();
    let usage = api.get("/v1/usage").await.ok().json()["total"].clone();
    assert!(month["redacted"].as_u64() >= Some(2), "{month}");
    assert_eq!(
        (&month["redacted"], &month["scanned"]),
        (&usage["firewall_redacted"], &json!(0))
    );
    let metrics = floopy.admin_api().get("/metrics").await.text();
    assert!(
        metrics.contains("floopy_firewall_redacted_total"),
        "{metrics}"
    );
    let wrong = set(&api, json!({"redact": "maybe"})).await;
    assert_error(&wrong, 400, "invalid_body", &["redact", "maybe"]);
}

/// A call of each API that says it once where it must not be sent.
fn everywhere() -> [(&'static str, Value); 4] {
    let tool =
        json!([{"type": "tool_result", "tool_use_id": "t", "content": "she is ann@example.com"}]);
    let used =
        json!([{"type": "tool_use", "id": "t", "name": "who", "input": {"q": "bob@example.com"}}]);
    let tools = json!([{"name": "who", "input_schema": {"type": "object"}}]);
    [
        (
            "/v1/messages",
            json!({"model": "up/alpha", "max_tokens": 9, "tools": tools, "messages": [
            {"role": "user", "content": "who?"}, {"role": "assistant", "content": used}, {"role": "user", "content": tool}]}),
        ),
        (
            "/v1/responses",
            json!({"model": "up/alpha", "input": "I am ann@example.com"}),
        ),
        (
            "/v1/embeddings",
            json!({"model": "up/embed", "input": ["a", "ann@example.com"]}),
        ),
        (
            CHAT,
            json!({"model": "up/alpha", "messages": [{"role": "user", "content": "{\"to\": \"ann@example.com\"}"}]}),
        ),
    ]
}

async fn every_api_is_redacted_and_so_is_what_is_forwarded_untouched(shape: Shape) {
    let upstream = Upstream::start().await;
    let lines = "[tenants.firewall]\nredact = \"on\"\n";
    let floopy = Floopy::with(shape, Settings::for_upstream(&upstream).tenant(lines)).await;
    let api = floopy.api();
    for (path, body) in everywhere() {
        let answer = ask(&api, (path, &body.to_string()), &[]).await.ok();
        assert_eq!(
            answer.header("floopy-firewall-redacted"),
            "email=1",
            "{path}"
        );
        let sent = sent(&upstream);
        assert!(
            sent.contains("[email]") && !sent.contains("ann@"),
            "{path}: {sent}"
        );
        assert_eq!(
            sent.contains("bob@"),
            path == "/v1/messages",
            "{path}: {sent}"
        );
    }
    let untouched = [("floopy-passthrough", "true")];
    let body = BODY.replace("up/alpha", "alpha");
    let answer = ask(&api, (CHAT, &body), &untouched).await.ok();
    assert_eq!(answer.header("floopy-firewall-redacted"), "email=2, card=1");
    assert!(!sent(&upstream).contains("ann@"));
    // What cannot be read is told as ever.
    let broken = ask(
        &api,
        (
            CHAT,
            "{\"model\": \"up/alpha\", \"messages\": [ann@example.com",
        ),
        &[],
    )
    .await;
    assert_eq!(broken.status, 400);
}
