//! Connections: both protocols on one port, and no patience for those that only hold it.

use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    control::{Control, eventually, eventually_holds},
    proxy::{KEY, Proxy, chat_body, config, no_control},
    upstream::{Upstream, completion, delta, events},
};

#[tokio::test]
async fn http_2_is_spoken_on_the_same_port() {
    let text = [delta("a"), "data: [DONE]\n\n".to_owned()];
    let upstream = Upstream::start(move |_, _| events(&[(0, &text[0]), (20, &text[1])])).await;
    let proxy = Proxy::start(&[upstream.base_url()], no_control()).await;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let calls =
        (0..8).map(|_| client.request(proxy.post("/v1/chat/completions", &chat_body("a/m", true))));
    for response in futures::future::join_all(calls).await {
        let response = response.unwrap();
        assert_eq!(
            (response.status(), response.version()),
            (StatusCode::OK, Version::HTTP_2)
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.ends_with(b"data: [DONE]\n\n"));
    }
    proxy.finish().await;
}

#[tokio::test]
async fn whoever_sends_no_whole_request_is_hung_up_on() {
    let proxy = Proxy::start_with(&[], no_control(), |c| c.timeouts.header_ms = 200).await;
    let openings: [&[u8]; 4] = [
        b"",
        b"PRI * HT",
        b"GET /health HTTP/1.1\r\nhost: x\r\n",
        b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    for opening in openings {
        let mut stream = TcpStream::connect(proxy.addr).await.unwrap();
        stream.write_all(opening).await.unwrap();
        let mut rest = Vec::new();
        // The last one is answered, and then hung up on for idling.
        let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(
            ended.is_ok(),
            "{} is still connected",
            String::from_utf8_lossy(opening)
        );
    }
    proxy.finish().await;
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let proxy = Proxy::start(&[], no_control()).await;
    let mut request = proxy.get("/health");
    request
        .headers_mut()
        .insert("x-long", "x".repeat(200_000).parse().unwrap());
    let got = proxy.send(request).await;
    assert_eq!(got.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    proxy.finish().await;
}

#[tokio::test]
async fn a_lost_control_plane_is_found_again_and_nothing_is_lost_meanwhile() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    eventually("the proxy watches", || {
        (control.hellos().len() == 1).then_some(())
    })
    .await;
    control.refuse(true);
    control.hang_up();
    for _ in 0..20 {
        assert_eq!(proxy.chat("a/m").await.status, StatusCode::OK);
    }
    eventually("the proxy is back", || {
        (control.hellos().len() == 2).then_some(())
    })
    .await;
    control.refuse(false);
    eventually("all records", || {
        (control.decisions().len() == 20).then_some(())
    })
    .await;
    proxy.finish().await;
    let mut ids: Vec<_> = control
        .decisions()
        .into_iter()
        .map(|d| d.request_id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20, "each once");
}

#[tokio::test]
async fn a_client_that_stops_reading_loses_its_place() {
    let long = "x".repeat(40 << 20);
    let upstream = Upstream::start(move |_, _| completion(&long)).await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |c| {
        c.timeouts.client_idle_ms = 300;
        c.timeouts.first_byte_ms = 5_000;
    })
    .await;
    let body = chat_body("a/m", false);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(proxy.addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    eventually_holds("its place is free", async || {
        let metrics = proxy.admin("/metrics").await.text();
        metrics.contains("floopy_requests_in_flight 0")
    })
    .await;
    drop(stream);
    proxy.finish().await;
}

#[tokio::test]
async fn a_client_that_leaves_one_stream_unread_loses_it_and_nothing_else() {
    let long = "x".repeat(4 << 20);
    let upstream = Upstream::start(move |seen, _| {
        let is_long = seen.body.windows(8).any(|part| part == b"a secret");
        completion(if is_long { &long } else { "short" })
    })
    .await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |c| {
        c.timeouts.client_idle_ms = 400;
        c.timeouts.first_byte_ms = 5_000;
    })
    .await;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .http2_initial_connection_window_size(1 << 20)
        .http2_initial_stream_window_size(64 << 10)
        .build_http();
    let body = chat_body("a/m", false);
    let long = proxy.post("/v1/chat/completions", &body.replace("say hi", "a secret"));
    let stuck = client.request(long).await.unwrap();
    assert_eq!(stuck.status(), StatusCode::OK);
    eventually_holds("its place is free", async || {
        let response = client
            .request(proxy.post("/v1/chat/completions", &body))
            .await
            .unwrap();
        let others = response.into_body().collect().await;
        assert!(others.is_ok(), "the connection goes on");
        let metrics = proxy.admin("/metrics").await.text();
        metrics.contains("floopy_requests_in_flight 0")
    })
    .await;
    let rest = stuck.into_body().collect().await;
    assert!(rest.is_err(), "half a reply does not look whole");
    proxy.finish().await;
}

/// What comes back for bytes that never end, or never come.
async fn answer_to(proxy: &Proxy, head: &str, mut piece: Option<&'static [u8]>) -> String {
    let (mut reading, mut writing) = TcpStream::connect(proxy.addr).await.unwrap().into_split();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n{head}\r\n\r\n"
    );
    writing.write_all(head.as_bytes()).await.unwrap();
    let sending = tokio::spawn(async move {
        while let Some(bytes) = piece.take() {
            if writing.write_all(bytes).await.is_ok() {
                piece = Some(bytes);
            }
        }
        writing
    });
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(9), reading.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "still connected");
    sending.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_never_ends_and_one_that_never_comes_are_refused() {
    let proxy = Proxy::start_with(&[], no_control(), |c| {
        c.limits.body_bytes = 100_000;
        c.timeouts.body_ms = 300;
        c.timeouts.header_ms = 300;
    })
    .await;
    // Large enough that the limit is reached before the deadline on a machine that is busy, too.
    let chunk: &'static [u8] = Vec::leak([b"4000\r\n", &[b'a'; 0x4000][..], b"\r\n"].concat());
    let endless = answer_to(&proxy, "transfer-encoding: chunked", Some(chunk)).await;
    assert!(endless.starts_with("HTTP/1.1 413 "), "{endless}");
    let announced = answer_to(&proxy, "content-length: 100001", None).await;
    assert!(announced.starts_with("HTTP/1.1 413 "), "{announced}");
    let never = answer_to(&proxy, "content-length: 1000", None).await;
    assert!(never.starts_with("HTTP/1.1 408 "), "{never}");
    assert!(never.contains("within 300 ms"), "{never}");
    proxy.finish().await;
}

#[tokio::test]
async fn two_proxies_do_not_share_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = Proxy::launch(config(&[], dir.path()), no_control()).await;
    let deps = || floopy_dataplane::Deps {
        dialer: no_control(),
        clock: floopy_shared::process::clock::Clock::system(),
        resolver: floopy_dataplane::Resolver::system(),
        registry: std::sync::Arc::default(),
        stop: tokio_util::sync::CancellationToken::new(),
    };
    let second = floopy_dataplane::bind(config(&[], dir.path()), deps()).await;
    let error = second.err().expect("refused").to_string();
    let expected = format!("the data directory {} is in use", dir.path().display());
    assert!(error.starts_with(&expected), "{error}");
    first.finish().await;
    let third = floopy_dataplane::bind(config(&[], dir.path()), deps()).await;
    assert!(third.is_ok(), "the directory is free again");
}
