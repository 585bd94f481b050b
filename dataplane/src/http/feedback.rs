//! `POST /v1/feedback` and `DELETE /v1/feedback/…`: a rating, or that it is taken back, is on disk before it is
//! answered.

mod path;
mod submission;

use std::{sync::Arc, time::Duration};

use floopy_shared::domain::{
    event::{Event, EventBody, Rating, RatingScore, RatingSubject},
    ids::SessionId,
};
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::json;
use uuid::Uuid;

pub(super) use self::path::is_subject;
use self::submission::{InvalidRating, Submission, parse};
use super::{
    body::Body,
    request_body::RequestBody,
    respond::{Refusal, json_response},
};
use crate::{
    admit::{Admitted, Permission},
    doors::Passage,
    gateway::Gateway,
    pipeline::session_header,
    rates::takes_ratings,
    record::spool::Verdict,
    sessions::Open,
};

/// Of a rating.
const MAX_BODY_BYTES: usize = 64 << 10;

/// A retraction's score means nothing; the wire has a place for one.
const NO_SCORE: RatingScore = RatingScore::MIN;

/// What is said of a subject.
#[derive(Debug, Clone, Copy)]
enum Said {
    Rated {
        score: RatingScore,
        useful: bool,
        revise: bool,
    },
    TakenBack,
}

/// Takes a rating.
pub(super) async fn rate(
    gateway: &Arc<Gateway>,
    request: Request<RequestBody>,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let admitted = gateway.enter(&parts.headers, Permission::Write, passage)?;
    let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
    let body = gateway
        .read(body, (MAX_BODY_BYTES, deadline), passage)
        .await?;
    let submission = parse(&body)?;
    let subject = subject(gateway, &admitted, &parts.headers, &submission)?;
    // A revision of what is known to be rated is not another rating.
    let is_known = || {
        gateway
            .rated
            .stands(&admitted.tenant.id, &name_of(&subject))
    };
    if !(submission.revise && is_known()) {
        takes_ratings(&admitted.tenant, gateway.clock.now_ms())?;
    }
    let said = Said::Rated {
        score: submission.score,
        useful: submission.useful,
        revise: submission.revise,
    };
    let duplicate = deliver(gateway, &admitted, said, subject.clone()).await?;
    let session_id = match &subject {
        RatingSubject::Session(id) => Some(id),
        RatingSubject::Request(_) => submission.session_id.as_ref(),
    };
    let answer = json!({"duplicate": duplicate, "session_id": session_id.map(SessionId::as_str)});
    Ok(json_response(StatusCode::OK, &answer))
}

/// Takes a rating back. Of what was never rated too: it may still be on its way.
pub(super) async fn retract(
    gateway: &Arc<Gateway>,
    request: &Request<RequestBody>,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let admitted = gateway.enter(request.headers(), Permission::Write, passage)?;
    let subject = path::subject(request.uri().path())?;
    deliver(gateway, &admitted, Said::TakenBack, subject.clone()).await?;
    let (session_id, request_id) = match &subject {
        RatingSubject::Session(id) => (Some(id.as_str()), None),
        RatingSubject::Request(id) => (None, Some(id.to_string())),
    };
    let answer = json!({"retracted": true, "session_id": session_id, "request_id": request_id});
    Ok(json_response(StatusCode::OK, &answer))
}

/// What is rated: one reply, or a session that is named or can only be one.
fn subject(
    gateway: &Gateway,
    admitted: &Admitted,
    headers: &HeaderMap,
    submission: &Submission,
) -> Result<RatingSubject, Refusal> {
    if let Some(id) = submission.request_id {
        return Ok(RatingSubject::Request(id));
    }
    if let Some(id) = submission.session_id.clone() {
        return Ok(RatingSubject::Session(id));
    }
    if let Some(id) = session_header(headers)? {
        return Ok(RatingSubject::Session(id));
    }
    let now_ms = gateway.clock.now_ms();
    match gateway
        .sessions
        .open(&admitted.tenant.id, &admitted.key_id, now_ms)
    {
        Open::One(id) => Ok(RatingSubject::Session(id)),
        Open::None => Err(InvalidRating::NoSession.into()),
        Open::Several => Err(InvalidRating::SeveralSessions.into()),
    }
}

fn name_of(subject: &RatingSubject) -> String {
    match subject {
        RatingSubject::Session(id) => id.to_string(),
        RatingSubject::Request(id) => id.to_string(),
    }
}

/// Spools what was said and learns, where the control plane says so in time, whether a rating stood already.
async fn deliver(
    gateway: &Gateway,
    admitted: &Admitted,
    said: Said,
    subject: RatingSubject,
) -> Result<bool, Refusal> {
    let now_ms = gateway.clock.now_ms();
    let name = name_of(&subject);
    let tenant = &admitted.tenant.id;
    let retracted = matches!(said, Said::TakenBack);
    let noted = gateway.rated.note(tenant, &name, (now_ms, !retracted));
    let (score, useful, revise) = match said {
        Said::Rated {
            score,
            useful,
            revise,
        } => (score, useful, revise),
        Said::TakenBack => (NO_SCORE, false, true),
    };
    let rating = Rating {
        tenant: tenant.clone(),
        subject,
        score,
        useful,
        revise,
        retracted,
        rated_at_ms: noted.at_ms,
    };
    let event = Event {
        id: Uuid::new_v4(),
        recorded_at_ms: now_ms,
        body: EventBody::Rating(rating),
    };
    let waiter = gateway.spool.expect_ack(&event);
    gateway.spool.append(&event).map_err(|refused| {
        gateway.rated.note(tenant, &name, (now_ms, noted.before));
        let message = format!("the rating was not taken: {refused}; nothing was recorded");
        Refusal::unavailable("spool_unavailable", message, 5)
    })?;
    let patience = Duration::from_millis(gateway.config.timeouts.feedback_ack_ms);
    let verdict = match waiter {
        Some(waiter) => waiter.within(patience).await,
        None => None,
    };
    match verdict {
        None => Ok(noted.before && !revise),
        Some(Verdict::Accepted { duplicate_rating }) => Ok(duplicate_rating),
        Some(Verdict::Rejected { reason }) => {
            let message = format!("the control plane rejected the rating: {reason}");
            Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "rating_rejected",
                message,
            ))
        }
    }
}
