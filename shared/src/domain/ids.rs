//! Identifiers: opaque, validated once, then trusted.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Uuid, fmt::Hyphenated};

/// Why a text cannot be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is not valid: {rule}")]
pub struct InvalidId {
    kind: &'static str,
    value: String,
    rule: &'static str,
}

/// A customer: 1 to 64 of `a-z A-Z 0-9 _ -`, because it is part of table names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Checks and wraps a tenant id.
    pub fn new(value: &str) -> Result<Self, InvalidId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if value.is_empty() || value.len() > 64 || !value.chars().all(allowed) {
            return Err(InvalidId {
                kind: "tenant id",
                value: shorten(value),
                rule: "it must be 1 to 64 of a-z A-Z 0-9 _ -",
            });
        }
        Ok(Self(value.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A conversation, named freely by the caller: 1 to 256 bytes without control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Of a session's name.
    pub const MAX_BYTES: usize = 256;

    /// Checks, trims and wraps a session id.
    pub fn new(value: &str) -> Result<Self, InvalidId> {
        let value = value.trim();
        if value.is_empty() || value.len() > Self::MAX_BYTES || value.chars().any(char::is_control)
        {
            return Err(InvalidId {
                kind: "session id",
                value: shorten(value),
                rule: "it must be 1 to 256 bytes without control characters",
            });
        }
        Ok(Self(value.into()))
    }

    /// A call without one is a conversation of its own.
    pub fn of_call(id: RequestId) -> Self {
        Self(id.write(&mut [0; RequestId::TEXT_BYTES]).into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One call through a proxy; minted by the proxy, echoed as `x-request-id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub Uuid);

impl RequestId {
    /// Of the id as text.
    pub const TEXT_BYTES: usize = Hyphenated::LENGTH;

    /// The id as text, into a buffer: every call needs it several times.
    pub fn write<'a>(&self, buffer: &'a mut [u8; Self::TEXT_BYTES]) -> &'a str {
        self.0.hyphenated().encode_lower(buffer)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// SHA-256 of an API key: all that any plane keeps of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// Hashes the key as the caller sent it.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({}…)", hex::encode(&self.0[..4]))
    }
}

/// A model at a provider, written `provider/model`; the unit that routing chooses between.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CandidateKey(Arc<str>);

impl CandidateKey {
    /// Joins the two names.
    pub fn new(provider: &str, model: &str) -> Result<Self, InvalidId> {
        let named = !provider.is_empty() && !model.is_empty() && !provider.contains('/');
        let key = format!("{provider}/{model}");
        let clean = !key.chars().any(|c| c.is_control() || c.is_whitespace());
        if !named || !clean || key.len() > 256 {
            return Err(InvalidId {
                kind: "candidate",
                value: shorten(&key),
                rule: "it must be provider/model, at most 256 bytes, without spaces",
            });
        }
        Ok(Self(key.into()))
    }

    /// Reads `provider/model`; the model may itself contain slashes.
    pub fn parse(key: &str) -> Result<Self, InvalidId> {
        let (provider, model) = key.split_once('/').unwrap_or((key, ""));
        Self::new(provider, model)
    }

    /// `provider/model`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first slash.
    pub fn provider(&self) -> &str {
        &self.0[..self.slash()]
    }

    /// The part after the first slash, as the provider spells it.
    pub fn model(&self) -> &str {
        &self.0[self.slash() + 1..]
    }

    /// Asked of every candidate of every call: a loop over a few bytes takes a tenth of a general search.
    fn slash(&self) -> usize {
        let slash = self.0.bytes().position(|byte| byte == b'/');
        slash.unwrap_or_default()
    }
}

impl TryFrom<String> for CandidateKey {
    type Error = InvalidId;

    fn try_from(key: String) -> Result<Self, InvalidId> {
        Self::parse(&key)
    }
}

impl From<CandidateKey> for String {
    fn from(key: CandidateKey) -> Self {
        key.as_str().to_owned()
    }
}

impl std::borrow::Borrow<str> for CandidateKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CandidateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn shorten(value: &str) -> String {
    value.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_part_of_a_candidate_may_contain_slashes() {
        let key = CandidateKey::parse("groq/openai/gpt-oss-20b").expect("valid");
        assert_eq!(
            (key.provider(), key.model()),
            ("groq", "openai/gpt-oss-20b")
        );
    }

    #[test]
    fn malformed_ids_are_refused_with_their_value() {
        for bad in ["", "gpt-4o", "/x", "a b/c"] {
            assert!(CandidateKey::parse(bad).is_err(), "{bad:?}");
        }
        let error = TenantId::new("a/b").expect_err("slash").to_string();
        assert!(error.contains("a/b"), "{error}");
        assert!(SessionId::new(" \n ").is_err());
        assert_eq!(SessionId::new(" s1 ").expect("trimmed").as_str(), "s1");
    }
}
