//! Connections of the REST API, every wait on a client with a deadline: headers, bodies, and whole requests.

use std::{convert::Infallible, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    response::{IntoResponse, Response},
};
use floopy_shared::process::patient::Patient;
use http::{Request, StatusCode};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Connections at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 4_096;

/// Wait after the system could not give a connection, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For the headers of a request, also of the next one on an idle connection.
    headers: Duration,
    /// For the rest of it, with our own work up to the head of the answer.
    request: Duration,
    /// To take some of what they are sent.
    taking: Duration,
}

const PATIENCE: Patience = Patience {
    headers: Duration::from_secs(30),
    request: Duration::from_secs(60),
    taking: Duration::from_secs(60),
};

/// Serves until stopped; returns when open connections have finished what they had.
pub(crate) async fn serve(
    listener: Arc<TcpListener>,
    router: Router,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    serve_with(listener, router, stop, PATIENCE).await
}

async fn serve_with(
    listener: Arc<TcpListener>,
    router: Router,
    stop: CancellationToken,
    patience: Patience,
) -> Result<(), Infallible> {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, from)) => {
                let router = router.clone().layer(Extension(Peer(from.ip())));
                let connection = connection(stream, router, stop.clone(), patience);
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
    Ok(())
}

async fn connection(
    stream: TcpStream,
    router: Router,
    stop: CancellationToken,
    patience: Patience,
) {
    // Only makes small answers slower.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        let answer = router.call(request.map(Body::new));
        async move {
            match timeout(patience.request, answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(too_late(patience.request)),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .serve_connection(TokioIo::new(Patient::new(stream, patience.taking)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // How a connection ended is the client's affair.
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

fn too_late(patience: Duration) -> Response {
    let message = format!(
        "the request was not complete and answered within {} ms",
        patience.as_millis()
    );
    let error = serde_json::json!({"error": {
        "message": message, "type": "invalid_request_error", "param": null, "code": "request_timeout",
    }});
    (StatusCode::REQUEST_TIMEOUT, axum::Json(error)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn answer_to(opening: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let router = Router::new().route("/", post(|body: String| async { body }));
        let patience = Patience {
            headers: Duration::from_millis(200),
            request: Duration::from_millis(200),
            taking: Duration::from_millis(200),
        };
        let serving = tokio::spawn(serve_with(
            Arc::new(listener),
            router,
            stop.clone(),
            patience,
        ));
        let mut stream = TcpStream::connect(addr).await.expect("connected");
        stream.write_all(opening).await.expect("sent");
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(9), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "still connected");
        stop.cancel();
        serving.await.expect("no panic").expect("infallible");
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn whoever_takes_nothing_of_an_endless_answer_is_hung_up_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let endless = || async {
            let piece = Ok::<_, Infallible>(vec![b'x'; 1 << 20]);
            Body::from_stream(futures::stream::repeat(piece))
        };
        let router = Router::new().route("/", axum::routing::get(endless));
        let patience = Patience {
            taking: Duration::from_millis(200),
            ..PATIENCE
        };
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve_with(
            Arc::new(listener),
            router,
            stop.clone(),
            patience,
        ));
        let mut stream = TcpStream::connect(addr).await.expect("connected");
        let head = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(head).await.expect("sent");
        stream.readable().await.expect("answered");
        stop.cancel();
        // It ends only once the connection did.
        let ended = timeout(Duration::from_secs(9), serving).await;
        ended
            .expect("still sending")
            .expect("no panic")
            .expect("infallible");
    }

    #[tokio::test]
    async fn whoever_sends_no_whole_request_is_hung_up_on() {
        assert_eq!(answer_to(b"").await, "");
        let head = "POST / HTTP/1.1\r\nhost: x\r\n";
        assert!(!answer_to(head.as_bytes()).await.contains(" 200 "));
        let slow = format!("{head}content-length: 5\r\n\r\nab");
        let answer = answer_to(slow.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("within 200 ms"), "{answer}");
        let whole = format!("{head}content-length: 2\r\n\r\nab");
        let answer = answer_to(whole.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ab"),
            "{answer}"
        );
    }
}
