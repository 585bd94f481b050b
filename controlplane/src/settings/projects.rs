//! What calls are counted for, as it is written.

use floopy_shared::domain::snapshot::Tenant;
use serde::{Deserialize, Serialize};

use crate::store::{StoreError, settings::Document};

/// A project.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenProject {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// Whether calls are counted for it where neither they nor their key say.
    #[serde(default, rename = "default")]
    pub(crate) is_default: bool,
}

impl WrittenProject {
    /// As it was written.
    pub(crate) fn read(document: &Document) -> Result<Self, StoreError> {
        super::read(document)
    }
}

/// Makes it the tenant's default, where it is.
pub(super) fn apply(tenant: &mut Tenant, document: &Document) -> Result<(), StoreError> {
    if WrittenProject::read(document)?.is_default {
        let id = document.id.parse();
        tenant.default_project = Some(id.map_err(|e| StoreError::corrupt("project's id", e))?);
    }
    Ok(())
}
