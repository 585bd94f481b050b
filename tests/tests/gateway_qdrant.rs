//! Questions that proxies share by Qdrant, on the real binaries: replies in other words, flushes, what must not be there.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_shared::process::clock::Clock;
use floopy_tests::{
    Answer, Api, Floopy, Neighbour, Settings, Shape, Upstream,
    checks::files_with,
    eventually, in_both_shapes,
    qdrant::{Qdrant, connected, switch_on},
    soak::metric,
};
use serde_json::{Value, json};

in_both_shapes!(
    a_restart_finds_what_was_shared_and_not_what_is_too_old,
    nothing_of_a_tenant_with_zero_retention_is_shared,
);

/// Of the usual tenant, whose entry it ends.
const SEMANTIC: &str = "[tenants.cache.semantic]\nmode = \"on\"\n";
const ON: (&str, &str) = ("floopy-cache-enabled", "true");
/// The same question in other words, and another one.
const QUESTION: &str = "How do I reset my password?";
const IN_OTHER_WORDS: &str = "Hi, how can I reset the password";
const ANOTHER: &str = "How do I change my address?";

fn asking(text: &str) -> Value {
    json!({"model": "up/alpha", "messages": [{"role": "user", "content": text}]})
}

async fn ask(api: &Api, text: &str) -> Answer {
    ask_with(api, text, &[]).await
}

async fn ask_with(api: &Api, text: &str, headers: &[(&str, &str)]) -> Answer {
    let body = asking(text);
    let mut call = api.post("/v1/chat/completions").json(&body);
    for (name, value) in headers.iter().chain(&[ON]) {
        call = call.header(name, value);
    }
    call.send().await.ok()
}

async fn status(api: &Api, text: &str) -> String {
    ask(api, text)
        .await
        .header("floopy-cache-status")
        .to_owned()
}

async fn value(admin: &Api, name: &str) -> u64 {
    metric(&admin.get("/metrics").await.ok().text(), name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_proxies_share_replies_to_questions_in_other_words() {
    let (upstream, qdrant) = (Upstream::start().await, Qdrant::start().await);
    let settings = qdrant.shared_by(Settings::for_upstream(&upstream).tenant(SEMANTIC));
    let floopy = Floopy::with(Shape::Split, settings).await;
    let other = Neighbour::of(&floopy, Shape::Split, "other").await;
    let (one, two) = (floopy.api(), other.api());
    for admin in [floopy.admin_api(), other.admin_api()] {
        connected(&admin).await;
    }
    let first = ask(&one, QUESTION).await;
    assert_eq!(first.header("floopy-cache-status"), "miss");
    qdrant.has(1).await;
    let again = ask(&two, IN_OTHER_WORDS).await;
    assert_eq!(again.header("floopy-cache-status"), "semantic");
    let key = first.header("floopy-cache-key").to_owned();
    assert_eq!(again.header("floopy-cache-matched"), key);
    assert_eq!(again.text(), first.text());
    assert_eq!(upstream.count("alpha"), 1);
    let hits = "floopy_cache_semantic_shared_hits_total";
    let admin = other.admin_api();
    assert_eq!(value(&admin, hits).await, 1);
    assert_eq!(status(&two, IN_OTHER_WORDS).await, "semantic");
    assert_eq!(value(&admin, hits).await, 1, "it has its own by now");
    assert_eq!(status(&two, ANOTHER).await, "miss");
    qdrant.has(2).await;
    for which in [json!({"key": key}), json!({"model": "up/alpha"}), json!({})] {
        let left = usize::from(which.get("key").is_some());
        let flushed = one.post("/v1/cache/flush").json(&which).send().await;
        flushed.ok();
        qdrant.has(left).await;
        eventually(|| async {
            match status(&two, IN_OTHER_WORDS).await.as_str() {
                "miss" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
        // Asked in these words it is in Qdrant again, and found by the other proxy.
        qdrant.has(left + 1).await;
        assert_eq!(status(&one, QUESTION).await, "semantic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_questions_are_not_found_whatever_qdrant_says() {
    let (upstream, qdrant) = (Upstream::start().await, Qdrant::start().await);
    let settings = qdrant.shared_by(Settings::for_upstream(&upstream).tenant(SEMANTIC));
    let floopy = Floopy::with(Shape::Split, settings).await;
    let other = Neighbour::of(&floopy, Shape::Split, "other").await;
    connected(&floopy.admin_api()).await;
    connected(&other.admin_api()).await;
    let foreign = floopy.other_api();
    switch_on(&foreign).await;
    qdrant.has(1).await;
    assert_eq!(status(&floopy.api(), QUESTION).await, "miss");
    qdrant.has(2).await;
    assert_eq!(status(&foreign, IN_OTHER_WORDS).await, "miss");
    qdrant.has(3).await;
    let found = qdrant.payloads().await;
    let of = |tenant: &str| found.iter().filter(|p| p["tenant"] == tenant).count();
    assert_eq!((of("acme"), of("globex")), (1, 2), "{found:?}");
    // What stands there in place of a reply is given to nobody.
    let spoilt = json!({"points": found.iter().enumerate().map(|(at, payload)| {
        let mut payload = payload.clone();
        payload["reply"] = json!("{}\nnonsense");
        json!({"id": at, "vector": vec![0.5; 64], "payload": payload})
    }).collect::<Vec<_>>()});
    assert_eq!(spoilt["points"].as_array().map(Vec::len), Some(3));
    let everything = json!({"filter": {"must": []}});
    qdrant.ask("/points/delete", &everything).await;
    qdrant.put("/points", &spoilt).await;
    qdrant.has(3).await;
    let before = upstream.count("alpha");
    assert_eq!(status(&other.api(), IN_OTHER_WORDS).await, "miss");
    assert_eq!(upstream.count("alpha"), before + 1);
}

/// Waits until the time of one of the points is over.
async fn one_is_too_old(qdrant: &Qdrant) {
    eventually(|| async {
        let payloads = qdrant.payloads().await;
        let ends = payloads.iter().filter_map(|it| it["expires_ms"].as_u64());
        let end = ends.min().expect("points");
        (end < Clock::system().now_ms())
            .then_some(())
            .ok_or(payloads)
    })
    .await;
}

async fn a_restart_finds_what_was_shared_and_not_what_is_too_old(shape: Shape) {
    let upstream = Upstream::start().await;
    let mut qdrant = Qdrant::start().await;
    let settings = qdrant.shared_by(Settings::for_upstream(&upstream).tenant(SEMANTIC));
    let mut floopy = Floopy::with(shape, settings).await;
    connected(&floopy.admin_api()).await;
    assert_eq!(status(&floopy.api(), QUESTION).await, "miss");
    let short = [("cache-control", "max-age=1")];
    ask_with(&floopy.api(), ANOTHER, &short).await;
    qdrant.has(2).await;
    one_is_too_old(&qdrant).await;
    floopy.kill_proxy();
    qdrant.kill();
    qdrant.start_again().await;
    floopy.start_proxy().await;
    connected(&floopy.admin_api()).await;
    // It looks for what is too old as soon as it is connected.
    qdrant.has(1).await;
    assert_eq!(status(&floopy.api(), IN_OTHER_WORDS).await, "semantic");
    assert_eq!(upstream.count("alpha"), 2);
}

async fn nothing_of_a_tenant_with_zero_retention_is_shared(shape: Shape) {
    let upstream = Upstream::start().await;
    let qdrant = Qdrant::start().await;
    let keeping = qdrant.shared_by(Settings::for_upstream(&upstream).tenant(SEMANTIC));
    let mut floopy = Floopy::with(shape, keeping).await;
    connected(&floopy.admin_api()).await;
    ask(&floopy.api(), "Where does the blueheron77 nest?").await;
    qdrant.has(1).await;
    drop(floopy);
    // What is there of a tenant that may keep nothing any more goes when a proxy comes.
    let lines = format!("zero_retention = true\n{SEMANTIC}");
    let settings = qdrant.shared_by(Settings::for_upstream(&upstream).tenant(&lines));
    floopy = Floopy::with(shape, settings).await;
    connected(&floopy.admin_api()).await;
    qdrant.has(0).await;
    let answer = ask(&floopy.api(), "Where does the scarletibis77 nest?").await;
    assert_eq!(answer.header("floopy-cache-note"), "zero_retention");
    // What comes after it is there, so it would be.
    switch_on(&floopy.other_api()).await;
    qdrant.has(1).await;
    assert_eq!(qdrant.payloads().await[0]["tenant"], "globex");
    let found = files_with(qdrant.dir(), "scarletibis77");
    assert!(found.is_empty(), "{found:?}");
}
