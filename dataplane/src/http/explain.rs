//! `POST /v1/routing/explain`: what a call would be answered by, decided by the very functions that serve it.
//!
//! Nobody is called, nothing is recorded, no session is touched and nothing of a call's limits is used up.

mod answer;
mod cached;
mod question;

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use floopy_shared::domain::{
    explanation::Locale,
    ids::{RequestId, SessionId},
};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE},
    request::Parts,
};
use serde_json::Value;

pub(super) use self::cached::explain as explain_cached;
use self::question::{Envelope, Question};
use super::{
    body::Body,
    request_body::RequestBody,
    respond::{Refusal, json_response},
};
use crate::{
    admit::{Admitted, Permission},
    allowance::Exhausted,
    call::{Call, Endpoint},
    doors::Passage,
    gateway::Gateway,
    pipeline::{
        look_for_attacks, refusal_of_attack, session_header, understand, weigh,
        without_foreign_prompt,
    },
    record::of_plan,
    route::Unroutable,
};

/// Of a question (floopy.ai/docs/api/routing-explain).
const MAX_BODY_BYTES: usize = 64 << 10;

/// Explains a decision that is not made.
pub(super) async fn explain(
    gateway: &Arc<Gateway>,
    request: Request<RequestBody>,
    id: RequestId,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let (parts, admitted, body) = ask(gateway, request, passage).await?;
    let question = question::read(body, Envelope::OfChat)?;
    let now_ms = gateway.clock.now_ms();
    decide(gateway, &admitted, question, (&parts.headers, id, now_ms)).await
}

/// What somebody asks who may, and did not too often.
async fn ask(
    gateway: &Gateway,
    request: Request<RequestBody>,
    passage: &mut Passage,
) -> Result<(Parts, Admitted, Bytes), Refusal> {
    let (parts, body) = request.into_parts();
    let admitted = gateway.enter(&parts.headers, Permission::Write, passage)?;
    if let Some((plan, feature)) = admitted.tenant.lacking(parts.uri.path()) {
        return Err(Refusal::plan_required(plan, feature));
    }
    let now_ms = gateway.clock.now_ms();
    gateway
        .explains
        .take(&admitted.tenant.id, &admitted.key_id, now_ms)?;
    let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
    let body = gateway
        .read(body, (MAX_BODY_BYTES, deadline), passage)
        .await
        .map_err(too_large_is_a_bad_request)?;
    Ok((parts, admitted, body))
}

async fn decide(
    gateway: &Gateway,
    admitted: &Admitted,
    question: Question,
    (headers, id, now_ms): (&HeaderMap, RequestId, u64),
) -> Result<Response<Body>, Refusal> {
    let Question {
        body, headers: own, ..
    } = question;
    let wished = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    let wished = wished.unwrap_or_default();
    // Who sends the call's headers along means those; else they are the request's own.
    let headers = match &own {
        Some(own) => Cow::Borrowed(own),
        None => without_foreign_prompt(headers),
    };
    let headers = &*headers;
    let session = session_header(headers)?;
    let locale = Locale::negotiate(wished);
    let call = understand((gateway, admitted), (body, Endpoint::Chat, headers))?;
    let screening = look_for_attacks((gateway, admitted), &call, headers).await?;
    let asked = answer::Asked {
        session: session.as_ref(),
        features: call.features(),
        shapes: call.shapes(),
        class_signals: call.class_signals(),
        snapshot_version: admitted.snapshot.version(),
        screening: screening.as_ref(),
    };
    let of_call = (headers, session.as_ref());
    let stopped = screening.as_ref().and_then(refusal_of_attack);
    let explained = match stopped {
        Some(refusal) => {
            let mut answer = answer::refused(&asked, &[], &refusal);
            answer::stopped(&mut answer, screening.as_ref(), locale);
            answer
        }
        None => weighed(
            gateway,
            admitted,
            (&call, &asked),
            (of_call, locale),
            (id, now_ms),
        )?,
    };
    let mut response = json_response(StatusCode::OK, &explained);
    response
        .headers_mut()
        .insert(CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    Ok(response)
}

/// Who would serve a call that the firewall lets pass.
fn weighed(
    gateway: &Gateway,
    admitted: &Admitted,
    (call, asked): (&Call, &answer::Asked<'_>),
    (of_call, locale): ((&HeaderMap, Option<&SessionId>), Locale),
    (id, now_ms): (RequestId, u64),
) -> Result<Value, Refusal> {
    Ok(
        match weigh(gateway, admitted, call, of_call, (id, now_ms))? {
            Ok(mut plan) => {
                let mut answer = answer::served(asked, &plan);
                let decision = of_plan(admitted, (call, &mut plan), (id, now_ms));
                answer::explain(&mut answer, &decision, locale);
                answer
            }
            // Nobody is left to serve it: that is an answer too, and why is what is asked for.
            Err(none @ (Unroutable::NoCandidate(_) | Unroutable::Forbidden(_))) => {
                let candidates = none.candidates().to_vec();
                answer::refused(asked, &candidates, &Refusal::from(none))
            }
            Err(
                unroutable @ (Unroutable::Unresolved(_)
                | Unroutable::Wish(_)
                | Unroutable::NoProvider),
            ) => {
                return Err(unroutable.into());
            }
        },
    )
}

/// As the documentation has it, where other paths say 413.
fn too_large_is_a_bad_request(refusal: Refusal) -> Refusal {
    if refusal.status == StatusCode::PAYLOAD_TOO_LARGE {
        return Refusal {
            status: StatusCode::BAD_REQUEST,
            ..refusal
        };
    }
    refusal
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        let message = exhausted.to_string();
        Self {
            retry_after: Some(exhausted.retry_after_s),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        }
    }
}
