//! What proxies share by Redis, on the real binaries: stored replies, flushes, and what is used of limits.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use floopy_tests::{
    Answer, Api, Floopy, Neighbour, Redis, Settings, Shape, Upstream, eventually,
    eventually_within, in_both_shapes, soak::metric,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    a_restart_finds_what_was_shared,
    nothing_of_a_tenant_with_zero_retention_is_shared,
);

const ON: (&str, &str) = ("floopy-cache-enabled", "true");

/// Two proxies of one control plane, and the Redis that they share.
struct Pair {
    upstream: Upstream,
    redis: Redis,
    floopy: Floopy,
    other: Neighbour,
}

async fn pair(change: impl FnOnce(Settings) -> Settings) -> Pair {
    let upstream = Upstream::start().await;
    let redis = Redis::start().await;
    let settings = change(redis.shared_by(Settings::for_upstream(&upstream)));
    let floopy = Floopy::with(Shape::Split, settings).await;
    let other = Neighbour::of(&floopy, Shape::Split, "other").await;
    for admin in [floopy.admin_api(), other.admin_api()] {
        reaches(&admin, "floopy_redis_connected", 1).await;
    }
    Pair {
        upstream,
        redis,
        floopy,
        other,
    }
}

async fn value(admin: &Api, name: &str) -> u64 {
    metric(&admin.get("/metrics").await.ok().text(), name)
}

/// Waits until a metric, summed over its labels, has come so far.
async fn reaches(admin: &Api, name: &str, goal: u64) {
    eventually(|| async {
        match value(admin, name).await {
            found if found >= goal => Ok(()),
            found => Err(format!("{name} is {found}, not {goal}")),
        }
    })
    .await;
}

/// Waits until this many replies were shared by a proxy.
async fn shared(redis: &Redis, count: usize) {
    eventually(|| async {
        let names = redis.names();
        match names.iter().filter(|n| n.contains(":reply:")).count() {
            found if found == count => Ok(()),
            _ => Err(names.join("\n")),
        }
    })
    .await;
}

fn body(text: &str) -> Value {
    json!({"model": "up/alpha", "messages": [{"role": "user", "content": text}]})
}

async fn ask(api: &Api, text: &str, headers: &[(&str, &str)]) -> Answer {
    let body = body(text);
    let mut call = api.post("/v1/chat/completions").json(&body);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await.ok()
}

async fn status(api: &Api, text: &str) -> String {
    let answer = ask(api, text, &[ON]).await;
    answer.header("floopy-cache-status").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_proxies_share_replies_and_flushes() {
    let pair = pair(|settings| settings).await;
    let (one, two) = (pair.floopy.api(), pair.other.api());
    let first = ask(&one, "Good morning", &[ON]).await;
    shared(&pair.redis, 1).await;
    let again = ask(&two, "Good morning", &[ON]).await;
    assert_eq!(again.header("floopy-cache-status"), "exact");
    assert_eq!(again.text(), first.text());
    assert_eq!(pair.upstream.count("alpha"), 1);
    let hits = "floopy_cache_shared_hits_total";
    assert_eq!(value(&pair.other.admin_api(), hits).await, 1);
    assert_eq!(status(&two, "Good morning").await, "exact");
    let admin = pair.other.admin_api();
    assert_eq!(value(&admin, hits).await, 1, "it has its own by now");
    let told = explained(&two, "Good morning").await;
    let places: Vec<&str> = told["stored"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|stored| stored["place"].as_str())
        .collect();
    assert_eq!(places, ["proxy", "redis"], "{told}");
    let key = first.header("floopy-cache-key").to_owned();
    assert_eq!(told["key"], json!(key));
    for which in [json!({"key": key}), json!({})] {
        let flushed = one.post("/v1/cache/flush").json(&which).send().await;
        flushed.ok();
        shared(&pair.redis, 0).await;
        for api in [&one, &two] {
            eventually(|| async {
                match explained(api, "Good morning").await["status"].as_str() {
                    Some("miss") => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            })
            .await;
        }
        assert_eq!(status(&one, "Good morning").await, "miss");
        shared(&pair.redis, 1).await;
        assert_eq!(status(&two, "Good morning").await, "exact");
    }
}

async fn explained(api: &Api, text: &str) -> Value {
    let question = json!({"request": body(text), "headers": {"floopy-cache-enabled": "true"}});
    let answer = api.post("/v1/cache/explain").json(&question).send().await;
    answer.ok().json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_replies_are_not_found_and_what_redis_lost_is_asked_again() {
    let mut pair = pair(|settings| settings).await;
    let (one, two) = (pair.floopy.api(), pair.other.api());
    assert_eq!(status(&one, "Good morning").await, "miss");
    shared(&pair.redis, 1).await;
    assert_eq!(
        status(&pair.floopy.other_api(), "Good morning").await,
        "miss"
    );
    shared(&pair.redis, 2).await;
    // Whatever stands there in place of a reply, nobody is given it.
    for name in pair.redis.names() {
        pair.redis.ask(&["SET", &name, "{}\nnonsense"]);
    }
    assert_eq!(status(&two, "Good morning").await, "miss");
    pair.redis.kill();
    assert_eq!(status(&two, "Good morning").await, "exact");
    assert_eq!(status(&two, "Good night").await, "miss");
    pair.redis.start_again().await;
    // What was on its way over the connection that broke is not shared; what comes after it is.
    let asked = AtomicUsize::new(0);
    eventually(|| async {
        let evening = asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(status(&two, &format!("Evening {evening}")).await, "miss");
        let names = pair.redis.names();
        let shared = names.iter().any(|name| name.contains(":reply:"));
        shared.then_some(()).ok_or(names)
    })
    .await;
}

async fn a_restart_finds_what_was_shared(shape: Shape) {
    let upstream = Upstream::start().await;
    let redis = Redis::start().await;
    let settings = redis.shared_by(Settings::for_upstream(&upstream));
    let mut floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    reaches(&floopy.admin_api(), "floopy_redis_connected", 1).await;
    assert_eq!(status(&api, "Good morning").await, "miss");
    shared(&redis, 1).await;
    floopy.kill_proxy();
    floopy.start_proxy().await;
    reaches(&floopy.admin_api(), "floopy_redis_connected", 1).await;
    assert_eq!(status(&api, "Good morning").await, "exact");
    assert_eq!(upstream.count("alpha"), 1);
}

async fn nothing_of_a_tenant_with_zero_retention_is_shared(shape: Shape) {
    let upstream = Upstream::start().await;
    let redis = Redis::start().await;
    let settings = redis.shared_by(Settings::for_upstream(&upstream));
    let floopy = Floopy::with(shape, settings.tenant("zero_retention = true\n")).await;
    let admin = floopy.admin_api();
    reaches(&admin, "floopy_redis_connected", 1).await;
    let answer = ask(&floopy.api(), "Good morning", &[ON]).await;
    assert_eq!(answer.header("floopy-cache-note"), "zero_retention");
    // What comes after it is there, so it would be.
    assert_eq!(status(&floopy.other_api(), "Good morning").await, "miss");
    shared(&redis, 1).await;
    assert!(
        redis
            .names()
            .iter()
            .all(|n| n.starts_with("floopy:reply:globex:"))
    );
    // What is there of such a tenant, whoever stored it, goes when a proxy comes.
    redis.ask(&["SET", "floopy:reply:acme:0:ab", "marker"]);
    drop(floopy);
    let settings = redis.shared_by(Settings::for_upstream(&upstream));
    let _floopy = Floopy::with(shape, settings.tenant("zero_retention = true\n")).await;
    eventually_within(Duration::from_secs(20), || async {
        match redis.ask(&["EXISTS", "floopy:reply:acme:0:ab"]).as_str() {
            "0" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
    shared(&redis, 1).await;
}

async fn limit(api: &Api, limits: Value) {
    let set = api.call(Method::PUT, "/v1/constraints").json(&limits);
    set.send().await.ok();
}

/// Waits until two proxies told each other what they used by now.
async fn exchanged(pair: &Pair) {
    for _ in 0..2 {
        for admin in [pair.floopy.admin_api(), pair.other.admin_api()] {
            let of = || async {
                let text = admin.get("/metrics").await.ok().text();
                let is_ok = |l: &&str| l.contains("operation=\"rates\"") && l.contains("\"ok\"");
                let lines: Vec<&str> = text.lines().filter(is_ok).collect();
                metric(&lines.join("\n"), "floopy_redis_operations_total")
            };
            let before = of().await;
            eventually(|| async {
                match of().await {
                    now if now >= before + 2 => Ok(()),
                    now => Err(format!("{now} after {before}")),
                }
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_one_proxy_spent_are_spent_at_the_other() {
    let pair = pair(|settings| settings).await;
    let (one, two) = (pair.floopy.api(), pair.other.api());
    // A day: nothing of it comes back while the test runs.
    limit(
        &one,
        json!({"max_tokens_per_window": 100, "token_window_seconds": 86_400}),
    )
    .await;
    let chat = |api: Api| async move {
        let body = body("Good morning");
        api.post("/v1/chat/completions").json(&body).send().await
    };
    let refused = eventually(|| async {
        match chat(one.clone()).await {
            answer if answer.status == 429 => Ok(answer),
            answer => Err(answer.text()),
        }
    })
    .await;
    assert!(!refused.header("retry-after").is_empty());
    // What it has never counted for, it hears of once it was asked.
    chat(two.clone()).await;
    exchanged(&pair).await;
    let refused = chat(two).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.text().contains("100 tokens"), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_one_proxy_leave_less_at_the_other() {
    let pair = pair(|settings| settings).await;
    let (one, two) = (pair.floopy.api(), pair.other.api());
    limit(&one, json!({"max_requests_per_minute": 1_000})).await;
    for api in [&one, &two] {
        eventually(|| async {
            match ask(api, "Good morning", &[ON])
                .await
                .header("x-ratelimit-limit")
            {
                "1000" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
    }
    for _ in 0..100 {
        ask(&one, "Good morning", &[ON]).await;
    }
    exchanged(&pair).await;
    let answer = ask(&two, "Good morning", &[ON]).await;
    let left: u64 = answer
        .header("x-ratelimit-remaining")
        .parse()
        .expect("a number");
    // Without the other's it would be above 980 for all that a slow machine takes.
    assert!(left < 960, "{left}");
}
