//! A conversation stays with who serves it where a change would break it, whatever was learned meanwhile.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Api, Floopy, Reply, Settings, Shape, Upstream, checks::assert_decision_headers, eventually,
    in_both_shapes,
};
use serde_json::{Value, json};

in_both_shapes!(
    a_tool_loop_keeps_its_model_while_the_ranking_changes,
    a_loop_whose_model_is_gone_goes_on_and_says_why,
    sealed_content_stays_with_its_provider,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}])
}

/// A question, and what followed it.
fn conversation(model: &str, turns: &[Value]) -> Value {
    let mut messages = vec![json!({"role": "user", "content": "What is the weather in Lisbon?"})];
    messages.extend_from_slice(turns);
    json!({"model": model, "messages": messages, "tools": tools()})
}

fn called() -> Value {
    let function = json!({"name": "weather", "arguments": "{}"});
    json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_1", "type": "function", "function": function}
    ]})
}

fn result() -> Value {
    json!({"role": "tool", "tool_call_id": "call_1", "content": "sunny"})
}

/// Ratings until new sessions of this kind are served by `beta`.
async fn turn_to_beta(api: &Api) {
    for n in 0..25 {
        let (bad, good) = (format!("alpha-{n}"), format!("beta-{n}"));
        api.chat(&bad, &conversation("up/alpha", &[])).await.ok();
        api.chat(&good, &conversation("up/beta", &[])).await.ok();
        for (session, score) in [(&bad, 0), (&good, 10)] {
            let rating = json!({"session_id": session, "score": score, "useful": score > 6});
            api.rate(&rating).await.ok();
        }
    }
    eventually(|| async {
        let mut models = Vec::new();
        for n in 0..10 {
            let session = format!("probe-{n}");
            let answer = api.chat(&session, &conversation("auto", &[])).await.ok();
            models.push(answer.header("floopy-model").to_owned());
        }
        let beta = models.iter().filter(|m| *m == "up/beta").count();
        if beta >= 9 { Ok(()) } else { Err(models) }
    })
    .await;
}

async fn a_tool_loop_keeps_its_model_while_the_ranking_changes(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    // Whoever is drawn for this session once beta leads; found before, it is known to move.
    let first = api.chat("looping", &conversation("auto", &[])).await.ok();
    assert_decision_headers(&first, "up/alpha", "dispatched");
    turn_to_beta(&api).await;
    let next = conversation("auto", &[called(), result()]);
    let step = api.chat("looping", &next).await.ok();
    assert_decision_headers(&step, "up/alpha", "pinned");
    let decision = api.decision(&step.request_id()).await;
    let trace = &decision["decision_trace"];
    assert_eq!(trace["affinity"]["tool_loop"], true, "{trace}");
    assert_eq!(
        trace["affinity"]["held"],
        json!({"provider": "up", "model": "alpha"})
    );
    assert_eq!(
        (&trace["propensity"], &trace["exploration_rate_effective"]),
        (&json!(1.0), &json!(0.0))
    );
    let detail = &decision["explanation_detail"];
    assert_eq!(
        (&detail["template_id"], &detail["params"]["cause"]),
        (&json!("no_router_invoked"), &json!("tool_loop"))
    );
    // The loop is over: the answer was given, and somebody asks again.
    let answered = json!({"role": "assistant", "content": "It is sunny."});
    let asked = json!({"role": "user", "content": "And in Porto?"});
    let over = conversation("auto", &[called(), result(), answered, asked]);
    let after = api.chat("looping", &over).await.ok();
    assert_ne!(after.header("floopy-decision-reason"), "pinned");
}

async fn a_loop_whose_model_is_gone_goes_on_and_says_why(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let first = api.chat("s", &conversation("auto", &[])).await.ok();
    assert_decision_headers(&first, "up/alpha", "dispatched");
    upstream.script("alpha", Reply::Reset);
    // Other conversations open its circuit.
    eventually(|| async {
        let other = api.chat("other", &conversation("auto", &[])).await.ok();
        let is_open = other.header("floopy-decision-reason") != "fallback";
        if is_open { Ok(()) } else { Err(other) }
    })
    .await;
    let next = conversation("auto", &[called(), result()]);
    let step = api.chat("s", &next).await.ok();
    assert_eq!(step.header("floopy-model"), "up/beta");
    let decision = api.decision(&step.request_id()).await;
    let trace = &decision["decision_trace"];
    assert_eq!(trace["affinity"]["released"], "filtered", "{trace}");
    let gone = json!({"provider": "up", "model": "alpha", "reason": "circuit_open"});
    let filtered = trace["filtered"].as_array().expect("filtered").iter();
    let found = filtered.filter(|f| {
        ["provider", "model", "reason"]
            .iter()
            .all(|k| f[k] == gone[k])
    });
    assert_eq!(found.count(), 1, "{trace}");
}

async fn sealed_content_stays_with_its_provider(shape: Shape) {
    let upstream = Upstream::start().await;
    let url = upstream.base_url();
    let settings = Settings::for_models("openai", &url, &["one".to_owned()]);
    // Whatever they are called, both are the same server, which speaks OpenAI's API.
    let settings = settings.provider("anthropic", &url);
    let settings = settings.credentials("kind = \"openai\"\napi_key = \"sk-test\"");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    // Providers of these names have built-in models until the control plane sends its catalog.
    eventually(|| async {
        let models = api.get("/v1/models").await.ok().text();
        let own = models.contains("anthropic/one") && !models.contains("claude");
        if own { Ok(()) } else { Err(models) }
    })
    .await;
    let thought = json!({"role": "assistant", "content": [
        {"type": "thinking", "thinking": "Lisbon…", "signature": "EqQBCgIYAhIM"},
        {"type": "text", "text": "It is sunny."},
    ]});
    let reasoned = json!({"role": "assistant", "content": "It is sunny.", "reasoning_details": [
        {"type": "reasoning.encrypted", "data": "gAAAA", "format": "openai-responses-v1"},
    ]});
    let asked = json!({"role": "user", "content": "And in Porto?"});
    for (reply, provider, origin) in [
        (thought, "anthropic", "anthropic"),
        (reasoned, "openai", "openai"),
    ] {
        for session in ["a", "b", "c", "d"] {
            let body = conversation("auto", &[reply.clone(), asked.clone()]);
            let answer = api.chat(session, &body).await.ok();
            assert_eq!(answer.header("floopy-model"), format!("{provider}/one"));
            let trace = &api.decision(&answer.request_id()).await["decision_trace"];
            assert_eq!(
                (&trace["affinity"]["origin"], &trace["affinity"]["bound"]),
                (&json!(origin), &json!(true))
            );
        }
    }
}
