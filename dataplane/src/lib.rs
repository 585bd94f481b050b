//! The data plane: a proxy that decides by itself, serves whatever else is lost, and reports what happened.
//!
//! `bind` opens it, `Bound::run` serves until stopped. `pipeline` is a call in order.

mod access;
mod admit;
mod after;
mod allowance;
mod app;
mod batches;
mod budgets;
mod cache;
pub mod call;
pub mod config;
mod control;
mod conversations;
mod deadline;
mod digest;
mod doors;
mod firewall;
mod gateway;
mod http;
mod implicit;
mod latencies;
mod linger;
mod mcp;
mod metrics;
mod network;
mod pipeline;
mod probe;
mod provider;
mod qdrant;
mod rates;
mod record;
mod redis;
pub mod route;
mod sessions;
mod shadow;
mod state;
mod traces;
mod upstream;
mod whole;
mod workers;

pub use self::{
    app::{Bound, Checked, Deps, Detached, Error, LIVE_KEYS, Reloader, bind, detached},
    config::Config,
    conversations::{ConversationId, Conversations},
    http::admin::SharedRegistry,
    latencies::Latencies,
    network::{InvalidNetwork, Network},
    probe::{Probe, Reached, probes},
    provider::{
        InvalidProvider, KnownProvider, Provider, Providers, known_provider, known_providers,
    },
    upstream::{Resolver, breaker::Breakers},
};
