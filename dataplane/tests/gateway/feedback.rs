//! Ratings: durable before they are answered, once per session, and never lost with the control plane.

use http::StatusCode;
use serde_json::json;

use crate::{
    control::{Control, eventually, eventually_holds},
    proxy::{Proxy, Reply, chat_body, config, no_control},
    upstream::{Upstream, completion},
};

async fn rate(proxy: &Proxy, body: &str) -> Reply {
    proxy.send(proxy.post("/v1/feedback", body)).await
}

#[tokio::test]
async fn a_rating_is_answered_with_the_control_planes_verdict() {
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[], dialer, |c| c.timeouts.feedback_ack_ms = 3_000).await;
    let first = rate(&proxy, r#"{"score":9,"useful":true,"session_id":"s"}"#).await;
    assert_eq!(
        (first.status, first.json()),
        (
            StatusCode::OK,
            json!({"duplicate": false, "session_id": "s"})
        )
    );
    let again = rate(&proxy, r#"{"score":2,"useful":true,"session_id":"s"}"#).await;
    assert_eq!(again.json()["duplicate"], true);
    let revised = rate(
        &proxy,
        r#"{"score":2,"useful":false,"session_id":"s","revise":true}"#,
    )
    .await;
    assert_eq!(revised.json()["duplicate"], false);
    assert_eq!(
        control
            .ratings()
            .iter()
            .map(|r| r.score)
            .collect::<Vec<_>>(),
        [9, 2, 2]
    );
    let bad = rate(&proxy, r#"{"score":11,"useful":true}"#).await;
    assert_eq!(
        (bad.status, bad.json()["error"]["param"].as_str()),
        (StatusCode::BAD_REQUEST, Some("score"))
    );
    proxy.finish().await;
}

async fn take_back(proxy: &Proxy, path: &str) -> Reply {
    let mut request = proxy.get(path);
    *request.method_mut() = http::Method::DELETE;
    proxy.send(request).await
}

#[tokio::test]
async fn a_rating_is_taken_back_by_its_path_and_may_be_given_again() {
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[], dialer, |c| c.timeouts.feedback_ack_ms = 3_000).await;
    let given = r#"{"score":9,"useful":true,"session_id":"sess/1"}"#;
    rate(&proxy, given).await;
    let id = uuid::Uuid::new_v4();
    let gone = take_back(&proxy, "/v1/feedback/sess%2F1").await;
    let expected = json!({"retracted": true, "session_id": "sess/1", "request_id": null});
    assert_eq!((gone.status, gone.json()), (StatusCode::OK, expected));
    let unknown = take_back(&proxy, &format!("/v1/feedback/requests/{id}")).await;
    let expected = json!({"retracted": true, "session_id": null, "request_id": id.to_string()});
    assert_eq!((unknown.status, unknown.json()), (StatusCode::OK, expected));
    rate(&proxy, given).await;
    let told = control.ratings();
    let facts = |r: &floopy_proto::v1::Rating| (r.retracted, r.revise, r.session_id.clone());
    assert_eq!(
        told.iter().map(facts).collect::<Vec<_>>(),
        [
            (false, false, "sess/1".to_owned()),
            (true, true, "sess/1".to_owned()),
            (true, true, String::new()),
            (false, false, "sess/1".to_owned()),
        ]
    );
    assert_eq!(told[2].request_id, id.as_bytes().to_vec());
    assert!(told[0].rated_at_ms < told[1].rated_at_ms && told[1].rated_at_ms < told[3].rated_at_ms);
    let bad = take_back(&proxy, "/v1/feedback/requests/x").await;
    assert_eq!(
        (bad.status, bad.json()["error"]["param"].as_str()),
        (StatusCode::BAD_REQUEST, Some("request_id"))
    );
    proxy.finish().await;
}

#[tokio::test]
async fn without_the_control_plane_it_is_remembered_here_what_was_taken_back() {
    let proxy = Proxy::start_with(&[], no_control(), |c| c.timeouts.feedback_ack_ms = 1).await;
    let given = r#"{"score":9,"useful":true,"session_id":"s"}"#;
    assert_eq!(rate(&proxy, given).await.json()["duplicate"], false);
    assert_eq!(rate(&proxy, given).await.json()["duplicate"], true);
    assert_eq!(
        take_back(&proxy, "/v1/feedback/s").await.status,
        StatusCode::OK
    );
    assert_eq!(rate(&proxy, given).await.json()["duplicate"], false);
    proxy.finish().await;
}

#[tokio::test]
async fn without_a_name_only_the_single_open_session_is_meant() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let unnamed = r#"{"score":7,"useful":true}"#;
    let got = rate(&proxy, unnamed).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    assert!(
        got.message()
            .contains("no session open in the last 30 minutes"),
        "{}",
        got.message()
    );
    for session in ["s-1", "s-1", "s-2"] {
        let mut request = proxy.post("/v1/chat/completions", &chat_body("a/m", false));
        request
            .headers_mut()
            .insert("floopy-session-id", session.parse().unwrap());
        assert_eq!(proxy.send(request).await.status, StatusCode::OK);
        let got = rate(&proxy, unnamed).await;
        if session == "s-1" {
            assert_eq!(got.json()["session_id"], "s-1");
        } else {
            assert!(
                got.message().contains("several sessions"),
                "{}",
                got.message()
            );
        }
    }
    let mut request = proxy.post("/v1/feedback", unnamed);
    request
        .headers_mut()
        .insert("floopy-session-id", "s-9".parse().unwrap());
    assert_eq!(proxy.send(request).await.json()["session_id"], "s-9");
    let id = uuid::Uuid::new_v4();
    let by_request = rate(
        &proxy,
        &format!(r#"{{"score":7,"useful":true,"request_id":"{id}"}}"#),
    )
    .await;
    assert_eq!(
        by_request.json(),
        json!({"duplicate": false, "session_id": null})
    );
    let rating = eventually("the last rating", || control.ratings().pop()).await;
    assert_eq!(rating.request_id, id.as_bytes().to_vec());
    proxy.finish().await;
}

#[tokio::test]
async fn ratings_given_without_the_control_plane_are_delivered_after_a_restart_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let alone = |c: &mut floopy_dataplane::Config| {
        c.timeouts.feedback_ack_ms = 20;
        c.spool.flush_ms = 50;
    };
    let mut first = config(&[], dir.path());
    alone(&mut first);
    let proxy = Proxy::launch(first, no_control()).await;
    for score in 0..=10 {
        let body = format!(r#"{{"score":{score},"useful":true,"session_id":"s{score}"}}"#);
        assert_eq!(rate(&proxy, &body).await.json()["duplicate"], false);
    }
    let again = rate(&proxy, r#"{"score":1,"useful":true,"session_id":"s1"}"#).await;
    assert_eq!(
        again.json()["duplicate"],
        true,
        "remembered here, for want of a better answer"
    );
    // As if killed: nothing is flushed, only what was written counts.
    proxy.running.abort();
    // A killed process's lock goes with it; this one lives on in ours.
    std::fs::remove_file(dir.path().join("proxy.lock")).unwrap();
    let (control, dialer) = Control::start();
    control.refuse(true);
    let proxy = Proxy::launch(config(&[], dir.path()), dialer).await;
    let ready = proxy.admin("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()["status"].as_str()),
        (StatusCode::OK, Some("ready"))
    );
    control.refuse(false);
    eventually("all ratings", || {
        (control.ratings().len() == 12).then_some(())
    })
    .await;
    let scores: Vec<u32> = control.ratings().iter().map(|r| r.score).collect();
    assert_eq!(scores, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1]);
    proxy.finish().await;
}

/// Rates until a rating is refused.
async fn fill(proxy: &Proxy) -> Reply {
    for index in 0..400 {
        let body = format!(r#"{{"score":9,"useful":true,"session_id":"session-{index}"}}"#);
        let got = rate(proxy, &body).await;
        if got.status != StatusCode::OK {
            return got;
        }
    }
    panic!("the spool never filled");
}

#[tokio::test]
async fn a_full_spool_refuses_ratings_but_serves_calls_and_recovers() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    control.refuse(true);
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |config| {
        config.spool.max_bytes = 16 << 10;
        config.spool.segment_bytes = 4 << 10;
        config.timeouts.feedback_ack_ms = 1;
    })
    .await;
    let refused = fill(&proxy).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "spool_unavailable")
    );
    assert_eq!(
        proxy.chat("a/m").await.status,
        StatusCode::OK,
        "calls are served all the same"
    );
    let ready = proxy.admin("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()["status"].as_str()),
        (StatusCode::OK, Some("degraded"))
    );
    let metrics = proxy.admin("/metrics").await.text();
    assert!(
        metrics.contains("floopy_spool_dropped_events_total{kind=\"rating\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("floopy_spool_dropped_events_total{kind=\"decision\"} 1"),
        "{metrics}"
    );
    control.refuse(false);
    eventually("it drains", || {
        (control.ratings().len() > 100).then_some(())
    })
    .await;
    eventually_holds("it is ready", async || {
        proxy.admin("/readyz").await.json()["status"] == "ready"
    })
    .await;
    assert_eq!(
        rate(&proxy, r#"{"score":9,"useful":true,"session_id":"after"}"#)
            .await
            .status,
        StatusCode::OK
    );
    proxy.finish().await;
}
