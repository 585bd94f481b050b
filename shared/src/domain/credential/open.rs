//! Sealing and opening: XChaCha20-Poly1305, bound to tenant, provider and revision.

use bytes::Bytes;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use super::{Credential, CredentialId, KeyId, KeyRing, MasterKey, Sealed};

/// Of a nonce, which is drawn anew for each sealing; at this length chance never repeats one.
pub const NONCE_BYTES: usize = 24;

/// Of a key's id.
const ID_BYTES: usize = 8;

/// Why a credential stays closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    #[error("no key for credentials is configured here: set FLOOPY_CREDENTIALS_KEY")]
    NoKey,
    #[error("it is sealed with key {0}, which is not configured here")]
    UnknownKey(KeyId),
    #[error(
        "key {0} does not open it: it was changed, or was sealed for another tenant or provider"
    )]
    Closed(KeyId),
    #[error("what is in it is not a credential of this version")]
    Unreadable,
}

/// Seals a credential with a key. `nonce`: random, never used before.
pub fn seal(
    key: &MasterKey,
    (id, revision): (&CredentialId, u64),
    credential: &Credential,
    nonce: [u8; NONCE_BYTES],
) -> Result<Sealed, CannotOpen> {
    let text = to_text(credential)?;
    let bound = bound(key.id(), id, revision);
    let payload = Payload {
        msg: &text,
        aad: &bound,
    };
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload);
    let sealed = sealed.map_err(|_| CannotOpen::Closed(key.id()))?;
    let bytes = [&key.id().0[..], &nonce, &sealed].concat();
    Ok(Sealed {
        id: id.clone(),
        revision,
        bytes: bytes.into(),
    })
}

/// Opens a credential with the key that it was sealed with.
pub fn open(ring: &KeyRing, sealed: &Sealed) -> Result<Credential, CannotOpen> {
    if ring.newest().is_none() {
        return Err(CannotOpen::NoKey);
    }
    let (id, rest) = parts(&sealed.bytes).ok_or(CannotOpen::Unreadable)?;
    let key = ring.get(id).ok_or(CannotOpen::UnknownKey(id))?;
    let (nonce, text) = rest
        .split_at_checked(NONCE_BYTES)
        .ok_or(CannotOpen::Unreadable)?;
    let bound = bound(id, &sealed.id, sealed.revision);
    let payload = Payload {
        msg: text,
        aad: &bound,
    };
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let text = cipher.decrypt(XNonce::from_slice(nonce), payload);
    let text = Zeroizing::new(text.map_err(|_| CannotOpen::Closed(id))?);
    serde_json::from_slice(&text).map_err(|_| CannotOpen::Unreadable)
}

fn parts(bytes: &Bytes) -> Option<(KeyId, &[u8])> {
    let (id, rest) = bytes.split_first_chunk::<ID_BYTES>()?;
    Some((KeyId(*id), rest))
}

/// Room for all of it from the start: a text that grows leaves copies behind. Escaped, a byte takes six at most.
fn to_text(credential: &Credential) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
    let bytes: usize = credential.texts().map(|text| text.len()).sum();
    let mut text = Zeroizing::new(Vec::with_capacity(6 * bytes + 256));
    serde_json::to_writer(&mut *text, credential).map_err(|_| CannotOpen::Unreadable)?;
    Ok(text)
}

/// What a sealed text is good for and for nothing else; every part with its length, so that none runs into the next.
fn bound(key: KeyId, id: &CredentialId, revision: u64) -> Vec<u8> {
    let tenant = id.tenant().map_or("", |tenant| tenant.as_str());
    let mut bound = b"floopy credential 1".to_vec();
    bound.extend(key.0);
    for part in [tenant, id.provider()] {
        bound.extend((part.len() as u64).to_be_bytes());
        bound.extend(part.as_bytes());
    }
    bound.extend(revision.to_be_bytes());
    bound
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::TenantId;

    fn id(tenant: &str, provider: &str) -> CredentialId {
        let tenant = (!tenant.is_empty()).then(|| TenantId::new(tenant).expect("valid"));
        CredentialId::new(tenant, provider).expect("valid")
    }

    fn ring(keys: &[u8]) -> KeyRing {
        let written: Vec<String> = keys.iter().map(|n| hex::encode([*n; 32])).collect();
        KeyRing::read(&written.join("\n")).expect("valid")
    }

    fn credential(key: &str) -> Credential {
        Credential {
            api_key: Some(Zeroizing::new(key.to_owned())),
            ..Credential::default()
        }
    }

    fn sealed(ring: &KeyRing, id: &CredentialId, revision: u64) -> Sealed {
        let key = ring.newest().expect("a key");
        seal(key, (id, revision), &credential("sk-marker"), [9; 24]).expect("sealed")
    }

    #[test]
    fn what_is_sealed_for_one_place_opens_nowhere_else() {
        let (ring, home) = (ring(&[1]), id("acme", "openai"));
        let sealed = sealed(&ring, &home, 3);
        let hides = |bytes: &[u8]| !bytes.windows(6).any(|window| window == b"marker");
        assert!(hides(&sealed.bytes) && hides(format!("{sealed:?}").as_bytes()));
        assert_eq!(open(&ring, &sealed), Ok(credential("sk-marker")));
        let key = ring.newest().expect("a key").id();
        for (place, revision) in [
            (id("other", "openai"), 3),
            (id("", "openai"), 3),
            (id("acme", "groq"), 3),
            (home, 4),
        ] {
            let moved = Sealed {
                id: place,
                revision,
                bytes: sealed.bytes.clone(),
            };
            assert_eq!(
                open(&ring, &moved),
                Err(CannotOpen::Closed(key)),
                "{moved:?}"
            );
        }
    }

    #[test]
    fn old_keys_open_and_the_newest_seals() {
        let (old, both, new) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
        let place = id("acme", "openai");
        let before = sealed(&old, &place, 1);
        assert_eq!(open(&both, &before), Ok(credential("sk-marker")));
        let after = sealed(&both, &place, 2);
        assert_eq!(open(&new, &after), Ok(credential("sk-marker")));
        let key = old.newest().expect("a key").id();
        assert_eq!(open(&new, &before), Err(CannotOpen::UnknownKey(key)));
        assert_eq!(open(&KeyRing::default(), &before), Err(CannotOpen::NoKey));
    }

    proptest! {
        #[test]
        fn any_changed_byte_and_any_other_bytes_stay_closed(
            at in any::<prop::sample::Index>(), flip in 1_u8.., noise in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let (ring, place) = (ring(&[1, 2]), id("acme", "openai"));
            let whole = sealed(&ring, &place, 1);
            let mut bytes = whole.bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            for bytes in [bytes, noise] {
                let changed = Sealed { bytes: bytes.into(), ..whole.clone() };
                prop_assert!(open(&ring, &changed).is_err());
            }
        }

        #[test]
        fn whatever_can_be_written_is_read_back(key in ".*", account in ".*", region in proptest::option::of(".*")) {
            let (ring, place) = (ring(&[1]), id("", "p"));
            let written = Credential {
                service_account: Some(account.into()),
                region: region.map(Zeroizing::new),
                ..credential(&key)
            };
            let newest = ring.newest().expect("a key");
            let sealed = seal(newest, (&place, 7), &written, [1; 24]).expect("sealed");
            prop_assert_eq!(open(&ring, &sealed), Ok(written));
        }
    }
}
