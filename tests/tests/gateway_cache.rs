//! Replies that are given again, on the real binaries: told, counted, flushed, kept apart, and read by real clients.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually,
    eventually_within, in_both_shapes, python, simulator::Simulator, upstream::Reply,
};
use serde_json::{Value, json};

in_both_shapes!(
    a_hit_is_told_counted_and_never_learned_from,
    a_flush_reaches_the_proxy_in_about_a_second,
    a_tenants_settings_hold_for_calls_that_do_not_say,
    a_cache_is_its_tenants_alone_and_dies_with_its_proxy,
    real_clients_read_what_is_given_again_as_they_read_the_first,
    a_question_in_other_words_is_explained_as_it_is_answered,
    the_shadow_tells_how_often_the_semantic_cache_would_have_been_wrong,
);

async fn start(shape: Shape) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    (upstream, floopy)
}

async fn ask(api: &Api, session: &str, headers: &[(&str, &str)]) -> Answer {
    ask_model(api, ("up/alpha", session), headers).await
}

async fn ask_model(api: &Api, (model, session): (&str, &str), headers: &[(&str, &str)]) -> Answer {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]});
    let mut call = api.post("/v1/chat/completions").json(&body);
    call = call.header("floopy-session-id", session);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await.ok()
}

const ON: (&str, &str) = ("floopy-cache-enabled", "true");

fn status(answer: &Answer) -> String {
    answer.header("floopy-cache-status").to_owned()
}

async fn a_hit_is_told_counted_and_never_learned_from(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let first = ask(&api, "asked", &[ON]).await;
    let again = ask(&api, "given", &[ON]).await;
    assert_eq!(
        (status(&first), status(&again)),
        ("miss".into(), "exact".into())
    );
    assert_eq!(first.text(), again.text());
    assert_eq!(upstream.count("alpha"), 1);
    let rating = json!({"session_id": "given", "score": 0, "useful": false});
    api.rate(&rating).await.ok();
    let hit = eventually(|| async {
        let hit = api.decision(&again.request_id()).await;
        match hit["decision_trace"]["session_score"] == json!(0) {
            true => Ok(hit),
            false => Err(hit.to_string()),
        }
    })
    .await;
    let missed = api.decision(&first.request_id()).await;
    assert_told(&hit, &missed);
    let outcome = &missed["decision_trace"]["outcome"];
    let usage = api.get("/v1/usage").await.ok().json()["total"].clone();
    let counts = ["requests", "cache_hits", "cache_misses"].map(|key| usage[key].as_i64());
    assert_eq!(counts, [Some(2), Some(1), Some(1)]);
    assert_eq!(usage["saved_micro_usd"], outcome["cost_micro_usd"]);
    assert_eq!(usage["cost_micro_usd"], outcome["cost_micro_usd"]);
    let month = api.get("/v1/cache").await.ok().json()["month"].clone();
    assert_eq!(
        (&month["hits"], &month["hit_rate"]),
        (&json!(1), &json!(0.5))
    );
}

/// What the decisions say of a call that found a reply, and of the one that brought it.
fn assert_told(hit: &Value, missed: &Value) {
    let (told, brought) = (
        &hit["decision_trace"]["outcome"],
        &missed["decision_trace"]["outcome"],
    );
    assert_eq!(hit["cache_enabled"], true);
    assert_eq!(missed["cache_enabled"], true);
    assert_eq!(told["cache_hit"], true);
    assert_eq!(brought["cache_hit"], false);
    assert_eq!(told["cost_micro_usd"], 0);
    assert_eq!(told["cache"]["saved_micro_usd"], brought["cost_micro_usd"]);
    assert_eq!(hit["reason"], "cache_hit");
    assert_eq!(hit["confidence"], Value::Null);
    assert_eq!(hit["confidence_reason"], "cache_hit");
    assert_eq!(hit["explanation_detail"]["template_id"], "cache_hit");
    assert_eq!(hit["model"], "alpha");
    assert_eq!(missed["decision_trace"]["session_score"], Value::Null);
}

/// Waits until this model's call finds nothing any more.
async fn gone(api: &Api, model: &str) {
    eventually_within(Duration::from_secs(10), || async {
        match status(&ask_model(api, (model, "s"), &[ON]).await).as_str() {
            "miss" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
    assert_eq!(status(&ask_model(api, (model, "s"), &[ON]).await), "exact");
}

async fn flush(api: &Api, which: Value) -> Answer {
    api.post("/v1/cache/flush").json(&which).send().await
}

async fn a_flush_reaches_the_proxy_in_about_a_second(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let api = floopy.api();
    ask(&api, "s", &[ON]).await;
    let key = ask(&api, "s", &[ON])
        .await
        .header("floopy-cache-key")
        .to_owned();
    for which in [json!({}), json!({"model": "up/alpha"}), json!({"key": key})] {
        flush(&api, which).await.ok();
        gone(&api, "up/alpha").await;
    }
    ask_model(&api, ("up/beta", "s"), &[ON]).await;
    flush(&api, json!({"model": "up/beta"})).await.ok();
    gone(&api, "up/beta").await;
    assert_eq!(
        status(&ask(&api, "s", &[ON]).await),
        "exact",
        "another model's"
    );
    for (which, param) in [
        (json!({"key": "ab"}), "key"),
        (json!({"model": "alpha"}), "model"),
        (json!({"all": true}), "all"),
    ] {
        let refused = flush(&api, which).await;
        assert_error(&refused, 400, "invalid_body", &[param]);
    }
}

async fn a_tenants_settings_hold_for_calls_that_do_not_say(shape: Shape) {
    let upstream = Upstream::start().await;
    let lines = "[tenants.cache]\nenabled = true\nttl_seconds = 3600\n";
    let settings = Settings::for_upstream(&upstream).tenant(lines);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let told = api.get("/v1/cache").await.ok().json();
    assert_eq!(
        (&told["enabled"], &told["ttl_seconds"]),
        (&json!(true), &json!(3600))
    );
    assert_eq!(status(&ask(&api, "s", &[]).await), "miss");
    assert_eq!(status(&ask(&api, "s", &[]).await), "exact");
    let off = api.call(http::Method::PUT, "/v1/cache");
    off.json(&json!({"enabled": false})).send().await.ok();
    eventually(|| async {
        match status(&ask(&api, "s", &[]).await).as_str() {
            "off" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
    let told = api.get("/v1/cache").await.ok().json();
    assert_eq!(
        (&told["enabled"], &told["ttl_seconds"]),
        (&json!(false), &json!(3600))
    );
    let wrong = api.call(http::Method::PUT, "/v1/cache");
    let wrong = wrong.json(&json!({"ttl_seconds": 0})).send().await;
    assert_error(&wrong, 400, "invalid_body", &["ttl_seconds"]);
}

async fn a_cache_is_its_tenants_alone_and_dies_with_its_proxy(shape: Shape) {
    let (_upstream, mut floopy) = start(shape).await;
    let (api, other) = (floopy.api(), floopy.other_api());
    assert_eq!(status(&ask(&api, "s", &[ON]).await), "miss");
    assert_eq!(status(&ask(&other, "s", &[ON]).await), "miss");
    assert_eq!(status(&ask(&api, "s", &[ON]).await), "exact");
    flush(&other, json!({})).await.ok();
    gone(&other, "up/alpha").await;
    assert_eq!(status(&ask(&api, "s", &[ON]).await), "exact");
    floopy.kill_proxy();
    floopy.start_proxy().await;
    assert_eq!(status(&ask(&api, "s", &[ON]).await), "miss");
    assert_eq!(status(&ask(&api, "s", &[ON]).await), "exact");
}

async fn real_clients_read_what_is_given_again_as_they_read_the_first(shape: Shape) {
    let simulator = Simulator::start().await;
    let floopy = Floopy::with(shape, simulator.settings()).await;
    for check in ["whole", "streams", "tools", "embeddings", "messages"] {
        python::check("cache_client.py", check, &floopy.api()).await;
    }
}

/// Of the usual tenant, whose entry it ends.
fn semantic(mode: &str) -> String {
    format!("[tenants.cache]\nenabled = true\n[tenants.cache.semantic]\nmode = \"{mode}\"\n")
}

fn asking(text: &str) -> Value {
    json!({"model": "up/alpha", "messages": [{"role": "user", "content": text}]})
}

async fn ask_in_words(api: &Api, text: &str) -> Answer {
    let call = api.post("/v1/chat/completions").json(&asking(text));
    call.send().await.ok()
}

async fn explained(api: &Api, body: Value) -> Value {
    let question = json!({"request": body, "headers": {}});
    let call = api.post("/v1/cache/explain").json(&question);
    call.send().await.ok().json()
}

async fn set_semantic(api: &Api, settings: Value) {
    let body = json!({"enabled": true, "semantic": settings});
    let call = api.call(http::Method::PUT, "/v1/cache").json(&body);
    call.send().await.ok();
    eventually(|| async {
        let told = explained(api, asking("Is it on?")).await["semantic"].clone();
        let differs = |(key, value): (&String, &Value)| told[key] != *value;
        match settings.as_object().expect("some").iter().any(differs) {
            false => Ok(()),
            true => Err(told.to_string()),
        }
    })
    .await;
}

/// What would be done, and why the nearest question's reply would not be given; null: it would.
async fn nearest(api: &Api, text: &str) -> (Value, Value) {
    let told = explained(api, asking(text)).await;
    let near = &told["semantic"]["near"][0];
    assert_eq!(near["is_given"], json!(near["why_not"].is_null()), "{told}");
    (told["status"].clone(), near["why_not"].clone())
}

const OTHER_WORDS: &str = "Hi, how can I reset the 2 passwords";

async fn a_question_in_other_words_is_explained_as_it_is_answered(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant(&semantic("on"));
    let settings = settings.proxy(
        "limits",
        "key_explains_per_minute = 1000\ntenant_explains_per_minute = 1000",
    );
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let first = ask_in_words(&api, "How do I reset my 2 passwords?").await;
    let key = first.header("floopy-cache-key").to_owned();
    // A reply is stored once its caller has it.
    eventually(|| async {
        let told = explained(&api, asking(OTHER_WORDS)).await;
        match told["semantic"]["near"][0]["matched_key"] == key {
            true => Ok(()),
            false => Err(told),
        }
    })
    .await;
    assert_eq!(
        nearest(&api, OTHER_WORDS).await,
        (json!("semantic"), Value::Null)
    );
    let another = nearest(&api, "How do I reset my 3 passwords?").await;
    assert_eq!(another, (json!("miss"), json!("other_number")));
    assert_eq!(upstream.count("alpha"), 1, "explaining asks nobody");
    let given = ask_in_words(&api, OTHER_WORDS).await;
    assert_eq!(status(&given), "semantic");
    assert_eq!(given.header("floopy-cache-matched"), key);
    assert_settings_count(&api).await;
}

async fn assert_settings_count(api: &Api) {
    let not_looked_for = async |body: Value| {
        let told = explained(api, body).await;
        told["semantic"]["not_looked_for"].clone()
    };
    let mut with_tools = asking(OTHER_WORDS);
    with_tools["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    assert_eq!(not_looked_for(with_tools).await, "tools");
    set_semantic(api, json!({"mode": "on", "threshold": 1.0})).await;
    let apart = nearest(api, OTHER_WORDS).await;
    assert_eq!(apart, (json!("miss"), json!("below_threshold")));
    assert_eq!(status(&ask_in_words(api, OTHER_WORDS).await), "miss");
    flush(api, json!({})).await.ok();
    set_semantic(api, json!({"mode": "off"})).await;
    assert_eq!(not_looked_for(asking(OTHER_WORDS)).await, "off");
}

fn says(text: &str) -> Reply {
    let message = json!({"role": "assistant", "content": text});
    let choices = json!([{"index": 0, "finish_reason": "stop", "message": message}]);
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 5});
    let body = json!({"id": "c", "object": "chat.completion", "choices": choices, "usage": usage});
    Reply::json(200, &body)
}

async fn the_shadow_tells_how_often_the_semantic_cache_would_have_been_wrong(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant(&semantic("shadow"));
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let replies = ["It is Paris.", "It is Paris.", "It is Berlin, not Paris."];
    upstream.script_first("alpha", replies.map(says));
    let asked = [
        "What is the capital?",
        "Hello, what is the capital",
        "Please, what is the capital",
    ];
    assert_eq!(status(&ask_in_words(&api, asked[0]).await), "miss");
    let told = eventually(|| async {
        let told = explained(&api, asking(asked[1])).await;
        match told["semantic"]["near"][0].is_object() {
            true => Ok(told),
            false => Err(told),
        }
    })
    .await;
    assert_eq!(
        (&told["status"], &told["semantic"]["near"][0]["is_given"]),
        (&json!("miss"), &json!(true))
    );
    assert!(
        told["why"]
            .as_str()
            .is_some_and(|why| why.contains("shadow")),
        "{told}"
    );
    for question in &asked[1..] {
        assert_eq!(status(&ask_in_words(&api, question).await), "miss");
    }
    assert_eq!(upstream.count("alpha"), 3);
    let month = eventually(|| async {
        let month = api.get("/v1/cache").await.ok().json()["month"].clone();
        match month["semantic_compared"] == json!(2) {
            true => Ok(month),
            false => Err(month.to_string()),
        }
    })
    .await;
    assert_eq!(
        (
            &month["semantic_wrong"],
            &month["semantic_wrong_rate"],
            &month["semantic_hits"]
        ),
        (&json!(1), &json!(0.5), &json!(0))
    );
}
