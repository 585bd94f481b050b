//! The key that exports are signed with: Ed25519 (RFC 8032), from a seed that the store keeps.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use floopy_shared::domain::export;
use ring::signature::{Ed25519KeyPair, KeyPair};

/// What comes before the 32 bytes of a public key in its SubjectPublicKeyInfo (RFC 8410).
const SPKI_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The stored seed makes no key.
#[derive(Debug, thiserror::Error)]
#[error("the stored seed of the export key has {0} bytes, it must have 32")]
pub(crate) struct InvalidSeed(usize);

/// Signs trailers.
pub(crate) struct ExportKey(Ed25519KeyPair);

impl fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExportKey({})", self.id())
    }
}

impl ExportKey {
    pub(super) fn new(seed: &[u8]) -> Result<Self, InvalidSeed> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        pair.map(Self).map_err(|_| InvalidSeed(seed.len()))
    }

    fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// What the public key is called.
    pub(super) fn id(&self) -> String {
        export::key_id(self.public())
    }

    /// The public key in hexadecimal.
    pub(super) fn public_hex(&self) -> String {
        hex::encode(self.public())
    }

    /// The public key as OpenSSL reads it.
    pub(super) fn public_pem(&self) -> String {
        let der = [&SPKI_HEAD, self.public()].concat();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        )
    }

    /// A signature of 64 bytes.
    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_of_the_wrong_length_is_refused_and_a_key_is_the_published_one() {
        // RFC 8032, 7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let key = ExportKey::new(&hex::decode(seed).expect("hex")).expect("a key");
        assert_eq!(key.public_hex(), public);
        let signature = hex::encode(key.sign(b""));
        assert!(signature.starts_with("e5564300c360ac729086e2cc806e828a"));
        assert!(
            key.public_pem()
                .contains("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
        );
        let error = ExportKey::new(&[1; 31]).expect_err("short").to_string();
        assert!(error.contains("31 bytes"), "{error}");
    }
}
