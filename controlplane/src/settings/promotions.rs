//! What tenants want of promotions: whether there are steps, who is pinned, and what is to be taken back.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::read;
use crate::learn::promotion::Mode;
use crate::store::{
    Store, StoreError,
    settings::{self, Document, Kind},
};

/// The id of the document that says which mode is set.
pub(crate) const SETTINGS: &str = "settings";

/// The mode as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenMode {
    /// `None`: the deployment's.
    pub(crate) mode: Option<Mode>,
}

/// A pin as it is written; its document is named by the shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenPin {
    pub(crate) model: String,
    pub(crate) by: String,
}

impl WrittenPin {
    /// Reads what was checked before it was written.
    pub(crate) fn read(document: &Document) -> Result<Self, StoreError> {
        read(document)
    }
}

/// A promotion that is to be taken back; its document is named by the promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenRollback {
    pub(crate) by: String,
}

/// What one tenant wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    pub(crate) mode: Option<Mode>,
    pub(crate) pins: BTreeMap<ShapeKey, CandidateKey>,
    /// Promotions to be taken back, and who asked.
    pub(crate) rollbacks: BTreeMap<Uuid, String>,
}

/// The mode that a tenant set.
pub(crate) fn mode(document: &Document) -> Result<Option<Mode>, StoreError> {
    Ok(read::<WrittenMode>(document)?.mode)
}

/// What all tenants want.
pub(crate) async fn all(store: &Store) -> Result<BTreeMap<TenantId, Wanted>, StoreError> {
    let mut all: BTreeMap<TenantId, Wanted> = BTreeMap::new();
    for (tenant, document) in settings::of_all(store, Kind::Promotion).await? {
        all.entry(tenant).or_default().mode = mode(&document)?;
    }
    for (tenant, document) in settings::of_all(store, Kind::Pin).await? {
        let pin = WrittenPin::read(&document)?;
        let shape = ShapeKey::named(&document.id);
        // Both were checked before they were written.
        if let (Some(shape), Ok(model)) = (shape, CandidateKey::parse(&pin.model)) {
            all.entry(tenant).or_default().pins.insert(shape, model);
        }
    }
    for (tenant, document) in settings::of_all(store, Kind::Rollback).await? {
        let rollback: WrittenRollback = read(&document)?;
        if let Ok(id) = Uuid::parse_str(&document.id) {
            let wanted = all.entry(tenant).or_default();
            wanted.rollbacks.insert(id, rollback.by);
        }
    }
    Ok(all)
}
