//! The client against servers that behave, and against those that do not.

use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

const KEPT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn client() -> Client {
    let here = "127.0.0.1".parse().expect("an address");
    Client::new(
        &Timeouts::default(),
        1,
        (Guard::new(&[here]), Resolver::system()),
    )
}

/// A server that answers each request on a connection with the next of `replies`, then closes it.
/// Says how many connections were made.
async fn server(replies: &'static [&'static str]) -> (Uri, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("http://{}/v1", listener.local_addr().expect("bound"));
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(answer(socket, replies));
        }
    });
    (uri.parse().expect("valid"), connections)
}

async fn answer(mut socket: TcpStream, replies: &[&str]) {
    let mut request = [0; 4096];
    for reply in replies {
        if !matches!(socket.read(&mut request).await, Ok(1..)) {
            return;
        }
        socket.write_all(reply.as_bytes()).await.expect("written");
    }
}

async fn ask(
    client: &Client,
    uri: &Uri,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let request = Request::post(uri.clone()).body(Bytes::from_static(b"{}"))?;
    let response = client.request(request).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (uri, connections) = server(&[KEPT; 3]).await;
    let client = client();
    for _ in 0..3 {
        assert_eq!(ask(&client, &uri).await.expect("answered"), "ok");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_request() {
    let (uri, connections) = server(&[KEPT]).await;
    let client = client();
    for asked in 1..4 {
        assert_eq!(ask(&client, &uri).await.expect("answered"), "ok");
        // The server's end has come before the next request goes out.
        let shared = client.shared(&uri).expect("a host");
        while shared.sweep() {
            tokio::task::yield_now().await;
        }
        assert_eq!(connections.load(Ordering::Relaxed), asked);
    }
}

#[tokio::test]
async fn every_framing_is_read_to_its_end_and_only_certain_ends_keep_the_connection() {
    let cases: [(&[&str], usize); 4] = [
        (
            &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
                2],
            1,
        ),
        (&["HTTP/1.1 200 OK\r\n\r\nok"], 2),
        (
            &["HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"],
            2,
        ),
        (&["HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"], 2),
    ];
    for (replies, expected) in cases {
        let (uri, connections) = server(replies).await;
        let client = client();
        for _ in 0..2 {
            assert_eq!(
                ask(&client, &uri).await.expect("answered"),
                "ok",
                "{replies:?}"
            );
        }
        assert_eq!(connections.load(Ordering::Relaxed), expected, "{replies:?}");
    }
}

#[tokio::test]
async fn what_breaks_off_is_an_error() {
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "",
        "nonsense\r\n\r\n",
    ] {
        let replies: &'static [&'static str] = vec![reply].leak();
        let (uri, _) = server(replies).await;
        assert!(ask(&client(), &uri).await.is_err(), "{reply:?}");
    }
}

#[tokio::test]
async fn nobody_listening_is_told_apart() {
    let (uri, _) = server(&[]).await;
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody: Uri = format!("http://{}/", free.local_addr().expect("bound"))
        .parse()
        .expect("valid");
    drop(free);
    let is_connect = async |uri: &Uri| {
        let request = Request::get(uri.clone()).body(Bytes::new()).expect("valid");
        client()
            .request(request)
            .await
            .err()
            .map(|e| matches!(e, ClientError::Connect(_)))
    };
    assert_eq!(is_connect(&nobody).await, Some(true));
    assert_eq!(is_connect(&uri).await, Some(false));
}
