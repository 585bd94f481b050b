//! Events and the ratings and jobs they carry.

use floopy_proto::v1;

use super::{InvalidWire, id_bytes, optional_uuid, ranking, required, uuid};
use crate::domain::{
    event::{
        CalledTool, Content, Event, EventBody, Rating, RatingScore, RatingSubject, ScoringJob,
    },
    ids::{RequestId, SessionId},
};

impl From<&Event> for v1::Event {
    fn from(e: &Event) -> Self {
        let body = match &e.body {
            EventBody::Decision(decision) => v1::event::Body::Decision(decision.as_ref().into()),
            EventBody::Rating(rating) => v1::event::Body::Rating(rating.into()),
            EventBody::ScoringJob(job) => v1::event::Body::ScoringJob(job.into()),
            EventBody::Content(content) => v1::event::Body::Content(content.into()),
        };
        Self {
            id: id_bytes(e.id),
            recorded_at_ms: e.recorded_at_ms,
            body: Some(body),
        }
    }
}

impl TryFrom<v1::Event> for Event {
    type Error = InvalidWire;

    fn try_from(e: v1::Event) -> Result<Self, InvalidWire> {
        let body = match required(e.body, "body")? {
            v1::event::Body::Decision(decision) => {
                EventBody::Decision(Box::new(decision.try_into()?))
            }
            v1::event::Body::Rating(rating) => EventBody::Rating(rating.try_into()?),
            v1::event::Body::ScoringJob(job) => EventBody::ScoringJob(job.try_into()?),
            v1::event::Body::Content(content) => EventBody::Content(content.try_into()?),
        };
        Ok(Self {
            id: uuid(&e.id, "id")?,
            recorded_at_ms: e.recorded_at_ms,
            body,
        })
    }
}

impl From<&Rating> for v1::Rating {
    fn from(r: &Rating) -> Self {
        let (session_id, request_id) = match &r.subject {
            RatingSubject::Session(id) => (id.to_string(), bytes::Bytes::new()),
            RatingSubject::Request(id) => (String::new(), id_bytes(id.0)),
        };
        Self {
            tenant: r.tenant.to_string(),
            session_id,
            request_id,
            score: u32::from(r.score.value()),
            useful: r.useful,
            revise: r.revise,
            rated_at_ms: r.rated_at_ms,
            retracted: r.retracted,
        }
    }
}

impl TryFrom<v1::Rating> for Rating {
    type Error = InvalidWire;

    fn try_from(r: v1::Rating) -> Result<Self, InvalidWire> {
        let subject = match optional_uuid(&r.request_id, "request_id")? {
            Some(id) => RatingSubject::Request(RequestId(id)),
            None => RatingSubject::Session(
                SessionId::new(&r.session_id).map_err(|e| InvalidWire::invalid("session_id", e))?,
            ),
        };
        Ok(Self {
            tenant: ranking::tenant(&r.tenant)?,
            subject,
            score: RatingScore::new(i64::from(r.score))
                .map_err(|e| InvalidWire::invalid("score", e))?,
            useful: r.useful,
            revise: r.revise || r.retracted,
            retracted: r.retracted,
            rated_at_ms: r.rated_at_ms,
        })
    }
}

impl From<&ScoringJob> for v1::ScoringJob {
    fn from(j: &ScoringJob) -> Self {
        Self {
            request_id: id_bytes(j.request_id.0),
            tenant: j.tenant.to_string(),
            candidate: j.candidate.to_string(),
            prompt: j.prompt.clone(),
            reply: j.reply.clone(),
            truncated: j.truncated,
            json_expected: j.json_expected,
            session_id: j
                .session_id
                .as_ref()
                .map_or_else(String::new, SessionId::to_string),
            asked_at_ms: j.asked_at_ms,
            uncertainty: j.uncertainty.into(),
            calls: j.calls.iter().map(v1::CalledTool::from).collect(),
        }
    }
}

impl TryFrom<v1::ScoringJob> for ScoringJob {
    type Error = InvalidWire;

    fn try_from(j: v1::ScoringJob) -> Result<Self, InvalidWire> {
        Ok(Self {
            request_id: RequestId(uuid(&j.request_id, "request_id")?),
            tenant: ranking::tenant(&j.tenant)?,
            candidate: ranking::candidate(&j.candidate)?,
            prompt: j.prompt,
            reply: j.reply,
            truncated: j.truncated,
            json_expected: j.json_expected,
            session_id: match j.session_id.as_str() {
                "" => None,
                id => Some(SessionId::new(id).map_err(|e| InvalidWire::invalid("session_id", e))?),
            },
            asked_at_ms: j.asked_at_ms,
            // One that is out of range says as little as none.
            uncertainty: u16::try_from(j.uncertainty.min(1_000)).unwrap_or_default(),
            calls: j.calls.into_iter().map(CalledTool::from).collect(),
        })
    }
}

impl From<&CalledTool> for v1::CalledTool {
    fn from(c: &CalledTool) -> Self {
        Self {
            name: c.name.clone(),
            arguments: c.arguments.clone(),
            parameters: c.parameters.clone().unwrap_or_default(),
            is_offered: c.is_offered,
            is_cut: c.is_cut,
            is_repeated: c.is_repeated,
        }
    }
}

impl From<v1::CalledTool> for CalledTool {
    fn from(c: v1::CalledTool) -> Self {
        Self {
            name: c.name,
            arguments: c.arguments,
            parameters: Some(c.parameters).filter(|schema| !schema.is_empty()),
            is_offered: c.is_offered,
            is_cut: c.is_cut,
            is_repeated: c.is_repeated,
        }
    }
}

impl From<&Content> for v1::Content {
    fn from(c: &Content) -> Self {
        Self {
            request_id: id_bytes(c.request_id.0),
            tenant: c.tenant.to_string(),
            session_id: c.session_id.to_string(),
            created_at_ms: c.created_at_ms,
            candidate: c.candidate.to_string(),
            messages: c.messages.clone(),
            reply: c.reply.clone(),
            truncated: c.truncated,
        }
    }
}

impl TryFrom<v1::Content> for Content {
    type Error = InvalidWire;

    fn try_from(c: v1::Content) -> Result<Self, InvalidWire> {
        Ok(Self {
            request_id: RequestId(uuid(&c.request_id, "request_id")?),
            tenant: ranking::tenant(&c.tenant)?,
            session_id: SessionId::new(&c.session_id)
                .map_err(|e| InvalidWire::invalid("session_id", e))?,
            created_at_ms: c.created_at_ms,
            candidate: ranking::candidate(&c.candidate)?,
            messages: c.messages,
            reply: c.reply,
            truncated: c.truncated,
        })
    }
}
