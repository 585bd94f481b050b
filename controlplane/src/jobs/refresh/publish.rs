//! Publishing what was ranked, and what a proxy that connects changes.

use super::Refresh;
use crate::{
    index::{
        Announcement,
        tables::{BLOCK, Changes},
    },
    store::{StoreError, meta},
};

/// Versions above this can only be garbage: counting there one by one takes for ever.
const ABSURD_VERSION: u64 = 1 << 62;

impl Refresh {
    /// Reserves a version if need be, writes down new incumbents, then publishes.
    pub(super) async fn publish(&mut self, changes: Changes) -> Result<(), StoreError> {
        if changes.is_empty() && self.moved.is_empty() {
            return Ok(());
        }
        let version = self.counter.next();
        if version.is_none() || !self.moved.is_empty() {
            let mut tx = self.parts.store.write().await?;
            if version.is_none() {
                let reserved = meta::reserve_versions(&mut tx, self.counter.last(), BLOCK).await?;
                self.counter.extend(reserved);
            }
            for tenant in &self.moved {
                let incumbents = self.incumbents.get(tenant).cloned().unwrap_or_default();
                meta::put_incumbents(&mut tx, tenant, &incumbents).await?;
            }
            tx.commit().await?;
            self.moved.clear();
        }
        if let Some(version) = version.or_else(|| self.counter.next()) {
            self.parts.index.publish(changes, version);
        }
        let tables = self.parts.index.current();
        self.parts
            .metrics
            .published(tables.version(), tables.iter().count());
        Ok(())
    }

    /// A proxy connected: its providers may widen the field, and what it holds must not be newer than ours.
    pub(super) async fn announced(&mut self, proxy: &Announcement) -> Result<(), StoreError> {
        let mut tx = self.parts.store.write().await?;
        meta::put_proxy(
            &mut tx,
            &proxy.node,
            &proxy.providers,
            self.parts.clock.now_ms(),
        )
        .await?;
        tx.commit().await?;
        let providers = meta::providers(self.parts.store.read()).await?;
        if providers != self.providers {
            self.providers = providers;
            self.parts.dirty.mark(self.tenants.keys().cloned(), false);
        }
        let plausible = |(_, version): &&(String, u64)| *version < ABSURD_VERSION;
        let newest = proxy
            .known
            .iter()
            .filter(plausible)
            .map(|(_, version)| *version)
            .max()
            .unwrap_or(0);
        let changes = self.parts.index.current().restamp(&proxy.known);
        if newest > self.counter.last() {
            tracing::warn!(
                node = proxy.node,
                newest,
                "a proxy holds newer tables than were published here"
            );
            self.counter.skip_to(newest);
        }
        self.publish(changes).await
    }
}
