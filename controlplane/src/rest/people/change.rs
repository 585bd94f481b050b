//! `PUT /dashboard/password`: whoever is signed in changes their own password.

use std::net::{IpAddr, Ipv4Addr};

use axum::{Extension, Json, extract::State};
use floopy_shared::domain::ids::KeyHash;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::sign_in::{self, MAX_BODY};
use crate::{
    rest::{
        Api, REQUEST_ID,
        body::{self, SmallObject},
        error::ApiError,
        serve::Peer,
    },
    store::{
        StoreError, audit,
        audit::{Action, Change},
        people::{self, Account},
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    current_password: String,
    password: String,
}

/// Changes it, and signs its owner out everywhere else. Guesses at the current one count as those at sign-in do.
pub(in crate::rest) async fn password(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    SmallObject(fields): SmallObject<MAX_BODY>,
) -> Result<Json<Value>, ApiError> {
    let (account, cookie) = asking(&api, &headers).await?;
    let written: Written = body::read(Value::Object(fields), "")?;
    let from = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(peer)| peer.0);
    let (person, now_ms) = (&account.person, api.clock.now_ms());
    let begun = api.people.attempts.begin(from, &person.email, now_ms);
    begun.map_err(ApiError::too_many_attempts)?;
    let passwords = &api.people.passwords;
    let kept = vec![account.password.clone()];
    if passwords
        .find(written.current_password, kept)
        .await?
        .is_none()
    {
        let message = "current_password is not the password of this account";
        return Err(ApiError::invalid_body("current_password", message));
    }
    api.people.attempts.succeeded(from, &person.email);
    let password = passwords.keep(written.password).await?;
    let mut tx = api.store.write().await?;
    if !people::change_password(&mut tx, (&account, &password), &cookie).await? {
        return Err(ApiError::unknown_key());
    }
    let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let change = Change {
        tenant: Some(&person.tenant),
        at_ms: now_ms,
        actor: &format!("user:{}", person.id),
        role: person.role.as_str(),
        action: Action::Update,
        resource: &format!("user/{}/password", person.id),
        // Not even a hash of it is written down.
        before: None,
        after: None,
        request_id: request_id.unwrap_or_default(),
    };
    audit::add(&mut tx, &change).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(tenant = %person.tenant, person = %person.id, "changed a password");
    Ok(Json(json!({"id": person.id, "object": "user"})))
}

/// Who is signed in, and with which cookie; keys have no password.
async fn asking(api: &Api, headers: &HeaderMap) -> Result<(Account, KeyHash), ApiError> {
    let signed_in = sign_in::person(headers).zip(sign_in::cookie(headers));
    let (id, cookie) = signed_in.ok_or_else(ApiError::sign_in_required)?;
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let account = people::get(&mut conn, id).await?;
    let account = account.ok_or_else(ApiError::unknown_key)?;
    Ok((account, KeyHash::of(cookie)))
}
