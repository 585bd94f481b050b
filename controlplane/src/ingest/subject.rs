//! Which ratings are about which session.

use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, TenantId},
};
use sqlx::SqliteConnection;

use crate::store::{
    StoreError,
    calls::{self, Unit},
    ratings::{self, Kind, StoredRating},
};

/// Every name under which a rating could mean this call's session.
pub(super) fn names_of(decision: &Decision) -> Vec<String> {
    let mut names = vec![decision.request_id.to_string()];
    names.extend(decision.session_id.as_ref().map(ToString::to_string));
    names.extend(decision.completion_id.clone());
    names
}

/// The rating that stands for a unit, among those of all names that mean it.
pub(super) async fn standing_rating(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    unit: &Unit,
    calls: &[Decision],
) -> Result<Option<StoredRating>, StoreError> {
    let mut names: Vec<String> = calls.iter().flat_map(names_of).collect();
    names.sort_unstable();
    names.dedup();
    let mut found = Vec::new();
    for (name, rated) in ratings::of_subjects(conn, tenant, Kind::Session, &names).await? {
        // A name can mean several units; the rating is about the first one only.
        if calls::units_named(conn, tenant, &name).await?.first() == Some(unit) {
            found.extend(rated);
        }
    }
    Ok(ratings::standing(&found).cloned())
}

/// The rating that stands for whatever `name` means now; for the name itself while it means nothing.
pub(super) async fn standing_for(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    (kind, name): (Kind, &str),
) -> Result<Option<StoredRating>, StoreError> {
    if kind == Kind::Session
        && let Some(unit) = calls::units_named(conn, tenant, name).await?.first()
    {
        let calls = calls::of_unit(conn, tenant, unit).await?;
        return standing_rating(conn, tenant, unit, &calls).await;
    }
    let ratings = ratings::of_subject(conn, tenant, kind, name).await?;
    Ok(ratings::standing(&ratings).cloned())
}

/// The request a manual rating is of.
pub(super) fn request_of(kind: Kind, name: &str) -> Option<RequestId> {
    let id = uuid::Uuid::try_parse(name)
        .ok()
        .filter(|_| kind == Kind::Request)?;
    Some(RequestId(id))
}
