//! What is done once the caller has its last byte: the reply goes to the judge, the shadow goes out.

use std::sync::Arc;

use floopy_shared::domain::{
    decision::Decision,
    event::{Content, Event, EventBody, ScoringJob},
    ids::{CandidateKey, RequestId, SessionId, TenantId},
    route::Shadow,
};
use http::HeaderMap;
use uuid::Uuid;

use crate::{
    admit::Admitted,
    call::{Call, Endpoint},
    gateway::Gateway,
    upstream::Facts,
};

/// Everything the work after a reply needs; does it when dropped, if the reply was a success.
pub(crate) struct After {
    gateway: Arc<Gateway>,
    work: Option<Work>,
    facts: Option<Facts>,
}

/// A call that was served, with what may be learned from it.
pub(crate) struct Work {
    pub admitted: Admitted,
    pub call: Call,
    pub headers: HeaderMap,
    pub request_id: RequestId,
    pub served: CandidateKey,
    /// The session that keeps what was said, and when the call came.
    pub keeps: Option<(SessionId, u64)>,
    /// Who is also to be asked, and the record of the call that was served.
    pub shadow: Option<(Shadow, Box<Decision>)>,
}

impl After {
    /// Whether there is anything to do. Content of tenants with zero retention is never kept, nor that of
    /// calls that are forwarded untouched, and embeddings have nothing to judge.
    pub(crate) fn is_wanted(
        gateway: &Gateway,
        admitted: &Admitted,
        call: &Call,
        (id, has_more): (RequestId, bool),
    ) -> bool {
        let allowed = !admitted.tenant.zero_retention
            && !call.is_untouched()
            && call.endpoint() != Endpoint::Embeddings;
        allowed && (has_more || gateway.is_sampled(id))
    }

    pub(crate) fn new(gateway: &Arc<Gateway>, work: Work) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            work: Some(work),
            facts: None,
        }
    }

    /// The reply was complete.
    pub(crate) fn succeeded(&mut self, facts: Facts) {
        self.facts = Some(facts);
    }
}

impl Drop for After {
    fn drop(&mut self) {
        let (Some(work), Some(facts)) = (self.work.take(), self.facts.take()) else {
            return;
        };
        let id = work.request_id;
        keep(&self.gateway, &work, &facts);
        if self.gateway.is_sampled(id) {
            let judged = Judged {
                request_id: id,
                tenant: &work.admitted.tenant.id,
                candidate: &work.served,
            };
            offer(&self.gateway, &judged, (&work.call, facts));
        }
        if work.shadow.is_some() {
            crate::shadow::launch(&self.gateway, work);
        }
    }
}

/// Whether what is said in this call is kept, once it is known that it may be.
pub(crate) fn keeps(gateway: &Gateway, decision: &Decision) -> Option<(SessionId, u64)> {
    let session = decision.session_id.clone();
    let kept = session.filter(|_| gateway.config.sessions.content);
    kept.map(|session| (session, decision.created_at_ms))
}

/// Has what was said kept with its session. A reply that calls tools is not: it is told with the next request, which has
/// the results, and without them nobody could go on from it.
fn keep(gateway: &Gateway, work: &Work, facts: &Facts) {
    let Some((session, created_at_ms)) = &work.keeps else {
        return;
    };
    let Some(said) = work.call.said(gateway.config.sessions.max_bytes) else {
        return;
    };
    let has_text = !facts.text.is_empty() && !facts.calls_tools && !said.wants_several;
    let content = Content {
        request_id: work.request_id,
        tenant: work.admitted.tenant.id.clone(),
        session_id: session.clone(),
        created_at_ms: *created_at_ms,
        candidate: work.served.clone(),
        messages: said.messages,
        reply: has_text.then(|| facts.text.clone()),
        truncated: said.truncated || (has_text && facts.truncated),
    };
    let event = Event {
        id: Uuid::new_v4(),
        recorded_at_ms: gateway.clock.now_ms(),
        body: EventBody::Content(content),
    };
    // Being dropped is counted and logged by the spool.
    let _ = gateway.spool.append(&event);
}

/// Whose reply is to be judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged<'a> {
    pub request_id: RequestId,
    pub tenant: &'a TenantId,
    pub candidate: &'a CandidateKey,
}

/// Hands a reply to the judge.
pub(crate) fn offer(gateway: &Gateway, judged: &Judged<'_>, (call, mut facts): (&Call, Facts)) {
    if facts.text.is_empty() {
        return;
    }
    let max_bytes = gateway.config.scoring.max_bytes;
    facts.cut_text(max_bytes);
    let prompt = call.prompt(max_bytes);
    let job = ScoringJob {
        request_id: judged.request_id,
        tenant: judged.tenant.clone(),
        candidate: judged.candidate.clone(),
        prompt: prompt.text,
        reply: facts.text,
        truncated: prompt.truncated || facts.truncated,
        json_expected: call.json_expected(),
    };
    let recorded_at_ms = gateway.clock.now_ms();
    let event = Event {
        id: Uuid::new_v4(),
        recorded_at_ms,
        body: EventBody::ScoringJob(job),
    };
    // Being dropped is counted and logged by the spool.
    let _ = gateway.spool.append(&event);
}
