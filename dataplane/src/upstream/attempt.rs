//! One try at one candidate: from sending the request to having a reply that can be passed on.

mod failure;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use floopy_protocols::Unsupported;
use floopy_shared::domain::decision::AttemptResult;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    response::Parts,
};
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::{
    Errand, Limits,
    breaker::Trial,
    client::{Client, ReplyBody},
    facts::{Event, Facts},
    form::{self, Form, Said},
    headers, pause,
    sieve::Sieve,
    trail::Ended,
};
use crate::{
    call::Call,
    deadline,
    provider::{Place, Provider},
    whole::whole,
};

pub(crate) use self::failure::{ErrorReply, Failure};

/// Of an upstream's error, passed on as it is.
const MAX_ERROR_BYTES: usize = 1 << 20;

/// Of a stream, read before its first event must have come.
const MAX_HEAD_BYTES: usize = 1 << 20;

/// A reply that can be passed on.
#[expect(
    clippy::large_enum_variant,
    reason = "a whole reply is the usual one, and costs no allocation of its own"
)]
pub(crate) enum Reply {
    Whole(WholeReply),
    Stream(Box<StreamReply>),
}

/// A reply that came in one piece and is one.
pub(crate) struct WholeReply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub facts: Facts,
}

/// A stream whose first event came.
pub(crate) struct StreamReply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// What was read to see the first event.
    pub head: VecDeque<Bytes>,
    pub tail: ReplyBody,
    pub sieve: Sieve,
    pub deadline: Instant,
    /// Still open: a stream that began may break.
    pub trial: Option<Trial>,
}

impl Reply {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Whole(reply) => reply.status,
            Self::Stream(reply) => reply.status,
        }
    }

    fn headers(&self) -> &HeaderMap {
        match self {
            Self::Whole(reply) => &reply.headers,
            Self::Stream(reply) => &reply.headers,
        }
    }
}

/// What the trail keeps of it.
pub(super) fn ended(result: &Result<Reply, Failure>) -> Ended {
    match result {
        Ok(reply) => Ended {
            result: AttemptResult::Ok,
            status: Some(reply.status().as_u16()),
            upstream_request_id: headers::upstream_request_id(reply.headers()),
            worked_in_vain: 0.0,
        },
        Err(failure) => Ended {
            result: failure.result(),
            status: failure.status().map(|status| status.as_u16()),
            upstream_request_id: failure.upstream_request_id(),
            worked_in_vain: failure.worked_in_vain(),
        },
    }
}

/// A request to one candidate, and how its reply is read.
pub(super) struct Prepared {
    request: Request<Bytes>,
    form: Form,
}

/// Puts a call to one candidate, or says why it cannot be put.
pub(super) async fn prepare(
    client: &Client,
    provider: &Provider,
    errand: &Errand<'_>,
    model: &str,
) -> Result<Prepared, Failure> {
    let (call, now_ms) = (errand.call, errand.now_ms);
    let asked = form::body(provider, call, (model, now_ms)).map_err(Failure::Unsupported)?;
    address(client, provider, errand, (model, asked)).await
}

/// Puts a body on its way to one candidate.
pub(super) async fn address(
    client: &Client,
    provider: &Provider,
    errand: &Errand<'_>,
    (model, (body, form)): (&str, (Bytes, Form)),
) -> Result<Prepared, Failure> {
    let (call, now_ms) = (errand.call, errand.now_ms);
    let place = Place {
        endpoint: form.endpoint(),
        model,
        stream: call.stream(),
    };
    let uri = provider.uri(place).ok_or_else(|| {
        let why = "it cannot be part of an address";
        Failure::Unsupported(Unsupported::new("model", provider.name(), why))
    })?;
    let mut request = headers::request(uri, body, errand.headers);
    headers::complete(provider.api, &mut request);
    if let Some(trace) = &errand.trace {
        trace.tell(request.headers_mut());
    }
    let credentials = &provider.credentials;
    credentials.apply(&mut request, (client, now_ms)).await?;
    Ok(Prepared { request, form })
}

/// Sends the request and reads as much of the reply as must be seen before it may be passed on.
pub(super) async fn send(
    client: &Client,
    limits: &Limits,
    Prepared { request, form }: Prepared,
    (call, provider): (&Call, &Provider),
) -> Result<Reply, Failure> {
    let begun = Instant::now();
    let first_byte = limits.first_byte.min(limits.total);
    let response = deadline::by(begun + first_byte, client.request(request))
        .await
        .map_err(|_| Failure::TimedOut(first_byte))?
        .map_err(Failure::from)?;
    let end = begun + limits.total;
    let (parts, body) = response.into_parts();
    if !parts.status.is_success() {
        let read = Box::pin(read_error((&parts, body), &form, (end, limits.total))).await;
        return Err(read.late(&parts.headers));
    }
    let read = if headers::is_event_stream(&parts.headers) {
        let strips = provider.stream_usage && !call.asks_usage();
        let sieve = form.sieve(limits.text_bytes, strips);
        let opening = Box::pin(open_stream((&parts, body), (sieve, form), end));
        let opened = deadline::by(begun + first_byte, opening).await;
        opened.unwrap_or(Err(Failure::TimedOut(first_byte)))
    } else {
        read_whole((&parts, body), form, (end, limits)).await
    };
    read.map_err(|failure| failure.late(&parts.headers))
}

async fn read_whole(
    (parts, body): (&Parts, ReplyBody),
    form: Form,
    (end, limits): (Instant, &Limits),
) -> Result<Reply, Failure> {
    let body = deadline::by(end, whole(body, limits.reply_bytes))
        .await
        .map_err(|_| Failure::TimedOut(limits.total))?
        .map_err(|_| Failure::Cut("a reply that broke off or is over the size limit"))?;
    let (body, facts) = form
        .whole(body, limits.text_bytes)
        .map_err(|what| Failure::Invalid(what.into()))?;
    Ok(Reply::Whole(WholeReply {
        status: parts.status,
        headers: form.headers(&parts.headers),
        body,
        facts,
    }))
}

async fn read_error(
    (parts, body): (&Parts, ReplyBody),
    form: &Form,
    (end, total): (Instant, Duration),
) -> Failure {
    if parts.status.is_redirection() || parts.status.is_informational() {
        return Failure::Invalid("a redirect".into());
    }
    match deadline::by(end, whole(body, MAX_ERROR_BYTES)).await {
        Err(_) => Failure::TimedOut(total),
        Ok(Err(_)) => Failure::Invalid("an error that broke off or is over the size limit".into()),
        Ok(Ok(said)) => {
            let said_pause = form.pause(&said);
            let (shown, said) = form.error(parts.status, &parts.headers, said);
            let mut headers = form.headers(&parts.headers);
            let body = match said {
                Said::Own(body) => body,
                Said::Ours(body) => {
                    let json = HeaderValue::from_static("application/json");
                    headers.insert(CONTENT_TYPE, json);
                    body
                }
            };
            if let Some(pause) = said_pause {
                let seconds = pause::whole_seconds(pause);
                headers.entry(RETRY_AFTER).or_insert(seconds.into());
            }
            Failure::Status(Box::new(ErrorReply {
                status: parts.status,
                shown,
                headers,
                body,
                pause: pause::asked(&parts.headers).or(said_pause),
            }))
        }
    }
}

/// Reads up to the first event; only then is it known that there is a reply.
async fn open_stream(
    (parts, mut tail): (&Parts, ReplyBody),
    (mut sieve, form): (Sieve, Form),
    deadline: Instant,
) -> Result<Reply, Failure> {
    let mut head = VecDeque::new();
    let mut read = 0;
    let mut first = None;
    while first.is_none() {
        let frame = tail
            .frame()
            .await
            .ok_or(Failure::Invalid("a stream without events".into()))?;
        let frame =
            frame.map_err(|_| Failure::Cut("a stream that broke off before its first event"))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        read += bytes.len();
        first = sieve.pass(bytes, &mut head);
        if read > MAX_HEAD_BYTES {
            return Err(Failure::Cut(
                "a stream whose first event is over the size limit",
            ));
        }
    }
    match first {
        Some(Event::Error) => {
            return Err(Failure::Invalid(
                "an error as the first event of a stream".into(),
            ));
        }
        Some(Event::Unreadable) => {
            return Err(Failure::Invalid(
                "a stream of something else than JSON".into(),
            ));
        }
        Some(Event::Chunk | Event::Usage | Event::Done) | None => {}
    }
    let (status, headers) = (parts.status, form.headers(&parts.headers));
    Ok(Reply::Stream(Box::new(StreamReply {
        status,
        headers,
        head,
        tail,
        sieve,
        deadline,
        trial: None,
    })))
}
