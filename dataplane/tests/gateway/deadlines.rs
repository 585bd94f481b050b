//! Every wait for a provider ends: for its connection, its first byte, its whole reply.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http::StatusCode;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    proxy::{Proxy, no_control},
    upstream::{NOW, Upstream, completion, delta, events},
};

/// A listener whose queue is full: further connections hang, as with a host that drops packets.
async fn full_house() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(opened) = timeout(Duration::from_millis(300), TcpStream::connect(addr)).await {
        queue.push(opened.unwrap());
        assert!(queue.len() < 100, "the queue has no end");
    }
    (listener, queue)
}

#[tokio::test]
async fn a_connection_that_does_not_open_is_given_up_and_the_next_candidate_asked() {
    let (listener, _queue) = full_house().await;
    let full = format!("http://{}/v1", listener.local_addr().unwrap());
    let good = Upstream::start(|_, _| completion("ok")).await;
    let proxy = Proxy::start_with(&[full, good.base_url()], no_control(), |c| {
        c.timeouts.connect_ms = 200;
        c.timeouts.first_byte_ms = 4_000;
        c.retry.times = 1;
    })
    .await;
    let begun = Instant::now();
    let got = proxy.chat("a/m,b/n").await;
    assert_eq!(
        (got.status, got.header("floopy-model")),
        (StatusCode::OK, "b/n")
    );
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let got = proxy.chat("a/m").await;
    assert_eq!(
        (got.status.as_u16(), got.code().as_str()),
        (502, "upstream_unreachable")
    );
    assert!(
        got.message().contains("a/m could not be reached"),
        "{}",
        got.message()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    proxy.finish().await;
}

#[tokio::test]
async fn a_reply_that_dribbles_is_given_up_as_a_whole() {
    let upstream = Upstream::start(|_, _| {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
        let mut script = vec![(NOW, head.as_bytes().to_vec())];
        script.extend((0..100).map(|_| (Duration::from_millis(50), b"{".to_vec())));
        script
    })
    .await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |c| {
        c.timeouts.total_ms = 500;
    })
    .await;
    let got = proxy.chat("a/m").await;
    assert_eq!(
        (got.status.as_u16(), got.code().as_str()),
        (504, "upstream_timeout")
    );
    assert!(got.message().contains("within 500 ms"), "{}", got.message());
    proxy.finish().await;
}

#[tokio::test]
async fn a_stream_that_never_ends_is_ended_with_a_typed_error() {
    let word = delta("on and");
    let upstream = Upstream::start(move |_, _| events(&[(50, word.as_str()); 200])).await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |c| {
        c.timeouts.total_ms = 600;
    })
    .await;
    let begun = Instant::now();
    let got = proxy.stream("a/m").await;
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        got.text().contains("upstream_stream_timeout"),
        "{}",
        got.text()
    );
    proxy.finish().await;
}
