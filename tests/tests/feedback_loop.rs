//! A rating finds its session, counts once, and changes routing on the proxy within two seconds.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Api, Floopy, Shape, Upstream,
    checks::{assert_error, number},
    eventually, eventually_within, in_both_shapes,
};
use serde_json::{Value, json};

in_both_shapes!(
    a_rating_credits_every_decision_of_its_session,
    a_rating_reaches_routing_within_two_seconds,
    many_ratings_change_which_model_serves,
    a_second_rating_is_a_duplicate_and_changes_nothing,
    a_revised_rating_replaces_the_first,
    a_completion_id_stands_for_its_session,
    a_request_id_rates_one_reply,
    without_a_session_id_only_the_single_open_session_is_rated,
    a_session_keeps_its_model,
    replies_are_judged_without_being_asked,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

fn rating(session: &str, score: i64) -> Value {
    json!({"session_id": session, "score": score, "useful": score > 6})
}

/// The decision of `request_id` once `accept` likes it.
async fn decision_when(api: &Api, request_id: &str, accept: impl Fn(&Value) -> bool) -> Value {
    eventually(|| async {
        let decision = api.decision(request_id).await;
        if accept(&decision) {
            Ok(decision)
        } else {
            Err(decision)
        }
    })
    .await
}

fn session_rating(decision: &Value) -> Option<i64> {
    decision["decision_trace"]["session_score"].as_i64()
}

async fn a_rating_credits_every_decision_of_its_session(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let mut ids = Vec::new();
    for model in ["auto", "up/beta", "auto"] {
        ids.push(api.chat("rated", &hello(model)).await.ok().request_id());
    }
    let stranger = api.chat("unrated", &hello("auto")).await.ok().request_id();
    let answer = api.rate(&rating("rated", 9)).await.ok().json();
    assert_eq!(answer, json!({"duplicate": false, "session_id": "rated"}));
    for id in &ids {
        decision_when(&api, id, |d| session_rating(d) == Some(9)).await;
    }
    assert_eq!(session_rating(&api.decision(&stranger).await), None);
}

/// What the ranking says of a candidate, as a new request's decision shows it.
async fn belief(api: &Api, session: &str, model: &str) -> (f64, f64) {
    let answer = api.chat(session, &hello("auto")).await.ok();
    let decision = api.decision(&answer.request_id()).await;
    let candidates = decision["candidates"]
        .as_array()
        .expect("candidates")
        .clone();
    let found = candidates.iter().find(|c| c["model"] == model);
    let score = number(
        found.unwrap_or_else(|| panic!("no {model} in {decision}")),
        "/score",
    );
    (score, number(&decision, "/decision_trace/snapshot_version"))
}

async fn a_rating_reaches_routing_within_two_seconds(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    for session in ["a", "b", "c"] {
        api.chat(session, &hello("auto")).await.ok();
    }
    let (before, version) = belief(&api, "probe", "alpha").await;
    for session in ["a", "b", "c"] {
        api.rate(&rating(session, 0)).await.ok();
    }
    eventually_within(Duration::from_secs(2), || async {
        let (after, newer) = belief(&api, "probe", "alpha").await;
        let moved = after < before && newer > version;
        if moved {
            Ok(())
        } else {
            Err((before, version, after, newer))
        }
    })
    .await;
}

async fn many_ratings_change_which_model_serves(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    for n in 0..25 {
        let (bad, good) = (format!("alpha-{n}"), format!("beta-{n}"));
        api.chat(&bad, &hello("up/alpha")).await.ok();
        api.chat(&good, &hello("up/beta")).await.ok();
        api.rate(&rating(&bad, 0)).await.ok();
        api.rate(&rating(&good, 10)).await.ok();
    }
    eventually(|| async {
        let mut models = Vec::new();
        for n in 0..10 {
            let answer = api.chat(&format!("probe-{n}"), &hello("auto")).await.ok();
            models.push(answer.header("floopy-model").to_owned());
        }
        let beta = models.iter().filter(|m| *m == "up/beta").count();
        if beta >= 9 { Ok(()) } else { Err(models) }
    })
    .await;
}

async fn a_second_rating_is_a_duplicate_and_changes_nothing(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("auto")).await.ok().request_id();
    assert_eq!(
        api.rate(&rating("s", 9)).await.ok().json()["duplicate"],
        false
    );
    assert_eq!(
        api.rate(&rating("s", 1)).await.ok().json()["duplicate"],
        true
    );
    // A third rating, of another session, is folded after the second: then the second has had its chance.
    let other = api.chat("t", &hello("auto")).await.ok().request_id();
    api.rate(&rating("t", 5)).await.ok();
    decision_when(&api, &other, |d| session_rating(d) == Some(5)).await;
    assert_eq!(session_rating(&api.decision(&id).await), Some(9));
}

async fn a_revised_rating_replaces_the_first(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("auto")).await.ok().request_id();
    api.rate(&rating("s", 9)).await.ok();
    let mut revised = rating("s", 2);
    revised["revise"] = json!(true);
    assert_eq!(api.rate(&revised).await.ok().json()["duplicate"], false);
    decision_when(&api, &id, |d| session_rating(d) == Some(2)).await;
}

async fn a_completion_id_stands_for_its_session(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let reply = api.chat("s", &hello("auto")).await.ok();
    let completion = reply.json()["id"].as_str().expect("an id").to_owned();
    let second = api.chat("s", &hello("auto")).await.ok().request_id();
    api.rate(&rating(&completion, 8)).await.ok();
    for id in [reply.request_id(), second] {
        decision_when(&api, &id, |d| session_rating(d) == Some(8)).await;
    }
}

async fn a_request_id_rates_one_reply(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let rated = api.chat("s", &hello("auto")).await.ok().request_id();
    let other = api.chat("s", &hello("auto")).await.ok().request_id();
    api.rate(&json!({"request_id": rated, "score": 3, "useful": false}))
        .await
        .ok();
    let manual = |d: &Value| d["decision_trace"]["request_score"].as_i64();
    decision_when(&api, &rated, |d| manual(d) == Some(3)).await;
    assert_eq!(manual(&api.decision(&other).await), None);
    assert_eq!(session_rating(&api.decision(&rated).await), None);
}

async fn without_a_session_id_only_the_single_open_session_is_rated(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let bare = json!({"score": 9, "useful": true});
    assert_error(
        &api.rate(&bare).await,
        400,
        "invalid_request",
        &["session_id"],
    );
    let id = api.chat("only", &hello("auto")).await.ok().request_id();
    let answer = api.rate(&bare).await.ok().json();
    assert_eq!(answer, json!({"duplicate": false, "session_id": "only"}));
    decision_when(&api, &id, |d| session_rating(d) == Some(9)).await;
    api.chat("second", &hello("auto")).await.ok();
    assert_error(
        &api.rate(&bare).await,
        400,
        "invalid_request",
        &["session_id"],
    );
    let header = api
        .post("/v1/feedback")
        .header("floopy-session-id", "second")
        .json(&bare)
        .send()
        .await;
    assert_eq!(header.ok().json()["session_id"], "second");
}

async fn a_session_keeps_its_model(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    for session in ["a", "b", "c", "d"] {
        let first = api.chat(session, &hello("auto")).await.ok();
        for _ in 0..5 {
            let next = api.chat(session, &hello("auto")).await.ok();
            assert_eq!(
                next.header("floopy-model"),
                first.header("floopy-model"),
                "session {session}"
            );
        }
    }
}

async fn replies_are_judged_without_being_asked(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("up/alpha")).await.ok().request_id();
    let judged = decision_when(&api, &id, |d| d["decision_trace"]["judge"].is_object()).await;
    for dimension in ["relevance", "coherence", "helpfulness", "safety"] {
        let score = number(&judged, &format!("/decision_trace/judge/{dimension}"));
        assert!((0.0..=1.0).contains(&score), "{dimension} is {score}");
    }
}
