//! `/dashboard/session`: signing in and out, and who is signed in.
//!
//! Whoever is signed in has a cookie that scripts cannot read and other sites cannot have sent. What it changes must
//! also come with a header that no form of another site can set.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    Extension, Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use floopy_shared::domain::ids::KeyHash;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{oidc::Oidc, read_email};
use crate::{
    rest::{
        Api,
        body::{self, SmallObject},
        error::ApiError,
        serve::Peer,
        view::moment,
    },
    store::{
        StoreError, Tx, meta,
        people::{self, Person},
    },
};

/// From here to whoever answers: the id of who is signed in. Nobody else can say it.
static SIGNED_IN: HeaderName = HeaderName::from_static("x-floopy-internal-signed-in");
/// Must come with changes by cookie; what it says does not matter.
static BY_HAND: HeaderName = HeaderName::from_static("x-floopy-dashboard");
static SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

const COOKIE: &str = "floopy_session";
/// How long somebody stays signed in.
const SIGNED_IN_MS: u64 = 24 * 3_600_000;
pub(super) const MAX_BODY: usize = 4 << 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    email: String,
    password: String,
}

/// Signs somebody in. A wrong password and an unknown address are answered alike, after as long.
pub(in crate::rest) async fn sign_in(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    SmallObject(fields): SmallObject<MAX_BODY>,
) -> Result<Response, ApiError> {
    let written: Written = body::read(Value::Object(fields), "")?;
    if !headers.contains_key(&BY_HAND) {
        return Err(ApiError::forged());
    }
    let email = read_email(&written.email)?;
    let from = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(peer)| peer.0);
    let now_ms = api.clock.now_ms();
    let begun = api.people.attempts.begin(from, &email, now_ms);
    begun.map_err(ApiError::too_many_attempts)?;
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let accounts = people::by_email(&mut conn, &email).await?;
    drop(conn);
    let kept = accounts.iter().map(|account| account.password.clone());
    let passwords = &api.people.passwords;
    let found = passwords.find(written.password, kept.collect()).await?;
    let account = found.and_then(|at| accounts.get(at));
    let person = &account.ok_or_else(ApiError::wrong_password)?.person;
    api.people.attempts.succeeded(from, &email);
    let mut tx = api.store.write().await?;
    let set = remember(&mut tx, person, (now_ms, is_https(&headers))).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(tenant = %person.tenant, person = %person.id, "signed in");
    let told = super::describe(person);
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, set)], Json(told)).into_response())
}

/// Remembers that somebody signed in; the cookie that says so.
pub(super) async fn remember(
    tx: &mut Tx,
    person: &Person,
    (now_ms, secure): (u64, bool),
) -> Result<HeaderValue, StoreError> {
    let mut secret = [0; 32];
    meta::random(&mut secret)?;
    let cookie = hex::encode(secret);
    let hash = KeyHash::of(&cookie);
    let until = (now_ms, now_ms + SIGNED_IN_MS);
    people::sign_in(tx, (&person.id, &hash), until).await?;
    set_cookie(&cookie, SIGNED_IN_MS / 1_000, secure)
}

/// Signs whoever asks out.
pub(in crate::rest) async fn sign_out(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !headers.contains_key(&BY_HAND) {
        return Err(ApiError::forged());
    }
    if let Some(cookie) = cookie(&headers) {
        let mut tx = api.store.write().await?;
        people::sign_out(&mut tx, &KeyHash::of(cookie)).await?;
        tx.commit().await.map_err(StoreError::from)?;
    }
    let gone = set_cookie("", 0, is_https(&headers))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Who is signed in, or that nobody is; and whether anybody could be.
pub(in crate::rest) async fn signed_in(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let now_ms = api.clock.now_ms();
    let found = match cookie(&headers) {
        Some(cookie) => people::signed_in(&mut conn, &KeyHash::of(cookie), now_ms).await?,
        None => None,
    };
    let Some((person, expires_ms)) = found else {
        let oidc = api.people.oidc.as_ref().map(Oidc::host);
        return Ok(Json(
            json!({"object": "session", "user": null, "oidc": oidc}),
        ));
    };
    Ok(Json(json!({
        "object": "session",
        "user": super::describe(&person),
        "tenant": {"id": person.tenant.as_str()},
        "expires_at": moment(expires_ms),
        "version": env!("CARGO_PKG_VERSION"),
    })))
}

/// Gives what comes with a cookie to whoever answers as somebody's; a key that is shown, too, counts instead.
pub(in crate::rest) async fn recognize(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Response {
    request.headers_mut().remove(&SIGNED_IN);
    match recognized(&api, request.method(), request.headers()).await {
        Ok(Some(id)) => {
            request.headers_mut().insert(&SIGNED_IN, id);
        }
        Ok(None) => {}
        Err(refused) => return refused.into_response(),
    }
    next.run(request).await
}

async fn recognized(
    api: &Api,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<HeaderValue>, ApiError> {
    if headers.contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let Some(cookie) = cookie(headers) else {
        return Ok(None);
    };
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let hash = KeyHash::of(cookie);
    let found = people::signed_in(&mut conn, &hash, api.clock.now_ms()).await?;
    let Some((person, _)) = found else {
        return Ok(None);
    };
    if !method.is_safe() && !is_by_hand(headers) {
        return Err(ApiError::forged());
    }
    Ok(HeaderValue::from_str(&person.id).ok())
}

/// Whether a change was asked for by our own pages.
fn is_by_hand(headers: &HeaderMap) -> bool {
    let site = headers.get(&SITE).map(HeaderValue::as_bytes);
    headers.contains_key(&BY_HAND) && site.is_none_or(|site| site == b"same-origin")
}

/// The id of who is signed in.
pub(in crate::rest) fn person(headers: &HeaderMap) -> Option<&str> {
    headers.get(&SIGNED_IN)?.to_str().ok()
}

/// What somebody signed in with.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    named(headers, COOKIE)
}

/// A cookie by its name.
pub(super) fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let found = pairs.find(|(known, _)| *known == name);
    found.map(|(_, value)| value)
}

/// Whether the browser came by HTTPS, which ends before this listener.
fn is_https(headers: &HeaderMap) -> bool {
    let proto = headers.get(&FORWARDED_PROTO);
    proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

fn set_cookie(value: &str, seconds: u64, secure: bool) -> Result<HeaderValue, StoreError> {
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).map_err(|e| StoreError::corrupt("cookie", e))
}
