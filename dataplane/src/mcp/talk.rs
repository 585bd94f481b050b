//! A session with a server: agreed on once, and used for every question.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::HeaderValue;
use serde_json::{Map, Value, json};

use super::{
    Failure, Tool,
    answer::{problem, tools},
    exchange::{Message, exchange},
    result,
    target::Target,
};
use crate::upstream::Client;

/// The versions of the protocol that begin with a handshake, the newest first.
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// Tools of one server; more can be offered to no model.
const MAX_TOOLS: usize = 512;
const MAX_PAGES: usize = 16;

/// The id of a session's first question.
const FIRST: u64 = 1;

/// What was agreed on.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    version: &'static str,
    session: Option<HeaderValue>,
    /// The id of the next question: those that are open at the same time are told apart by it.
    next: Arc<AtomicU64>,
}

impl Talk {
    /// Begins one.
    pub(super) async fn begin(client: &Client, target: &Target) -> Result<Self, Failure> {
        let params = json!({
            "protocolVersion": VERSIONS[0],
            "capabilities": {},
            "clientInfo": {"name": "floopy", "version": env!("CARGO_PKG_VERSION")},
        });
        let message = Message {
            body: question(FIRST, "initialize", &params),
            session: None,
            version: None,
            id: Some(FIRST),
        };
        let answered = exchange(client, target, &message).await?;
        let result = said(&answered.message)?;
        let wished = result["protocolVersion"].as_str().unwrap_or_default();
        let version = VERSIONS.into_iter().find(|known| *known == wished);
        let version = version.ok_or_else(|| {
            let wished: String = wished.chars().take(40).collect();
            Failure::told(format!(
                "it speaks the version {wished:?} of the protocol, which is not spoken here"
            ))
        })?;
        let talk = Self {
            version,
            session: answered.session,
            next: Arc::new(AtomicU64::new(FIRST + 1)),
        };
        let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let message = Message {
            body: told.to_string().into(),
            session: talk.session.as_ref(),
            version: Some(talk.version),
            id: None,
        };
        exchange(client, target, &message).await?;
        Ok(talk)
    }

    /// The tools that the server has.
    pub(super) async fn list(
        &self,
        client: &Client,
        target: &Target,
    ) -> Result<Arc<[Tool]>, Failure> {
        let mut found = Vec::new();
        let mut params = json!({});
        for _ in 0..MAX_PAGES {
            let message = self.message("tools/list", &params);
            let answered = exchange(client, target, &message).await?;
            let result = said(&answered.message)?;
            found.extend(tools(result)?);
            if found.len() > MAX_TOOLS {
                return Err(Failure::told(format!("it has more than {MAX_TOOLS} tools")));
            }
            match result["nextCursor"].as_str() {
                Some(cursor) => params = json!({"cursor": cursor}),
                None => return Ok(found.into()),
            }
        }
        Err(Failure::told(format!(
            "it has more than {MAX_PAGES} pages of tools"
        )))
    }

    /// Calls one; what it says, and whether that it failed.
    pub(super) async fn call(
        &self,
        client: &Client,
        target: &Target,
        (name, arguments): (&str, &Map<String, Value>),
    ) -> Result<(String, bool), Failure> {
        let params = json!({"name": name, "arguments": arguments});
        let message = self.message("tools/call", &params);
        let answered = exchange(client, target, &message).await?;
        Ok(result::text(said(&answered.message)?))
    }

    fn message(&self, method: &str, params: &Value) -> Message<'_> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        Message {
            body: question(id, method, params),
            session: self.session.as_ref(),
            version: Some(self.version),
            id: Some(id),
        }
    }
}

fn question(id: u64, method: &str, params: &Value) -> bytes::Bytes {
    let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    message.to_string().into()
}

fn said(message: &Value) -> Result<&Value, Failure> {
    match message.get("error") {
        Some(error) => Err(Failure::told(problem(error))),
        None => Ok(&message["result"]),
    }
}
