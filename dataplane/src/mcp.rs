//! A client of the Model Context Protocol (<https://modelcontextprotocol.io/specification/2025-11-25>): the tools of the
//! servers that a tenant names, for its models to call.
//!
//! It is our own because every connection is judged by its address, every answer is bounded while it is read, and
//! nothing outlives the call that asks; what is needed of the protocol are four messages over streamable HTTP.

mod answer;
mod exchange;
mod listed;
mod offer;
mod plugin;
mod result;
mod talk;
mod target;
mod yaml;

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use self::{
    listed::{Entry, Listed},
    talk::Talk,
};
pub(crate) use self::{
    offer::Offer,
    plugin::PLUGIN,
    target::{Target, Terms, terms},
};
use crate::{
    config::Config,
    network::{Forbidden, Guard},
    upstream::{Client, Resolver},
};

/// How long a server that could not be asked is left alone: each call would wait for it.
const REST_MS: u64 = 10_000;

/// Asks servers for their tools.
pub(crate) struct Mcp {
    client: Client,
    listed: Listed,
}

/// A tool of a server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    pub schema: Value,
}

/// Why a server did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is where nobody may be asked.
    Forbidden(Forbidden),
    /// Its session is over: a new one may do.
    SessionGone,
    /// What can be told to a model.
    Told {
        why: String,
        /// It cannot have heard, or is busy: it may be asked again.
        is_passing: bool,
    },
}

impl Failure {
    fn told(why: impl Into<String>) -> Self {
        Self::Told {
            why: why.into(),
            is_passing: false,
        }
    }

    fn passing(why: impl Into<String>) -> Self {
        Self::Told {
            why: why.into(),
            is_passing: true,
        }
    }
}

impl Mcp {
    /// With connections of its own: they are judged by other rules than providers'.
    pub(crate) fn new(config: &Config, resolver: Resolver) -> Self {
        let guard = Guard::of_tools(&config.mcp.allow_networks);
        Self {
            client: Client::new(&config.timeouts, config.limits.workers, (guard, resolver)),
            listed: Listed::default(),
        }
    }

    /// The tools that a server has. Remembered for `ttl_s`.
    pub(crate) async fn tools(
        &self,
        target: &Target,
        (ttl_s, now_ms): (u32, u64),
    ) -> Result<Arc<[Tool]>, Failure> {
        if let Some(known) = self.listed.get(&target.key, now_ms) {
            return known.tools.map_err(Failure::told);
        }
        let fresh_ms = u64::from(ttl_s) * 1_000;
        match self.list(target).await {
            Ok((talk, tools)) => {
                let entry = Entry {
                    tools: Ok(Arc::clone(&tools)),
                    talk: Some(talk),
                    until_ms: now_ms.saturating_add(fresh_ms),
                };
                self.listed.put(target.key, entry);
                Ok(tools)
            }
            Err(Failure::Told { why, is_passing }) => {
                let entry = Entry {
                    tools: Err(why.clone()),
                    talk: None,
                    until_ms: now_ms.saturating_add(fresh_ms.min(REST_MS)),
                };
                self.listed.put(target.key, entry);
                Err(Failure::Told { why, is_passing })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn list(&self, target: &Target) -> Result<(Talk, Arc<[Tool]>), Failure> {
        let mut again = target.max_retries;
        loop {
            let listed = async {
                let talk = Talk::begin(&self.client, target).await?;
                let tools = talk.list(&self.client, target).await?;
                Ok((talk, tools))
            };
            match listed.await {
                Err(Failure::Told {
                    is_passing: true, ..
                }) if again > 0 => {
                    pause(target.max_retries - again).await;
                    again -= 1;
                }
                Err(Failure::SessionGone) => {
                    return Err(Failure::told("it ended a session that had just begun"));
                }
                other => return other,
            }
        }
    }

    /// Calls a tool; what it says, and whether it says that it failed.
    pub(crate) async fn call(
        &self,
        target: &Target,
        (name, arguments): (&str, Map<String, Value>),
    ) -> Result<(String, bool), Failure> {
        let mut known = self.listed.talk(&target.key);
        let mut again = target.max_retries;
        let mut may_begin_anew = true;
        loop {
            let talk = match known.take() {
                Some(talk) => talk,
                None => Talk::begin(&self.client, target).await?,
            };
            let asked = (name, &arguments);
            match talk.call(&self.client, target, asked).await {
                // It was not done: the server did not know who asked.
                Err(Failure::SessionGone) if may_begin_anew => {
                    may_begin_anew = false;
                    self.listed.forget(&target.key);
                }
                Err(Failure::SessionGone) => {
                    return Err(Failure::told("it does not keep its sessions"));
                }
                Err(Failure::Told {
                    is_passing: true, ..
                }) if again > 0 => {
                    pause(target.max_retries - again).await;
                    again -= 1;
                    known = Some(talk);
                }
                other => return other,
            }
        }
    }
}

/// Longer each time.
async fn pause(tried: u32) {
    let ms = 100_u64 << tried.min(5);
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

impl std::fmt::Debug for Mcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mcp")
    }
}
