//! What is asked twice is done once: a `POST` that comes again gets the first one's answer.
//!
//! Clients name a question by `Idempotency-Key`. Those that do not are known by what they ask: the same body to the same
//! path within a short time is the same question, asked again by a client that lost the answer.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use floopy_shared::domain::ids::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{
    Api,
    error::{ApiError, brief},
    holder,
};
use crate::store::{
    StoreError,
    answers::{self, Answered, Question},
};

/// How long a question with a name is remembered.
pub(crate) const NAMED_MS: u64 = 24 * 3_600_000;
/// How long one without: as long as a client keeps asking again, and no longer.
pub(crate) const UNNAMED_MS: u64 = 30_000;
/// What the name of a question begins with that has none of its own.
pub(crate) const UNNAMED: &str = "body:";
/// Longest name of a question.
const MAX_NAME_BYTES: usize = 255;
/// Of a question's body: rows of a data set.
const MAX_BODY_BYTES: usize = 16 << 20;
/// Of an answer that is remembered word for word.
const MAX_ANSWER_BYTES: usize = 256 << 10;

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
static REPLAYED: HeaderName = HeaderName::from_static("floopy-idempotent-replay");
/// From here to whoever makes the change; nobody else can say it.
static QUESTION: HeaderName = HeaderName::from_static("x-floopy-internal-question");

/// Where something is made: the same twice at once is more likely a client that asks again than a wish. Keys and webhooks
/// are not among them, as several may well be alike and their secrets are told once; experiments know their own.
const MADE_ONCE: [&str; 5] = [
    "/v1/projects",
    "/v1/routing/rules",
    "/v1/evaluations",
    "/v1/datasets",
    "/v1/prompts",
];

/// What is told once, and not kept.
const SECRETS: [&str; 2] = ["key", "secret"];

/// Questions that are being answered: the same one waits for its first answer.
#[derive(Debug)]
pub(crate) struct Asking([Mutex<()>; 64]);

impl Default for Asking {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Asking {
    fn of(&self, question: &Question) -> &Mutex<()> {
        let digest = Sha256::digest(format!("{} {}", question.tenant, question.name));
        &self.0[usize::from(digest[0]) % self.0.len()]
    }
}

/// Answers a question once, and again what was answered.
pub(super) async fn answer(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(&QUESTION);
    if request.method() != Method::POST && request.method() != Method::GET {
        return forget_unnamed(&api, request, next).await;
    }
    let named = request.headers().contains_key(&IDEMPOTENCY_KEY);
    let is_asked_once = named || MADE_ONCE.contains(&request.uri().path());
    if request.method() != Method::POST || !is_asked_once {
        return next.run(request).await;
    }
    match ask(&api, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

/// What was made may be gone or another once something is changed: the same question is then a new one, unless it has a
/// name.
async fn forget_unnamed(api: &Api, request: Request, next: Next) -> Response {
    // Asked before: the key may be what is ended.
    let tenant = tenant_of(api, request.headers()).await;
    let response = next.run(request).await;
    if let (true, Some(tenant)) = (response.status().is_success(), tenant)
        && let Err(error) = forget(api, &tenant).await
    {
        // What was asked is done, and that is what is told.
        tracing::warn!(%error, "answers to questions without a name could not be forgotten");
    }
    response
}

async fn tenant_of(api: &Api, headers: &HeaderMap) -> Option<TenantId> {
    let mut conn = api.store.read().acquire().await.ok()?;
    Some(holder(&mut conn, headers).await.ok()?.tenant)
}

async fn forget(api: &Api, tenant: &TenantId) -> Result<(), StoreError> {
    let mut tx = api.store.write().await?;
    answers::forget_unnamed(&mut tx, tenant, UNNAMED).await?;
    Ok(tx.commit().await?)
}

async fn ask(api: &Api, request: Request, next: Next) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let holder = {
        let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
        holder(&mut conn, &parts.headers).await?
    };
    // Who may not ask is told so by whoever answers.
    if !holder.write || holder.is_scoped {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    let tenant = holder.tenant;
    let name = name(&parts.headers)?;
    let body = to_bytes(body, MAX_BODY_BYTES).await;
    let body = body.map_err(|_| ApiError::body_too_large(MAX_BODY_BYTES))?;
    let mut hash = Sha256::new();
    // Lengths, so that nothing moves from one part to another.
    for part in [parts.uri.to_string().as_bytes(), &body] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let sha256: [u8; 32] = hash.finalize().into();
    let (name, kept_ms) = match name {
        Some(name) => (format!("key:{name}"), NAMED_MS),
        None => (format!("{UNNAMED}{}", hex::encode(sha256)), UNNAMED_MS),
    };
    let question = Question {
        tenant,
        name,
        sha256,
    };
    let _first = api.asking.of(&question).lock().await;
    let since_ms = api.clock.now_ms().saturating_sub(kept_ms);
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    if let Some(answered) = answers::find(&mut conn, &question, since_ms).await? {
        return again(answered, &question);
    }
    drop(conn);
    parts.headers.insert(&QUESTION, told(&question)?);
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    remember(api, &question, response).await
}

/// The name that a client gave.
fn name(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(&IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=MAX_NAME_BYTES).contains(&text.len()) {
        return Ok(Some(text.to_owned()));
    }
    let shown = brief(&String::from_utf8_lossy(value.as_bytes()));
    let message = format!(
        "Idempotency-Key is {shown:?}, it must have 1 to {MAX_NAME_BYTES} visible ASCII characters"
    );
    Err(ApiError::invalid_field(
        "invalid_request",
        "Idempotency-Key",
        message,
    ))
}

/// What was answered, if it is the same question.
fn again(answered: Answered, question: &Question) -> Result<Response, ApiError> {
    if answered.sha256 != question.sha256 {
        return Err(ApiError::reused_key());
    }
    let status = answered
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(ApiError::answer_lost)?;
    let mut response = (status, answered.answer).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(&REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Keeps what a change was answered with. What was refused changed nothing, and may be asked again.
async fn remember(
    api: &Api,
    question: &Question,
    response: Response,
) -> Result<Response, ApiError> {
    if !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await;
    let body = body.map_err(|_| ApiError::internal())?;
    if body.len() <= MAX_ANSWER_BYTES {
        let answer = without_secrets(&body);
        let mut tx = api.store.write().await?;
        let now_ms = api.clock.now_ms();
        answers::put(&mut tx, question, (parts.status.as_u16(), &answer), now_ms).await?;
        tx.commit().await.map_err(StoreError::from)?;
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn without_secrets(body: &[u8]) -> String {
    let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
    for name in SECRETS {
        if let Some(secret) = answer.get_mut(name) {
            *secret = Value::Null;
        }
    }
    answer.to_string()
}

/// The question as whoever makes the change is told of it.
fn told(question: &Question) -> Result<HeaderValue, ApiError> {
    let text = format!("{} {}", hex::encode(question.sha256), question.name);
    HeaderValue::from_str(&text).map_err(|_| ApiError::internal())
}

/// The question that a change answers, if it is asked once.
pub(super) fn question(tenant: &TenantId, headers: &HeaderMap) -> Option<Question> {
    let text = headers.get(&QUESTION)?.to_str().ok()?;
    let (sha256, name) = text.split_once(' ')?;
    Some(Question {
        tenant: tenant.clone(),
        name: name.to_owned(),
        sha256: hex::decode(sha256).ok()?.try_into().ok()?,
    })
}
