//! The loop in which a model calls tools of the tenant's servers: each round is a call like any other, decided on and
//! recorded by itself, within one session.

mod answer;
mod body;
mod calls;
mod stream;

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use floopy_shared::domain::{
    ids::{RequestId, SessionId},
    mcp::StreamMode,
};
use futures::future::join_all;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header::CONTENT_LENGTH,
    request::Parts,
};
use http_body_util::Full;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use self::{
    answer::{Answer, Turn},
    body::Asked,
    calls::Doing,
};
use super::{
    plan::{session_header, text_header},
    serve_entered,
};
use crate::{
    admit::{Admitted, Permission},
    call::Endpoint,
    doors::Passage,
    gateway::Gateway,
    http::{AnsweredAs, Body, RequestBody, respond::Refusal},
    mcp::{Failure, Offer, PLUGIN, Target, Terms, Tool, terms},
    network::Forbidden,
    whole::whole,
};

static DISABLED: HeaderName = HeaderName::from_static("floopy-mcp-disabled");
static PASSTHROUGH: HeaderName = HeaderName::from_static("floopy-passthrough");
static SESSION: HeaderName = HeaderName::from_static("floopy-session-id");
static ROUNDS: HeaderName = HeaderName::from_static("floopy-mcp-rounds");
static CALLS: HeaderName = HeaderName::from_static("floopy-mcp-calls");
static UNAVAILABLE: HeaderName = HeaderName::from_static("floopy-mcp-unavailable");
static LEFT_OUT: HeaderName = HeaderName::from_static("floopy-mcp-left-out");

/// Of one round's answer.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// What a path needs that has to do with tools.
const PATH: &str = "/v1/mcp";

/// A call whose tenant was let in.
pub(super) struct Incoming {
    pub(super) admitted: Admitted,
    pub(super) parts: Parts,
    pub(super) body: RequestBody,
}

/// Whether a call may be one for the loop. Cheap: every call is asked.
pub(super) fn may_be(endpoint: Endpoint, admitted: &Admitted, headers: &HeaderMap) -> bool {
    endpoint == Endpoint::Chat && (admitted.tenant.mcp.is_some() || headers.contains_key(&PLUGIN))
}

/// Serves one, in as many rounds as it takes.
pub(super) async fn serve(
    gateway: &Arc<Gateway>,
    incoming: Incoming,
    id: RequestId,
    passage: &mut Passage,
) -> Response<Body> {
    let served = match allowed(gateway, &incoming.admitted, &incoming.parts.headers) {
        Ok(Some(terms)) => serve_with(gateway, (incoming, terms), id, passage).await,
        Ok(None) => {
            let Incoming {
                admitted,
                parts,
                body,
            } = incoming;
            let whole = (parts, body, Endpoint::Chat);
            return serve_entered(gateway, admitted, whole, id, passage).await;
        }
        Err(refusal) => Err(refusal),
    };
    served.unwrap_or_else(|refusal| refusal.response())
}

/// What it may do; `None`: nothing with tools.
fn allowed(
    gateway: &Gateway,
    admitted: &Admitted,
    headers: &HeaderMap,
) -> Result<Option<Terms>, Refusal> {
    if is_disabled(headers)? || admitted.scope.evaluation {
        return Ok(None);
    }
    let tenant = &admitted.tenant;
    let wished = text_header(headers, &PLUGIN)?;
    let lacking = tenant.lacking(PATH);
    if wished.is_none() {
        let untouched = match text_header(headers, &PASSTHROUGH)? {
            Some(said) => !said.eq_ignore_ascii_case("false"),
            None => tenant.routing.passthrough,
        };
        let has_any = tenant
            .mcp
            .iter()
            .flat_map(|mcp| &mcp.servers)
            .any(|s| s.enabled);
        if lacking.is_some() || untouched || !has_any {
            return Ok(None);
        }
    } else if let Some((plan, feature)) = lacking {
        return Err(Refusal::plan_required(plan, feature));
    }
    let open = |sealed: &_| gateway.current.open(sealed);
    let terms = terms(tenant, wished, &open).map_err(|unusable| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            unusable.to_string(),
        )
        .about(Some(PLUGIN.as_str()))
    })?;
    let is_empty = terms.targets.is_empty() && terms.closed.is_empty();
    Ok((!is_empty).then_some(terms))
}

fn is_disabled(headers: &HeaderMap) -> Result<bool, Refusal> {
    let said = text_header(headers, &DISABLED)?.unwrap_or_default();
    Ok(["true", "1", "yes"]
        .iter()
        .any(|yes| said.eq_ignore_ascii_case(yes)))
}

async fn serve_with(
    gateway: &Arc<Gateway>,
    (incoming, terms): (Incoming, Terms),
    id: RequestId,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let Incoming {
        admitted,
        mut parts,
        body,
    } = incoming;
    parts.headers.remove(CONTENT_LENGTH);
    let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
    let bounds = (gateway.config.limits.body_bytes, deadline);
    let bytes = gateway.read(body, bounds, passage).await?;
    let Some(asked) = Asked::read(&bytes) else {
        // Whatever is wrong with it is said as of any call.
        let whole = (parts, given(bytes), Endpoint::Chat);
        return Ok(serve_entered(gateway, admitted, whole, id, passage).await);
    };
    if asked.wants_stream() && terms.agent.stream_mode == StreamMode::Disabled {
        let message = "stream is true, and calls with tools of servers are not streamed here: \
            send stream: false, or floopy-mcp-disabled: true";
        return Err(
            Refusal::new(StatusCode::BAD_REQUEST, "mcp_stream_disabled", message)
                .about(Some("stream")),
        );
    }
    let deadline = Duration::from_millis(gateway.config.mcp.deadline_ms);
    let until = Instant::now() + deadline;
    if session_header(&parts.headers)?.is_none() {
        let session = SessionId::of_call(id);
        if let Ok(session) = HeaderValue::try_from(session.as_str()) {
            parts.headers.insert(SESSION.clone(), session);
        }
    }
    let agent = Agent {
        gateway,
        terms,
        parts,
    };
    let run = agent.run((admitted, asked, bytes), id, passage);
    timeout_at(until, run).await.unwrap_or_else(|_| {
        let message = format!(
            "the rounds with tools took longer than {} ms",
            deadline.as_millis()
        );
        Err(Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            "mcp_deadline",
            message,
        ))
    })
}

fn given(bytes: Bytes) -> RequestBody {
    RequestBody::Whole(Full::new(bytes))
}

/// A server that may not be asked ends the call: whoever wrote it down must know.
fn forbidden(target: &Target, forbidden: &Forbidden) -> Refusal {
    let message = format!(
        "the server of tools {:?} is not asked: {forbidden}",
        target.id
    );
    Refusal::new(StatusCode::FORBIDDEN, "mcp_address_forbidden", message)
}

/// One call with its rounds.
struct Agent<'a> {
    gateway: &'a Arc<Gateway>,
    terms: Terms,
    parts: Parts,
}

impl Agent<'_> {
    async fn run(
        &self,
        (admitted, mut asked, bytes): (Admitted, Asked, Bytes),
        id: RequestId,
        passage: &mut Passage,
    ) -> Result<Response<Body>, Refusal> {
        let (offer, unavailable) = self.offer(asked.own_tools()).await?;
        let told = Told {
            unavailable,
            left_out: offer.left_out,
        };
        if offer.functions.is_empty() {
            let whole = (self.parts.clone(), given(bytes), Endpoint::Chat);
            let served = serve_entered(self.gateway, admitted, whole, id, passage).await;
            return Ok(told.annotate(served, 1, 0));
        }
        drop(bytes);
        let wants_stream = asked.begin(&offer.functions);
        let mut doing = Doing::new(&self.gateway.mcp, &offer, self.terms.agent);
        let (mut admitted, mut id) = (Some(admitted), id);
        let mut rounds = 0;
        let mut usage = Value::Null;
        loop {
            rounds += 1;
            let is_last = rounds > self.terms.agent.max_rounds;
            let body = asked.round(is_last);
            let response = self.round((admitted.take(), body), id, passage).await?;
            let (parts, body) = response.into_parts();
            let body = whole(body, MAX_ANSWER_BYTES).await.map_err(|_| {
                let message = "the model's answer is too long, or broke off";
                Refusal::upstream(
                    StatusCode::BAD_GATEWAY,
                    "upstream_error",
                    message.to_owned(),
                )
            })?;
            let answer = Answer::read(parts.status, &body);
            let Some(answer) = answer else {
                let refused = answered(parts, Body::whole(body), id);
                return Ok(told.annotate(refused, rounds, doing.count()));
            };
            answer.add_usage(&mut usage);
            let turn = answer.turn(&offer);
            match turn {
                Turn::Tools(calls) if !is_last => {
                    let results = doing
                        .all(&calls)
                        .await
                        .map_err(|(target, why)| forbidden(&target, &why))?;
                    asked.go_on(answer.message(), results);
                    id = RequestId(Uuid::new_v4());
                }
                Turn::Tools(_) | Turn::Final | Turn::Mixed => {
                    let body = answer.finished(&offer, &usage, wants_stream);
                    let response = answered(parts, Body::whole(body), id);
                    let response = stream::typed(response, wants_stream.is_some());
                    return Ok(told.annotate(response, rounds, doing.count()));
                }
            }
        }
    }

    /// One call of a model.
    async fn round(
        &self,
        (admitted, body): (Option<Admitted>, Bytes),
        id: RequestId,
        passage: &mut Passage,
    ) -> Result<Response<Body>, Refusal> {
        let headers = &self.parts.headers;
        let admitted = match admitted {
            Some(admitted) => admitted,
            None => self.gateway.enter(headers, Permission::Chat, passage)?,
        };
        let mut parts = self.parts.clone();
        parts.headers.remove(&PLUGIN);
        let request = Request::from_parts(parts, given(body));
        let (parts, body) = request.into_parts();
        let whole = (parts, body, Endpoint::Chat);
        Ok(serve_entered(self.gateway, admitted, whole, id, passage).await)
    }

    /// What the model is told of, and the servers that did not say what they have.
    async fn offer(&self, own: HashSet<String>) -> Result<(Offer, Vec<String>), Refusal> {
        let terms = (
            self.terms.agent.tool_cache_ttl_s,
            self.gateway.clock.now_ms(),
        );
        let ask = async |target: &Arc<Target>| self.gateway.mcp.tools(target, terms).await;
        let asked = self.terms.targets.iter().map(ask);
        let answers: Vec<Result<Arc<[Tool]>, Failure>> = join_all(asked).await;
        let mut listed = Vec::with_capacity(answers.len());
        let mut unavailable = self.terms.closed.clone();
        for (target, answer) in self.terms.targets.iter().zip(answers) {
            match answer {
                Ok(tools) => listed.push((Arc::clone(target), tools)),
                Err(Failure::Forbidden(why)) => return Err(forbidden(target, &why)),
                Err(Failure::SessionGone) => unavailable.push(target.id.clone()),
                Err(Failure::Told { why, .. }) => {
                    tracing::warn!(
                        server = target.id,
                        why,
                        "a server did not say which tools it has"
                    );
                    unavailable.push(target.id.clone());
                }
            }
        }
        Ok((Offer::of(&listed, &own), unavailable))
    }
}

/// The answer goes out by the id that its decision is found by.
fn answered(parts: http::response::Parts, body: Body, id: RequestId) -> Response<Body> {
    let mut response = Response::from_parts(parts, body);
    response.headers_mut().remove(CONTENT_LENGTH);
    response.extensions_mut().insert(AnsweredAs(id));
    response
}

/// What the caller is told beside the answer.
struct Told {
    unavailable: Vec<String>,
    left_out: usize,
}

impl Told {
    fn annotate(&self, mut response: Response<Body>, rounds: u32, calls: u32) -> Response<Body> {
        let headers = response.headers_mut();
        headers.insert(ROUNDS.clone(), HeaderValue::from(rounds));
        headers.insert(CALLS.clone(), HeaderValue::from(calls));
        if let Ok(ids) = HeaderValue::try_from(self.unavailable.join(", "))
            && !ids.is_empty()
        {
            headers.insert(UNAVAILABLE.clone(), ids);
        }
        if self.left_out > 0 {
            headers.insert(LEFT_OUT.clone(), HeaderValue::from(self.left_out));
        }
        response
    }
}
