//! The wire formats of LLM APIs, and the one typed form between them: pure functions over bytes.
//!
//! A caller's protocol is read into [`Request`] and written from [`Reply`] and [`Event`]s; a provider's is
//! written from [`Request`] and read into [`Reply`] and [`Event`]s. What a side cannot say is an error that
//! names the field, or is dropped where a rule of [`rules`] says so: never silently.

pub mod chat;
pub mod cohere;
pub mod converse;
pub mod embeddings;
mod error;
mod event;
pub mod event_stream;
pub mod gemini;
pub mod google_jwt;
mod json;
pub mod messages;
mod names;
mod protocol;
mod reply;
mod request;
pub mod responses;
pub mod rules;
mod schema;
pub mod sigv4;
pub mod sse;
pub mod vertex;

pub use self::{
    error::{ApiError, ErrorKind, Invalid, InvalidReply, Unsupported},
    event::{Delta, Event},
    json::{At, Field, Item, Json, Object, Out},
    protocol::{CallerApi, ProviderApi},
    reply::{Choice, Finish, Reply, Usage},
    request::{
        CacheTtl, Content, Detail, Effort, Format, Media, Message, Part, Reasoning, Request, Role,
        Sampling, Source, Tool, ToolChoice,
    },
};

/// A request in a provider's own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub body: Vec<u8>,
    /// The caller's fields that a rule of [`rules`] let go, as the caller wrote them.
    pub dropped: Vec<String>,
}

/// Whom a request is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// As in `provider/model`; named in errors.
    pub provider: &'a str,
    pub model: &'a str,
}

/// Reads a provider's stream, one event's data after the other.
pub trait EventReader: Send {
    /// Appends what this event says. `data` is what stands behind `data:`, or the payload of a binary frame.
    fn read(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), InvalidReply>;

    /// The body ended: appends what that says, where the API has no last event.
    fn end(&mut self, _out: &mut Vec<Event>) {}
}

/// Writes a stream in the caller's form.
pub trait EventWriter: Send {
    /// Appends the server-sent events that say it, if any are needed.
    fn write(&mut self, event: &Event, out: &mut Vec<u8>);
}
