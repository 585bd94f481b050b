//! What a call asks for, by its body and its headers, and who is to serve it.

mod prompt;

use std::sync::LazyLock;

pub(crate) use self::prompt::without_foreign_prompt;
use bytes::Bytes;
use floopy_shared::domain::{
    experiment::Assignment,
    firewall::{Sent, output::Redacted},
    ids::{RequestId, SessionId},
};
use http::{HeaderMap, HeaderName, StatusCode};
use uuid::Uuid;

use crate::{
    admit::Admitted,
    call::{Call, Endpoint, newer},
    firewall::redact::redact,
    gateway::Gateway,
    http::respond::Refusal,
    route::{Caller, Plan, Unroutable, View, assignment, decide},
};

static SESSION: HeaderName = HeaderName::from_static("floopy-session-id");
static TASK: HeaderName = HeaderName::from_static("floopy-task");
static FALLBACK: HeaderName = HeaderName::from_static("floopy-fallback");
static PROVIDER: HeaderName = HeaderName::from_static("floopy-provider");
static RULE: HeaderName = HeaderName::from_static("floopy-routing-rule");
static PROJECT: HeaderName = HeaderName::from_static("floopy-project-id");
static EFFORT: HeaderName = HeaderName::from_static("x-floopy-reasoning-effort");
static SMART_SELECT: HeaderName = HeaderName::from_static("floopy-smart-select");
static PASSTHROUGH: HeaderName = HeaderName::from_static("floopy-passthrough");

/// A call's headers, and the session that they name.
type Asked<'a> = (&'a HeaderMap, Option<&'a SessionId>);

/// A call that was read and decided on.
pub(crate) struct Decided {
    pub call: Call,
    pub plan: Plan,
}

/// Reads a call, with the stored prompt that it names.
pub(crate) fn understand(
    (gateway, admitted): (&Gateway, &Admitted),
    (body, endpoint, headers): (Bytes, Endpoint, &HeaderMap),
) -> Result<Call, Refusal> {
    let task = text_header(headers, &TASK)?;
    let body = match text_header(headers, &EFFORT)? {
        Some(effort) => with_effort((body, endpoint), headers, effort)?,
        None => body,
    };
    let (body, redacted) = redacted(admitted, body, endpoint);
    let call = match prompt::named(admitted, endpoint, headers)? {
        None => Call::parse(body, endpoint, task)?,
        Some(prompt) => {
            let limit = gateway.config.limits.body_bytes;
            prompt.open(body, (endpoint, task), limit)?
        }
    };
    Ok(call.with_redacted(redacted))
}

/// The body as its tenant has it sent, and what was taken out of it.
fn redacted(admitted: &Admitted, body: Bytes, endpoint: Endpoint) -> (Bytes, Vec<Redacted>) {
    match admitted.tenant.firewall.sent {
        Sent::Whole => (body, Vec::new()),
        Sent::Redacted => redact(&body, endpoint).unwrap_or((body, Vec::new())),
    }
}

/// The body with the effort that a header asks for.
fn with_effort(
    (body, endpoint): (Bytes, Endpoint),
    headers: &HeaderMap,
    effort: &str,
) -> Result<Bytes, Refusal> {
    // Clients that have it for all their calls send it with others, too.
    if endpoint != Endpoint::Chat {
        return Ok(body);
    }
    let refuse = |why: String| {
        let message = format!("the header {EFFORT}: {why}");
        Err(
            Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message)
                .about(Some(EFFORT.as_str())),
        )
    };
    if !newer::EFFORTS.contains(&effort) {
        let known = newer::EFFORTS.join(", ");
        return refuse(format!(
            "{effort:?} is not known, it must be one of {known}"
        ));
    }
    if headers.contains_key(&PASSTHROUGH) {
        return refuse("with floopy-passthrough nothing is added to the body".to_owned());
    }
    Ok(newer::with_effort(body, effort)?)
}

/// Decides who would serve a call, or why nobody could. Nothing remembers that it was asked.
pub(crate) fn weigh(
    gateway: &Gateway,
    admitted: &Admitted,
    call: &Call,
    asked: Asked<'_>,
    (request_id, now_ms): (RequestId, u64),
) -> Result<Result<Plan, Unroutable>, Refusal> {
    let view = view(gateway, admitted, now_ms);
    let caller = caller(admitted, asked, request_id)?;
    Ok(decide(&view, call, &caller))
}

/// What an experiment makes of a call, whether or not somebody can serve it: who is left without an answer counts, too.
pub(crate) fn entered(
    gateway: &Gateway,
    admitted: &Admitted,
    call: &Call,
    asked: Asked<'_>,
    (request_id, now_ms): (RequestId, u64),
) -> Option<Assignment> {
    if admitted.tenant.routing.experiments.is_empty() {
        return None;
    }
    let caller = caller(admitted, asked, request_id).ok()?;
    assignment(&view(gateway, admitted, now_ms), call, &caller)
}

pub(super) fn view<'a>(gateway: &'a Gateway, admitted: &'a Admitted, now_ms: u64) -> View<'a> {
    View {
        snapshot: &admitted.snapshot,
        providers: admitted.providers(),
        breakers: &gateway.upstream.breakers,
        conversations: &gateway.conversations,
        latencies: &gateway.upstream.latencies,
        now_ms,
        attempts: gateway.config.limits.attempts,
    }
}

pub(super) fn caller<'a>(
    admitted: &'a Admitted,
    (headers, session): Asked<'a>,
    request_id: RequestId,
) -> Result<Caller<'a>, Refusal> {
    Ok(Caller {
        tenant: &admitted.tenant,
        key_id: &admitted.key_id,
        is_evaluation: admitted.scope.evaluation,
        session,
        request_id,
        fallback: text_header(headers, &FALLBACK)?,
        provider: text_header(headers, &PROVIDER)?,
        rule: text_header(headers, &RULE)?.or(admitted.scope.rule.as_deref()),
        passthrough: text_header(headers, &PASSTHROUGH)?,
        smart_select: text_header(headers, &SMART_SELECT)?,
    })
}

/// Decides who serves a call.
pub(crate) fn plan(
    gateway: &Gateway,
    admitted: &Admitted,
    call: Call,
    asked: Asked<'_>,
    at: (RequestId, u64),
) -> Result<Decided, Refusal> {
    let plan = weigh(gateway, admitted, &call, asked, at)??;
    let call = if plan.passthrough {
        call.untouched()
    } else {
        call.without_inputs()
    };
    Ok(Decided { call, plan })
}

/// The `floopy-session-id` header.
pub(crate) fn session_header(headers: &HeaderMap) -> Result<Option<SessionId>, Refusal> {
    let Some(text) = text_header(headers, &SESSION)? else {
        return Ok(None);
    };
    SessionId::new(text).map(Some).map_err(|e| {
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", e.to_string())
            .about(Some(SESSION.as_str()))
    })
}

/// What a call is counted for: the project that its key is locked to, else the one that it names, else its key's or
/// tenant's default.
pub(crate) fn project(headers: &HeaderMap, admitted: &Admitted) -> Result<Option<Uuid>, Refusal> {
    if admitted.scope.project.is_some() {
        return Ok(admitted.scope.project);
    }
    let Some(id) = text_header(headers, &PROJECT)? else {
        return Ok(admitted.default_project);
    };
    Uuid::try_parse(id).map(Some).map_err(|_| {
        let message = format!("{PROJECT} is {id:?}, it must be the UUID of a project");
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message)
            .about(Some(PROJECT.as_str()))
    })
}

/// How the names of our headers begin.
const OURS: [&str; 2] = ["floopy-", "x-floopy-"];

/// Whether a header is ours.
pub(crate) fn is_ours(name: &HeaderName) -> bool {
    OURS.iter().any(|ours| name.as_str().starts_with(ours))
}

/// The headers where one of them is ours, else none: each look for one hashes its name, and most calls have none of them.
pub(super) fn ours(headers: &HeaderMap) -> &HeaderMap {
    static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
    if headers.keys().any(is_ours) {
        headers
    } else {
        &NONE
    }
}

pub(super) fn text_header<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| {
        let message = format!("the header {name} is not valid UTF-8");
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message).about(Some(name.as_str()))
    })?;
    Ok(Some(text.trim()).filter(|text| !text.is_empty()))
}
