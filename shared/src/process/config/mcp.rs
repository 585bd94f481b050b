//! Tools that a tenant's models may call, as they are configured and as tenants set them.

use std::fmt;

use http::{HeaderName, HeaderValue};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

use super::{Secret, range};
use crate::{
    domain::mcp::{
        self, MAX_CACHE_TTL_S, MAX_NAME, MAX_NAMES, MAX_RETRIES, MAX_SERVERS, ROUNDS, ServerId,
        TIMEOUT_MS,
    },
    network::check_url,
};

/// The tools that its models may call, of servers of the Model Context Protocol.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mcp {
    /// How far that goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<McpAgent>,
    /// At most 20.
    #[serde(deserialize_with = "servers", skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<McpServer>,
}

/// A server of the Model Context Protocol, reached by streamable HTTP.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct McpServer {
    /// 1 to 40 of `a-z 0-9 _ -`.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// `https`, or `http` to a literal address that the proxy's `mcp.allow_networks` has.
    #[serde(deserialize_with = "url")]
    pub url: String,
    /// Absent: it is asked without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<McpAuth>,
    /// The names of the tools that may be called, or `"*"` for all that it has.
    #[serde(default)]
    pub tools: McpTools,
    /// How long it may take for one answer, 100 to 60000.
    #[serde(default = "ten_seconds", deserialize_with = "timeout_ms")]
    pub timeout_ms: u32,
    /// How often it is asked again what it cannot have heard, 0 to 5.
    #[serde(default = "once_more", deserialize_with = "max_retries")]
    pub max_retries: u32,
    /// Asked where a call names no servers.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// How a server knows who asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct McpAuth {
    /// `bearer`, or `api_key` for a header of its own.
    #[serde(rename = "type")]
    pub kind: McpAuthKind,
    /// Of `api_key`; absent: `x-api-key`.
    #[serde(
        default,
        deserialize_with = "header",
        skip_serializing_if = "Option::is_none"
    )]
    pub header: Option<String>,
    /// What is shown to the server.
    #[serde(
        default,
        deserialize_with = "secret",
        skip_serializing_if = "Option::is_none"
    )]
    pub secret: Option<Secret>,
}

/// Where a secret is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum McpAuthKind {
    Bearer,
    ApiKey,
}

/// Where an API key is shown if nobody says otherwise.
pub const API_KEY_HEADER: &str = "x-api-key";

impl McpAuthKind {
    /// The header that a secret is shown in; `None`: as a bearer token.
    pub fn header(self, named: Option<&str>) -> Result<Option<String>, &'static str> {
        match (self, named) {
            (Self::Bearer, None) => Ok(None),
            (Self::Bearer, Some(_)) => Err("header is for the type api_key alone"),
            (Self::ApiKey, named) => Ok(Some(named.unwrap_or(API_KEY_HEADER).to_ascii_lowercase())),
        }
    }
}

/// Which tools of a server may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct McpTools(pub mcp::Tools);

impl Serialize for McpTools {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            mcp::Tools::All => serializer.serialize_str("*"),
            mcp::Tools::Only(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for McpTools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

/// Reads `"*"`, or a list of names.
struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = McpTools;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"*\" or a list of names")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<McpTools, E> {
        if text == "*" {
            return Ok(McpTools(mcp::Tools::All));
        }
        let text: String = text.chars().take(100).collect();
        Err(E::custom(format!(
            "{text:?} is not allowed; it must be \"*\" or a list of names"
        )))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<McpTools, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = seq.next_element::<String>()? {
            names.push(checked(name).map_err(A::Error::custom)?);
            if names.len() > MAX_NAMES {
                let message = format!("there are more than {MAX_NAMES} names");
                return Err(A::Error::custom(message));
            }
        }
        Ok(McpTools(mcp::Tools::Only(names)))
    }
}

fn checked(name: String) -> Result<String, String> {
    let chars = name.chars().count();
    if (1..=MAX_NAME).contains(&chars) && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    Err(format!(
        "a name has {chars} characters; it must have 1 to {MAX_NAME}, none of them a control character"
    ))
}

/// How far calling tools goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpAgent {
    /// How often the model may call tools before it must answer, 1 to 20.
    #[serde(deserialize_with = "max_rounds")]
    pub max_rounds: u32,
    /// What becomes of calls that want a stream: `final_only`, which streams the last answer, or `disabled`.
    pub stream_mode: McpStreamMode,
    /// Tools that a model calls together are asked together.
    pub tool_call_parallel: bool,
    /// How long it is remembered which tools a server has, 0 to 86400.
    #[serde(deserialize_with = "tool_cache_ttl_seconds")]
    pub tool_cache_ttl_seconds: u32,
}

/// What becomes of calls that want a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum McpStreamMode {
    FinalOnly,
    Disabled,
}

impl Default for McpAgent {
    fn default() -> Self {
        mcp::Agent::default().into()
    }
}

impl From<mcp::Agent> for McpAgent {
    fn from(agent: mcp::Agent) -> Self {
        Self {
            max_rounds: agent.max_rounds,
            stream_mode: match agent.stream_mode {
                mcp::StreamMode::FinalOnly => McpStreamMode::FinalOnly,
                mcp::StreamMode::Disabled => McpStreamMode::Disabled,
            },
            tool_call_parallel: agent.tool_call_parallel,
            tool_cache_ttl_seconds: agent.tool_cache_ttl_s,
        }
    }
}

impl McpAgent {
    /// As proxies know it.
    pub fn to_domain(self) -> mcp::Agent {
        mcp::Agent {
            max_rounds: self.max_rounds,
            stream_mode: match self.stream_mode {
                McpStreamMode::FinalOnly => mcp::StreamMode::FinalOnly,
                McpStreamMode::Disabled => mcp::StreamMode::Disabled,
            },
            tool_call_parallel: self.tool_call_parallel,
            tool_cache_ttl_s: self.tool_cache_ttl_seconds,
        }
    }
}

/// Headers that say something else to every server.
const TAKEN: [&str; 11] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "te",
    "transfer-encoding",
    "upgrade",
];

fn yes() -> bool {
    true
}

/// As long as a call by hand would be waited for.
pub fn ten_seconds() -> u32 {
    10_000
}

/// A broken connection is seldom broken twice.
pub fn once_more() -> u32 {
    1
}

fn number<'de, D: Deserializer<'de>>(deserializer: D, range: (u64, u64)) -> Result<u32, D::Error> {
    let value = range::integer(deserializer, range)?;
    u32::try_from(value).map_err(D::Error::custom)
}

/// How long a server may take.
pub fn timeout_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    number(deserializer, TIMEOUT_MS)
}

/// How often it is asked again.
pub fn max_retries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    number(deserializer, (0, MAX_RETRIES))
}

/// How often tools may be called.
pub fn max_rounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    number(deserializer, ROUNDS)
}

/// How long tools are remembered.
pub fn tool_cache_ttl_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    number(deserializer, (0, MAX_CACHE_TTL_S))
}

/// The id of a server.
pub fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    ServerId::new(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// Where a server is. Whether it may be called there is judged by the proxy, for each connection.
pub fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let shown: String = text.chars().take(100).collect();
    check_url(&text, |_| Ok(()))
        .map_err(|why| D::Error::custom(format!("{shown:?} is not allowed: {why}")))?;
    Ok(text)
}

/// The name of a header that a secret may be shown in.
pub fn header<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let shown: String = text.chars().take(100).collect();
    let name = HeaderName::try_from(text.as_str())
        .map_err(|_| D::Error::custom(format!("{shown:?} is not the name of a header")))?;
    if text.len() > 100 || TAKEN.contains(&name.as_str()) {
        return Err(D::Error::custom(format!(
            "{shown:?} is not allowed; a secret needs a header of its own, of at most 100 characters"
        )));
    }
    Ok(Some(text))
}

/// Nothing of it is told.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let Some(secret) = Option::<Secret>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let length = secret.expose().len();
    let is_plain = HeaderValue::from_str(secret.expose()).is_ok() && secret.expose().is_ascii();
    if !(1..=4_096).contains(&length) || !is_plain {
        return Err(D::Error::custom(
            "it must be 1 to 4096 characters of ASCII, none of them a control character",
        ));
    }
    Ok(Some(secret))
}

fn servers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<McpServer>, D::Error> {
    let servers = Vec::<McpServer>::deserialize(deserializer)?;
    if servers.len() > MAX_SERVERS {
        return Err(D::Error::custom(format!(
            "there are {} servers, there may be {MAX_SERVERS}",
            servers.len()
        )));
    }
    for (at, server) in servers.iter().enumerate() {
        if servers[..at].iter().any(|other| other.id == server.id) {
            return Err(D::Error::custom(format!(
                "{:?} is the id of an earlier server",
                server.id
            )));
        }
        let Some(auth) = &server.auth else { continue };
        auth.kind
            .header(auth.header.as_deref())
            .map_err(D::Error::custom)?;
        if auth.secret.is_none() {
            return Err(D::Error::custom(format!(
                "auth of {:?} has no secret",
                server.id
            )));
        }
    }
    Ok(servers)
}
