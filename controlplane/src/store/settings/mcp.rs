//! Servers of tools as they are written down: what is shown to them is sealed, together with where it may be shown.

use floopy_shared::{
    domain::{
        credential::{Credential, Hidden, MasterKey, NONCE_BYTES, Sealed, seal},
        ids::TenantId,
        mcp::{self, Auth, Mcp, Server, ServerId},
    },
    network::origin,
    process::config::{McpAgent, McpServer, McpTools, Secret},
};
use serde::{Deserialize, Serialize};

use super::{Document, Kind, of_everybody};
use crate::store::{StoreError, meta, sql::Conn};

/// A server without its id, which is its document's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenServer {
    pub(crate) url: String,
    pub(crate) auth: Option<WrittenAuth>,
    pub(crate) tools: McpTools,
    pub(crate) timeout_ms: u32,
    pub(crate) max_retries: u32,
    pub(crate) enabled: bool,
}

/// How a server knows who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenAuth {
    /// `None`: as a bearer token.
    pub(crate) header: Option<String>,
    pub(crate) revision: u64,
    /// In hexadecimal.
    pub(crate) sealed: String,
}

/// What the configuration has for a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenMcp {
    pub(crate) agent: Option<McpAgent>,
    pub(crate) servers: Vec<(String, WrittenServer)>,
}

impl WrittenAuth {
    /// Seals a secret for where a server is.
    pub(crate) fn seal(
        key: &MasterKey,
        (tenant, id, revision): (&TenantId, &ServerId, u64),
        credential: &Credential,
        header: Option<String>,
    ) -> Result<Self, StoreError> {
        let place = Auth::place(tenant, id);
        let place = place.ok_or_else(|| StoreError::corrupt("server's id", id))?;
        let mut nonce = [0; NONCE_BYTES];
        meta::random(&mut nonce)?;
        let sealed = seal(key, (&place, revision), credential, nonce);
        let sealed = sealed.map_err(|e| StoreError::corrupt("secret", e))?;
        Ok(Self {
            header,
            revision,
            sealed: hex::encode(&sealed.bytes),
        })
    }

    /// As it was sealed.
    pub(crate) fn sealed(&self, tenant: &TenantId, id: &ServerId) -> Result<Sealed, StoreError> {
        let place = Auth::place(tenant, id);
        let bytes = hex::decode(&self.sealed).map_err(|e| StoreError::corrupt("secret", e))?;
        Ok(Sealed {
            id: place.ok_or_else(|| StoreError::corrupt("server's id", id))?,
            revision: self.revision,
            bytes: bytes.into(),
        })
    }
}

/// A server with a secret, as it was set over HTTP.
pub(crate) struct Held {
    pub(crate) tenant: TenantId,
    pub(crate) id: ServerId,
    pub(crate) document: Document,
    pub(crate) server: WrittenServer,
    pub(crate) auth: WrittenAuth,
    pub(crate) sealed: Sealed,
}

/// Those of all tenants. What the configuration has is sealed anew at each start that has a newer key.
pub(crate) async fn held(conn: &mut Conn) -> Result<Vec<Held>, StoreError> {
    let mut found = Vec::new();
    for (tenant, document) in of_everybody(conn, Kind::McpServer).await? {
        let server: WrittenServer = serde_json::from_str(&document.body)
            .map_err(|e| StoreError::corrupt("server of tools", e))?;
        let id = ServerId::new(&document.id);
        let id = id.map_err(|e| StoreError::corrupt("server's id", e))?;
        if let Some(auth) = server.auth.clone() {
            let sealed = auth.sealed(&tenant, &id)?;
            found.push(Held {
                tenant,
                id,
                document,
                server,
                auth,
                sealed,
            });
        }
    }
    Ok(found)
}

/// A secret, and where it may be shown.
pub(crate) fn credential(secret: &Secret, url: &str) -> Credential {
    let uri = url.parse().ok();
    Credential {
        api_key: Some(Hidden::new(secret.expose().to_owned())),
        base_url: uri.as_ref().and_then(origin).map(Hidden::new),
        ..Credential::default()
    }
}

impl WrittenServer {
    /// What is asked for, with its secret sealed.
    pub(crate) fn of(asked: &McpServer, auth: Option<WrittenAuth>) -> Self {
        Self {
            url: asked.url.clone(),
            auth,
            tools: asked.tools.clone(),
            timeout_ms: asked.timeout_ms,
            max_retries: asked.max_retries,
            enabled: asked.enabled,
        }
    }

    /// As proxies know it.
    pub(crate) fn to_domain(&self, tenant: &TenantId, id: &str) -> Result<Server, StoreError> {
        let id = ServerId::new(id).map_err(|e| StoreError::corrupt("server's id", e))?;
        let auth = self.auth.as_ref().map(|auth| {
            let secret = auth.sealed(tenant, &id)?;
            Ok::<_, StoreError>(Auth {
                header: auth.header.clone(),
                secret,
            })
        });
        Ok(Server {
            auth: auth.transpose()?,
            url: self.url.clone(),
            tools: self.tools.0.clone(),
            timeout_ms: self.timeout_ms,
            max_retries: self.max_retries,
            enabled: self.enabled,
            id,
        })
    }
}

impl WrittenMcp {
    /// As proxies know it; `None`: nothing is set.
    pub(crate) fn to_domain(&self, tenant: &TenantId) -> Result<Option<Mcp>, StoreError> {
        if *self == Self::default() {
            return Ok(None);
        }
        let agent = self.agent.map(McpAgent::to_domain);
        let mut read = Mcp {
            agent: agent.unwrap_or_default(),
            servers: Vec::with_capacity(self.servers.len().min(mcp::MAX_SERVERS)),
        };
        for (id, server) in &self.servers {
            read.put(server.to_domain(tenant, id)?);
        }
        Ok(Some(read))
    }
}
