//! Tenants' stored prompts: read as a whole once, then of whoever changed them.

use std::{iter::once, sync::Arc};

use floopy_shared::domain::prompt::Prompts;

use super::Refresh;
use crate::{settings::prompts, store::StoreError};

impl Refresh {
    /// Reads what changed.
    pub(super) async fn read_prompts(&mut self) -> Result<(), StoreError> {
        // Taken before it is read: what changes meanwhile is marked again.
        let changed = self.parts.dirty.take_prompts();
        let Some(held) = &mut self.prompts else {
            self.prompts = Some(prompts::all(&self.parts.store).await?);
            self.pending = true;
            return Ok(());
        };
        let mut changed = changed.into_iter();
        while let Some(tenant) = changed.next() {
            match prompts::of(&self.parts.store, &tenant).await {
                Ok(Some(read)) => drop(held.insert(tenant, Arc::new(read))),
                Ok(None) => drop(held.remove(&tenant)),
                Err(error) => {
                    let unread = once(tenant).chain(changed);
                    self.parts.dirty.put_back_prompts(unread);
                    return Err(error);
                }
            }
            self.pending = true;
        }
        Ok(())
    }

    /// Those of tenants that exist.
    pub(super) fn known_prompts(&self) -> impl Iterator<Item = &Arc<Prompts>> {
        let known = self.prompts.iter().flat_map(|prompts| prompts.values());
        known.filter(|prompts| self.tenants.contains_key(&prompts.tenant))
    }
}
