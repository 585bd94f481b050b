//! An upstream that answers at once, so that what is measured is the way there and back.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

const REPLY: &str = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1790000000,"model":"fast","choices":[{"index":0,"message":{"role":"assistant","content":"Lisbon is sunny today, with a light breeze from the river and 21 degrees in the afternoon."},"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":21,"total_tokens":40}}"#;

/// Listens and answers until the process ends.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let addr = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let _ = socket.set_nodelay(true);
            tokio::spawn(
                http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(answer)),
            );
        }
    });
    addr
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    // Read to its end, as a real server would before it answers.
    let _ = request.into_body().collect().await;
    let response = Response::builder().header("content-type", "application/json");
    Ok(response
        .body(Full::new(Bytes::from_static(REPLY.as_bytes())))
        .expect("a valid response"))
}
