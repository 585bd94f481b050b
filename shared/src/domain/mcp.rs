//! Tools that a tenant's models may call: the servers of the Model Context Protocol that have them, and how far it goes.

use std::{fmt, sync::Arc};

use super::{
    credential::{CredentialId, Sealed},
    ids::TenantId,
};

/// Servers of one tenant.
pub const MAX_SERVERS: usize = 20;
/// Names in the list of what a server's tools are.
pub const MAX_NAMES: usize = 128;
/// Of the name of a tool, in characters.
pub const MAX_NAME: usize = 128;
/// How long a server may take for one answer.
pub const TIMEOUT_MS: (u64, u64) = (100, 60_000);
/// How often a question that a server cannot have heard is asked again.
pub const MAX_RETRIES: u64 = 5;
/// How often models may call tools before they must answer.
pub const ROUNDS: (u64, u64) = (1, 20);
/// How long it is remembered which tools a server has.
pub const MAX_CACHE_TTL_S: u64 = 86_400;

/// A server's name within its tenant: 1 to 40 of `a-z 0-9 _ -`, because tools are called after it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(Arc<str>);

/// A text that is no server's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id of a server: it must be 1 to 40 of a-z 0-9 _ -")]
pub struct InvalidServerId(String);

impl ServerId {
    const MAX_BYTES: usize = 40;

    pub fn new(text: &str) -> Result<Self, InvalidServerId> {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.chars().all(allowed) {
            return Err(InvalidServerId(text.chars().take(100).collect()));
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a tenant set of tools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mcp {
    /// In the order of their ids.
    pub servers: Vec<Arc<Server>>,
    pub agent: Agent,
}

impl Mcp {
    /// The server of this name.
    pub fn server(&self, id: &str) -> Option<&Arc<Server>> {
        self.servers.iter().find(|server| server.id.as_str() == id)
    }

    /// Puts a server in the place of the one of its name.
    pub fn put(&mut self, server: Server) {
        let place = self
            .servers
            .binary_search_by(|held| held.id.cmp(&server.id));
        match place {
            Ok(at) => self.servers[at] = Arc::new(server),
            Err(at) => self.servers.insert(at, Arc::new(server)),
        }
    }
}

/// A server that has tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub id: ServerId,
    pub url: String,
    /// `None`: it is asked without.
    pub auth: Option<Auth>,
    pub tools: Tools,
    /// For one answer.
    pub timeout_ms: u32,
    pub max_retries: u32,
    /// Asked where a call names no servers.
    pub enabled: bool,
}

/// How a server knows who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Where the secret is shown; `None`: as a bearer token.
    pub header: Option<String>,
    pub secret: Sealed,
}

impl Auth {
    /// What a server's secret is sealed as.
    pub fn place(tenant: &TenantId, server: &ServerId) -> Option<CredentialId> {
        CredentialId::new(Some(tenant.clone()), &format!("mcp.{server}")).ok()
    }
}

/// Which of a server's tools may be called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tools {
    #[default]
    All,
    Only(Vec<String>),
}

impl Tools {
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|known| known == name),
        }
    }
}

/// How far calling tools goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// How often the model may call tools before it must answer.
    pub max_rounds: u32,
    pub stream_mode: StreamMode,
    /// Tools that a model calls together are asked together.
    pub tool_call_parallel: bool,
    /// How long it is remembered which tools a server has.
    pub tool_cache_ttl_s: u32,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            max_rounds: 8,
            stream_mode: StreamMode::FinalOnly,
            tool_call_parallel: true,
            tool_cache_ttl_s: 300,
        }
    }
}

/// What becomes of calls that want a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamMode {
    /// The last answer is sent as one.
    FinalOnly,
    /// They are refused.
    Disabled,
}

impl StreamMode {
    pub const ALL: [Self; 2] = [Self::FinalOnly, Self::Disabled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FinalOnly => "final_only",
            Self::Disabled => "disabled",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, url: &str) -> Server {
        Server {
            id: ServerId::new(id).expect(id),
            url: url.to_owned(),
            auth: None,
            tools: Tools::All,
            timeout_ms: 1,
            max_retries: 0,
            enabled: true,
        }
    }

    #[test]
    fn servers_are_in_the_order_of_their_ids_and_each_is_there_once() {
        let mut mcp = Mcp::default();
        for (id, url) in [("b", "1"), ("a", "2"), ("b", "3")] {
            mcp.put(server(id, url));
        }
        let found = mcp.servers.iter().map(|s| (s.id.as_str(), s.url.as_str()));
        assert_eq!(found.collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
        assert!(mcp.server("c").is_none());
    }

    #[test]
    fn ids_can_be_part_of_a_tools_name() {
        for (id, valid) in [
            ("a", true),
            ("my-search_2", true),
            ("", false),
            ("A", false),
            ("a.b", false),
            ("a/b", false),
        ] {
            assert_eq!(ServerId::new(id).is_ok(), valid, "{id}");
        }
        assert!(ServerId::new(&"x".repeat(40)).is_ok());
        assert!(ServerId::new(&"x".repeat(41)).is_err());
        let tenant = TenantId::new("acme").expect("valid");
        let longest = ServerId::new(&"x".repeat(40)).expect("valid");
        assert!(Auth::place(&tenant, &longest).is_some());
    }
}
