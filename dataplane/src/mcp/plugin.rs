//! The header `floopy-mcp-plugin`: which tools one call may use, in YAML on one line.

use floopy_shared::process::config::{
    McpAuthKind, McpTools,
    mcp::{self as read, McpStreamMode},
};
use http::HeaderName;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::yaml;

/// The header.
pub(crate) static PLUGIN: HeaderName = HeaderName::from_static("floopy-mcp-plugin");

/// Of the header.
const MAX_BYTES: usize = 16 << 10;

/// What a call wants of tools.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plugin {
    #[serde(default)]
    version: Value,
    /// `None`: those that are enabled for all calls.
    pub(super) mcp_servers: Option<Vec<Named>>,
    #[serde(default)]
    pub(super) agent: Wished,
}

/// A server: one of the tenant's by its id, or another with where it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    #[serde(deserialize_with = "read::id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "url")]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) auth: Option<NamedAuth>,
    #[serde(default)]
    pub(super) tools: Option<McpTools>,
    #[serde(default, deserialize_with = "timeout_ms")]
    pub(super) timeout_ms: Option<u32>,
    #[serde(default, deserialize_with = "max_retries")]
    pub(super) max_retries: Option<u32>,
}

/// How it knows who asks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedAuth {
    #[serde(rename = "type")]
    pub(super) kind: McpAuthKind,
    #[serde(default, deserialize_with = "read::header")]
    pub(super) header: Option<String>,
    /// The id of the tenant's server whose secret it is.
    pub(super) secret_ref: String,
}

/// How far it goes; what is missing is as the tenant has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wished {
    #[serde(deserialize_with = "max_rounds")]
    pub(super) max_rounds: Option<u32>,
    pub(super) stream_mode: Option<McpStreamMode>,
    pub(super) tool_call_parallel: Option<bool>,
    #[serde(deserialize_with = "tool_cache_ttl_seconds")]
    pub(super) tool_cache_ttl_seconds: Option<u32>,
}

impl Plugin {
    /// Reads the header; what is wrong with it names the place or the field.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!(
                "it has {} bytes, it may have {MAX_BYTES}",
                text.len()
            ));
        }
        let value = yaml::read(text.trim())?;
        let plugin: Self = serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            match path.as_str() {
                "." => error.inner().to_string(),
                _ => format!("{path}: {}", error.inner()),
            }
        })?;
        let is_known = match &plugin.version {
            Value::Null => true,
            Value::String(text) => text == "1" || text == "1.0",
            Value::Number(number) => number.as_f64() == Some(1.0),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if !is_known {
            return Err(format!("version is {}, it must be 1", plugin.version));
        }
        Ok(plugin)
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    read::url(deserializer).map(Some)
}

fn timeout_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    read::timeout_ms(deserializer).map(Some)
}

fn max_retries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    read::max_retries(deserializer).map(Some)
}

fn max_rounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    read::max_rounds(deserializer).map(Some)
}

fn tool_cache_ttl_seconds<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    read::tool_cache_ttl_seconds(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_plugin_can_say_is_read() {
        let text = "{version: 1, mcp_servers: [{id: search, url: 'https://a.example/mcp', \
            auth: {type: api_key, header: X-Key, secret_ref: search}, tools: [find], timeout_ms: 500, max_retries: 0}, \
            {id: other, tools: '*'}], agent: {max_rounds: 2, stream_mode: disabled, tool_call_parallel: false, \
            tool_cache_ttl_seconds: 0}}";
        let plugin = Plugin::read(text).expect("valid");
        let servers = plugin.mcp_servers.expect("there");
        let found: Vec<&str> = servers.iter().map(|server| server.id.as_str()).collect();
        assert_eq!(found, ["search", "other"]);
        assert_eq!(servers[0].timeout_ms, Some(500));
        assert_eq!(plugin.agent.max_rounds, Some(2));
        assert_eq!(plugin.agent.stream_mode, Some(McpStreamMode::Disabled));
        assert!(Plugin::read("{}").expect("valid").mcp_servers.is_none());
    }

    #[test]
    fn what_is_wrong_names_the_place_or_the_field() {
        for (text, said) in [
            ("{version: 1", "line 1, column"),
            ("mcp_servers", "must begin with {"),
            ("{version: 2}", "version is 2"),
            ("{colour: red}", "colour"),
            (
                "{mcp_servers: [{url: 'https://a.example'}]}",
                "mcp_servers[0]: missing field `id`",
            ),
            (
                "{mcp_servers: [{id: a, url: 'ftp://x'}]}",
                "mcp_servers[0].url: \"ftp://x\" is not allowed",
            ),
            ("{mcp_servers: [{id: A}]}", "mcp_servers[0].id: \"A\""),
            (
                "{agent: {max_rounds: 0}}",
                "agent.max_rounds: 0 is not allowed",
            ),
            ("{agent: {stream_mode: all}}", "agent.stream_mode"),
            (
                "{mcp_servers: [{id: a, auth: {type: bearer}}]}",
                "mcp_servers[0].auth",
            ),
            (
                "{mcp_servers: [{id: a, tools: all}]}",
                "mcp_servers[0].tools",
            ),
        ] {
            let error = Plugin::read(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
        let long = format!("{{version: 1, x: {}}}", "y".repeat(MAX_BYTES));
        assert!(Plugin::read(&long).expect_err("too long").contains("bytes"));
    }
}
