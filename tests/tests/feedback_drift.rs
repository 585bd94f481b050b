//! A model that gets worse is found out, traffic leaves it, and it comes back once it proved itself in the shadow.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Api, Floopy, Reply, Settings, Shape, Upstream, eventually, eventually_within, in_both_shapes,
    load::Load,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

in_both_shapes!(
    a_model_that_stops_answering_is_masked_and_comes_back_through_the_shadow,
    a_model_that_fails_for_three_tenants_is_masked_for_each_of_them,
    a_model_whose_replies_get_worse_is_masked,
);

/// A third tenant, and its key: what happens to fewer is not taken for everybody's.
const THIRD_TENANT: (&str, &str) = ("initech", "fl_test_initech_0123456789");
/// Calls under way at a time.
const AT_ONCE: usize = 4;
/// Failed calls that are an alarm for one tenant alone: the detector needs twenty.
const ENOUGH: usize = 40;
/// Failed calls of each of three tenants that are an alarm only if they are taken together.
const TOO_FEW_ALONE: usize = 12;
/// How long the shadow may take to prove a model again: twenty of its calls, each a tenth of the traffic, judged.
const PROOF: Duration = Duration::from_secs(60);

const PROMPT: &str = "Explain how a hash map handles collisions, with an example in Python.";
const GOOD: &str = "A hash map handles collisions in one of two ways:\n\n\
    1. Chaining: each bucket keeps a list of the entries whose keys collide.\n\
    2. Open addressing: the map probes for the next free bucket.\n\n\
    For example, in Python:\n\n```python\nbuckets = [[] for _ in range(8)]\n\
    buckets[hash('key') % 8].append(('key', 1))\n```\n\n\
    Python's own dict uses open addressing, so a collision costs another probe.";
const BAD: &str = "I'm sorry, but I can't help with that.";

/// Circuits stay closed: what is tested is that routing learns, not that the proxy protects itself meanwhile.
async fn start(shape: Shape) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream)
        .proxy("breaker", "failures = 100000")
        .another_tenant(THIRD_TENANT.0, THIRD_TENANT.1);
    let floopy = Floopy::with(shape, settings).await;
    (upstream, floopy)
}

fn question(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": PROMPT}]})
}

fn broken() -> Reply {
    Reply::json(500, &json!({"error": {"message": "out of order"}}))
}

fn saying(content: &str) -> Reply {
    let choice = json!({
        "index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop",
    });
    let body = json!({
        "id": "chatcmpl-said", "object": "chat.completion", "created": 1_790_000_000, "model": "alpha",
        "choices": [choice],
        "usage": {"prompt_tokens": 20, "completion_tokens": 100, "total_tokens": 120},
    });
    Reply::json(200, &body)
}

/// Asks `up/alpha` so often, each time in a session of its own; the request ids.
async fn ask_alpha(api: &Api, calls: usize, name: &str) -> Vec<String> {
    let ask = |n: usize| async move {
        let session = format!("{name}-{n}");
        api.chat(&session, &question("up/alpha")).await.request_id()
    };
    stream::iter(0..calls)
        .map(ask)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// The decision on a new call, and what it says of alpha.
async fn decided(api: &Api, session: &str) -> (Value, Value) {
    let answer = api.chat(session, &question("auto")).await;
    let decision = api.decision(&answer.request_id()).await;
    let candidates = decision["candidates"].as_array().expect("candidates");
    let alpha = candidates.iter().find(|c| c["model"] == "alpha");
    let alpha = alpha.unwrap_or_else(|| panic!("no alpha in {decision}"));
    (decision.clone(), alpha.clone())
}

/// Waits until alpha is out, and checks that calls go past it.
async fn masked(api: &Api, name: &str) {
    let probe = std::cell::Cell::new(0);
    eventually(|| async {
        probe.set(probe.get() + 1);
        let (decision, alpha) = decided(api, &format!("{name}-{}", probe.get())).await;
        let is_out = alpha["role"] == "masked"
            && alpha["propensity"] == 0.0
            && decision["status"] == "ok"
            && decision["model"] == "beta"
            && decision["attempts"]
                .as_array()
                .is_some_and(|tried| tried.len() == 1);
        if is_out { Ok(()) } else { Err(decision) }
    })
    .await;
}

async fn a_model_that_stops_answering_is_masked_and_comes_back_through_the_shadow(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let (before, alpha) = decided(&api, "before").await;
    assert_eq!(
        (&before["model"], &alpha["role"]),
        (&json!("alpha"), &json!("incumbent"))
    );
    upstream.script("alpha", broken());
    ask_alpha(&api, ENOUGH, "failing").await;
    masked(&api, "probe").await;
    upstream.script("alpha", Reply::Normal);
    let load = Load::start(&api, AT_ONCE, "after");
    let probe = std::cell::Cell::new(0);
    eventually_within(PROOF, || async {
        probe.set(probe.get() + 1);
        let (_, alpha) = decided(&api, &format!("back-{}", probe.get())).await;
        if alpha["role"] == "masked" {
            Err(alpha)
        } else {
            Ok(())
        }
    })
    .await;
    let tally = load.finish().await;
    assert!(tally.failed.is_empty(), "{:?}", tally.failed);
}

async fn a_model_that_fails_for_three_tenants_is_masked_for_each_of_them(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let third = floopy.api().with_key(THIRD_TENANT.1);
    let tenants = [floopy.api(), floopy.other_api(), third];
    upstream.script("alpha", broken());
    for api in &tenants {
        ask_alpha(api, TOO_FEW_ALONE, "failing").await;
    }
    for api in &tenants {
        masked(api, "probe").await;
    }
}

async fn a_model_whose_replies_get_worse_is_masked(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    upstream.script("alpha", saying(GOOD));
    // What comes later is compared with what was judged before.
    judged(&api, ask_alpha(&api, 2 * ENOUGH, "good").await).await;
    upstream.script("alpha", saying(BAD));
    let round = std::cell::Cell::new(0);
    eventually_within(PROOF, || async {
        round.set(round.get() + 1);
        let name = format!("bad-{}", round.get());
        // A few at a time: twenty more that are judged after the alarm are proof, and beta is not better than they are.
        judged(&api, ask_alpha(&api, AT_ONCE, &name).await).await;
        let (decision, alpha) = decided(&api, &format!("{name}-probe")).await;
        let is_out = alpha["role"] == "masked";
        if is_out { Ok(()) } else { Err(decision) }
    })
    .await;
    masked(&api, "probe").await;
}

/// Waits until these calls are judged.
async fn judged(api: &Api, ids: Vec<String>) {
    for id in ids {
        eventually(|| async {
            let decision = api.decision(&id).await;
            let is_judged = decision["decision_trace"]["judge"].is_object();
            if is_judged { Ok(()) } else { Err(decision) }
        })
        .await;
    }
}
