//! One try at one candidate: from sending the request to having a reply that can be passed on.

use std::{borrow::Cow, collections::VecDeque, time::Duration};

use bytes::Bytes;
use floopy_protocols::Unsupported;
use floopy_shared::domain::decision::AttemptResult;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use tokio::time::{Instant, timeout_at};

use super::{
    Errand, Limits,
    breaker::Trial,
    client::{Client, ClientError, ReplyBody},
    facts::{Event, Facts},
    form::{self, Form},
    headers, pause,
    sieve::Sieve,
    trail::Ended,
};
use crate::{
    call::Call,
    network::Forbidden,
    provider::{Place, Provider},
};

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
}

/// An upstream's own error.
#[derive(Debug)]
pub(crate) struct ErrorReply {
    pub status: StatusCode,
    /// What the caller is told: the same, but for the differences between APIs.
    pub shown: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// How long its sender asks to be left alone.
    pub pause: Option<Duration>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("could not be reached")]
    Connect,
    /// Nothing was sent: its address is not one of the internet, and nobody allowed it.
    #[error("was not called: {0}")]
    Forbidden(Box<Forbidden>),
    #[error("broke the connection before it answered")]
    Reset,
    #[error("did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("answered with status {}", .0.status.as_u16())]
    Status(Box<ErrorReply>),
    #[error("sent {0}")]
    Invalid(Cow<'static, str>),
    /// Nothing was sent.
    #[error("was not asked: {0}")]
    Unsupported(Unsupported),
    /// Nothing was sent, for want of a token to send it with.
    #[error("was not asked: its credentials were refused: {0}")]
    Credentials(String),
    /// It was at work, and did not end it.
    #[error("sent {0}")]
    Cut(&'static str),
    /// One of several requests failed, while others were answered.
    #[error("{}", .0.failure)]
    Partly(Box<Partly>),
}

/// A failure that came when some of the work was done.
#[derive(Debug)]
pub(crate) struct Partly {
    pub failure: Failure,
    /// Of the whole: more than 0, at most 1.
    done: f64,
}

impl Failure {
    pub(crate) fn result(&self) -> AttemptResult {
        match self {
            Self::Connect | Self::Reset | Self::Credentials(_) => AttemptResult::ConnectFailed,
            Self::Forbidden(_) => AttemptResult::AddressRefused,
            Self::TimedOut(_) => AttemptResult::TimedOut,
            Self::Status(_) => AttemptResult::UpstreamError,
            Self::Invalid(_) | Self::Cut(_) => AttemptResult::InvalidReply,
            Self::Unsupported(_) => AttemptResult::Unsupported,
            Self::Partly(partly) => partly.failure.result(),
        }
    }

    /// The same, after so many of all inputs were answered.
    pub(super) fn partly(failure: Self, (done, all): (usize, usize)) -> Self {
        if done == 0 {
            return failure;
        }
        let done = done as f64 / all.max(done) as f64;
        Self::Partly(Box::new(Partly { failure, done }))
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(reply) => Some(reply.status),
            Self::Partly(partly) => partly.failure.status(),
            Self::Connect
            | Self::Forbidden(_)
            | Self::Reset
            | Self::TimedOut(_)
            | Self::Invalid(_)
            | Self::Unsupported(_)
            | Self::Credentials(_)
            | Self::Cut(_) => None,
        }
    }

    /// How much of its work the provider had done or begun, and will want to be paid for: between 0 and 1.
    fn worked_in_vain(&self) -> f64 {
        match self {
            Self::TimedOut(_) | Self::Cut(_) => 1.0,
            Self::Partly(partly) => partly.done.max(partly.failure.worked_in_vain()),
            Self::Connect
            | Self::Forbidden(_)
            | Self::Reset
            | Self::Status(_)
            | Self::Invalid(_)
            | Self::Unsupported(_)
            | Self::Credentials(_) => 0.0,
        }
    }

    /// How long the provider asks to be left alone: only with an error that passes.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Status(reply) if matches!(reply.status.as_u16(), 429 | 500..=599) => {
                reply.pause.filter(|pause| !pause.is_zero())
            }
            Self::Partly(partly) => partly.failure.pause(),
            Self::Status(_)
            | Self::Connect
            | Self::Forbidden(_)
            | Self::Reset
            | Self::TimedOut(_)
            | Self::Invalid(_)
            | Self::Unsupported(_)
            | Self::Credentials(_)
            | Self::Cut(_) => None,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Forbidden(forbidden) => Self::Forbidden(Box::new(forbidden)),
            ClientError::NoHost(_) | ClientError::Connect(_) => Self::Connect,
            ClientError::Broken(_) => Self::Reset,
        }
    }
}

/// What the trail keeps of it.
pub(super) fn ended(result: &Result<Reply, Failure>) -> Ended {
    match result {
        Ok(reply) => Ended {
            result: AttemptResult::Ok,
            status: Some(reply.status().as_u16()),
            worked_in_vain: 0.0,
        },
        Err(failure) => Ended {
            result: failure.result(),
            status: failure.status().map(|status| status.as_u16()),
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
    let response = timeout_at(begun + first_byte, client.request(request))
        .await
        .map_err(|_| Failure::TimedOut(first_byte))?
        .map_err(Failure::from)?;
    let deadline = begun + limits.total;
    if !response.status().is_success() {
        return Err(Box::pin(read_error(response, &form, (deadline, limits.total))).await);
    }
    if headers::is_event_stream(response.headers()) {
        let strips = provider.stream_usage && !call.asks_usage();
        let sieve = form.sieve(limits.text_bytes, strips);
        let opening = Box::pin(open_stream(response, (sieve, form), deadline));
        return timeout_at(begun + first_byte, opening)
            .await
            .map_err(|_| Failure::TimedOut(first_byte))?;
    }
    let (parts, body) = response.into_parts();
    let body = timeout_at(deadline, Limited::new(body, limits.reply_bytes).collect())
        .await
        .map_err(|_| Failure::TimedOut(limits.total))?
        .map_err(|_| Failure::Cut("a reply that broke off or is over the size limit"))?
        .to_bytes();
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
    response: Response<ReplyBody>,
    form: &Form,
    (deadline, total): (Instant, Duration),
) -> Failure {
    let (parts, body) = response.into_parts();
    if parts.status.is_redirection() || parts.status.is_informational() {
        return Failure::Invalid("a redirect".into());
    }
    match timeout_at(deadline, Limited::new(body, MAX_ERROR_BYTES).collect()).await {
        Err(_) => Failure::TimedOut(total),
        Ok(Err(_)) => Failure::Invalid("an error that broke off or is over the size limit".into()),
        Ok(Ok(body)) => {
            let (shown, body) = form.error(parts.status, &parts.headers, body.to_bytes());
            Failure::Status(Box::new(ErrorReply {
                status: parts.status,
                shown,
                headers: form.headers(&parts.headers),
                body,
                pause: pause::asked(&parts.headers),
            }))
        }
    }
}

/// Reads up to the first event; only then is it known that there is a reply.
async fn open_stream(
    response: Response<ReplyBody>,
    (mut sieve, form): (Sieve, Form),
    deadline: Instant,
) -> Result<Reply, Failure> {
    let (parts, mut tail) = response.into_parts();
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
