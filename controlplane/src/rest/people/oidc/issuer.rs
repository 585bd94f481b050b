//! The issuer, asked over HTTP: what it is and its keys, kept for a while, and a code against an ID token.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use floopy_shared::process::{causes::innermost, config::Secret};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jsonwebtoken::jwk::JwkSet;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    config::dashboard::{Oidc, is_private},
    outgoing::connector,
};

/// For one answer, its body included.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
/// More than any issuer says of itself.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// How long what it said of itself is gone by.
const KEPT_MS: u64 = 10 * 60_000;
/// A key that is not known may be new; asked for no more often than this.
const AGAIN_MS: u64 = 10_000;

/// What an issuer says of itself (OpenID Connect Discovery 1.0, 3).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Described {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) described: Described,
    pub(super) keys: JwkSet,
    at_ms: u64,
}

/// What a code is taken to the issuer with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) code: &'a str,
    pub(super) verifier: &'a str,
    pub(super) redirect_uri: &'a str,
}

#[derive(Deserialize)]
struct Exchanged {
    id_token: String,
}

/// Asks the issuer. Cheap enough to be made once.
pub(super) struct Issuer {
    config: Oidc,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    known: Mutex<Option<Arc<Known>>>,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Issuer").field(&self.config.issuer).finish()
    }
}

impl Issuer {
    pub(super) fn new(config: Oidc) -> Self {
        let client = Client::builder(TokioExecutor::new());
        Self {
            config,
            client: client.build(connector(HttpConnector::new(), CONNECT)),
            known: Mutex::default(),
        }
    }

    pub(super) fn config(&self) -> &Oidc {
        &self.config
    }

    /// What is known of it; asked again after a while.
    pub(super) async fn known(&self, now_ms: u64) -> Result<Arc<Known>, String> {
        self.known_for(now_ms, KEPT_MS).await
    }

    /// The same where a key is missing.
    pub(super) async fn known_anew(&self, now_ms: u64) -> Result<Arc<Known>, String> {
        self.known_for(now_ms, AGAIN_MS).await
    }

    async fn known_for(&self, now_ms: u64, ms: u64) -> Result<Arc<Known>, String> {
        let kept = self.kept().clone();
        if let Some(kept) = kept.filter(|kept| now_ms.saturating_sub(kept.at_ms) < ms) {
            return Ok(kept);
        }
        let issuer = &self.config.issuer;
        let place = issuer.trim_end_matches('/');
        let url = format!("{place}/.well-known/openid-configuration");
        let described: Described = self.ask(Request::get(url), String::new()).await?;
        if described.issuer != *issuer {
            let named = &described.issuer;
            return Err(format!("{issuer} calls itself {named:?}"));
        }
        let endpoints = [
            &described.authorization_endpoint,
            &described.token_endpoint,
            &described.jwks_uri,
        ];
        if let Some(open) = endpoints.into_iter().find(|url| !is_private(url)) {
            return Err(format!("{open:?} of {issuer} is no https:// address"));
        }
        let keys = Request::get(&described.jwks_uri);
        let known = Arc::new(Known {
            keys: self.ask(keys, String::new()).await?,
            described,
            at_ms: now_ms,
        });
        *self.kept() = Some(Arc::clone(&known));
        Ok(known)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ID token that a code is good for.
    pub(super) async fn exchange(
        &self,
        described: &Described,
        with: Exchange<'_>,
    ) -> Result<String, String> {
        let id = self.config.client_id.as_str();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", with.code),
            ("redirect_uri", with.redirect_uri),
            ("code_verifier", with.verifier),
            ("client_id", id),
        ];
        let mut request = Request::post(&described.token_endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let methods = &described.token_endpoint_auth_methods_supported;
        let is_in_body = !methods.is_empty() && !methods.iter().any(|m| m == "client_secret_basic");
        match self.config.client_secret.as_ref().map(Secret::expose) {
            Some(secret) if is_in_body => fields.push(("client_secret", secret)),
            Some(secret) => {
                let pair = STANDARD.encode(format!("{}:{}", escaped(id), escaped(secret)));
                request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
            }
            None => {}
        }
        let exchanged: Exchanged = self.ask(request, form(&fields)).await?;
        Ok(exchanged.id_token)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: http::request::Builder,
        body: String,
    ) -> Result<T, String> {
        let request = request.header(header::ACCEPT, "application/json");
        let request = request.body(Full::from(body)).map_err(|e| e.to_string())?;
        let place = request.uri().to_string();
        let asking = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|e| innermost(&e))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect();
            let body = body.await.map_err(|e| e.to_string())?.to_bytes();
            Ok::<_, String>((status, body))
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let (status, body) = answer.map_err(|e| format!("{place}: {e}"))?;
        if status != StatusCode::OK {
            return Err(format!("{place} answered {status}"));
        }
        serde_json::from_slice(&body).map_err(|e| format!("{place} answered what is not it: {e}"))
    }
}

/// `name=value` of each, for a query or a form.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
