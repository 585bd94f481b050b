//! Ratings that are taken back over HTTP: the learner forgets them, and they may be given again.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{Answer, Api, Floopy, Shape, Upstream, eventually, in_both_shapes};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    a_session_rating_is_taken_back_and_given_again,
    the_rating_of_one_reply_is_taken_back_alone,
    the_ratings_of_another_tenant_are_out_of_reach,
    what_was_given_is_listed_until_it_is_taken_back,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

async fn call(api: &Api, session: &str) -> Answer {
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Good morning"}]});
    api.chat(session, &body).await.ok()
}

async fn take_back(api: &Api, path: &str) -> Value {
    let path = format!("/v1/feedback/{path}");
    api.call(Method::DELETE, &path).send().await.ok().json()
}

/// Waits until the scores of a decision are these: of its session, and its own.
async fn scored(api: &Api, request_id: &str, scores: [Option<i64>; 2]) {
    eventually(|| async {
        let decision = api.decision(request_id).await;
        let trace = &decision["decision_trace"];
        let found = [
            trace["session_score"].as_i64(),
            trace["request_score"].as_i64(),
        ];
        if found == scores { Ok(()) } else { Err(found) }
    })
    .await;
}

async fn a_session_rating_is_taken_back_and_given_again(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let first = call(&api, "chat/1").await;
    let id = first.request_id();
    let rating = |score: i64| json!({"session_id": "chat/1", "score": score, "useful": true});
    api.rate(&rating(9)).await.ok();
    scored(&api, &id, [Some(9), None]).await;
    let gone = take_back(&api, "chat%2F1").await;
    assert_eq!(
        gone,
        json!({"retracted": true, "session_id": "chat/1", "request_id": null})
    );
    scored(&api, &id, [None, None]).await;
    let again = api.rate(&rating(4)).await.ok().json();
    assert_eq!(
        again["duplicate"], false,
        "what was taken back is no rating"
    );
    scored(&api, &id, [Some(4), None]).await;
    let second = api.rate(&rating(10)).await.ok().json();
    assert_eq!(second["session_id"], "chat/1");
    // By any of its names: the reply's own id stands for its session.
    let completion = first.json()["id"].as_str().unwrap_or_default().to_owned();
    take_back(&api, &completion).await;
    scored(&api, &id, [None, None]).await;
}

/// A call of the session `s`, whose session has an 8 and whose reply a 2.
async fn call_rated_twice(api: &Api) -> String {
    let id = call(api, "s").await.request_id();
    api.rate(&json!({"session_id": "s", "score": 8, "useful": true}))
        .await
        .ok();
    api.rate(&json!({"request_id": id, "score": 2, "useful": false}))
        .await
        .ok();
    scored(api, &id, [Some(8), Some(2)]).await;
    id
}

async fn the_rating_of_one_reply_is_taken_back_alone(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let id = call_rated_twice(&api).await;
    let gone = take_back(&api, &format!("requests/{id}")).await;
    assert_eq!(
        gone,
        json!({"retracted": true, "session_id": null, "request_id": id})
    );
    scored(&api, &id, [Some(8), None]).await;
}

async fn the_ratings_of_another_tenant_are_out_of_reach(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    let id = call_rated_twice(&api).await;
    let other = floopy.other_api();
    let unknown = "8f14e45f-ceea-467f-a8b3-5f3b1c2d3e4f";
    for (theirs, nobodys) in [(id.as_str(), unknown), ("s", "nobody")] {
        let path = |name: &str| match name.len() {
            36 => format!("requests/{name}"),
            _ => name.to_owned(),
        };
        let theirs_gone = take_back(&other, &path(theirs)).await.to_string();
        let nobodys_gone = take_back(&other, &path(nobodys)).await.to_string();
        let unnamed = |text: String, name: &str| text.replace(&format!("\"{name}\""), "X");
        assert_eq!(unnamed(theirs_gone, theirs), unnamed(nobodys_gone, nobodys));
    }
    // What came after is folded, so that what came before was.
    let marker = call(&api, "marker").await.request_id();
    api.rate(&json!({"session_id": "marker", "score": 7, "useful": true}))
        .await
        .ok();
    scored(&api, &marker, [Some(7), None]).await;
    scored(&api, &id, [Some(8), Some(2)]).await;
}

async fn what_was_given_is_listed_until_it_is_taken_back(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    let reply = call(&api, "listed").await;
    let completion = reply.json()["id"].as_str().expect("an id").to_owned();
    let by_completion = json!({"session_id": completion, "score": 9, "useful": true});
    api.rate(&by_completion).await.ok();
    let listed = async |api: &Api, query: &str| {
        let page = api.get(&format!("/v1/feedback{query}")).await.ok().json();
        page["items"].as_array().expect("items").clone()
    };
    let found = eventually(|| async {
        let found = listed(&api, "?session_id=listed").await;
        let counts = found.len() == 1 && found[0]["status"] == "counts";
        counts.then(|| found.clone()).ok_or(found)
    })
    .await;
    let expected = (&json!(completion), &json!("listed"), &json!(9));
    let item = &found[0];
    let told = (
        &item["session_id"],
        &item["means_session_id"],
        &item["score"],
    );
    assert_eq!(told, expected, "{item}");
    assert_eq!(listed(&floopy.other_api(), "").await, Vec::<Value>::new());
    assert_eq!(listed(&floopy.control_api(), "").await, found);
    take_back(&api, &completion).await;
    eventually(|| async {
        let found = listed(&api, "").await;
        found.is_empty().then_some(()).ok_or(found)
    })
    .await;
}
