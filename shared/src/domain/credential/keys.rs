//! The keys that credentials are sealed with: the newest seals, all of them open.

use std::{fmt, sync::Arc};

use base64::{Engine, alphabet, engine};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Of one key.
const KEY_BYTES: usize = 32;

/// Base64 as anybody writes it, with or without padding.
const FORGIVING: engine::GeneralPurposeConfig = engine::GeneralPurposeConfig::new()
    .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
const PLAIN: engine::GeneralPurpose = engine::GeneralPurpose::new(&alphabet::STANDARD, FORGIVING);
const URL_SAFE: engine::GeneralPurpose =
    engine::GeneralPurpose::new(&alphabet::URL_SAFE, FORGIVING);

/// Tells keys apart without telling them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// One key. Its memory is cleared when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    id: KeyId,
    bytes: [u8; KEY_BYTES],
}

/// What cannot be a key. It is not told what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error(
        "key {number} has {chars} characters and is not 32 bytes as 64 hex digits or base64; `openssl rand -hex 32` \
         makes one"
    )]
    Form { number: usize, chars: usize },
    #[error("key {0} is there twice")]
    Twice(KeyId),
    #[error("it is empty; it must be 32 bytes as 64 hex digits or base64")]
    Empty,
}

impl MasterKey {
    /// A key of these bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"floopy credentials key");
        hash.update(bytes);
        let hash = hash.finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        Self {
            id: KeyId(id),
            bytes,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(match text.len() {
            64 => hex::decode(text).ok()?,
            _ => PLAIN.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?,
        });
        let bytes: [u8; KEY_BYTES] = bytes.as_slice().try_into().ok()?;
        Some(Self::new(bytes))
    }

    /// Which one it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

/// The keys that are configured, the newest first; none where credentials are not used.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(Arc<[MasterKey]>);

impl KeyRing {
    /// Reads keys apart by blanks or commas, the newest first.
    pub fn read(text: &str) -> Result<Self, InvalidKey> {
        let written = text.split(|c: char| c.is_whitespace() || c == ',');
        let written = written.filter(|key| !key.is_empty());
        let mut keys: Vec<MasterKey> = Vec::new();
        for (index, key) in written.enumerate() {
            let read = MasterKey::read(key).ok_or_else(|| InvalidKey::Form {
                number: index + 1,
                chars: key.chars().count(),
            })?;
            if keys.iter().any(|held| held.id == read.id) {
                return Err(InvalidKey::Twice(read.id));
            }
            keys.push(read);
        }
        if keys.is_empty() {
            return Err(InvalidKey::Empty);
        }
        Ok(Self(keys.into()))
    }

    /// The one that seals.
    pub fn newest(&self) -> Option<&MasterKey> {
        self.0.first()
    }

    /// The one of this id.
    pub fn get(&self, id: KeyId) -> Option<&MasterKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// All ids, the newest first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.0.iter().map(MasterKey::id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hex_or_base64_and_the_first_is_the_newest() {
        let hex = "00".repeat(31) + "ff";
        let mut bytes = [0; 32];
        bytes[31] = 0xff;
        let base64 = PLAIN.encode(bytes);
        let other = URL_SAFE.encode([0xfb; 32]);
        assert!(other.contains('-'), "{other}");
        let ring = KeyRing::read(&format!(" {hex}\n{other}\n")).expect("two");
        let ids: Vec<KeyId> = ring.ids().collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(ring.newest().map(MasterKey::id), Some(ids[0]));
        let same = KeyRing::read(base64.trim_end_matches('=')).expect("unpadded");
        assert_eq!(same.ids().collect::<Vec<_>>(), ids[..1]);
        assert!(matches!(
            KeyRing::read(&format!("{hex},{base64}")),
            Err(InvalidKey::Twice(_))
        ));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_told() {
        for bad in ["secret-marker", &"g".repeat(64), &"ab".repeat(31)] {
            let error = KeyRing::read(bad).expect_err(bad).to_string();
            assert!(error.starts_with("key 1 has "), "{error}");
            assert!(!error.contains(bad), "{error}");
        }
        assert_eq!(KeyRing::read(" \n").err(), Some(InvalidKey::Empty));
        let ring = KeyRing::read(&"ab".repeat(32)).expect("valid");
        assert!(!format!("{ring:?}").contains("171"), "{ring:?}");
    }
}
