//! Embeddings asked of a provider in its own form: in as many requests as it takes, answered in one.

use std::sync::atomic::{AtomicBool, Ordering};

use floopy_protocols::{
    InvalidReply, Target, Unsupported,
    embeddings::{EmbeddingApi, EmbeddingBody, EmbeddingReply, EmbeddingRequest, openai},
};
use futures::{StreamExt, stream};
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use super::{
    Errand, Limits,
    attempt::{self, Failure, Reply, WholeReply},
    client::Client,
    facts::Facts,
    form::{Form, Part, TOKEN_COUNT},
};
use crate::{
    call::{Call, Endpoint},
    provider::Provider,
};

/// Requests of one call that are under way at the same time: enough that a call with many inputs is not slow, and
/// few enough that it does not look like a flood to its provider.
const AT_ONCE: usize = 4;

/// As many as OpenAI takes. Some providers take one at a time, and each is a request.
const MAX_INPUTS: usize = 2_048;

/// What to ask, and of whom.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub provider: &'a Provider,
    pub model: &'a str,
    pub api: EmbeddingApi,
}

/// `None`: it is no question for embeddings in another form than the caller's.
pub(super) fn question<'a>(
    call: &Call,
    provider: &'a Provider,
    model: &'a str,
) -> Option<Question<'a>> {
    if call.endpoint() != Endpoint::Embeddings || call.is_untouched() {
        return None;
    }
    let api = provider.embeddings?;
    Some(Question {
        provider,
        model,
        api,
    })
}

/// One answered request, with the headers of its reply.
type Answered = (EmbeddingReply, HeaderMap);

/// Asks a provider that has a form of its own. Where one request fails, so does the call; those under way are
/// waited for, because their provider wants to be paid for them.
pub(super) async fn ask(
    (client, limits): (&Client, &Limits),
    errand: &Errand<'_>,
    question: Question<'_>,
) -> Result<Reply, Failure> {
    let request = read(errand, question)?;
    let target = Target {
        provider: question.provider.name(),
        model: question.model,
    };
    let written = question.api.write_requests(&request, target);
    let written = written.map_err(Failure::Unsupported)?;
    let dropped = &written.dropped;
    let has_failed = &AtomicBool::new(false);
    let one = async |body: EmbeddingBody| {
        if has_failed.load(Ordering::Relaxed) {
            return None;
        }
        let part = Part {
            api: question.provider.api,
            dropped: dropped.clone(),
        };
        let to = (client, limits);
        let answered = Box::pin(ask_one(to, errand, question, (body, part))).await;
        has_failed.fetch_or(answered.is_err(), Ordering::Relaxed);
        Some(answered)
    };
    let asked = stream::iter(written.bodies.into_iter().map(one));
    let all = asked.buffered(AT_ONCE).collect::<Vec<_>>();
    let deadline = Instant::now() + limits.total;
    let answers = timeout_at(deadline, all).await;
    let answers = answers.map_err(|_| Failure::TimedOut(limits.total))?;
    put_together(answers.into_iter().flatten(), &request, question)
}

fn read(errand: &Errand<'_>, question: Question<'_>) -> Result<EmbeddingRequest, Failure> {
    let refused = |field: &str, why: String| {
        Failure::Unsupported(Unsupported::new(field, question.provider.name(), why))
    };
    let request = openai::read_request(errand.call.body());
    let request = request.map_err(|invalid| {
        let field = invalid.param().unwrap_or("the body");
        refused(field, invalid.to_string())
    })?;
    let inputs = request.inputs.len();
    if inputs > MAX_INPUTS {
        let why = format!("it has {inputs} inputs, and at most {MAX_INPUTS} are taken at once");
        return Err(refused("input", why));
    }
    Ok(request)
}

async fn ask_one(
    (client, limits): (&Client, &Limits),
    errand: &Errand<'_>,
    question: Question<'_>,
    (body, part): (EmbeddingBody, Part),
) -> Result<Answered, Failure> {
    let (provider, model) = (question.provider, question.model);
    let asked = (body.json.into(), Form::Part(Box::new(part)));
    let prepared = attempt::address(client, provider, errand, (model, asked)).await?;
    match attempt::send(client, limits, prepared, (errand.call, provider)).await? {
        Reply::Whole(mut whole) => {
            let reply = question.api.read_reply(&whole.body);
            let mut reply = reply.map_err(invalid)?;
            let found = reply.vectors.len();
            if found != body.inputs {
                let what = format!("{found} embeddings of {} inputs", body.inputs);
                return Err(Failure::Invalid(what.into()));
            }
            if let (None, Some(tokens)) = (reply.usage, tokens(&mut whole.headers)) {
                reply.usage = Some(floopy_protocols::Usage {
                    input: tokens,
                    ..Default::default()
                });
            }
            Ok((reply, whole.headers))
        }
        Reply::Stream(_) => Err(Failure::Invalid("a stream in place of embeddings".into())),
    }
}

fn tokens(headers: &mut HeaderMap) -> Option<u64> {
    headers.remove(&TOKEN_COUNT)?.to_str().ok()?.parse().ok()
}

fn invalid(invalid: InvalidReply) -> Failure {
    Failure::Invalid(invalid.0.into())
}

/// The one reply, or the first failure with what the others came to.
fn put_together(
    answers: impl Iterator<Item = Result<Answered, Failure>>,
    request: &EmbeddingRequest,
    question: Question<'_>,
) -> Result<Reply, Failure> {
    let inputs = request.inputs.len();
    let (mut replies, mut failed, mut headers) = (Vec::new(), None, HeaderMap::new());
    for answer in answers {
        match answer {
            Ok((reply, its)) => {
                replies.push(reply);
                headers = its;
            }
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    let done: usize = replies.iter().map(|reply| reply.vectors.len()).sum();
    if let Some(failure) = failed {
        return Err(Failure::partly(failure, (done, inputs)));
    }
    let mut joined = EmbeddingReply::join(replies, inputs).map_err(invalid)?;
    if joined.model.is_empty() {
        question.model.clone_into(&mut joined.model);
    }
    Ok(Reply::Whole(WholeReply {
        status: http::StatusCode::OK,
        headers,
        body: openai::write_reply(&joined, request.encoding).into(),
        facts: Facts::of_embeddings(joined.usage.as_ref()),
    }))
}
