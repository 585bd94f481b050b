//! The fake provider's server.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{Ending, Received, Reply, Shared, Stream, normal};

type Body = BoxBody<Bytes, io::Error>;
type Pieces = Pin<Box<dyn futures::Stream<Item = io::Result<Frame<Bytes>>> + Send + Sync>>;

/// Takes connections until aborted.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(connection(socket, Arc::clone(&shared)));
    }
}

async fn connection(socket: TcpStream, shared: Arc<Shared>) {
    let _ = socket.set_nodelay(true);
    let service = service_fn(|request| answer(request, Arc::clone(&shared)));
    // A broken connection is often the point of the test.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = parts.uri.path().to_owned();
    let said = shared
        .jobs
        .lock()
        .expect("not poisoned")
        .answer(&parts, &body);
    let call: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let received = Received {
        method: parts.method,
        path: path.clone(),
        headers: parts.headers,
        body,
    };
    shared.received.lock().expect("not poisoned").push(received);
    if let Some((status, body)) = said {
        let json = [("content-type", "application/json".to_owned())];
        return Ok(whole(status, &json, body));
    }
    let model = call["model"].as_str().unwrap_or_default();
    let reply = shared.scripted(model);
    let serial = shared.served.fetch_add(1, Ordering::SeqCst);
    match reply.unwrap_or(Reply::Normal) {
        Reply::Normal => Ok(normal_reply(&shared, &path, &call, serial)),
        Reply::Late(delay) => {
            sleep(delay).await;
            Ok(normal_reply(&shared, &path, &call, serial))
        }
        Reply::Raw {
            status,
            headers,
            body,
        } => Ok(whole(status, &headers, body)),
        Reply::Stream(script) => Ok(streamed(&shared, script)),
        Reply::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        Reply::Hang => {
            sleep(Duration::from_secs(3600)).await;
            Err(io::ErrorKind::TimedOut.into())
        }
    }
}

fn normal_reply(shared: &Arc<Shared>, path: &str, call: &Value, serial: u64) -> Response<Body> {
    if call["stream"] == true {
        let model = call["model"].as_str().unwrap_or_default();
        let frames = normal::chat_frames(
            &format!("chatcmpl-{serial}"),
            model,
            &["one", " two", " three"],
        );
        return streamed(
            shared,
            Stream {
                frames,
                gap: Duration::ZERO,
                ending: Ending::Complete,
            },
        );
    }
    let body = normal::reply(path, call, serial).to_string();
    whole(
        200,
        &[("content-type", "application/json".to_owned())],
        body.into(),
    )
}

fn whole(status: u16, headers: &[(&'static str, String)], body: Bytes) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    let body = http_body_util::Full::new(body)
        .map_err(|never: Infallible| match never {})
        .boxed();
    response.body(body).expect("a valid response")
}

/// Counts a stream as open until its body is dropped.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open_streams.fetch_sub(1, Ordering::SeqCst);
    }
}

fn streamed(shared: &Arc<Shared>, script: Stream) -> Response<Body> {
    shared.open_streams.fetch_add(1, Ordering::SeqCst);
    let open = Open(Arc::clone(shared));
    let gap = script.gap;
    let frames = stream::iter(script.frames.into_iter().enumerate()).then(
        move |(index, frame)| async move {
            if index > 0 && !gap.is_zero() {
                sleep(gap).await;
            }
            Ok(Frame::data(Bytes::from(frame)))
        },
    );
    let pieces: Pieces = Box::pin(frames.chain(ending(script.ending)).inspect(move |_| {
        let _held = &open;
    }));
    Response::builder()
        .header("content-type", "text/event-stream; charset=utf-8")
        .body(BodyExt::boxed(StreamBody::new(pieces)))
        .expect("a valid response")
}

fn ending(ending: Ending) -> Pieces {
    match ending {
        Ending::Complete => Box::pin(stream::empty()),
        Ending::Reset => Box::pin(stream::once(async {
            // Lets the last frame leave the socket's buffer first.
            sleep(Duration::from_millis(50)).await;
            Err(io::ErrorKind::ConnectionReset.into())
        })),
        Ending::Hang => Box::pin(stream::pending()),
    }
}
