//! Budgets on the real binaries: what is spent ends calls, says why, and outlasts restarts.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream,
    budgets::{STREAMED_TOKENS, TOKENS, ask, hello, put, refusing, until_used},
    checks::assert_error,
    eventually, in_both_shapes,
    upstream::{Received, Reply, Stream},
};
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::task::JoinSet;

in_both_shapes!(
    a_key_that_spent_its_budget_is_told_so,
    other_keys_go_on_and_usage_says_who_spent,
    a_session_that_runs_away_is_ended_and_others_go_on,
    a_session_ends_by_what_it_cost_and_by_its_time,
    a_stream_is_booked_as_what_it_took_also_where_its_caller_left,
    calls_at_once_do_not_overspend_together,
    a_user_is_known_by_header_and_by_body,
    a_budget_is_warned_of_once_and_then_told_to_be_used_up,
    budgets_that_cannot_be_meant_are_refused,
);

/// How many calls are let in before one is refused; the refusal.
async fn until_refused(api: &Api, headers: &[(&str, &str)]) -> (usize, Answer) {
    for served in 0..100 {
        let answer = ask(api, headers, &hello()).await;
        match answer.status {
            200 => {}
            _ => return (served, answer),
        }
    }
    panic!("a hundred calls were let in");
}

/// Three calls for each key, and next to nothing for projects.
fn tight() -> Value {
    json!([
        {"name": "keys", "by": "key", "period": "rolling_30d", "max_calls": 3, "max_tokens": 10_000},
        {"name": "money", "by": "project", "max_usd": 0.000_001},
    ])
}

async fn a_key_that_spent_its_budget_is_told_so(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    let told = put(&api, tight()).await;
    assert_eq!(told[0]["warn_at"], json!([0.8]));
    assert_eq!(
        (&told[1]["period"], &told[1]["max_usd"]),
        (&json!("month"), &json!(0.000_001))
    );
    let (served, refused) = until_refused(&api, &[]).await;
    assert_eq!(served, 3);
    assert_error(
        &refused,
        429,
        "budget_exceeded",
        &["\"keys\"", "3 calls", "max_calls"],
    );
    let error = refused.json()["error"].clone();
    assert_eq!(error["type"], "insufficient_quota");
    assert_eq!(refused.header("x-should-retry"), "false");
    assert_eq!(
        (&error["budget"]["used"], &error["budget"]["max"]),
        (&json!(3), &json!(3))
    );
    assert!(error["budget"]["opens_at"].is_string(), "{error}");
    assert_eq!(upstream.count("alpha"), 3, "nobody was asked in vain");
    let decision = api.decision(&refused.request_id()).await;
    let budget = &decision["decision_trace"]["outcome"]["budget"];
    assert_eq!(
        (&budget["name"], &budget["limit"]),
        (&json!("keys"), &json!("max_calls"))
    );
}

async fn other_keys_go_on_and_usage_says_who_spent(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    put(&api, tight()).await;
    until_refused(&api, &[]).await;
    let made = api
        .post("/v1/keys")
        .json(&json!({"name": "other"}))
        .send()
        .await;
    let other = made.json()["key"].as_str().expect("a key").to_owned();
    eventually(|| async {
        match ask(&api.with_key(&other), &[], &hello()).await {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text()),
        }
    })
    .await;
    ask(&floopy.other_api(), &[], &hello()).await.ok();
    let project = [("floopy-project-id", "7f6b2a52-6f0a-4c5b-8a43-000000000001")];
    let poor = ask(&api.with_key(&other), &project, &hello()).await;
    assert_error(
        &poor,
        429,
        "budget_exceeded",
        &["\"money\"", "0.000001 USD"],
    );
    let told = eventually(|| async {
        let told = api.get("/v1/usage").await.ok().json()["budgets"].clone();
        let keys = told[0]["accounts"].clone();
        match keys.as_array().map_or(0, Vec::len) {
            2 => Ok(keys),
            _ => Err(told.to_string()),
        }
    })
    .await;
    assert_eq!(
        (&told[0]["calls"], &told[0]["tokens"]),
        (&json!(3), &json!(3 * TOKENS))
    );
    assert_eq!(told[0]["used"], 1.0, "{told}");
    assert_eq!(told[1]["calls"], 1, "{told}");
}

async fn a_session_that_runs_away_is_ended_and_others_go_on(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    put(
        &api,
        json!([{"name": "agents", "by": "session", "max_calls": 4, "max_tokens": 10_000, "max_seconds": 86_400}]),
    )
    .await;
    let session = |name: &'static str| [("floopy-session-id", name)];
    let (served, refused) = until_refused(&api, &session("runaway")).await;
    assert_eq!(served, 4);
    let says = ["\"agents\"", "4 calls", "this session is over"];
    assert_error(&refused, 429, "session_budget_exceeded", &says);
    let error = refused.json()["error"].clone();
    assert_eq!(error["param"], "floopy-session-id");
    assert_eq!(error["budget"]["subject"], "runaway");
    assert_eq!(error["budget"]["opens_at"], Value::Null);
    assert_eq!(refused.header("x-should-retry"), "false");
    assert_capped_once(&api, &session("runaway"), &refused).await;
    let (served, _) = until_refused(&api, &session("other")).await;
    assert_eq!(served, 4);
    for _ in 0..6 {
        ask(&api, &[], &hello()).await.ok();
    }
}

/// That the first refusal says it of the reply before, and the next one nothing more.
async fn assert_capped_once(api: &Api, session: &[(&str, &str)], refused: &Answer) {
    let again = ask(api, session, &hello()).await;
    assert_eq!(again.status, 429);
    let told = api.decision(&refused.request_id()).await["implicit_signals"].clone();
    assert_eq!(told[0]["signal"], "capped", "{told}");
    let about = told[0]["about_request_id"].as_str().expect("a reply");
    let about = api.decision(about).await;
    assert_eq!(about["model"], "alpha", "{about}");
    let next = api.decision(&again.request_id()).await;
    assert_eq!(next["implicit_signals"], json!([]));
}

async fn a_session_ends_by_what_it_cost_and_by_its_time(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    let name = |name: &'static str| [("floopy-session-id", name)];
    put(
        &api,
        json!([{"name": "dear", "by": "session", "max_usd": 0.001, "max_tokens": 10_000}]),
    )
    .await;
    let (served, refused) = until_refused(&api, &name("dear")).await;
    let budget = &refused.json()["error"]["budget"];
    assert!(served > 0, "{budget}");
    assert_eq!(budget["limit"], "max_usd");
    assert_eq!(ask(&api, &name("cheap"), &hello()).await.status, 200);
    put(
        &api,
        json!([{"name": "long", "by": "session", "max_seconds": 2, "max_tokens": 10_000}]),
    )
    .await;
    let refused = eventually(|| async {
        let answer = ask(&api, &name("long"), &hello()).await;
        match answer.status {
            429 => Ok(answer),
            status => Err(status.to_string()),
        }
    })
    .await;
    assert_error(&refused, 429, "session_budget_exceeded", &["max_seconds"]);
    assert_eq!(ask(&api, &name("new"), &hello()).await.status, 200);
}

async fn a_stream_is_booked_as_what_it_took_also_where_its_caller_left(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    let budget = json!([{"name": "s", "by": "session", "max_tokens": 10_000}]);
    put(&api, budget).await;
    let mut streamed = hello();
    streamed["stream"] = json!(true);
    let whole = [("floopy-session-id", "whole")];
    ask(&api, &whole, &streamed).await.ok();
    until_used(&api, &whole, STREAMED_TOKENS).await;
    let mut script = Stream::of_words(&["word"; 500]);
    script.gap = Duration::from_millis(20);
    upstream.script("alpha", Reply::Stream(script));
    let call = api.post("/v1/chat/completions").json(&streamed);
    let call = call.header("floopy-session-id", "left").open().await;
    let mut body = call.into_body();
    body.frame().await.expect("a first frame").expect("intact");
    drop(body);
    // What was set aside for it is given back, and what came until then is used.
    let left = [("floopy-session-id", "left")];
    let budget = eventually(|| async {
        let budget = refusing(&api, &left).await?;
        match (budget["reserved"].as_u64(), budget["used"].as_u64()) {
            (Some(0), Some(1..)) => Ok(budget),
            _ => Err(budget.to_string()),
        }
    })
    .await;
    assert!(budget["used"].as_u64() < Some(1_000), "{budget}");
}

async fn calls_at_once_do_not_overspend_together(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    put(
        &api,
        json!([{"name": "all", "by": "tenant", "period": "rolling_30d", "max_calls": 12, "max_tokens": 10_000}]),
    )
    .await;
    let mut calls = JoinSet::new();
    for _ in 0..60 {
        let api = api.clone();
        calls.spawn(async move { ask(&api, &[], &hello()).await });
    }
    let answers = calls.join_all().await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((served, upstream.count("alpha")), (12, 12));
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_error(refused, 429, "budget_exceeded", &["\"all\""]);
        let error = refused.json()["error"].clone();
        let is_passing = error["type"] == "rate_limit_error";
        assert_eq!(refused.header("retry-after") == "1", is_passing, "{error}");
        assert_eq!(error["budget"]["opens_at"].is_null(), is_passing, "{error}");
    }
}

async fn a_user_is_known_by_header_and_by_body(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    put(
        &api,
        json!([{"name": "users", "by": "user", "period": "rolling_7d", "max_calls": 2, "max_tokens": 10_000}]),
    )
    .await;
    let mut body = hello();
    body["user"] = json!("ann");
    ask(&api, &[], &body).await.ok();
    ask(&api, &[("floopy-user-id", "ann")], &hello()).await.ok();
    let refused = ask(&api, &[], &body).await;
    assert_error(&refused, 429, "budget_exceeded", &["\"users\"", "user"]);
    let error = refused.json()["error"].clone();
    assert_eq!(
        (&error["param"], &error["budget"]["subject"]),
        (&json!("floopy-user-id"), &json!("ann"))
    );
    ask(&api, &[("floopy-user-id", "bob")], &body).await.ok();
    ask(&api, &[], &hello()).await.ok();
}

async fn received(receiver: &Upstream, event: &str) -> Vec<Value> {
    let all = receiver.received();
    let envelopes = all.iter().map(Received::json);
    envelopes
        .filter(|envelope| envelope["event"] == event)
        .collect()
}

async fn a_budget_is_warned_of_once_and_then_told_to_be_used_up(shape: Shape) {
    let (upstream, receiver) = (Upstream::start().await, Upstream::start().await);
    let settings = Settings::for_upstream(&upstream).webhooks("allow_networks = [\"127.0.0.1\"]");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let url = receiver.base_url().replace("/v1", "/hook");
    let hook = json!({"url": url, "events": ["budget_warning", "budget_exceeded"]});
    let made = api.post("/v1/webhooks").json(&hook).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    // The third and the fourth call cross a share each.
    put(
        &api,
        json!([{"name": "agents", "by": "session", "max_calls": 4, "max_tokens": 10_000, "warn_at": [0.75, 0.99]}]),
    )
    .await;
    let session = [("floopy-session-id", "s-1")];
    for _ in 0..3 {
        ask(&api, &session, &hello()).await.ok();
    }
    let arrive = |event: &'static str, count: usize| {
        let receiver = &receiver;
        eventually(move || async move {
            let found = received(receiver, event).await;
            match found.len() == count {
                true => Ok(found),
                false => Err(format!("{found:?}")),
            }
        })
    };
    let warned = arrive("budget_warning", 1).await[0]["data"].clone();
    assert_eq!(
        (&warned["budget"], &warned["threshold"]),
        (&json!("agents"), &json!(0.75))
    );
    assert_eq!(
        (&warned["subject"], &warned["used"]),
        (&json!("s-1"), &json!(3))
    );
    let (served, _) = until_refused(&api, &session).await;
    assert_eq!(served, 1);
    let exceeded = arrive("budget_exceeded", 1).await;
    let of_probe = |envelope: &Value| envelope["data"]["subject"] == "probe";
    assert!(exceeded.iter().all(|e| !of_probe(e)), "{exceeded:?}");
    assert_eq!(exceeded[0]["data"]["used"], 4);
    arrive("budget_warning", 2).await;
    assert_eq!(ask(&api, &session, &hello()).await.status, 429);
    let (served, _) = until_refused(&api, &[("floopy-session-id", "s-2")]).await;
    assert_eq!(served, 4);
    // What was told before is not told again.
    arrive("budget_exceeded", 2).await;
    arrive("budget_warning", 4).await;
}

async fn budgets_that_cannot_be_meant_are_refused(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    for (budget, says) in [
        (json!({"name": "a", "by": "team", "max_usd": 1}), "team"),
        (json!({"name": "a", "by": "key"}), "limits nothing"),
        (
            json!({"name": "a", "by": "key", "max_usd": 0}),
            "budgets[0].max_usd: 0",
        ),
        (
            json!({"name": "a", "by": "key", "max_usd": 1, "period": "year"}),
            "year",
        ),
        (
            json!({"name": "a", "by": "key", "max_usd": 1, "warn_at": [80]}),
            "80",
        ),
        (json!({"name": "a", "by": "key", "usd": 1}), "usd"),
    ] {
        let call = api.call(Method::PUT, "/v1/constraints");
        let refused = call.json(&json!({"budgets": [budget]})).send().await;
        assert_error(&refused, 400, "invalid_body", &[says]);
    }
    let call = api.call(Method::PUT, "/v1/constraints");
    let none = call.json(&json!({"budgets": null})).send().await.ok();
    assert_eq!(none.json()["budgets"], json!([]));
}
