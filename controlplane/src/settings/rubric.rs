//! What a tenant has its replies judged by, as it is written: a list of dimensions that is replaced as a whole.

use floopy_shared::domain::{
    constraints::InvalidConstraints,
    ids::TenantId,
    rubric::{FIELD, Rubric, Said},
};
use serde::{Deserialize, Serialize};

use crate::store::{
    StoreError,
    settings::{self, Document, Kind},
    sql::Conn,
};

/// The key of the group, whose value is the list.
pub(crate) const RUBRIC: &str = FIELD;

/// A dimension; one of the tenant's own says what its grades mean.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenDimension {
    name: String,
    share: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grades: Option<String>,
}

/// As judges know it, if it can be meant.
pub(crate) fn check(written: &[WrittenDimension]) -> Result<(), InvalidConstraints> {
    let said: Vec<Said> = written.iter().cloned().map(Into::into).collect();
    Rubric::of(0, &said).map(drop)
}

/// As it is told.
pub(crate) fn written(said: &[Said]) -> Vec<WrittenDimension> {
    let written = said.iter().map(|said| WrittenDimension {
        name: said.name.clone(),
        share: said.share,
        grades: said.grades.clone(),
    });
    written.collect()
}

/// What a tenant says.
pub(crate) fn said(document: &Document) -> Result<Vec<Said>, StoreError> {
    let written: Vec<WrittenDimension> = super::read(document)?;
    Ok(written.into_iter().map(Into::into).collect())
}

impl From<WrittenDimension> for Said {
    fn from(written: WrittenDimension) -> Self {
        Self {
            name: written.name,
            grades: written.grades,
            share: written.share,
        }
    }
}

/// A tenant's own; `None`: it has none.
pub(crate) async fn of(conn: &mut Conn, tenant: &TenantId) -> Result<Option<Rubric>, StoreError> {
    let place = (tenant, Kind::Constraints);
    let document = settings::get(conn, place, RUBRIC).await?;
    let read = document.as_ref().map(read).transpose();
    Ok(read.unwrap_or_else(|error| {
        // Of a later version: its tenant's replies are judged by what all are judged by.
        tracing::error!(%error, %tenant, "a rubric cannot be read");
        None
    }))
}

/// What was checked before it was written; its version is when that was.
fn read(document: &Document) -> Result<Rubric, StoreError> {
    Rubric::of(document.changed_ms, &said(document)?).map_err(super::unreadable)
}
