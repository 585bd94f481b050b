//! Calls of tools, each answered by the route that does the same, under the caller's own key.

use std::sync::Arc;

use bytes::Bytes;
use floopy_shared::domain::ids::CandidateKey;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Full, Limited};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::{
    prices,
    rpc::{self, RpcError},
    tools::{self, Analysed, Decided, Explained, Routed, Tool},
};
use crate::{
    gateway::Gateway,
    http::{RequestBody, dispatch::answer_to, respond::Refusal},
    pipeline::is_ours,
    route::select::AUTO,
};

/// Of an answer that a tool tells.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Of the message's own headers, those that its call has, too; besides all of ours.
static KEPT: [HeaderName; 5] = [
    AUTHORIZATION,
    ACCEPT_LANGUAGE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static MODEL: HeaderName = HeaderName::from_static("floopy-model");
static REASON: HeaderName = HeaderName::from_static("floopy-decision-reason");

/// What a route is asked.
struct Question {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Value>,
}

/// What it answered.
struct Answer {
    headers: HeaderMap,
    body: Value,
}

/// Why a tool has nothing to tell.
enum Failure {
    /// The question is answered by an error.
    Rpc(RpcError),
    /// The tool's answer says what went wrong, for the agent to make something of.
    Told(Value),
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

/// Calls the tool that `params` name.
pub(super) async fn call(
    gateway: &Arc<Gateway>,
    headers: &HeaderMap,
    params: &Value,
) -> Result<Value, RpcError> {
    let name = params["name"].as_str().ok_or_else(|| {
        let message = "params.name must be the name of a tool";
        RpcError::new(rpc::INVALID_PARAMS, message)
    })?;
    let none = Map::new();
    let arguments = match &params["arguments"] {
        Value::Null => &none,
        Value::Object(arguments) => arguments,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let message = "params.arguments must be an object";
            return Err(RpcError::new(rpc::INVALID_PARAMS, message));
        }
    };
    match told(gateway, headers, (Tool::named(name)?, arguments)).await {
        Ok(told) => Ok(told),
        Err(Failure::Rpc(error)) => Err(error),
        Err(Failure::Told(error)) => {
            let message = error["message"].as_str().unwrap_or_default();
            Ok(json!({
                "content": [{"type": "text", "text": message}],
                "structuredContent": {"error": error}, "isError": true,
            }))
        }
    }
}

async fn told(
    gateway: &Arc<Gateway>,
    headers: &HeaderMap,
    (tool, arguments): (Tool, &Map<String, Value>),
) -> Result<Value, Failure> {
    let ask = async |question: Question| ask(gateway, question).await;
    let own = |headers| of_caller(headers);
    let found = match tool {
        Tool::RouteLlmRequest => {
            let asked: Routed = tools::read(arguments)?;
            return routed(ask(chat(asked, own(headers))?).await?);
        }
        Tool::ListModels => prices::list(gateway, headers, &tools::read(arguments)?),
        Tool::EstimateCost => prices::estimate(gateway, headers, &tools::read(arguments)?),
        Tool::ExplainRouting => {
            let asked: Explained = tools::read(arguments)?;
            let body = json!({
                "model": asked.model.as_deref().unwrap_or(AUTO),
                "messages": messages(asked.prompt, asked.messages)?,
            });
            let path = "/v1/routing/explain".to_owned();
            Ok(ask(Question::post(path, own(headers), body)).await?.body)
        }
        Tool::GetDecision => {
            let Decided { request_id } = tools::read(arguments)?;
            let path = format!("/v1/decisions/{}", encoded(&request_id));
            Ok(ask(Question::get(path, own(headers))).await?.body)
        }
        Tool::GetAnalytics => {
            let asked: Analysed = tools::read(arguments)?;
            let path = format!("/v1/usage{}", query(&asked));
            Ok(ask(Question::get(path, own(headers))).await?.body)
        }
        Tool::SendFeedback => {
            let body = Value::Object(arguments.clone());
            let path = "/v1/feedback".to_owned();
            Ok(ask(Question::post(path, own(headers), body)).await?.body)
        }
    };
    match found {
        Ok(found) => Ok(result(&found.to_string(), &found)),
        Err(refusal) => Err(refused(&refusal)),
    }
}

fn result(text: &str, found: &Value) -> Value {
    json!({"content": [{"type": "text", "text": text}], "structuredContent": found, "isError": false})
}

fn refused(refusal: &Refusal) -> Failure {
    let about_caller = RpcError::of_status(refusal.status, refusal.retry_after, &refusal.message);
    match about_caller {
        Some(error) => Failure::Rpc(error),
        None => Failure::Told(json!({
            "message": refusal.message, "type": refusal.kind, "code": refusal.code, "param": refusal.param,
        })),
    }
}

/// The call that an agent asks for.
fn chat(asked: Routed, mut headers: HeaderMap) -> Result<Question, RpcError> {
    let mut body = json!({
        "model": asked.model.as_deref().unwrap_or(AUTO),
        "messages": messages(asked.prompt, asked.messages)?,
    });
    if let Some(max) = asked.max_tokens {
        body["max_tokens"] = json!(max);
    }
    if let Some(temperature) = asked.temperature {
        body["temperature"] = json!(temperature);
    }
    for (argument, header, value) in [
        ("session_id", "floopy-session-id", asked.session_id),
        ("task", "floopy-task", asked.task),
        ("user_id", "floopy-user-id", asked.user_id),
    ] {
        let Some(value) = value else { continue };
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
            let message = format!("arguments.{argument} has control characters");
            RpcError::new(rpc::INVALID_PARAMS, message)
        })?;
        headers.insert(HeaderName::from_static(header), value);
    }
    let path = "/v1/chat/completions".to_owned();
    Ok(Question::post(path, headers, body))
}

fn messages(prompt: Option<String>, messages: Option<Vec<Value>>) -> Result<Value, RpcError> {
    match (prompt, messages) {
        (Some(prompt), None) => Ok(json!([{"role": "user", "content": prompt}])),
        (None, Some(messages)) => Ok(Value::Array(messages)),
        (Some(_), Some(_)) | (None, None) => {
            let message = "arguments must have either prompt or messages";
            Err(RpcError::new(rpc::INVALID_PARAMS, message))
        }
    }
}

/// A reply, and who gave it.
fn routed(answer: Answer) -> Result<Value, Failure> {
    let header = |name| {
        answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let served = header(&MODEL).and_then(|served| CandidateKey::parse(served).ok());
    let choice = &answer.body["choices"][0];
    let message = &choice["message"];
    let text = message["content"].as_str().unwrap_or_default();
    let found = json!({
        "request_id": header(&REQUEST_ID),
        "provider": served.as_ref().map(CandidateKey::provider),
        "model": served.as_ref().map(CandidateKey::model),
        "reason": header(&REASON),
        "content": text,
        "finish_reason": choice["finish_reason"],
        "usage": answer.body["usage"],
    });
    Ok(result(text, &found))
}

fn query(asked: &Analysed) -> String {
    let parts = [
        ("from", &asked.from),
        ("to", &asked.to),
        ("group_by", &asked.group_by),
    ];
    let mut query = String::new();
    for (key, value) in parts {
        if let Some(value) = value {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(&format!("{key}={}", encoded(value)));
        }
    }
    query
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The headers that a call of a tool has of its message.
fn of_caller(headers: &HeaderMap) -> HeaderMap {
    let kept = headers.iter();
    let kept = kept.filter(|(name, _)| KEPT.contains(name) || is_ours(name));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Question {
    fn get(path: String, headers: HeaderMap) -> Self {
        Self {
            method: Method::GET,
            path,
            headers,
            body: None,
        }
    }

    fn post(path: String, headers: HeaderMap, body: Value) -> Self {
        Self {
            method: Method::POST,
            path,
            headers,
            body: Some(body),
        }
    }
}

/// Asks a route, as its client would.
async fn ask(gateway: &Arc<Gateway>, question: Question) -> Result<Answer, Failure> {
    let internal = |message: &str| Failure::Told(json!({"message": message, "code": "internal"}));
    let has_body = question.body.is_some();
    let body = question
        .body
        .map_or_else(Bytes::new, |body| body.to_string().into());
    let request = Request::builder()
        .method(question.method)
        .uri(question.path);
    let request = request.body(RequestBody::Whole(Full::new(body)));
    let mut request = request.map_err(|_| internal("the request could not be made"))?;
    *request.headers_mut() = question.headers;
    if has_body {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
    }
    let (parts, body) = answer_to(gateway, request).await.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|_| internal("the answer is too long or broke off"))?;
    let body: Value =
        serde_json::from_slice(&body.to_bytes()).map_err(|_| internal("the answer is not JSON"))?;
    if parts.status.is_success() {
        let headers = parts.headers;
        return Ok(Answer { headers, body });
    }
    Err(failed(parts.status, &parts.headers, body))
}

fn failed(status: StatusCode, headers: &HeaderMap, mut body: Value) -> Failure {
    let error = body["error"].take();
    let seconds = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    let message = error["message"].as_str().unwrap_or_default();
    match RpcError::of_status(status, seconds, message) {
        Some(error) => Failure::Rpc(error),
        None => Failure::Told(error),
    }
}
