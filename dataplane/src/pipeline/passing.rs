//! A reply on its way to the caller, and what is done besides.

use std::sync::Arc;

use floopy_shared::domain::decision::Ending;
use http::Response;

use super::{Asking, annotate::annotate, plan::Decided, store};
use crate::{
    admit::Admitted,
    after::{self, After, Work},
    cache::Entry,
    call::Call,
    conversations,
    firewall::output::Watching,
    gateway::Gateway,
    http::{Body, Live, respond::Refusal, withheld},
    implicit,
    metrics::StrategyLabel,
    record::Record,
    upstream::{Relay, Reply, Served, WholeReply},
};

/// A reply that is passed on, and what is done besides.
pub(super) struct Passing {
    reply: Reply,
    record: Record,
    after: Option<Box<After>>,
    /// `None`: nobody looks at the reply.
    watching: Option<Box<Watching>>,
    strategy: StrategyLabel,
}

/// What a call came to, once somebody served it.
pub(super) fn concluded(gateway: &Arc<Gateway>, asking: Asking, served: Served) -> Passing {
    let Asking {
        mut record,
        admitted,
        decided,
        headers,
    } = asking;
    let Decided { call, plan } = *decided;
    record.served_by(&served.model, plan.choice.reason);
    // Rows of a data set may begin alike without going on from each other.
    if !admitted.scope.evaluation {
        let said = implicit::said(&call, record.decision(), &admitted.tenant);
        let by = conversations::Served {
            by: served.model.key.clone(),
            at_ms: gateway.clock.now_ms(),
            call: said,
        };
        let before = gateway.conversations.note(plan.conversation, by);
        let follow_up = |before| implicit::follow_up(&call, record.decision(), before);
        if let Some(implicit) = before.and_then(follow_up) {
            record.tells(implicit);
        }
    }
    // Whoever stepped in is not its own shadow.
    let shadow = plan
        .choice
        .shadow
        .filter(|shadow| shadow.model.key != served.model.key);
    let watching = watching(&admitted, &call);
    let session = after::session(record.decision());
    let has_more = shadow.is_some() || (gateway.config.sessions.content && session.is_some());
    let after = After::is_wanted(gateway, &admitted, &call, (record.id(), has_more)).then(|| {
        let shadow = shadow.map(|shadow| (shadow, Box::new(record.decision().clone())));
        let work = Work {
            admitted,
            call,
            headers,
            request_id: record.id(),
            uncertainty: record.decision().uncertainty(&served.model.key),
            served: served.model.key.clone(),
            session,
            shadow,
        };
        Box::new(After::new(gateway, work))
    });
    Passing {
        reply: served.reply,
        record,
        after,
        watching,
        strategy: StrategyLabel::from(plan.choice.strategy),
    }
}

/// What is looked for in the reply to a call; `None`: nothing.
pub(super) fn watching(admitted: &Admitted, call: &Call) -> Option<Box<Watching>> {
    Watching::of(&admitted.tenant, call).map(Box::new)
}

/// What is told instead of a reply that came in one piece, if its caller may not read it.
pub(super) fn withhold(
    record: &mut Record,
    watching: Option<&Watching>,
    whole: &WholeReply,
) -> Option<Refusal> {
    let watched = watching?.whole(&whole.body);
    record.watched(watched);
    let refusal = withheld::refusal(&watched)?;
    record.keep_nothing();
    Some(refusal)
}

/// The same of a reply that was stored.
pub(super) fn withhold_stored(
    record: &mut Record,
    watching: Option<Box<Watching>>,
    entry: &Entry,
) -> Result<(), Refusal> {
    let Some(watching) = watching else {
        return Ok(());
    };
    let watched = watching.stored(&entry.body);
    record.watched(watched);
    withheld::refusal(&watched).map_or(Ok(()), Err)
}

/// Passes a reply on. Its record is written before its last byte goes out.
pub(super) async fn pass(gateway: &Arc<Gateway>, passing: Passing) -> Response<Body> {
    let Passing {
        reply,
        mut record,
        mut after,
        watching,
        strategy,
    } = passing;
    let status = reply.status();
    let (mut response_headers, mut body);
    match reply {
        Reply::Whole(whole) => {
            if let Some(refusal) = withhold(&mut record, watching.as_deref(), &whole) {
                record.end(refusal.status.as_u16(), Ending::Error, Some(&whole.facts));
                let mut response = refusal.response();
                annotate(response.headers_mut(), &record);
                response.body_mut().count_as(strategy);
                return response;
            }
            store(&mut record, &whole);
            record.complete(status.as_u16(), &whole.facts).await;
            if let Some(after) = &mut after {
                after.succeeded(whole.facts);
            }
            response_headers = whole.headers;
            annotate(&mut response_headers, &record);
            body = Body::whole_then(whole.body, after);
        }
        Reply::Stream(mut stream) => {
            record.keep_head(status, &stream.headers);
            record.begin_stream(status.as_u16(), &stream.sieve.facts);
            response_headers = std::mem::take(&mut stream.headers);
            annotate(&mut response_headers, &record);
            let relay = Relay::new(*stream, gateway.upstream.limits());
            let live = Live::new(gateway, relay, record, after, status.as_u16());
            let gate = watching.map(|watching| watching.gate());
            body = Body::live(live.watched_by(gate));
        }
    }
    body.count_as(strategy);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = response_headers;
    response
}
