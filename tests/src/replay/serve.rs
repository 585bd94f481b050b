//! The server of a played provider.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::{Answer, Shared, count, embeddings, head, responses, vertex, wants};

pub(super) type Body = BoxBody<Bytes, Infallible>;

/// How requests are answered: by their head and their body.
pub(super) type Respond = dyn Fn(&Parts, &[u8]) -> Response<Body> + Send + Sync;

/// Takes connections until aborted.
pub(super) async fn accept(listener: TcpListener, respond: Arc<Respond>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(connection(socket, Arc::clone(&respond)));
    }
}

async fn connection(socket: TcpStream, respond: Arc<Respond>) {
    let _ = socket.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| async {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, hyper::Error>(respond(&parts, &body))
    });
    // A client that goes away is none of the server's business.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

/// As the provider of one API does.
pub(super) fn answer(shared: &Shared, parts: &Parts, body: &[u8]) -> Response<Body> {
    let provider = shared.provider;
    if parts.uri.path() == vertex::TOKEN_PATH {
        return answered(shared, body, vertex::token(parts, body));
    }
    let aside =
        embeddings::answer(provider, parts, body).or_else(|| count::answer(provider, parts, body));
    if let Some(reply) = aside {
        return answered(shared, body, reply);
    }
    let is_responses = head::is_responses(provider, parts);
    let reply = head::check(provider, parts, body).and_then(|stream| {
        if is_responses {
            return responses::answer(body);
        }
        let asked = wants::read(provider, body, provider.read(body)?)?;
        let wrong = asked.model.as_deref().filter(|m| *m != provider.model());
        if let Some(model) = wrong {
            return Err(format!("there is no model {model}"));
        }
        let streamed = stream.or(asked.stream).unwrap_or(false);
        Ok(provider.answer(&asked, streamed))
    });
    answered(shared, body, reply)
}

fn answered(shared: &Shared, body: &[u8], reply: Result<Answer, String>) -> Response<Body> {
    match reply {
        Ok(answer) => cut(answer),
        Err(why) => {
            let said = format!("{why} in {}", String::from_utf8_lossy(body));
            shared.refused.lock().expect("not poisoned").push(said);
            let (status, body) = shared.provider.refusal(&why);
            refusal(status, &body)
        }
    }
}

/// An error with this status.
pub(super) fn refusal(status: u16, body: &serde_json::Value) -> Response<Body> {
    let mut refusal = cut(Answer::json(body));
    *refusal.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    refusal
}

/// The lengths of the pieces in which a body is sent, over and over.
const PIECES_BYTES: [usize; 5] = [7, 1, 31, 64, 3];

/// In many small pieces.
pub(super) fn cut(answer: Answer) -> Response<Body> {
    let mut rest = Bytes::from(answer.body);
    let mut pieces = Vec::new();
    for length in PIECES_BYTES.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        pieces.push(rest.split_to(length.min(rest.len())));
    }
    // Pending between the pieces, so that each is flushed.
    let frames = stream::iter(pieces).then(|piece| async {
        tokio::task::yield_now().await;
        Ok(Frame::data(piece))
    });
    Response::builder()
        .header("content-type", answer.content_type)
        .header("x-request-id", "replay-1")
        .body(BodyExt::boxed(StreamBody::new(frames)))
        .expect("a valid response")
}
