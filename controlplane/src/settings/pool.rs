//! Whether a tenant shares what it learns with others, as it is written.

use serde::{Deserialize, Serialize};

use crate::store::{StoreError, settings::Document};

/// The id of the document.
pub(crate) const MEMBERSHIP: &str = "membership";

/// Whether a tenant gives to the pool, and takes from it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Membership {
    pub(crate) member: bool,
}

/// What a tenant set.
pub(crate) fn read(document: &Document) -> Result<bool, StoreError> {
    super::read::<Membership>(document).map(|membership| membership.member)
}
