//! What a provider is shown in place of the caller's own credentials. Never shown to anybody else.

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};

use super::{
    InvalidProvider,
    known::{Auth, KnownProvider},
};
use crate::config;

/// A provider's credentials.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// The server asks for none.
    None,
    /// Marked sensitive, so that its value is never shown.
    Header(HeaderName, HeaderValue),
}

impl Credentials {
    pub(super) fn read(
        configured: &config::Provider,
        known: Option<&KnownProvider>,
    ) -> Result<Self, InvalidProvider> {
        let Some(key) = &configured.api_key else {
            return Ok(Self::None);
        };
        let key = key.expose().trim();
        let (name, text) = match known.map_or(Auth::Bearer, |known| known.auth) {
            Auth::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            Auth::Header(name) => (HeaderName::from_static(name), key.to_owned()),
        };
        let value = HeaderValue::try_from(text);
        let mut value = value.map_err(|_| InvalidProvider::Key(configured.name.clone()))?;
        value.set_sensitive(true);
        Ok(Self::Header(name, value))
    }

    #[cfg(test)]
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Puts them on a request.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        match self {
            Self::None => {}
            Self::Header(name, value) => {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
}
