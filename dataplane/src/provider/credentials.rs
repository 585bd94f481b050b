//! What a provider is shown in place of the caller's own credentials. Never shown to anybody else.

mod google;

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use floopy_protocols::{
    google_jwt::ServiceAccount,
    sigv4::{self, Scope, Unsigned, payload_sha256},
};
use floopy_shared::domain::credential::Credential;
use http::{HeaderName, HeaderValue, Request, Uri, header::AUTHORIZATION};
use time::OffsetDateTime;
use zeroize::{Zeroize, Zeroizing};

use self::google::Tokens;
use super::{
    InvalidProvider,
    known::{Auth, KnownProvider, Paths},
};
use crate::{
    config,
    upstream::{Client, Failure},
};

/// A provider's credentials.
pub(crate) enum Credentials {
    /// The server asks for none.
    None,
    /// Marked sensitive, so that its value is never shown.
    Header(HeaderName, HeaderValue),
    /// Every request is signed.
    Aws {
        credentials: sigv4::Credentials,
        region: String,
    },
    /// Exchanged for tokens that end.
    Google(Arc<Tokens>),
}

impl Credentials {
    pub(super) fn read(
        configured: &config::Provider,
        known: Option<&KnownProvider>,
    ) -> Result<Self, InvalidProvider> {
        if let Some(key) = &configured.api_key {
            let auth = known.map_or(Auth::Bearer, |known| known.auth);
            let auth = if configured.bearer {
                Auth::Bearer
            } else {
                auth
            };
            return header(&configured.name, key.expose().trim(), auth);
        }
        if let Some(file) = &configured.service_account_file {
            return google(&configured.name, file);
        }
        if known.is_none_or(|known| known.paths != Paths::Bedrock) {
            return Ok(Self::None);
        }
        let (Some(id), Some(secret)) = (&configured.access_key_id, &configured.secret_access_key)
        else {
            return Ok(Self::None);
        };
        let token = configured.session_token.as_ref();
        Ok(Self::Aws {
            credentials: sigv4::Credentials {
                access_key_id: id.clone(),
                secret_access_key: secret.expose().to_owned(),
                session_token: token.map(|token| token.expose().to_owned()),
            },
            region: configured.region.clone().unwrap_or_default(),
        })
    }

    /// The same of what the store has.
    pub(super) fn stored(
        credential: &Credential,
        place: &config::Provider,
    ) -> Result<Self, String> {
        if let Some(key) = &credential.api_key {
            let auth = place.known().map_or(Auth::Bearer, |known| known.auth);
            return header(&place.name, key, auth).map_err(|e| e.to_string());
        }
        if let Some(account) = &credential.service_account {
            let account = ServiceAccount::read(account.as_bytes());
            let account = account.map_err(|e| format!("its service_account: {e}"))?;
            return Ok(Self::Google(Arc::new(Tokens::new(account))));
        }
        let (Some(id), Some(secret)) = (&credential.access_key_id, &credential.secret_access_key)
        else {
            return Err("it has neither a key nor an account".to_owned());
        };
        let token = credential.session_token.as_deref();
        Ok(Self::Aws {
            credentials: sigv4::Credentials {
                access_key_id: id.to_string(),
                secret_access_key: secret.to_string(),
                session_token: token.cloned(),
            },
            region: place.region.clone().unwrap_or_default(),
        })
    }

    /// Whether the server asks for none.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The project that they belong to, where they say so.
    pub(super) fn project(&self) -> Option<&str> {
        match self {
            Self::Google(tokens) => tokens.project(),
            Self::None | Self::Header(..) | Self::Aws { .. } => None,
        }
    }

    /// Where they are exchanged for others.
    pub(super) fn uri(&self) -> Option<Uri> {
        match self {
            Self::Google(tokens) => tokens.uri(),
            Self::None | Self::Header(..) | Self::Aws { .. } => None,
        }
    }

    /// Puts them on a request.
    pub(crate) async fn apply(
        &self,
        request: &mut Request<Bytes>,
        (client, now_ms): (&Client, u64),
    ) -> Result<(), Failure> {
        match self {
            Self::None => {}
            Self::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
            }
            Self::Aws {
                credentials,
                region,
            } => sign(request, (credentials, region), now_ms),
            Self::Google(tokens) => {
                let token = Box::pin(tokens.current(client, now_ms)).await?;
                request.headers_mut().insert(AUTHORIZATION, token);
            }
        }
        Ok(())
    }
}

fn header(provider: &str, key: &str, auth: Auth) -> Result<Credentials, InvalidProvider> {
    let (name, text) = match auth {
        Auth::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
        Auth::Header(name) => (HeaderName::from_static(name), key.to_owned()),
    };
    // Cleared with the last of its copies, which all share it.
    let text = Bytes::from_owner(Zeroizing::new(text.into_bytes()));
    let value = HeaderValue::from_maybe_shared(text);
    let mut value = value.map_err(|_| InvalidProvider::Key(provider.to_owned()))?;
    value.set_sensitive(true);
    Ok(Credentials::Header(name, value))
}

fn google(provider: &str, file: &Path) -> Result<Credentials, InvalidProvider> {
    let invalid = |why: String| InvalidProvider::Account {
        name: provider.to_owned(),
        file: file.to_owned(),
        why,
    };
    let json = fs::read(file).map_err(|e| invalid(e.to_string()))?;
    let account = ServiceAccount::read(&json).map_err(|e| invalid(e.to_string()))?;
    Ok(Credentials::Google(Arc::new(Tokens::new(account))))
}

/// By Signature Version 4, for Bedrock's runtime.
fn sign(
    request: &mut Request<Bytes>,
    (credentials, region): (&sigv4::Credentials, &str),
    now_ms: u64,
) {
    let host = request
        .uri()
        .authority()
        .map_or("", |host| host.as_str())
        .to_owned();
    let unsigned = Unsigned {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: &[("host", &host)],
        payload_sha256: &payload_sha256(request.body()),
    };
    let scope = Scope {
        region,
        service: "bedrock",
    };
    let seconds = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let signature = sigv4::sign(&unsigned, credentials, scope, now);
    for (name, value) in signature.headers() {
        // Nothing but visible ASCII comes of signing.
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(true);
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
}

/// Keys that sign are cleared; what headers share clears itself.
impl Drop for Credentials {
    fn drop(&mut self) {
        if let Self::Aws { credentials, .. } = self {
            credentials.secret_access_key.zeroize();
            credentials.session_token.zeroize();
        }
    }
}

/// Only what kind they are.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Header(..) => "Header",
            Self::Aws { .. } => "Aws",
            Self::Google(_) => "Google",
        })
    }
}
