//! What is done once the caller has its last byte: the reply goes to the judge, the shadow goes out.

use std::{collections::HashSet, sync::Arc};

use floopy_shared::domain::{
    decision::Decision,
    event::{CalledTool, Content, Event, EventBody, ScoringJob},
    firewall::Kept,
    ids::{CandidateKey, RequestId, SessionId},
    route::Shadow,
    snapshot::Tenant,
};
use http::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    admit::Admitted,
    call::{Call, Endpoint},
    gateway::Gateway,
    upstream::{Facts, ToolCall},
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
    /// The session that it is of, and when it came.
    pub session: Option<(SessionId, u64)>,
    /// How much a score of the reply is worth.
    pub uncertainty: u16,
    /// Who is also to be asked, and the record of the call that was served.
    pub shadow: Option<(Shadow, Box<Decision>)>,
}

impl After {
    /// Whether there is anything to do.
    pub(crate) fn is_wanted(
        gateway: &Gateway,
        admitted: &Admitted,
        call: &Call,
        (id, has_more): (RequestId, bool),
    ) -> bool {
        may_keep(admitted, call) && (has_more || gateway.is_judged(admitted, id))
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
        if self.gateway.is_judged(&work.admitted, id) {
            let judged = Judged {
                request_id: id,
                tenant: &work.admitted.tenant,
                candidate: &work.served,
                session: work.session.as_ref(),
                uncertainty: work.uncertainty,
            };
            offer(&self.gateway, &judged, (&work.call, facts));
        }
        if work.shadow.is_some() {
            crate::shadow::launch(&self.gateway, work);
        }
    }
}

/// Content of tenants with zero retention is never kept, nor that of calls that are forwarded untouched, and embeddings
/// have nothing to judge.
fn may_keep(admitted: &Admitted, call: &Call) -> bool {
    !admitted.tenant.zero_retention
        && !call.is_untouched()
        && call.endpoint() != Endpoint::Embeddings
}

/// The session that a call is of, and when it came.
pub(crate) fn session(decision: &Decision) -> Option<(SessionId, u64)> {
    let session = decision.session_id.clone()?;
    Some((session, decision.created_at_ms))
}

/// How much of a reply's text is to be kept: a session keeps more than a judge reads.
pub(crate) fn text_bytes(
    gateway: &Gateway,
    admitted: &Admitted,
    call: &Call,
    decision: &Decision,
) -> usize {
    let config = &gateway.config;
    let is_kept =
        config.sessions.content && decision.session_id.is_some() && may_keep(admitted, call);
    config.reply_text_bytes(is_kept)
}

/// Has what was said kept with its session. A reply that calls tools is not: it is told with the next request, which has
/// the results, and without them nobody could go on from it.
fn keep(gateway: &Gateway, work: &Work, facts: &Facts) {
    let config = &gateway.config;
    let session = work.session.as_ref().filter(|_| config.sessions.content);
    let Some((session, created_at_ms)) = session else {
        return;
    };
    let Some(said) = work.call.said(config.sessions.max_bytes) else {
        return;
    };
    let has_text = !facts.text.is_empty() && !facts.calls_tools && !said.wants_several;
    let kept = work.admitted.tenant.firewall.kept;
    // Before it is cut: half of a number is not known any more for what it is.
    let mut reply = has_text.then(|| kept.text(facts.text.clone()));
    let mut is_cut = facts.truncated;
    if let Some(reply) = &mut reply {
        let end = beginning(reply, config.session_reply_bytes()).len();
        is_cut |= end < reply.len();
        reply.truncate(end);
    }
    let content = Content {
        request_id: work.request_id,
        tenant: work.admitted.tenant.id.clone(),
        session_id: session.clone(),
        created_at_ms: *created_at_ms,
        candidate: work.served.clone(),
        messages: kept.json(said.messages),
        reply,
        truncated: said.truncated || (has_text && is_cut),
    };
    let event = Event {
        id: Uuid::new_v4(),
        recorded_at_ms: gateway.clock.now_ms(),
        body: EventBody::Content(content),
    };
    // Being dropped is counted and logged by the spool.
    let _ = gateway.spool.append(&event);
}

/// As much of a text as fits, in whole characters.
fn beginning(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

/// Whose reply is to be judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged<'a> {
    pub request_id: RequestId,
    pub tenant: &'a Tenant,
    pub candidate: &'a CandidateKey,
    /// The session of the caller's call, and when that came.
    pub session: Option<&'a (SessionId, u64)>,
    /// How much a score is worth, in thousandths.
    pub uncertainty: u16,
}

/// Hands a reply to the judge.
pub(crate) fn offer(gateway: &Gateway, judged: &Judged<'_>, (call, mut facts): (&Call, Facts)) {
    let max_bytes = gateway.config.scoring.max_bytes;
    let kept = judged.tenant.firewall.kept;
    let calls = called(call, facts.take_calls(), (kept, max_bytes));
    // What is said beside a call is no answer, also where the call is not kept.
    if calls.is_empty() && (facts.text.is_empty() || facts.calls_tools) {
        return;
    }
    facts.text = kept.text(facts.text);
    facts.cut_text(max_bytes);
    let prompt = call.prompt(max_bytes);
    let job = ScoringJob {
        request_id: judged.request_id,
        tenant: judged.tenant.id.clone(),
        candidate: judged.candidate.clone(),
        prompt: kept.text(prompt.text),
        reply: facts.text,
        truncated: prompt.truncated || facts.truncated,
        json_expected: call.json_expected(),
        session_id: judged.session.map(|(session, _)| session.clone()),
        asked_at_ms: judged.session.map_or(0, |(_, asked_at_ms)| *asked_at_ms),
        uncertainty: judged.uncertainty,
        calls,
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

/// What a reply calls, beside what was offered. Calls that exceed the bytes are left out, and then schemas.
fn called(call: &Call, calls: Vec<ToolCall>, (kept, max_bytes): (Kept, usize)) -> Vec<CalledTool> {
    if calls.is_empty() {
        return Vec::new();
    }
    let offered = call.offered_tools();
    let mut room = max_bytes;
    let fits = |call: &ToolCall| {
        let left = room.checked_sub(call.name.len() + call.arguments.len());
        room = left.unwrap_or(room);
        left.is_some()
    };
    let calls: Vec<ToolCall> = calls.into_iter().filter(fits).collect();
    let mut made = HashSet::new();
    let described = calls.into_iter().map(|call| {
        let schema = offered
            .schema(&call.name)
            .filter(|schema| schema.len() <= room);
        room -= schema.map_or(0, str::len);
        let is_offered = offered.is_empty() || offered.has(&call.name);
        // Before it is scrubbed: two addresses are the same then.
        let read = serde_json::from_str::<Value>(&call.arguments).ok();
        let same = read.map_or_else(|| call.arguments.clone(), |read| read.to_string());
        let is_repeated = !made.insert((call.choice, call.name.clone(), same));
        CalledTool {
            name: kept.text(call.name),
            arguments: kept_json(kept, call.arguments),
            parameters: schema.map(|schema| kept_json(kept, schema.to_owned())),
            is_offered,
            is_cut: call.is_cut,
            is_repeated,
        }
    });
    described.collect()
}

/// JSON as it is kept, names of members too, or what was meant to be some.
fn kept_json(kept: Kept, json: String) -> String {
    let json = kept.json(json);
    let Ok(mut value) = serde_json::from_str::<Value>(&json) else {
        return kept.text(json);
    };
    if keep_names(kept, &mut value) {
        value.to_string()
    } else {
        json
    }
}

/// Has the names of members as they are kept; whether any is another now. The parser bounds the depth.
fn keep_names(kept: Kept, value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, item| keep_names(kept, item) | any),
        Value::Object(members) => {
            let mut any = false;
            for (name, mut value) in std::mem::take(members) {
                any |= keep_names(kept, &mut value);
                let shown = kept.text(name.clone());
                any |= shown != name;
                members.insert(shown, value);
            }
            any
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_a_tool_is_called_with_is_scrubbed_and_stays_what_it_was() {
        let scrubbed = |json: &str| kept_json(Kept::Scrubbed, json.to_owned());
        let code = r#"{"code":"import flask\n@app.route('/')"}"#;
        assert_eq!(scrubbed(code), code);
        assert_eq!(
            scrubbed(r#"{"invite":{"jane@example.com":"editor"},"card":4111111111111111}"#),
            r#"{"card":"[card]","invite":{"[email]":"editor"}}"#
        );
        assert_eq!(scrubbed("mail jane@example.com"), "mail [email]");
        let whole = r#"{"jane@example.com": 1}"#;
        assert_eq!(kept_json(Kept::Whole, whole.to_owned()), whole);
    }

    #[test]
    fn a_reply_is_cut_for_its_session_and_held_no_longer_than_who_wants_it() {
        assert_eq!(beginning("aéb", 2), "a");
        assert_eq!(beginning("aéb", 3), "aé");
        assert_eq!(beginning("aéb", 9), "aéb");
        let read = floopy_shared::process::config::parse("", "x.toml");
        let mut config: Config = read.unwrap_or_else(|e| panic!("{e}"));
        config.scoring.max_bytes = 100;
        assert_eq!(
            (
                config.reply_text_bytes(false),
                config.reply_text_bytes(true)
            ),
            (100, 64 << 10)
        );
        config.scoring.max_bytes = 1 << 20;
        config.sessions.max_bytes = 1_000;
        assert_eq!(
            (config.reply_text_bytes(true), config.session_reply_bytes()),
            (1 << 20, 1_000)
        );
    }
}
