//! A change that the operator makes of a tenant: made, written down and told to the proxies together.

use axum::http::HeaderMap;
use floopy_shared::domain::ids::TenantId;

use crate::{
    rest::{Api, REQUEST_ID, error::ApiError},
    store::{
        StoreError, Tx,
        audit::{self, Action},
        tenants::managed::{self, Managed},
    },
};

/// Who is written down to have changed something, and as what.
const OPERATOR: &str = "operator";

/// A change that is being made; dropped before its commit it never was.
pub(super) struct Changing<'a> {
    pub(super) api: &'a Api,
    pub(super) tx: Tx,
    pub(super) now_ms: u64,
    request_id: String,
}

impl<'a> Changing<'a> {
    pub(super) async fn begin(api: &'a Api, headers: &HeaderMap) -> Result<Self, ApiError> {
        let tx = api.store.write().await?;
        let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        Ok(Self {
            api,
            tx,
            now_ms: api.clock.now_ms(),
            request_id: request_id.unwrap_or_default().to_owned(),
        })
    }

    /// The tenant of this id.
    pub(super) async fn tenant(&mut self, id: &str) -> Result<Managed, ApiError> {
        let found = match TenantId::new(id) {
            Ok(id) => managed::get(&mut self.tx, &id).await?,
            Err(_) => None,
        };
        found.ok_or_else(unknown)
    }

    /// Writes down what was done.
    pub(super) async fn audit(
        &mut self,
        tenant: impl Into<Option<&TenantId>>,
        (action, resource): (Action, &str),
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<(), ApiError> {
        let change = audit::Change {
            tenant: tenant.into(),
            at_ms: self.now_ms,
            actor: OPERATOR,
            role: OPERATOR,
            action,
            resource,
            before,
            after,
            request_id: &self.request_id,
        };
        Ok(audit::add(&mut self.tx, &change).await?)
    }

    /// Makes a change of credentials.
    pub(super) async fn commit_credentials(self) -> Result<(), ApiError> {
        self.tx.commit().await.map_err(StoreError::from)?;
        self.api.dirty.mark_credentials();
        Ok(())
    }

    /// Makes a change that is looked for.
    pub(super) async fn commit_wanted(self) -> Result<(), ApiError> {
        Ok(self.tx.commit().await.map_err(StoreError::from)?)
    }

    /// Makes a change of the scoring queue.
    pub(super) async fn commit_queue(self) -> Result<(), ApiError> {
        self.tx.commit().await.map_err(StoreError::from)?;
        self.api.queue.wake();
        Ok(())
    }

    /// Makes the change.
    pub(super) async fn commit(self, tenant: TenantId) -> Result<(), ApiError> {
        self.tx.commit().await.map_err(StoreError::from)?;
        self.api.dirty.mark_settings(tenant);
        Ok(())
    }
}

/// Never, or no more.
pub(super) fn unknown() -> ApiError {
    ApiError::not_found("no such tenant")
}
