//! What a tenant set of tools.

use floopy_proto::v1;

use super::{InvalidWire, non_empty};
use crate::domain::{
    credential::Sealed,
    ids::TenantId,
    mcp::{Agent, Auth, Mcp, Server, ServerId, StreamMode, Tools},
};

impl From<&Mcp> for v1::Mcp {
    fn from(mcp: &Mcp) -> Self {
        Self {
            servers: mcp.servers.iter().map(|s| s.as_ref().into()).collect(),
            agent: Some(v1::McpAgent {
                max_rounds: mcp.agent.max_rounds,
                no_streams: mcp.agent.stream_mode == StreamMode::Disabled,
                one_by_one: !mcp.agent.tool_call_parallel,
                tool_cache_ttl_seconds: mcp.agent.tool_cache_ttl_s,
            }),
        }
    }
}

impl From<&Server> for v1::McpServer {
    fn from(server: &Server) -> Self {
        let (only_named, tools) = match &server.tools {
            Tools::All => (false, Vec::new()),
            Tools::Only(names) => (true, names.clone()),
        };
        Self {
            id: server.id.to_string(),
            url: server.url.clone(),
            auth: server.auth.as_ref().map(|auth| v1::McpAuth {
                header: auth.header.clone().unwrap_or_default(),
                revision: auth.secret.revision,
                sealed: auth.secret.bytes.clone(),
            }),
            only_named,
            tools,
            timeout_ms: server.timeout_ms,
            max_retries: server.max_retries,
            enabled: server.enabled,
        }
    }
}

/// Reads what belongs to a tenant.
pub(super) fn mcp(tenant: &TenantId, mcp: v1::Mcp) -> Result<Mcp, InvalidWire> {
    let mut read = Mcp::default();
    if let Some(agent) = mcp.agent {
        read.agent = Agent {
            max_rounds: agent.max_rounds,
            stream_mode: if agent.no_streams {
                StreamMode::Disabled
            } else {
                StreamMode::FinalOnly
            },
            tool_call_parallel: !agent.one_by_one,
            tool_cache_ttl_s: agent.tool_cache_ttl_seconds,
        };
    }
    for written in mcp.servers {
        read.put(server(tenant, written)?);
    }
    Ok(read)
}

fn server(tenant: &TenantId, server: v1::McpServer) -> Result<Server, InvalidWire> {
    let invalid = |e| InvalidWire::invalid("mcp.servers.id", e);
    let id = ServerId::new(&server.id).map_err(|e| invalid(e.to_string()))?;
    let auth = match server.auth {
        None => None,
        Some(auth) => {
            let place = Auth::place(tenant, &id);
            let place = place.ok_or_else(|| invalid(server.id.clone()))?;
            let secret = Sealed {
                id: place,
                revision: auth.revision,
                // Copied: else it would hold on to the whole message that it came with.
                bytes: auth.sealed.to_vec().into(),
            };
            let header = non_empty(auth.header);
            Some(Auth { header, secret })
        }
    };
    Ok(Server {
        id,
        url: server.url,
        auth,
        tools: if server.only_named {
            Tools::Only(server.tools)
        } else {
            Tools::All
        },
        timeout_ms: server.timeout_ms,
        max_retries: server.max_retries,
        enabled: server.enabled,
    })
}
