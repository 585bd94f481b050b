//! Which servers a call may ask, with what they are shown, and how far that goes.

use std::sync::Arc;

use floopy_shared::{
    domain::{
        credential::{CannotOpen, Credential, Sealed},
        mcp::{Agent, MAX_SERVERS, Mcp, Server, StreamMode, Tools},
        snapshot::Tenant,
    },
    network::origin,
    process::config::mcp::{McpStreamMode, once_more, ten_seconds},
};
use http::{HeaderName, HeaderValue, Uri, header::AUTHORIZATION};
use sha2::{Digest, Sha256};

use super::{
    listed::Key,
    plugin::{Named, NamedAuth, Plugin, Wished},
};

/// A server that a call may ask.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub id: String,
    pub uri: Uri,
    /// The header that says who asks.
    pub secret: Option<(HeaderName, HeaderValue)>,
    pub tools: Tools,
    pub timeout_ms: u32,
    pub max_retries: u32,
    /// What is known of it is known by this.
    pub(super) key: Key,
}

/// What a call may do with tools.
#[derive(Debug)]
pub(crate) struct Terms {
    pub targets: Vec<Arc<Target>>,
    /// Servers that cannot be asked.
    pub closed: Vec<String>,
    pub agent: Agent,
}

/// What is wrong with what a call wants.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header floopy-mcp-plugin: {0}")]
pub(crate) struct Unusable(String);

/// Opens what is sealed.
type Open<'a> = &'a dyn Fn(&Sealed) -> Result<Credential, CannotOpen>;

/// What a call of a tenant may do. `wished`: what it says itself.
pub(crate) fn terms(
    tenant: &Tenant,
    wished: Option<&str>,
    open: Open<'_>,
) -> Result<Terms, Unusable> {
    let none = Mcp::default();
    let own = tenant.mcp.as_deref().unwrap_or(&none);
    let plugin = wished.map(Plugin::read).transpose().map_err(Unusable)?;
    let plugin = plugin.unwrap_or_default();
    let mut terms = Terms {
        targets: Vec::new(),
        closed: Vec::new(),
        agent: with(own.agent, &plugin.agent),
    };
    match &plugin.mcp_servers {
        None => {
            for server in own.servers.iter().filter(|server| server.enabled) {
                match stored((tenant, server), server.tools.clone(), open) {
                    Ok(target) => terms.targets.push(Arc::new(target)),
                    Err(why) => {
                        tracing::warn!(tenant = %tenant.id, server = %server.id, why, "a server is not asked for tools");
                        terms.closed.push(server.id.to_string());
                    }
                }
            }
        }
        Some(named) => {
            if named.len() > MAX_SERVERS {
                let message = format!(
                    "mcp_servers has {} entries, it may have {MAX_SERVERS}",
                    named.len()
                );
                return Err(Unusable(message));
            }
            for (at, wanted) in named.iter().enumerate() {
                if named[..at].iter().any(|other| other.id == wanted.id) {
                    let message = format!("mcp_servers[{at}].id: {:?} is named twice", wanted.id);
                    return Err(Unusable(message));
                }
                let target = resolve((tenant, own), wanted, open).map_err(|(field, why)| {
                    Unusable(format!("mcp_servers[{at}].{field}: {why}"))
                })?;
                terms.targets.push(Arc::new(target));
            }
        }
    }
    Ok(terms)
}

fn with(own: Agent, wished: &Wished) -> Agent {
    let mode = wished.stream_mode.map(|mode| match mode {
        McpStreamMode::FinalOnly => StreamMode::FinalOnly,
        McpStreamMode::Disabled => StreamMode::Disabled,
    });
    Agent {
        max_rounds: wished.max_rounds.unwrap_or(own.max_rounds),
        stream_mode: mode.unwrap_or(own.stream_mode),
        tool_call_parallel: wished.tool_call_parallel.unwrap_or(own.tool_call_parallel),
        tool_cache_ttl_s: wished
            .tool_cache_ttl_seconds
            .unwrap_or(own.tool_cache_ttl_s),
    }
}

/// A server as a call names it; the field that is wrong, and why.
fn resolve(
    (tenant, own): (&Tenant, &Mcp),
    named: &Named,
    open: Open<'_>,
) -> Result<Target, (&'static str, String)> {
    let held = own.server(&named.id);
    let Some(url) = &named.url else {
        let server = held.ok_or_else(|| ("id", unknown(&named.id)))?;
        if named.auth.is_some() {
            return Err(("auth", "it is for servers with a url".to_owned()));
        }
        let tools = narrowed(&server.tools, named)?;
        let mut target = stored((tenant, server), tools, open).map_err(|why| ("id", why))?;
        target.timeout_ms = named.timeout_ms.unwrap_or(target.timeout_ms);
        target.max_retries = named.max_retries.unwrap_or(target.max_retries);
        return Ok(target);
    };
    let uri: Uri = url
        .parse()
        .map_err(|_| ("url", "it is no URL".to_owned()))?;
    let secret = named.auth.as_ref().map(|auth| lent(own, auth, &uri, open));
    let secret = secret.transpose()?;
    let tools = named.tools.clone().unwrap_or_default().0;
    Ok(Target {
        key: key(tenant, &uri, secret.as_ref()),
        id: named.id.clone(),
        uri,
        secret,
        tools,
        timeout_ms: named.timeout_ms.unwrap_or_else(ten_seconds),
        max_retries: named.max_retries.unwrap_or_else(once_more),
    })
}

fn unknown(id: &str) -> String {
    format!("{id:?} is not the id of a server of this tenant")
}

/// A call may name fewer tools than the tenant has, and no more.
fn narrowed(own: &Tools, named: &Named) -> Result<Tools, (&'static str, String)> {
    let Some(wanted) = &named.tools else {
        return Ok(own.clone());
    };
    match (&wanted.0, own) {
        (Tools::All, own) => Ok(own.clone()),
        (Tools::Only(names), own) => match names.iter().find(|name| !own.has(name)) {
            Some(name) => Err(("tools", format!("{name:?} is not one that may be called"))),
            None => Ok(Tools::Only(names.clone())),
        },
    }
}

/// A server of the tenant.
fn stored(
    (tenant, server): (&Tenant, &Server),
    tools: Tools,
    open: Open<'_>,
) -> Result<Target, String> {
    let uri: Uri = server
        .url
        .parse()
        .map_err(|_| "its url is none".to_owned())?;
    let secret = server.auth.as_ref().map(|auth| {
        let header = auth.header.as_deref();
        shown(open, &auth.secret, (header, &uri))
    });
    let secret = secret.transpose()?;
    Ok(Target {
        key: key(tenant, &uri, secret.as_ref()),
        id: server.id.to_string(),
        uri,
        secret,
        tools,
        timeout_ms: server.timeout_ms,
        max_retries: server.max_retries,
    })
}

/// The secret of one of the tenant's servers, for a call that says itself where that is.
fn lent(
    own: &Mcp,
    auth: &NamedAuth,
    uri: &Uri,
    open: Open<'_>,
) -> Result<(HeaderName, HeaderValue), (&'static str, String)> {
    let header = auth.kind.header(auth.header.as_deref());
    let header = header.map_err(|why| ("auth.header", why.to_owned()))?;
    let at = "auth.secret_ref";
    let server = own.server(&auth.secret_ref);
    let server = server.ok_or_else(|| (at, unknown(&auth.secret_ref)))?;
    let Some(held) = &server.auth else {
        return Err((at, format!("{:?} has no secret", auth.secret_ref)));
    };
    shown(open, &held.secret, (header.as_deref(), uri)).map_err(|why| (at, why))
}

/// The header with a secret, which is for where it was given for alone: nobody gets it by saying that a server is
/// elsewhere.
fn shown(
    open: Open<'_>,
    sealed: &Sealed,
    (header, uri): (Option<&str>, &Uri),
) -> Result<(HeaderName, HeaderValue), String> {
    let credential = open(sealed).map_err(|e| format!("its secret cannot be opened: {e}"))?;
    let place = credential.base_url.as_ref().map(|place| place.as_str());
    if place.is_none() || place != origin(uri).as_deref() {
        return Err("its secret was given for another server".to_owned());
    }
    let secret = credential.api_key.as_ref().map(|secret| secret.as_str());
    let secret = secret.unwrap_or_default();
    let broken = "its secret cannot be shown in a header".to_owned();
    let (name, value) = match header {
        None => (
            AUTHORIZATION,
            HeaderValue::try_from(format!("Bearer {secret}")),
        ),
        Some(name) => {
            let name = HeaderName::try_from(name).map_err(|_| broken.clone())?;
            (name, HeaderValue::try_from(secret))
        }
    };
    let mut value = value.map_err(|_| broken)?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn key(tenant: &Tenant, uri: &Uri, secret: Option<&(HeaderName, HeaderValue)>) -> Key {
    let mut hash = Sha256::new();
    let (name, value) = secret.map_or(("", &b""[..]), |(n, v)| (n.as_str(), v.as_bytes()));
    let uri = uri.to_string();
    for part in [
        tenant.id.as_str().as_bytes(),
        uri.as_bytes(),
        name.as_bytes(),
        value,
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
