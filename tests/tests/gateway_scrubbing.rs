//! What is kept of conversations, and what judges read, is without personal data and secrets, unless its tenant wants it
//! whole; what providers are sent is what was said.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Api, Floopy, Reply, Settings, Shape, Stream, Upstream,
    checks::{assert_error, files_with},
    eventually,
    firewall::set,
    in_both_shapes,
    judge::Judge,
};
use serde_json::{Value, json};

in_both_shapes!(
    sessions_are_kept_without_personal_data_and_secrets,
    a_tenant_keeps_what_was_said_as_a_whole,
);

const EMAIL: &str = "ann.smith@mail.example.com";
const CARD: &str = "4111 1111 1111 1111";
const KEY: &str = "sk-proj-abcdefghij0123456789";

/// A call whose user, and whose tool, say what must not be kept.
fn telling() -> Value {
    let arguments = json!({"to": EMAIL, "card": 4_111_111_111_111_111_u64}).to_string();
    let call = json!({"id": "c1", "type": "function", "function": {"name": "pay", "arguments": arguments}});
    json!({"model": "up/alpha", "messages": [
        {"role": "user", "content": [{"type": "text", "text": format!("我是{EMAIL}，卡号{CARD}。")}]},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": format!("paid with {KEY}")}]})
}

/// The reply says it in pieces.
fn answer(upstream: &Upstream) {
    let words = [
        "Dear ",
        "ann.smith@mail",
        ".example.com, ",
        "é 4111 1111 ",
        "1111 1111",
    ];
    upstream.script("alpha", Reply::Stream(Stream::of_words(&words)));
}

/// Has it said in a session, and tells what was kept.
async fn said(api: &Api, body: &Value) -> Value {
    let mut body = body.clone();
    body["stream"] = json!(true);
    api.chat("s", &body).await.ok();
    eventually(|| async {
        let told = api.get("/v1/session/s").await;
        match told.status {
            200 => Ok(told.json()),
            _ => Err(told.text()),
        }
    })
    .await
}

async fn sessions_are_kept_without_personal_data_and_secrets(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    answer(&upstream);
    let session = said(&floopy.api(), &telling()).await;
    let messages = &session["messages"];
    assert_eq!(
        messages[0]["content"][0]["text"],
        "我是[email]，卡号[card]。"
    );
    let arguments = messages[1]["tool_calls"][0]["function"]["arguments"].as_str();
    let arguments: Value = serde_json::from_str(arguments.expect("a text")).expect("JSON");
    assert_eq!(arguments, json!({"to": "[email]", "card": "[card]"}));
    assert_eq!(messages[2]["content"], "paid with [api_key]");
    assert_eq!(
        messages[3]["content"], "Dear [email], é [card]",
        "{session}"
    );
    for secret in [EMAIL, CARD, KEY, "4111111111111111"] {
        assert_eq!(files_with(floopy.dir(), secret), [""; 0]);
    }
    // Who answered has heard all of it.
    assert_eq!(
        upstream.only("alpha").json()["messages"],
        telling()["messages"]
    );
}

async fn a_tenant_keeps_what_was_said_as_a_whole(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings =
        Settings::for_upstream(&upstream).tenant("[tenants.firewall]\nscrub = \"off\"\n");
    let floopy = Floopy::with(shape, settings).await;
    answer(&upstream);
    let api = floopy.api();
    assert_eq!(api.get("/v1/firewall").await.ok().json()["scrub"], "off");
    let session = said(&api, &telling()).await;
    assert_eq!(session["messages"][2], telling()["messages"][2]);
    assert_eq!(
        session["messages"][3]["content"],
        format!("Dear {EMAIL}, é {CARD}")
    );
    // Another tenant's is not.
    let other = said(&floopy.other_api(), &telling()).await;
    assert_eq!(other["messages"][2]["content"], "paid with [api_key]");
    let wrong = set(&api, json!({"scrub": "maybe"})).await;
    assert_error(&wrong, 400, "invalid_body", &["scrub", "maybe"]);
    let set = set(&api, json!({"mode": "off"})).await.ok().json();
    assert_eq!(
        set["scrub"], "on",
        "what is missing is as where nobody sets anything"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judges_read_what_was_scrubbed() {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(Shape::Split, &upstream).await;
    floopy.kill_judge();
    answer(&upstream);
    said(&floopy.api(), &telling()).await;
    let mut judge = Judge::of(&floopy).await;
    let job = judge.wait(60_000).await.remove(0);
    let read = format!("{} {}", job.prompt, job.reply);
    assert!(job.reply.contains("Dear [email], é [card]"), "{read}");
    for secret in [EMAIL, CARD, KEY] {
        assert!(!read.contains(secret), "{read}");
    }
}
