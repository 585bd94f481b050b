//! `/v1/providers`: what providers are shown for a tenant. Keys are taken and never told again.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use floopy_shared::domain::{
    credential::{
        Allowed, Credential, CredentialId, Hidden, KeyRing, NONCE_BYTES, Takes, provider_takes,
        seal,
    },
    ids::TenantId,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Api,
    body::JsonObject,
    error::{ApiError, brief},
    reading,
    settings::{Editing, whole_list},
    view::moment,
};
use crate::store::{
    StoreError, Tx,
    audit::Action,
    credentials::{self, Kept, Told},
    meta,
};

/// Of one owner: every one is held in every proxy's memory.
const MAX_CREDENTIALS: usize = 100;

/// The tenant's own.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let found = credentials::list(&mut conn, Some(&tenant)).await?;
    Ok(Json(whole_list(found.iter().map(describe).collect())))
}

/// One of them.
pub(super) async fn get(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let id = CredentialId::new(Some(tenant), &name).map_err(|_| unknown())?;
    let found = credentials::get(&mut conn, &id).await?;
    Ok(Json(describe(&found.ok_or_else(unknown)?)))
}

/// Sets one, in place of the one before.
pub(super) async fn put(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let id = named(Some(editing.tenant()), &name)?;
    let now_ms = editing.now_ms;
    let wanted = (&id, fields, Allowed::Keys);
    let change = change(&api, &mut editing.tx, wanted, now_ms).await?;
    let resource = resource(&id);
    let (was, is) = (change.was(), trace(&change.after));
    let what = (change.action(), resource.as_str());
    editing.audit(what, was.as_deref(), Some(&is)).await?;
    editing.commit_credentials().await?;
    Ok(Json(describe(&change.after)))
}

/// Takes one away: what everybody's is, or what the proxies are configured with, counts again.
pub(super) async fn delete(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let id = CredentialId::new(Some(editing.tenant()), &name).map_err(|_| unknown())?;
    let before = credentials::get(&mut editing.tx, &id).await?;
    let was = trace(&before.ok_or_else(unknown)?);
    credentials::delete(&mut editing.tx, &id).await?;
    let what = (Action::Delete, resource(&id));
    editing.audit((what.0, &what.1), Some(&was), None).await?;
    editing.commit_credentials().await?;
    Ok(Json(gone(&name)))
}

pub(super) fn unknown() -> ApiError {
    ApiError::not_found("no such credential")
}

pub(super) fn gone(name: &str) -> Value {
    json!({"id": name, "object": "provider_credential", "deleted": true})
}

/// What the audit calls it.
pub(super) fn resource(id: &CredentialId) -> String {
    format!("provider/{}", id.provider())
}

pub(super) fn named(tenant: Option<TenantId>, name: &str) -> Result<CredentialId, ApiError> {
    CredentialId::new(tenant, name).map_err(|e| ApiError::invalid_body("name", e.to_string()))
}

/// A credential that was set.
pub(super) struct Changed {
    before: Option<Kept>,
    pub(super) after: Kept,
}

impl Changed {
    pub(super) fn action(&self) -> Action {
        match &self.before {
            Some(_) => Action::Update,
            None => Action::Create,
        }
    }

    /// What the audit makes its hash of.
    pub(super) fn was(&self) -> Option<String> {
        self.before.as_ref().map(trace)
    }
}

/// Seals and writes what is wanted.
pub(super) async fn change(
    api: &Api,
    tx: &mut Tx,
    (id, fields, allowed): (&CredentialId, Map<String, Value>, Allowed),
    now_ms: u64,
) -> Result<Changed, ApiError> {
    let credential = read(fields)?;
    let kind = credential.check(id.provider(), allowed);
    let kind = kind.map_err(|refused| ApiError::invalid_body(refused.field, refused.message))?;
    if credential.base_url.is_none() {
        check_name(tx, id).await?;
    }
    let before = credentials::get(tx, id).await?;
    let count = credentials::list(tx, id.tenant()).await?.len();
    if before.is_none() && count >= MAX_CREDENTIALS {
        let message = format!("there are {count} credentials, which is as many as there may be");
        return Err(ApiError::invalid_body("name", message));
    }
    let revision = before.as_ref().map_or(1, |kept| kept.sealed.revision + 1);
    let plain = |text: &Option<Hidden>| text.as_ref().map(|text| text.to_string());
    let after = Kept {
        sealed: sealed(&api.keys, (id, revision), &credential)?,
        told: Told {
            kind: kind.as_str().to_owned(),
            hint: credential.hint().to_string(),
            region: plain(&credential.region),
            project: plain(&credential.project),
            base_url: plain(&credential.base_url),
        },
        created_ms: before.as_ref().map_or(now_ms, |kept| kept.created_ms),
        changed_ms: now_ms,
    };
    credentials::put(tx, &after).await?;
    Ok(Changed { before, after })
}

/// Takes the texts out of a body. What is wrong with it is said without its values.
fn read(fields: Map<String, Value>) -> Result<Credential, ApiError> {
    let mut credential = Credential::default();
    for (name, value) in fields {
        let slot = match name.as_str() {
            "api_key" => &mut credential.api_key,
            "access_key_id" => &mut credential.access_key_id,
            "secret_access_key" => &mut credential.secret_access_key,
            "session_token" => &mut credential.session_token,
            "service_account" => &mut credential.service_account,
            "region" => &mut credential.region,
            "project" => &mut credential.project,
            "base_url" => &mut credential.base_url,
            _ => {
                let message = format!("{} is no field; there are {FIELDS}", brief(&name));
                return Err(ApiError::invalid_body(&brief(&name), message));
            }
        };
        match value {
            Value::Null => {}
            Value::String(text) => *slot = Some(Hidden::new(text)),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                let message = format!("{name} must be a string");
                return Err(ApiError::invalid_body(&name, message));
            }
        }
    }
    Ok(credential)
}

const FIELDS: &str = "api_key, access_key_id, secret_access_key, session_token, service_account, region, project, \
    base_url";

/// Refuses a provider of which nobody knows where it is.
async fn check_name(tx: &mut Tx, id: &CredentialId) -> Result<(), ApiError> {
    let takes = provider_takes(id.provider());
    let is_placed = takes == Some(Takes::Placed);
    if takes.is_some() && !is_placed {
        return Ok(());
    }
    let everybodys = CredentialId::new(None, id.provider()).map_err(|_| unknown())?;
    let held = credentials::get(tx, &everybodys).await?;
    // The one that is set now takes the place of the one before, with its address.
    let held = held.filter(|held| held.told.base_url.is_some() && everybodys != *id);
    if held.is_some() || meta::providers(&mut **tx).await?.contains(id.provider()) {
        return Ok(());
    }
    let provider = id.provider();
    if is_placed {
        let message = format!(
            "base_url is missing: {provider} is at an address of its customer's own, and no proxy has it configured; whoever \
             runs Floopy sets it"
        );
        return Err(ApiError::invalid_body("base_url", message));
    }
    let message = format!(
        "provider {provider:?} is not known: no proxy has it configured, and it is none that Floopy knows"
    );
    Err(ApiError::invalid_body("name", message))
}

/// Nothing can be sealed.
pub(super) fn no_key() -> ApiError {
    ApiError::not_configured(
        "no key for credentials is configured; whoever runs Floopy sets FLOOPY_CREDENTIALS_KEY for it",
    )
}

/// Seals with the newest key.
pub(super) fn sealed(
    keys: &KeyRing,
    place: (&CredentialId, u64),
    credential: &Credential,
) -> Result<floopy_shared::domain::credential::Sealed, ApiError> {
    let key = keys.newest().ok_or_else(no_key)?;
    let mut nonce = [0; NONCE_BYTES];
    meta::random(&mut nonce)?;
    let sealed = seal(key, place, credential, nonce);
    sealed.map_err(|e| StoreError::corrupt("credential", e).into())
}

/// What tells one state of a credential from another, and nothing of its key.
pub(super) fn trace(kept: &Kept) -> String {
    let sealed = hex::encode(Sha256::digest(&kept.sealed.bytes));
    json!({"credential": describe(kept), "sealed": sealed}).to_string()
}

/// A credential as it is told.
pub(super) fn describe(kept: &Kept) -> Value {
    let told = &kept.told;
    json!({
        "id": kept.sealed.id.provider(),
        "object": "provider_credential",
        "kind": told.kind,
        "hint": told.hint,
        "region": told.region,
        "project": told.project,
        "base_url": told.base_url,
        "created_at": moment(kept.created_ms),
        "updated_at": moment(kept.changed_ms),
    })
}
