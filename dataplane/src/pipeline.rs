//! A call in order: admit, read, understand, decide, send, answer. Each step consumes the one before.

mod agent;
mod annotate;
mod cached;
mod exhausted;
mod passing;
mod plan;
mod screen;
mod spending;
mod tags;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::domain::{
    decision::Ending,
    ids::{RequestId, SessionId},
};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header::CONNECTION,
    request::Parts,
};
use hyper::body::Body as _;

use crate::{
    admit::{Admitted, Permission},
    after,
    cache::Entry,
    call::Endpoint,
    doors::Passage,
    gateway::Gateway,
    http::{Body, Live, RequestBody, respond::Refusal},
    linger::{BoxFuture, Lasting, Settle},
    metrics::StrategyLabel,
    rates::Admission,
    record::Record,
    upstream::{Errand, Exhausted, Relay, Reply, Served, WholeReply, hedge_after},
};

use self::annotate::annotate;
pub(crate) use self::cached::{Explained, Named, explain as explain_cached};
use self::exhausted::explain;
use self::passing::{concluded, pass, withhold};
pub(crate) use self::plan::{
    Decided, entered, is_ours, plan, project, session_header, understand, weigh,
    without_foreign_prompt,
};
pub(crate) use self::screen::{look as look_for_attacks, refusal as refusal_of_attack};
pub(crate) use self::tags::PROPERTY;

/// Why a call was not served.
enum Stopped {
    /// By us.
    Refused(Refusal),
    /// No candidate brought a reply.
    Exhausted(Exhausted),
}

/// Everything of a call whose reply is awaited.
struct Asking {
    record: Record,
    admitted: Admitted,
    /// Boxed: it is moved into the attempt and out of it.
    decided: Box<Decided>,
    headers: HeaderMap,
}

/// A call with a longer body is not awaited without its caller: that is memory which nobody counts.
const MAX_LINGERING_BODY: usize = 1 << 20;

/// Serves one call. Everything after admission is recorded.
pub(crate) async fn serve(
    gateway: &Arc<Gateway>,
    request: Request<RequestBody>,
    endpoint: Endpoint,
    id: RequestId,
    passage: &mut Passage,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let permission = match endpoint {
        Endpoint::Chat => Permission::Chat,
        Endpoint::Responses | Endpoint::Messages | Endpoint::CountTokens | Endpoint::Embeddings => {
            Permission::Write
        }
    };
    let admitted = match gateway.enter(&parts.headers, permission, passage) {
        Ok(admitted) => admitted,
        Err(refusal) => return unread(&parts, &body, refusal.response()),
    };
    if agent::may_be(endpoint, &admitted, &parts.headers) {
        let incoming = agent::Incoming {
            admitted,
            parts,
            body,
        };
        // Boxed: hardly any call is one, and every future would have room for it.
        return Box::pin(agent::serve(gateway, incoming, id, passage)).await;
    }
    serve_entered(gateway, admitted, (parts, body, endpoint), id, passage).await
}

/// Serves a call whose tenant was let in.
async fn serve_entered(
    gateway: &Arc<Gateway>,
    admitted: Admitted,
    incoming: (Parts, RequestBody, Endpoint),
    id: RequestId,
    passage: &mut Passage,
) -> Response<Body> {
    let (parts, body, endpoint) = incoming;
    let Admission { left, charged } = match gateway.within(&admitted, &parts.headers) {
        Ok(admission) => admission,
        Err(answer) => return *answer,
    };
    let mut record = Record::open(gateway, &admitted, id);
    record.charge(charged);
    record.traced(&parts.headers);
    let incoming = (parts, body, endpoint);
    let mut response = serve_admitted(gateway, (admitted, record), incoming, passage).await;
    left.tell(response.headers_mut());
    response
}

/// An answer to a body that nobody read. Where it is still on its way, the connection ends after the answer, and HTTP/1
/// clients that keep connections must know: else they send the next call into one that closes. Who is only sent away for
/// now keeps the connection, if it can be kept: new ones are what a flood needs least.
fn unread(parts: &Parts, body: &RequestBody, mut response: Response<Body>) -> Response<Body> {
    let for_good = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status());
    if for_good && parts.version <= Version::HTTP_11 && !body.is_end_stream() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// Serves a call that is within its limits.
async fn serve_admitted(
    gateway: &Arc<Gateway>,
    (admitted, mut record): (Admitted, Record),
    (parts, body, endpoint): (Parts, RequestBody, Endpoint),
    passage: &mut Passage,
) -> Response<Body> {
    let incoming = (&parts, body, endpoint, passage);
    let decided = match prepare(gateway, &admitted, &mut record, incoming).await {
        Ok(Prepared::Ask(decided)) => decided,
        Ok(Prepared::Replay(entry)) => return cached::replay(record, &entry).await,
        Err(refusal) => return refuse(record, Stopped::Refused(refusal)),
    };
    let settle: Option<Settle<_>> =
        (decided.call.body_bytes() <= MAX_LINGERING_BODY).then_some(settle);
    let asking = Asking {
        record,
        admitted,
        decided,
        headers: parts.headers,
    };
    // Calls that came together are all read and decided on before the first of them is sent: then they go out one
    // right after the other, and whoever they go to is woken once for all of them.
    if gateway.doors.is_crowded() {
        tokio::task::yield_now().await;
    }
    // Boxed here: where it is boxed later, every future around this one has room for it, too.
    let asked = Box::pin(ask(Arc::clone(gateway), asking));
    let (asking, result) = Lasting::wait(gateway, asked, settle).await;
    match result {
        Ok(served) => pass(gateway, concluded(gateway, asking, served)).await,
        Err(Some(exhausted)) => refuse(asking.record, Stopped::Exhausted(exhausted)),
        Err(None) => {
            let message = "no candidate is left to ask";
            refuse(
                asking.record,
                Stopped::Refused(Refusal::unavailable("no_candidate_available", message, 1)),
            )
        }
    }
}

type Asked = Result<Served, Option<Exhausted>>;

/// Owns what it needs: it may outlast its caller.
async fn ask(gateway: Arc<Gateway>, mut asking: Asking) -> (Asking, Asked) {
    let Decided { call, plan } = &*asking.decided;
    let planned = (&*plan.choice.order, &*asking.record.decision().candidates);
    let hedge_after = hedge_after(&gateway.config.hedge, planned, call.features());
    let errand = Errand {
        call,
        headers: &asking.headers,
        providers: asking.admitted.providers(),
        order: &plan.choice.order,
        now_ms: asking.record.decision().created_at_ms,
        hedge_after,
        text_bytes: after::text_bytes(&gateway, &asking.admitted, call, asking.record.decision()),
        trace: asking.record.trace(),
    };
    let trail = asking.record.trail();
    let asked = gateway.upstream.serve(&errand, trail).await;
    (asking, asked)
}

/// The reply came after its caller had left: only what it cost still matters.
fn settle(gateway: Arc<Gateway>, (asking, asked): (Asking, Asked)) -> BoxFuture {
    let Asking {
        mut record,
        admitted,
        decided,
        ..
    } = asking;
    let watching = passing::watching(&admitted, &decided.call);
    Box::pin(async move {
        let Ok(served) = asked else {
            record.abandon(None);
            return;
        };
        record.served_by(&served.model, decided.plan.choice.reason);
        match served.reply {
            Reply::Whole(whole) => {
                if withhold(&mut record, watching.as_deref(), &whole).is_none() {
                    store(&mut record, &whole);
                }
                record.abandon(Some(&whole.facts));
            }
            Reply::Stream(stream) => {
                let status = stream.status.as_u16();
                record.keep_head(stream.status, &stream.headers);
                let relay = Relay::new(*stream, gateway.upstream.limits());
                let live = Live::new(&gateway, relay, record, None, status);
                let gate = watching.map(|watching| watching.gate());
                Box::new(live.watched_by(gate)).read_on().await;
            }
        }
    })
}

/// What is done for a call that was understood.
enum Prepared {
    Ask(Box<Decided>),
    /// A stored reply answers it.
    Replay(Arc<Entry>),
}

async fn prepare(
    gateway: &Gateway,
    admitted: &Admitted,
    record: &mut Record,
    (parts, body, endpoint, passage): (&Parts, RequestBody, Endpoint, &mut Passage),
) -> Result<Prepared, Refusal> {
    let headers = plan::ours(&parts.headers);
    let session = session_header(headers)?;
    record.set_session(session.clone());
    record.count_for(project(headers, admitted)?);
    let asked = Instant::now();
    let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
    let bounds = (gateway.config.limits.body_bytes, deadline);
    let bytes = gateway.read(body, bounds, passage).await?;
    record.waited_for_client(asked.elapsed());
    let call = understand((gateway, admitted), (bytes, endpoint, headers))?;
    // A stored prompt makes a body longer.
    let room = passage.hold(call.body_bytes());
    room.map_err(|shed| gateway.shed(shed))?;
    record.understood(&call, admitted);
    record.tag(tags::of(headers, &call, admitted)?);
    let at = (record.id(), record.decision().created_at_ms);
    let asked = (headers, session.as_ref());
    record.entered(entered(gateway, admitted, &call, asked, at));
    screen::screen((gateway, admitted), &call, headers, record).await?;
    let asking = cached::Asking {
        gateway,
        admitted,
        call: &call,
        headers: &parts.headers,
        session: session.as_ref(),
        at,
    };
    if let Some(entry) = cached::look(asking, record).await? {
        let watching = passing::watching(admitted, &call);
        passing::withhold_stored(record, watching, &entry)?;
        note(gateway, admitted, session, at);
        return Ok(Prepared::Replay(entry));
    }
    let mut decided = spending::plan((gateway, admitted), call, (asked, at), record)?;
    record.planned(&mut decided.plan);
    note(gateway, admitted, session, at);
    Ok(Prepared::Ask(Box::new(decided)))
}

/// Remembers that a session is under way. A call without one is one of its own, named by its request id. Nobody rates one
/// of an evaluation.
fn note(
    gateway: &Gateway,
    admitted: &Admitted,
    session: Option<SessionId>,
    (request_id, now_ms): (RequestId, u64),
) {
    if admitted.scope.evaluation {
        return;
    }
    let open = session.unwrap_or_else(|| SessionId::of_call(request_id));
    gateway
        .sessions
        .note(&admitted.tenant.id, &admitted.key_id, open, now_ms);
}

/// Stores a reply that came in one piece, if it may be given again.
fn store(record: &mut Record, whole: &WholeReply) {
    record.keep_head(whole.status, &whole.headers);
    record.keep(&whole.body);
    record.fill(&whole.facts);
}

/// Answers a call that was not served.
fn refuse(mut record: Record, stopped: Stopped) -> Response<Body> {
    let mut response = match stopped {
        Stopped::Refused(refusal) => refusal.response(),
        Stopped::Exhausted(exhausted) => explain(exhausted, &mut record),
    };
    record.end(response.status().as_u16(), Ending::Error, None);
    annotate(response.headers_mut(), &record);
    let strategy = StrategyLabel::from(record.decision().strategy);
    response.body_mut().count_as(strategy);
    response
}
