//! Webhooks as they are written.

use serde::{Deserialize, Serialize};

use super::read;
use crate::{
    store::{StoreError, settings::Document},
    webhooks::Event,
};

/// A secret that was replaced and still signs for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Previous {
    pub(crate) salt: String,
    pub(crate) until_ms: u64,
}

/// A webhook as it is stored: of its secret only what it is made with, beside the store's own key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenWebhook {
    pub(crate) url: String,
    pub(crate) events: Vec<Event>,
    pub(crate) description: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) salt: String,
    pub(crate) previous: Option<Previous>,
}

impl WrittenWebhook {
    /// Reads what was checked before it was written.
    pub(crate) fn read(document: &Document) -> Result<Self, StoreError> {
        read(document)
    }
}
