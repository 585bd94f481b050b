//! The HTTP side: connections, routes, bodies, and the one shape of errors.

pub(crate) mod admin;
mod anthropic;
mod batches;
pub(crate) mod body;
mod caller;
mod dispatch;
mod document;
mod explain;
mod feedback;
mod files;
mod forward;
mod header_timer;
mod incoming;
mod listing;
mod live;
mod mcp;
mod models;
mod rarely;
mod request_body;
pub(crate) mod respond;
pub(crate) mod route;
pub(crate) mod server;
mod stall;
pub(crate) mod withheld;

pub(crate) use self::{
    body::Body,
    dispatch::dispatch,
    incoming::{Unread, discard, read},
    live::Live,
    request_body::RequestBody,
};

/// Marks an answer that came of several calls of a model: it is known by the id of the last one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnsweredAs(pub(crate) floopy_shared::domain::ids::RequestId);
