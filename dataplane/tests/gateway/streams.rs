//! Streams: bytes unchanged, records before the last byte, and every way they can break.

use std::time::Duration;

use floopy_proto::v1::{Ending, Stage};
use http::StatusCode;
use http_body_util::BodyExt;

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, chat_body, no_control},
    upstream::{Upstream, completion, delta, events},
};

const FINISH: &str = "data: {\"id\":\"chatcmpl-s\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\r\n\r\n";

#[tokio::test]
async fn a_stream_passes_unchanged_and_is_recorded_at_its_start_and_end() {
    let text = [
        ": hi\n\n",
        &delta("Hel"),
        &delta("lo"),
        FINISH,
        "data: [DONE]\n\n",
    ]
    .concat();
    let whole = text.clone();
    // Cut in the middle of a line and of a character pair.
    let upstream = Upstream::start(move |_, _| {
        events(&[(0, &text[..40]), (20, &text[40..97]), (20, &text[97..])])
    })
    .await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let got = proxy.stream("a/m").await;
    assert_eq!((got.status, got.text()), (StatusCode::OK, whole));
    assert!(got.header("content-type").starts_with("text/event-stream"));
    assert_eq!(got.header("floopy-model"), "a/m");
    eventually("both records and the job", || {
        (control.events().len() == 3).then_some(())
    })
    .await;
    let [started, finished] = &control.decisions()[..] else {
        panic!("two decisions")
    };
    assert_eq!(
        (started.stage, finished.stage),
        (Stage::Started.into(), Stage::Finished.into())
    );
    assert_eq!(started.request_id, finished.request_id);
    assert_ne!(control.events()[0].id, control.events()[1].id);
    assert_eq!(started.completion_id, "chatcmpl-s");
    let outcome = finished.outcome.unwrap();
    assert_eq!(
        (outcome.ending, outcome.output_tokens),
        (Ending::Completed.into(), 4)
    );
    assert!(!outcome.usage_estimated && outcome.first_byte_ms.is_some());
    assert_eq!(control.jobs()[0].reply, "Hello");
    proxy.finish().await;
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_a_typed_error_and_no_end_marker() {
    let cases: [(&[(u64, &str)], &str); 2] = [
        (&[(0, "FIRST")], "upstream_stream_broken"),
        (
            &[(0, "FIRST"), (2_000, "data: [DONE]\n\n")],
            "upstream_stream_timeout",
        ),
    ];
    for (parts, code) in cases {
        let parts: Vec<(u64, String)> = parts
            .iter()
            .map(|(wait, text)| (*wait, text.replace("FIRST", &delta("par"))))
            .collect();
        let upstream = Upstream::start(move |_, _| {
            let parts: Vec<(u64, &str)> = parts
                .iter()
                .map(|(wait, text)| (*wait, text.as_str()))
                .collect();
            events(&parts)
        })
        .await;
        let (control, dialer) = Control::start();
        let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
        let got = proxy.stream("a/m").await;
        let text = got.text();
        let error = text
            .strip_prefix(&delta("par"))
            .unwrap()
            .strip_prefix("data: ")
            .unwrap();
        let error: serde_json::Value = serde_json::from_str(error.trim_end()).unwrap();
        assert_eq!(
            (
                error["error"]["type"].as_str(),
                error["error"]["code"].as_str()
            ),
            (Some("upstream_error"), Some(code))
        );
        assert!(!text.contains("[DONE]"));
        let finished = eventually("the end", || {
            control.decisions().into_iter().find(|d| d.stage == 2)
        })
        .await;
        let outcome = finished.outcome.unwrap();
        assert_eq!(
            (outcome.ending, outcome.usage_estimated),
            (Ending::BrokenStream.into(), true)
        );
        assert!(control.jobs().is_empty(), "half a reply is not judged");
        proxy.finish().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_recorded_with_what_it_got() {
    let first = delta("some words that were sent");
    let upstream = Upstream::start(move |_, _| {
        let mut parts = vec![(0, first.as_str())];
        parts.extend([(100, first.as_str()); 40]);
        events(&parts)
    })
    .await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let request = proxy.post("/v1/chat/completions", &chat_body("a/m", true));
    let mut response = proxy.open(request).await;
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    let finished = eventually("the end", || {
        control.decisions().into_iter().find(|d| d.stage == 2)
    })
    .await;
    let outcome = finished.outcome.unwrap();
    assert_eq!(outcome.ending, i32::from(Ending::ClientDisconnected));
    assert!(outcome.output_tokens >= 6 && outcome.usage_estimated);
    proxy.finish().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_recorded_too() {
    let upstream = Upstream::start(|_, _| vec![(Duration::from_secs(5), vec![])]).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |c| {
        c.timeouts.first_byte_ms = 5_000
    })
    .await;
    let asking = proxy.chat("a/m");
    assert!(
        tokio::time::timeout(Duration::from_millis(200), asking)
            .await
            .is_err()
    );
    let decision = eventually("the record", || control.decisions().pop()).await;
    let outcome = decision.outcome.unwrap();
    assert_eq!(
        (outcome.ending, outcome.status),
        (Ending::ClientDisconnected.into(), 499)
    );
    assert_eq!(decision.attempts.len(), 1);
    proxy.finish().await;
}

#[tokio::test]
async fn a_stop_lets_streams_finish_and_refuses_new_connections() {
    let text = [delta("slow"), "data: [DONE]\n\n".to_owned()];
    let upstream = Upstream::start(move |_, _| events(&[(0, &text[0]), (300, &text[1])])).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let mut response = proxy
        .open(proxy.post("/v1/chat/completions", &chat_body("a/m", true)))
        .await;
    response.body_mut().frame().await.unwrap().unwrap();
    proxy.stop.cancel();
    let rest = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(rest, "data: [DONE]\n\n");
    let addr = proxy.addr;
    proxy.finish().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    assert_eq!(
        control.decisions().len(),
        2,
        "the spool was delivered before the end"
    );
}

#[tokio::test]
async fn a_stream_that_outlasts_the_drain_time_is_cut_off_and_recorded_as_interrupted() {
    let first = delta("endless");
    let upstream = Upstream::start(move |_, _| {
        let mut parts = vec![(0, first.as_str())];
        parts.extend([(100, first.as_str()); 100]);
        events(&parts)
    })
    .await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |config| {
        config.drain_ms = 300
    })
    .await;
    let mut response = proxy
        .open(proxy.post("/v1/chat/completions", &chat_body("a/m", true)))
        .await;
    response.body_mut().frame().await.unwrap().unwrap();
    proxy.finish().await;
    let finished = control
        .decisions()
        .into_iter()
        .find(|d| d.stage == 2)
        .expect("recorded before the end");
    assert_eq!(
        finished.outcome.unwrap().ending,
        i32::from(Ending::Interrupted)
    );
}

#[tokio::test]
async fn a_whole_reply_to_a_stream_request_is_passed_as_it_is() {
    let upstream = Upstream::start(|_, _| completion("whole")).await;
    let proxy = Proxy::start(&[upstream.base_url()], no_control()).await;
    let got = proxy.stream("a/m").await;
    assert_eq!(got.json()["choices"][0]["message"]["content"], "whole");
    proxy.finish().await;
}

#[tokio::test]
async fn our_error_is_an_event_of_its_own_wherever_the_stream_broke() {
    let whole = delta("par");
    for (cut, ends) in [
        (17, "\"id\":\"c"),
        (whole.len() - 1, "}"),
        (whole.len(), "}"),
    ] {
        let text = format!("{whole}{}", &whole[..cut]);
        let upstream = Upstream::start(move |_, _| events(&[(0, text.as_str())])).await;
        let proxy = Proxy::start(&[upstream.base_url()], no_control()).await;
        let got = proxy.stream("a/m").await.text();
        let events: Vec<&str> = got.split_terminator("\n\n").collect();
        let events: Vec<&str> = events.iter().map(|e| e.trim_matches('\n')).collect();
        let [first, second, error] = events[..] else {
            panic!("{cut}: {got:?}")
        };
        assert_eq!(first, whole.trim_end());
        assert!(
            whole.starts_with(second) && (second.ends_with(ends) || cut == 17),
            "{second}"
        );
        let error: serde_json::Value =
            serde_json::from_str(error.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(error["error"]["code"], "upstream_stream_broken");
        proxy.finish().await;
    }
}

#[tokio::test]
async fn a_stream_with_an_error_before_its_end_marker_is_broken_and_not_judged() {
    let text = [
        delta("par"),
        "data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n".to_owned(),
    ];
    let sent = text.concat();
    let upstream = Upstream::start(move |_, _| events(&[(0, &text[0]), (20, &text[1])])).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    assert_eq!(proxy.stream("a/m").await.text(), sent);
    let finished = eventually("the end", || {
        control.decisions().into_iter().find(|d| d.stage == 2)
    })
    .await;
    let ending = finished.outcome.unwrap().ending;
    assert_eq!(ending, i32::from(Ending::BrokenStream));
    proxy.finish().await;
    assert!(control.jobs().is_empty());
}
