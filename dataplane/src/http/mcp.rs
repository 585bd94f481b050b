//! `POST /mcp`: what agents can ask of the proxy, as tools of the Model Context Protocol
//! (<https://modelcontextprotocol.io/specification/2026-07-28>). Every answer is one JSON object; nothing is remembered
//! between messages, so there are no sessions and no streams.

mod calls;
mod prices;
mod rpc;
mod tools;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use serde_json::{Value, json};

use self::{
    rpc::{Id, Message, RpcError},
    tools::Tool,
};
use super::{
    body::Body,
    request_body::RequestBody,
    respond::{Refusal, json_response},
};
use crate::{
    admit::{Denied, Permission, admit},
    doors::Passage,
    gateway::Gateway,
};

/// The versions of the protocol that are spoken: the one in which every message stands for itself, and those that begin
/// with a handshake, the newest first.
const VERSIONS: [&str; 5] = [
    "2026-07-28",
    "2025-11-25",
    "2025-06-18",
    "2025-03-26",
    "2024-11-05",
];

static VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
static METHOD: HeaderName = HeaderName::from_static("mcp-method");
static NAME: HeaderName = HeaderName::from_static("mcp-name");

/// For how long a client need not ask again what there is, in milliseconds.
const FRESH_MS: u32 = 300_000;

/// Answers one message. Boxed as a value: tools are answered by the routes that this is one of.
pub(super) fn answer<'a>(
    gateway: &'a Arc<Gateway>,
    request: Request<RequestBody>,
    passage: &'a mut Passage,
) -> BoxFuture<'a, Response<Body>> {
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        // Any permission will do: each tool asks for its own.
        if let Some(denied) = denied(gateway, &parts.headers) {
            return refused(&denied.into());
        }
        let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
        let bounds = (gateway.config.limits.body_bytes, deadline);
        let body = match gateway.read(body, bounds, passage).await {
            Ok(body) => body,
            Err(refusal) => return refused(&refusal),
        };
        if let Err(error) = check_version(&parts.headers) {
            return failed(StatusCode::BAD_REQUEST, None, &error);
        }
        let message = Message::read(&body);
        let message = message.and_then(|message| agree(&parts.headers, message));
        match message {
            Ok(message) => handle(gateway, message, &parts.headers).await,
            Err(error) => failed(StatusCode::BAD_REQUEST, None, &error),
        }
    })
}

fn denied(gateway: &Gateway, headers: &HeaderMap) -> Option<Denied> {
    let admitted = |permission| admit(gateway.current.snapshot(), headers, permission);
    match admitted(Permission::Read) {
        Err(Denied::NoRead) => admitted(Permission::Chat).err(),
        other => other.err(),
    }
}

/// Clients name the version that was agreed on; those of before it was asked for name none.
fn check_version(headers: &HeaderMap) -> Result<(), RpcError> {
    let Some(version) = headers.get(&VERSION) else {
        return Ok(());
    };
    let version = version.to_str().unwrap_or_default();
    if VERSIONS.contains(&version) {
        return Ok(());
    }
    let message = format!(
        "the header {VERSION} is {version:?}, it must be one of {}",
        VERSIONS.join(", ")
    );
    let data = json!({"supported": VERSIONS, "requested": version});
    Err(RpcError::new(rpc::UNSUPPORTED_VERSION, message).with(data))
}

/// Headers that repeat what the message says, for whoever looks at headers alone, must say the same.
fn agree(headers: &HeaderMap, message: Message) -> Result<Message, RpcError> {
    let name = message.params["name"].as_str();
    for (header, said) in [(&METHOD, Some(message.method.as_str())), (&NAME, name)] {
        let Some(value) = headers.get(header) else {
            continue;
        };
        let value = value.to_str().unwrap_or_default();
        if Some(value) != said {
            let said = said.unwrap_or_default();
            let message = format!("the header {header} is {value:?}, the message says {said:?}");
            return Err(RpcError::new(rpc::HEADER_MISMATCH, message));
        }
    }
    Ok(message)
}

async fn handle(gateway: &Arc<Gateway>, message: Message, headers: &HeaderMap) -> Response<Body> {
    let Message { id, method, params } = message;
    let Some(id) = id else {
        // Nobody waits for an answer to what is only told.
        return accepted();
    };
    let result = match method.as_str() {
        "initialize" => Ok(initialized(&params)),
        "ping" => Ok(json!({})),
        "server/discover" => Ok(discovered()),
        "tools/list" => Ok(lasting(json!({"tools": Tool::ALL.map(Tool::describe)}))),
        "tools/call" => calls::call(gateway, headers, &params).await,
        _ => Err(RpcError::new(
            rpc::METHOD_NOT_FOUND,
            format!("the method {method:?} is not known here"),
        )),
    };
    match result {
        Ok(mut result) => {
            result["resultType"] = json!("complete");
            let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
            json_response(StatusCode::OK, &answer)
        }
        Err(error) => failed(StatusCode::OK, Some(&id), &error),
    }
}

/// The end of a handshake.
fn initialized(params: &Value) -> Value {
    let [_, newest, ..] = VERSIONS;
    let wished = params["protocolVersion"].as_str().unwrap_or_default();
    let mut with_handshake = VERSIONS.into_iter().skip(1);
    let version = with_handshake.find(|known| *known == wished);
    let mut about = about();
    about["protocolVersion"] = json!(version.unwrap_or(newest));
    about["serverInfo"] = server();
    about
}

/// The same without one.
fn discovered() -> Value {
    let mut about = about();
    about["supportedVersions"] = json!(VERSIONS);
    about["_meta"] = json!({"io.modelcontextprotocol/serverInfo": server()});
    lasting(about)
}

fn server() -> Value {
    json!({"name": "floopy", "title": "Floopy", "version": env!("CARGO_PKG_VERSION")})
}

/// What anybody is told, and may keep for a while.
fn lasting(mut result: Value) -> Value {
    result["ttlMs"] = json!(FRESH_MS);
    result["cacheScope"] = json!("public");
    result
}

/// What is offered here.
fn about() -> Value {
    json!({
        "capabilities": {"tools": {"listChanged": false}},
        "instructions": "Ask a model with route_llm_request; with model \"auto\" the one that users were happiest with \
            for such a task answers. Tell how it went with send_feedback: routing learns from it.",
    })
}

fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::whole(""));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn failed(status: StatusCode, id: Option<&Id>, error: &RpcError) -> Response<Body> {
    let answer = json!({"jsonrpc": "2.0", "id": id, "error": error});
    json_response(status, &answer)
}

/// A request whose message was not read.
fn refused(refusal: &Refusal) -> Response<Body> {
    let error = RpcError::of_refusal(refusal);
    let mut response = failed(refusal.status, None, &error);
    // With the headers that say when to ask again.
    for (name, value) in refusal.response().headers() {
        response.headers_mut().entry(name).or_insert(value.clone());
    }
    response
}
