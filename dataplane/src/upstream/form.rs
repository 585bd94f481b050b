//! A call in the form of the provider's API, and the reply in that of the caller's.

use std::time::Duration;

use bytes::Bytes;
use floopy_protocols::{
    ApiError, CallerApi, Event, Finish, Object, ProviderApi, Reply, Request, Target, Unsupported,
    chat::dialect, gemini, messages, responses,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};

use uuid::Uuid;

use super::{
    facts::Facts,
    headers::{is_event_stream, returned},
    sieve::{Sieve, Typed, What},
};
use crate::{
    call::{Call, Endpoint, newer::with_newer_maximum},
    provider::Provider,
};

/// The caller's fields that a rule let go.
static DROPPED: HeaderName = HeaderName::from_static("floopy-dropped-params");

/// What AWS calls an error, which its body does not say.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// Where Bedrock says how much was embedded, for models that do not say it themselves.
pub(super) static TOKEN_COUNT: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-input-token-count");

/// How a call was put to its provider.
pub(super) enum Form {
    /// In the caller's own bytes; the reply comes back in its form.
    Own(Endpoint),
    /// In another form.
    Translated(Box<Translated>),
    /// In several requests, of which this is one.
    Part(Box<Part>),
}

/// One of several requests, whose reply is read by whoever made them.
pub(super) struct Part {
    pub api: ProviderApi,
    /// Fields that were let go by rule.
    pub dropped: Vec<String>,
}

/// A call whose provider speaks another API than its caller.
pub(super) struct Translated {
    pub caller: CallerApi,
    pub provider: ProviderApi,
    request: Request,
    /// Fields that were let go by rule.
    pub dropped: Vec<String>,
    /// For replies that do not say what they are, or when they were written.
    names: Names,
    now_s: u64,
}

/// Whether the bytes of a chat completion can be sent to this provider as they are.
fn takes_own_fields(provider: &Provider, call: &Call) -> bool {
    let dialect = dialect(&provider.dialect);
    if provider.api != ProviderApi::Chat || dialect.takes_all() {
        return true;
    }
    Object::top(call.body()).is_ok_and(|top| dialect.takes(top.names()))
}

/// Whether it may have `max_tokens` where the provider has a newer name for it.
fn wants_newer_maximum(provider: &Provider, call: &Call) -> bool {
    call.endpoint() == Endpoint::Chat
        && !call.is_untouched()
        && call.features().max_output_tokens.is_some()
        && dialect(&provider.dialect).max_tokens != "max_tokens"
}

/// The body that asks this provider for this model.
pub(super) fn body(
    provider: &Provider,
    call: &Call,
    (model, now_ms): (&str, u64),
) -> Result<(Bytes, Form), Unsupported> {
    let api = provider.api_of(model)?;
    let own = || {
        let mut body = call.body_for(model, provider.stream_usage);
        if wants_newer_maximum(provider, call) {
            body = with_newer_maximum(body);
        }
        if call.endpoint() == Endpoint::Messages {
            body = provider.own_messages(body)?;
        }
        Ok((body, Form::Own(call.endpoint())))
    };
    let Some(caller) = call.endpoint().api() else {
        let has_it = match call.endpoint() {
            Endpoint::CountTokens => provider.api == ProviderApi::Messages,
            Endpoint::Embeddings | Endpoint::Chat | Endpoint::Messages | Endpoint::Responses => {
                provider.api == ProviderApi::Chat
            }
        };
        if has_it {
            return own();
        }
        let why = "its API has no embeddings";
        return Err(Unsupported::new("input", provider.name(), why));
    };
    let is_own = match caller {
        CallerApi::Responses => provider.responses,
        CallerApi::Chat | CallerApi::Messages => api.is(caller),
    };
    if call.is_untouched() && caller != CallerApi::Responses && !api.is(caller) {
        let why = "its API is another one, so the body cannot go there untouched";
        return Err(Unsupported::new("floopy-passthrough", provider.name(), why));
    }
    if call.is_untouched() || (is_own && takes_own_fields(provider, call)) {
        return own();
    }
    let unreadable = |e: floopy_protocols::Invalid| Unsupported::unreadable(&e, provider.name());
    let mut request = call.typed().map_err(unreadable)?;
    let is_asked = request.stream_usage;
    // What a stream costs is always asked for, and told only to a caller who wants to know.
    request.stream_usage = request.stream;
    let target = Target {
        provider: &provider.dialect,
        model,
    };
    let written = api.write_request(&request, target)?;
    request.stream_usage = is_asked;
    let translated = Translated {
        caller,
        provider: api,
        request,
        dropped: written.dropped,
        names: Names::new(model),
        now_s: now_ms / 1_000,
    };
    Ok((written.body.into(), Form::Translated(Box::new(translated))))
}

/// What a reply is called whose provider does not say.
#[derive(Clone, Default)]
pub(super) struct Names {
    id: String,
    model: String,
}

impl Names {
    fn new(model: &str) -> Self {
        Self {
            id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
            model: model.to_owned(),
        }
    }

    /// Fills in what is missing.
    pub(super) fn complete(&self, id: &mut String, model: &mut String) {
        for (name, own) in [(id, &self.id), (model, &self.model)] {
            if name.is_empty() {
                name.clone_from(own);
            }
        }
    }
}

/// What a caller is told of an error.
pub(super) enum Said {
    /// The provider's bytes.
    Own(Bytes),
    /// JSON in the form of the caller's API.
    Ours(Bytes),
}

impl Form {
    /// What is asked of the provider.
    pub(super) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Own(endpoint) => *endpoint,
            Self::Translated(_) => Endpoint::Chat,
            Self::Part(_) => Endpoint::Embeddings,
        }
    }

    /// Reads a whole reply; its body is what the caller gets.
    pub(super) fn whole(&self, body: Bytes, max_text: usize) -> Result<(Bytes, Facts), String> {
        let translated = match self {
            Self::Own(endpoint @ (Endpoint::Responses | Endpoint::Messages)) => {
                let reply = own(*endpoint)
                    .read_reply(&body)
                    .map_err(|invalid| invalid.0)?;
                return Ok((body, Facts::of_reply(&reply, max_text)));
            }
            Self::Own(Endpoint::CountTokens) => {
                messages::read_count(&body).map_err(|invalid| invalid.0)?;
                return Ok((body, Facts::default()));
            }
            Self::Own(endpoint @ (Endpoint::Chat | Endpoint::Embeddings)) => {
                let facts = Facts::of_whole(&body, *endpoint, max_text)?;
                return Ok((body, facts));
            }
            Self::Translated(translated) => translated,
            Self::Part(_) => return Ok((body, Facts::default())),
        };
        let mut reply = translated
            .provider
            .read_reply(&body)
            .map_err(|invalid| invalid.0)?;
        check(&reply)?;
        reply.created.get_or_insert(translated.now_s);
        translated.names.complete(&mut reply.id, &mut reply.model);
        let facts = Facts::of_reply(&reply, max_text);
        Ok((
            translated
                .caller
                .write_reply(&translated.request, &reply)
                .into(),
            facts,
        ))
    }

    /// Reads a stream that answers the call: in its typed form, where that is not OpenAI's.
    pub(super) fn sieve(&self, max_text: usize, strips: bool) -> Sieve {
        match self {
            Self::Own(Endpoint::Chat | Endpoint::CountTokens | Endpoint::Embeddings)
            | Self::Part(_) => Sieve::new(max_text, strips),
            Self::Own(Endpoint::Messages) => {
                let reader = ProviderApi::Messages.event_reader();
                Sieve::typed(max_text, Typed::passing(reader, CallerApi::Messages))
            }
            Self::Own(Endpoint::Responses) => {
                let reader = Box::new(responses::EventReader::default());
                Sieve::typed(max_text, Typed::passing(reader, CallerApi::Responses))
            }
            Self::Translated(translated) => Sieve::typed(max_text, translated.typed()),
        }
    }

    /// The headers of a reply as the caller gets them.
    pub(super) fn headers(&self, from: &HeaderMap) -> HeaderMap {
        let mut headers = returned(from);
        let dropped = match self {
            Self::Own(_) => return headers,
            Self::Translated(translated) => &translated.dropped,
            Self::Part(part) => {
                if let Some(count) = from.get(&TOKEN_COUNT) {
                    headers.insert(TOKEN_COUNT.clone(), count.clone());
                }
                &part.dropped
            }
        };
        // The body is ours.
        let kind = if is_event_stream(from) {
            "text/event-stream"
        } else {
            "application/json"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let names = HeaderValue::try_from(dropped.join(", "));
        if let (false, Ok(names)) = (dropped.is_empty(), names) {
            headers.insert(DROPPED.clone(), names);
        }
        headers
    }

    /// How long an error's body asks to wait: Google says it there and in no header.
    pub(super) fn pause(&self, body: &[u8]) -> Option<Duration> {
        let api = match self {
            Self::Own(_) => return None,
            Self::Translated(translated) => translated.provider,
            Self::Part(part) => part.api,
        };
        let is_google = api == ProviderApi::Gemini;
        let asked_ms = is_google.then(|| gemini::retry_after_ms(body)).flatten();
        asked_ms.map(Duration::from_millis)
    }

    /// An upstream's error as the caller is told it: its own bytes, where they are an error of the caller's API.
    pub(super) fn error(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
    ) -> (StatusCode, Said) {
        let (provider, caller) = match self {
            Self::Own(endpoint) => {
                let caller = own(*endpoint);
                if caller.is_error(&body) {
                    return (status, Said::Own(body));
                }
                let error = caller.read_error(status.as_u16(), &body);
                return (status, Said::Ours(caller.write_error(&error).1.into()));
            }
            Self::Translated(translated) => (translated.provider, translated.caller),
            // Embeddings are asked for in OpenAI's form.
            Self::Part(part) => (part.api, CallerApi::Chat),
        };
        let kind = headers.get(ERROR_TYPE).and_then(|kind| kind.to_str().ok());
        let error = provider.read_error(status.as_u16(), kind, &body);
        let (shown, body) = caller.write_error(&error);
        let shown = StatusCode::from_u16(shown).unwrap_or(status);
        (shown, Said::Ours(body.into()))
    }
}

/// The API that an endpoint is of, with its errors.
fn own(endpoint: Endpoint) -> CallerApi {
    match endpoint {
        Endpoint::Messages | Endpoint::CountTokens => CallerApi::Messages,
        Endpoint::Responses => CallerApi::Responses,
        Endpoint::Chat | Endpoint::Embeddings => CallerApi::Chat,
    }
}

impl Translated {
    /// Reads the provider's stream and writes the one that answers the caller.
    fn typed(&self) -> Typed {
        let what = What::Rewritten(self.caller.event_writer(&self.request));
        Typed::new(self.provider, what, (self.names.clone(), self.now_s))
    }
}

/// A reply that its provider gave up on is none.
fn check(reply: &Reply) -> Result<(), String> {
    let mut ends = reply
        .choices
        .iter()
        .filter_map(|choice| choice.finish.as_ref());
    match ends.find_map(Finish::failed) {
        Some(word) => Err(format!("a reply that it gave up with {word:?}")),
        None => Ok(()),
    }
}

/// The event that tells a caller of this API that a stream broke.
pub(super) fn error_event(caller: CallerApi, error: ApiError) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = caller.event_writer(&Request::default());
    writer.write(&Event::Error(error), &mut bytes);
    bytes
}
