//! What providers are shown: sealed wherever it rests and travels, open in memory only.
//!
//! All of a credential is one sealed text, its address included: who can write to the store can neither read a key nor
//! send it somewhere else.

mod check;
mod keys;
mod open;
mod providers;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::{
    check::{Allowed, Kind, Refused},
    keys::{InvalidKey, KeyId, KeyRing, MasterKey},
    open::{CannotOpen, NONCE_BYTES, open, seal},
    providers::{Takes, provider_takes},
};
use super::ids::TenantId;

/// Whose credential it is, and for which provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId {
    provider: Arc<str>,
    tenant: Option<TenantId>,
}

/// A provider's name that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("provider {0:?} is not valid: it must be 1 to 64 of a-z 0-9 - _ .")]
pub struct InvalidProvider(String);

impl CredentialId {
    /// `tenant`: `None` where it is everybody's.
    pub fn new(tenant: Option<TenantId>, provider: &str) -> Result<Self, InvalidProvider> {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        // A dot alone would be a step in a path.
        let is_dots = provider.chars().all(|c| c == '.');
        if is_dots || provider.len() > 64 || !provider.chars().all(allowed) {
            return Err(InvalidProvider(provider.chars().take(100).collect()));
        }
        Ok(Self {
            provider: provider.into(),
            tenant,
        })
    }

    /// The provider's name.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Whose it is; `None`: everybody's.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// Reads what it is displayed as.
    pub fn parse(text: &str) -> Option<Self> {
        let (provider, tenant) = match text.split_once('/') {
            None => (text, None),
            Some((provider, tenant)) => (provider, Some(TenantId::new(tenant).ok()?)),
        };
        Self::new(tenant, provider).ok()
    }
}

/// `provider`, or `provider/tenant`.
impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.provider)?;
        match &self.tenant {
            None => Ok(()),
            Some(tenant) => write!(f, "/{tenant}"),
        }
    }
}

/// A credential as it rests and travels.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    pub id: CredentialId,
    /// Grows with every change.
    pub revision: u64,
    /// The key's id, the nonce and the ciphertext.
    pub bytes: Bytes,
}

impl Sealed {
    /// With which key it was sealed.
    pub fn key(&self) -> Option<KeyId> {
        let id = self.bytes.first_chunk()?;
        Some(KeyId(*id))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} revision {})", self.id, self.revision)
    }
}

/// A text whose memory is cleared when it goes.
pub type Hidden = Zeroizing<String>;

/// A credential in the open. Its memory is cleared when it goes.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credential {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Hidden>,
    /// Of AWS, with `secret_access_key` and, where they end, `session_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Hidden>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Hidden>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Hidden>,
    /// The JSON of a Google service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<Hidden>,
    /// Of Vertex AI and Bedrock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Hidden>,
    /// Of Vertex AI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Hidden>,
    /// Where it is good, if that is not where the proxies call the provider otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<Hidden>,
}

impl Credential {
    /// All that is said, secret or not.
    fn texts(&self) -> impl Iterator<Item = &Hidden> {
        let all = [
            &self.api_key,
            &self.access_key_id,
            &self.secret_access_key,
            &self.session_token,
            &self.service_account,
            &self.region,
            &self.project,
            &self.base_url,
        ];
        all.into_iter().flatten()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_what_it_is_shown_as() {
        let acme = TenantId::new("acme").expect("valid");
        for (tenant, shown) in [(None, "openai"), (Some(acme), "openai/acme")] {
            let id = CredentialId::new(tenant, "openai").expect("valid");
            assert_eq!(id.to_string(), shown);
            assert_eq!(CredentialId::parse(shown), Some(id));
        }
        for bad in ["", ".", "..", "A", "a/", "a b", "a/b/c", "ü"] {
            assert_eq!(CredentialId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn nothing_of_a_credential_is_shown() {
        let hidden = |text: &str| Some(Hidden::new(text.to_owned()));
        let credential = Credential {
            api_key: hidden("sk-marker"),
            service_account: hidden("{\"private_key\":\"marker\"}"),
            ..Credential::default()
        };
        assert!(!format!("{credential:?}").contains("marker"));
    }
}
