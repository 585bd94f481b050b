//! Continuation cursors: where a page ended, signed, and bound to the caller and the filters of that page.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use floopy_shared::domain::ids::{RequestId, TenantId};
use hmac::{Hmac, Mac, digest::KeyInit};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::{ApiError, brief};
use crate::store::list::Position;

/// Bytes of the tag: a SHA-256.
const TAG: usize = 32;

/// Whose list a cursor is of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    Tenant(&'a TenantId),
    /// Of all tenants.
    Operator,
}

impl<'a> Owner<'a> {
    /// What is signed: the id of no tenant is empty.
    fn as_str(self) -> &'a str {
        match self {
            Self::Tenant(tenant) => tenant.as_str(),
            Self::Operator => "",
        }
    }
}

impl<'a> From<&'a TenantId> for Owner<'a> {
    fn from(tenant: &'a TenantId) -> Self {
        Self::Tenant(tenant)
    }
}

/// The key that signs cursors.
#[derive(Clone)]
pub(crate) struct CursorKey(Vec<u8>);

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(***)")
    }
}

impl CursorKey {
    /// Wraps the key.
    pub(crate) fn new(key: Vec<u8>) -> Self {
        Self(key)
    }

    /// The cursor after `position`, valid for this owner and these filters only.
    pub(crate) fn seal<'a>(
        &self,
        owner: impl Into<Owner<'a>>,
        filters: &str,
        position: Position,
    ) -> String {
        let mut bytes = position.created_ms.to_be_bytes().to_vec();
        bytes.extend_from_slice(position.request.0.as_bytes());
        self.seal_bytes(owner, filters, bytes)
    }

    /// The same of any place within a query.
    pub(crate) fn seal_bytes<'a>(
        &self,
        owner: impl Into<Owner<'a>>,
        filters: &str,
        mut bytes: Vec<u8>,
    ) -> String {
        let mac = self.mac(owner.into(), filters, &bytes);
        bytes.extend_from_slice(&mac.finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What was sealed; `None` where it is not one of ours, or of another query.
    pub(crate) fn open_bytes<'a>(
        &self,
        owner: impl Into<Owner<'a>>,
        filters: &str,
        cursor: &str,
    ) -> Option<Vec<u8>> {
        let mut place = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let tag = place.split_off(place.len().checked_sub(TAG)?);
        let mac = self.mac(owner.into(), filters, &place);
        mac.verify_slice(&tag).ok()?;
        Some(place)
    }

    /// Reads a cursor back; `None` where it is not one of ours, or of another query.
    pub(crate) fn open<'a>(
        &self,
        owner: impl Into<Owner<'a>>,
        filters: &str,
        cursor: &str,
    ) -> Option<Position> {
        let position = self.open_bytes(owner, filters, cursor)?;
        let (time, id) = position.split_at_checked(8)?;
        Some(Position {
            created_ms: u64::from_be_bytes(time.try_into().ok()?),
            request: RequestId(Uuid::from_slice(id).ok()?),
        })
    }

    /// Where a page of a list begins; `None`: at its beginning.
    pub(super) fn begins<'a>(
        &self,
        (owner, list): (impl Into<Owner<'a>>, &str),
        cursor: Option<&str>,
    ) -> Result<Option<Position>, ApiError> {
        let Some(cursor) = cursor else {
            return Ok(None);
        };
        let opened = self.open(owner, list, cursor);
        opened.map(Some).ok_or_else(|| foreign(cursor))
    }

    fn mac(&self, owner: Owner<'_>, filters: &str, position: &[u8]) -> Hmac<Sha256> {
        // Hashed into HMAC's own block, so that no length of the stored key can fail.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..32].copy_from_slice(&Sha256::digest(&self.0));
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block);
        for part in [owner.as_str().as_bytes(), filters.as_bytes(), position] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

/// A cursor that is not one of ours, or of another list.
pub(super) fn foreign(cursor: &str) -> ApiError {
    let message = format!("cursor {:?} is not one of this list", brief(cursor));
    ApiError::invalid_query("cursor", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_unchanged_and_for_its_own_query() {
        let key = CursorKey::new(vec![7; 32]);
        let tenant = TenantId::new("a").expect("valid");
        let position = Position {
            created_ms: 12,
            request: RequestId(Uuid::from_u128(9)),
        };
        let cursor = key.seal(&tenant, "model=x", position);
        assert_eq!(key.open(&tenant, "model=x", &cursor), Some(position));
        assert_eq!(key.open(&tenant, "model=y", &cursor), None);
        assert_eq!(
            key.open(&TenantId::new("b").expect("valid"), "model=x", &cursor),
            None
        );
        assert_eq!(
            CursorKey::new(vec![8; 32]).open(&tenant, "model=x", &cursor),
            None
        );
        assert_eq!(key.open(Owner::Operator, "model=x", &cursor), None);
        let of_all = key.seal(Owner::Operator, "model=x", position);
        assert_eq!(key.open(&tenant, "model=x", &of_all), None);
        assert_eq!(
            key.open(Owner::Operator, "model=x", &of_all),
            Some(position)
        );
        for bad in ["", "AAAA", "not base64!", &cursor[1..]] {
            assert_eq!(key.open(&tenant, "model=x", bad), None, "{bad}");
        }
    }
}
