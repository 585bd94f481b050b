//! What is said in sessions, on its way to be told again: of whom, how much, and of whom nothing.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    control::Control,
    proxy::Proxy,
    snapshots::{MODELS, catalog, ranking, tenant},
    upstream::{Upstream, completion, delta, events, json as reply},
};

async fn start(zero_retention: bool, content: bool) -> (Upstream, Control, Proxy) {
    let upstream = Upstream::start(|seen, _| {
        let asked: Value = serde_json::from_slice(&seen.body).unwrap();
        let said = asked["messages"].to_string();
        if asked["stream"] == true {
            let parts = [(0, delta("str")), (0, delta("eamed")), (0, "data: [DONE]\n\n".to_owned())];
            let parts: Vec<(u64, &str)> = parts.iter().map(|(at, d)| (*at, d.as_str())).collect();
            events(&parts)
        } else if said.contains("call it") {
            let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
            let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
            let choice = json!({"index": 0, "message": message, "finish_reason": "tool_calls"});
            reply(200, &json!({"id": "x", "choices": [choice]}).to_string())
        } else if said.contains("fail") {
            reply(400, r#"{"error":{"message":"no"}}"#)
        } else {
            completion("fine")
        }
    })
    .await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |config| {
        config.sessions.content = content;
        config.sessions.max_bytes = 200;
        config.scoring.sample_rate = 0.0;
    })
    .await;
    let tables = vec![
        catalog(1, &MODELS),
        tenant(1, zero_retention),
        ranking(1, MODELS, 0.0),
    ];
    control.push(1, tables).await;
    (upstream, control, proxy)
}

async fn say(proxy: &Proxy, session: Option<&str>, body: Value, status: StatusCode) {
    let mut request = proxy.post("/v1/chat/completions", &body.to_string());
    if let Some(session) = session {
        let value = session.parse().unwrap();
        request.headers_mut().insert("floopy-session-id", value);
    }
    let got = proxy.send(request).await;
    assert_eq!(got.status, status, "{}", got.text());
}

fn hello(text: &str) -> Value {
    json!({"model": "a/one", "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn what_is_said_in_a_session_goes_to_the_control_plane_and_nothing_else_does() {
    let (_upstream, control, proxy) = start(false, true).await;
    say(&proxy, None, hello("alone"), StatusCode::OK).await;
    say(&proxy, Some("s"), hello("hi"), StatusCode::OK).await;
    say(&proxy, Some("s"), hello("fail"), StatusCode::BAD_REQUEST).await;
    let mut streamed = hello("stream");
    streamed["stream"] = json!(true);
    say(&proxy, Some("s"), streamed, StatusCode::OK).await;
    say(&proxy, Some("s"), hello("call it"), StatusCode::OK).await;
    let mut several = hello("twice");
    several["n"] = json!(2);
    say(&proxy, Some("s"), several, StatusCode::OK).await;
    let mut long = hello("the last");
    let early = json!({"role": "user", "content": "x".repeat(200)});
    long["messages"].as_array_mut().unwrap().insert(0, early);
    say(&proxy, Some("s"), long, StatusCode::OK).await;
    proxy.finish().await;
    let contents = control.contents();
    let told: Vec<(Value, Option<&str>, bool)> = contents
        .iter()
        .map(|c| {
            (
                serde_json::from_str(&c.messages).unwrap(),
                c.reply.as_deref(),
                c.truncated,
            )
        })
        .collect();
    let messages = |text: &str| hello(text)["messages"].clone();
    assert_eq!(
        told,
        [
            (messages("hi"), Some("fine"), false),
            (messages("stream"), Some("streamed"), false),
            (messages("call it"), None, false),
            (messages("twice"), None, false),
            (messages("the last"), Some("fine"), true),
        ]
    );
    let decisions = control.decisions();
    for content in &contents {
        assert_eq!(
            (content.tenant.as_str(), content.session_id.as_str()),
            ("acme", "s")
        );
        assert_eq!(content.candidate, "a/one");
        let decision = decisions
            .iter()
            .find(|d| d.request_id == content.request_id);
        assert_eq!(decision.unwrap().created_at_ms, content.created_at_ms);
    }
}

#[tokio::test]
async fn nothing_said_is_kept_of_who_does_not_want_it() {
    for (zero_retention, content) in [(true, true), (false, false)] {
        let (_upstream, control, proxy) = start(zero_retention, content).await;
        say(&proxy, Some("s"), hello("hi"), StatusCode::OK).await;
        proxy.finish().await;
        assert_eq!(
            (control.decisions().len(), control.contents().len()),
            (1, 0)
        );
    }
    let (_upstream, control, proxy) = start(false, true).await;
    let mut untouched = hello("hi");
    untouched["model"] = json!("one");
    let mut request = proxy.post("/v1/chat/completions", &untouched.to_string());
    for (name, value) in [
        ("floopy-session-id", "s"),
        ("floopy-passthrough", "true"),
        ("floopy-provider", "a"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    assert_eq!(proxy.send(request).await.status, StatusCode::OK);
    proxy.finish().await;
    assert_eq!(
        (control.decisions().len(), control.contents().len()),
        (1, 0)
    );
}
