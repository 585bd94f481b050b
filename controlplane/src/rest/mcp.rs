//! `/v1/mcp`: the servers whose tools a tenant's models may call, and how far that goes. Secrets are taken and never told.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::{
    domain::{
        mcp::{Agent, MAX_SERVERS, Mcp, Server, ServerId, StreamMode, Tools},
        snapshot::Tenant,
    },
    network::origin,
    process::config::{McpAgent, McpServer},
};
use serde_json::{Map, Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    error::ApiError,
    providers::no_key,
    reading,
    settings::{Editing, whole_list},
    view::moment,
};
use crate::{
    settings as written,
    store::{
        StoreError,
        settings::{
            self, Document, Kind,
            mcp::{WrittenAuth, WrittenServer, credential},
        },
    },
};

/// The id of the document that says how far calling tools goes.
const SETTINGS: &str = "settings";

/// What `GET` tells beside a server's fields, which may come back.
const TOLD: [&str; 4] = ["object", "source", "created_at", "updated_at"];

/// All of them, those of the configuration, too.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (id, mut conn) = reading(&api, &headers).await?;
    let tenant = written::tenant(&mut conn, &id).await?;
    let own = settings::list(&mut conn, &id, Kind::McpServer).await?;
    let document = |server: &Server| own.iter().find(|own| own.id == server.id.as_str());
    let servers = tenant.mcp.iter().flat_map(|mcp| &mcp.servers);
    let items = servers.map(|server| describe(server, document(server)));
    Ok(Json(whole_list(items.collect())))
}

/// One.
pub(super) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let own = settings::get(&mut conn, (&tenant, Kind::McpServer), &id).await?;
    let tenant = written::tenant(&mut conn, &tenant).await?;
    let server = found(&tenant, &id).ok_or_else(unknown)?;
    Ok(Json(describe(server, own.as_ref())))
}

/// Makes one, also in the place of the configuration's of the same id.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let asked = read(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let own = settings::list(&mut editing.tx, &tenant, Kind::McpServer).await?;
    if own.iter().any(|own| own.id == asked.id) {
        let message = format!("id {:?} is the id of a server that is there", asked.id);
        return Err(ApiError::invalid_body("id", message));
    }
    let current = editing.current().await?;
    let servers = current.mcp.as_ref().map_or(0, |mcp| mcp.servers.len());
    if servers >= MAX_SERVERS && found(&current, &asked.id).is_none() {
        let message = format!("there are {servers} servers, which is as many as there may be");
        return Err(ApiError::invalid_body("id", message));
    }
    let answer = put(editing, &asked, None).await?;
    Ok((StatusCode::CREATED, answer))
}

/// Replaces the fields that are named. A secret stays where none is given, unless the server is elsewhere from now on.
pub(super) async fn patch(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = settings::get(&mut editing.tx, (&tenant, Kind::McpServer), &id).await?;
    let current = editing.current().await?;
    let server = found(&current, &id).ok_or_else(unknown)?;
    let before = before.ok_or_else(|| configured(&id))?;
    let Value::Object(mut all) = describe(server, Some(&before)) else {
        return Err(ApiError::internal());
    };
    all.extend(fields);
    let asked = read(all)?;
    if asked.id != id {
        let message = format!("id is {:?}, a server keeps its id", asked.id);
        return Err(ApiError::invalid_body("id", message));
    }
    put(editing, &asked, Some(&before)).await
}

/// Takes one away: the configuration's of the same id counts again.
pub(super) async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let document = settings::get(&mut editing.tx, (&tenant, Kind::McpServer), &id).await?;
    let Some(document) = document else {
        let current = editing.current().await?;
        return Err(found(&current, &id).map_or_else(unknown, |_| configured(&id)));
    };
    editing.delete(Kind::McpServer, &document).await?;
    editing.commit().await?;
    Ok(Json(
        json!({"id": id, "object": "mcp_server", "deleted": true}),
    ))
}

/// How far calling tools goes.
pub(super) async fn get_agent(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (id, mut conn) = reading(&api, &headers).await?;
    let tenant = written::tenant(&mut conn, &id).await?;
    Ok(Json(describe_agent(&tenant)))
}

/// Sets that as a whole; what is missing is as where nobody sets anything.
pub(super) async fn put_agent(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(mut fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    fields.remove("object");
    let set: McpAgent = body::read(Value::Object(fields), "")?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let place = (editing.tenant(), Kind::McpAgent);
    let before = settings::get(&mut editing.tx, (&place.0, place.1), SETTINGS).await?;
    editing
        .replace(Kind::McpAgent, (SETTINGS, before.as_ref()), &json!(set))
        .await?;
    let changed = editing.commit().await?;
    Ok(Json(describe_agent(&changed)))
}

fn unknown() -> ApiError {
    ApiError::not_found("no such server of tools")
}

fn configured(id: &str) -> ApiError {
    let message =
        format!("{id} is in the configuration: one that is made with the same id takes its place");
    ApiError::invalid_body("id", message)
}

fn found<'a>(tenant: &'a Tenant, id: &str) -> Option<&'a Server> {
    Some(tenant.mcp.as_ref()?.server(id)?)
}

fn read(mut fields: Map<String, Value>) -> Result<McpServer, ApiError> {
    for told in TOLD {
        fields.remove(told);
    }
    let asked: McpServer = body::read(Value::Object(fields), "")?;
    if let Some(auth) = &asked.auth {
        let header = auth.kind.header(auth.header.as_deref());
        header
            .map_err(|why| ApiError::invalid_body("auth.header", format!("auth.header: {why}")))?;
    }
    Ok(asked)
}

/// Writes a server over the one before.
async fn put(
    mut editing: Editing<'_>,
    asked: &McpServer,
    before: Option<&Document>,
) -> Result<Json<Value>, ApiError> {
    let id =
        ServerId::new(&asked.id).map_err(|e| ApiError::invalid_body("id", format!("id: {e}")))?;
    let written = WrittenServer::of(asked, auth(&editing, asked, (&id, before))?);
    let place = (asked.id.as_str(), before);
    let document = editing
        .replace(Kind::McpServer, place, &json!(written))
        .await?;
    let changed = editing.commit().await?;
    let server = found(&changed, &asked.id).ok_or_else(ApiError::internal)?;
    Ok(Json(describe(server, Some(&document))))
}

/// What the server is shown: the secret that is given, else the one before.
fn auth(
    editing: &Editing<'_>,
    asked: &McpServer,
    (id, before): (&ServerId, Option<&Document>),
) -> Result<Option<WrittenAuth>, ApiError> {
    let Some(auth) = &asked.auth else {
        return Ok(None);
    };
    let header = auth.kind.header(auth.header.as_deref()).unwrap_or_default();
    let before: Option<WrittenServer> = before
        .map(|document| serde_json::from_str(&document.body))
        .transpose()
        .map_err(|e| StoreError::corrupt("setting", e))?;
    let held = before.as_ref().and_then(|before| before.auth.as_ref());
    let Some(secret) = &auth.secret else {
        let of = |url: &str| url.parse().ok().as_ref().and_then(origin);
        let is_moved = before
            .as_ref()
            .is_some_and(|b| of(&b.url) != of(&asked.url));
        return match held {
            Some(held) if !is_moved => Ok(Some(WrittenAuth {
                header,
                ..held.clone()
            })),
            Some(_) => Err(ApiError::invalid_body(
                "auth.secret",
                "auth.secret is missing: the one that is there was given for another server",
            )),
            None => Err(ApiError::invalid_body(
                "auth.secret",
                "auth.secret is missing",
            )),
        };
    };
    let key = editing.api.keys.newest().ok_or_else(no_key)?;
    let revision = held.map_or(1, |held| held.revision + 1);
    let tenant = editing.tenant();
    let place = (&tenant, id, revision);
    let credential = credential(secret, &asked.url);
    let sealed = WrittenAuth::seal(key, place, &credential, header);
    Ok(Some(sealed?))
}

/// A server as it is told.
fn describe(server: &Server, own: Option<&Document>) -> Value {
    let auth = server.auth.as_ref().map(|auth| match &auth.header {
        None => json!({"type": "bearer"}),
        Some(header) => json!({"type": "api_key", "header": header}),
    });
    let tools = match &server.tools {
        Tools::All => json!("*"),
        Tools::Only(names) => json!(names),
    };
    json!({
        "id": server.id.as_str(),
        "object": "mcp_server",
        "url": server.url,
        "auth": auth,
        "tools": tools,
        "timeout_ms": server.timeout_ms,
        "max_retries": server.max_retries,
        "enabled": server.enabled,
        "source": if own.is_some() { "api" } else { "configuration" },
        "created_at": own.and_then(|own| moment(own.created_ms)),
        "updated_at": own.and_then(|own| moment(own.changed_ms)),
    })
}

fn describe_agent(tenant: &Tenant) -> Value {
    let set = tenant.mcp.as_deref().map(|mcp: &Mcp| mcp.agent);
    let agent: Agent = set.unwrap_or_default();
    let mode: StreamMode = agent.stream_mode;
    json!({
        "object": "mcp_agent",
        "max_rounds": agent.max_rounds,
        "stream_mode": mode.as_str(),
        "tool_call_parallel": agent.tool_call_parallel,
        "tool_cache_ttl_seconds": agent.tool_cache_ttl_s,
    })
}
