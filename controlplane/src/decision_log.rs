//! Where decisions are looked up: in the store, or in ClickHouse, which has them from the store's outbox.
//!
//! Both answer the same questions in the same way. What is learned from decisions stays in the store.

pub(crate) mod clickhouse;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, TenantId},
};

pub(crate) use self::clickhouse::ClickHouse;
use crate::store::{
    Store, StoreError,
    accounted::{
        self, During, Line,
        sessions::{self, Asked, Spent},
    },
    calls,
    export::{self, Page, Place, Span},
    list::{self, Filter, Position},
};

/// What ClickHouse says at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The version of the log that is there; 0: none is.
    pub found: u32,
    /// The version that this program brings it to.
    pub known: u32,
    /// Its clock in milliseconds since 1970.
    pub now_ms: u64,
}

/// Why a question to the log has no answer, or why it took nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("ClickHouse at {place} did not answer within {ms} ms")]
    Late { place: String, ms: u128 },
    #[error("ClickHouse at {place} is left alone for a moment: it failed several times in a row")]
    LeftAlone { place: String },
    #[error("ClickHouse at {place} failed: {reason}")]
    Failed { place: String, reason: String },
    #[error(
        "the decision log in ClickHouse at {place} was written by a newer version: schema {found}, this one knows {known}"
    )]
    Newer {
        place: String,
        found: u32,
        known: u32,
    },
}

/// Where decisions are looked up. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum DecisionLog {
    Store(Store),
    ClickHouse(Arc<ClickHouse>),
}

impl DecisionLog {
    /// One decision of a tenant; another's is not read at all.
    pub(crate) async fn get(
        &self,
        tenant: &TenantId,
        request: RequestId,
    ) -> Result<Option<Decision>, LogError> {
        match self {
            Self::Store(store) => {
                let mut conn = store.read().acquire().await.map_err(StoreError::from)?;
                let found = calls::get(&mut conn, (tenant, request)).await?;
                Ok(found.map(|stored| stored.decision))
            }
            Self::ClickHouse(log) => log.get(tenant, request).await,
        }
    }

    /// Up to `limit` decisions after `after`, the newest first.
    pub(crate) async fn page(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Vec<Decision>, LogError> {
        match self {
            Self::Store(store) => Ok(list::page(store, tenant, filter, after, limit).await?),
            Self::ClickHouse(log) => log.page(tenant, filter, after, limit).await,
        }
    }

    /// The newest row's number, of those that the span may have.
    pub(crate) async fn newest(&self, span: &Span) -> Result<i64, LogError> {
        match self {
            Self::Store(store) => Ok(export::newest(store).await?),
            Self::ClickHouse(log) => log.newest(span).await,
        }
    }

    /// How many decisions the span has, shadows included; counts no further than `most`.
    pub(crate) async fn count(&self, span: &Span, most: u64) -> Result<u64, LogError> {
        match self {
            Self::Store(store) => Ok(export::count(store, span, most).await?),
            Self::ClickHouse(log) => log.count(span, most).await,
        }
    }

    /// Sums of what calls cost, by rule and by why they count for no savings.
    pub(crate) async fn lines(&self, of: During<'_>) -> Result<Vec<Line>, LogError> {
        match self {
            Self::Store(store) => Ok(accounted::lines(store, of).await?),
            Self::ClickHouse(log) => log.lines(of).await,
        }
    }

    /// Sessions with what their calls cost, the last active first.
    pub(crate) async fn sessions(&self, asked: &Asked<'_>) -> Result<Vec<Spent>, LogError> {
        match self {
            Self::Store(store) => Ok(sessions::page(store, asked).await?),
            Self::ClickHouse(log) => log.sessions(asked).await,
        }
    }

    /// Up to `limit` decisions of an export after `place`.
    pub(crate) async fn export(
        &self,
        span: &Span,
        place: Place,
        limit: u32,
    ) -> Result<Page, LogError> {
        match self {
            Self::Store(store) => Ok(export::page(store, span, place, limit).await?),
            Self::ClickHouse(log) => log.export(span, place, limit).await,
        }
    }
}
