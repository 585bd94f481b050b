//! Ratings as they were given. Of each subject only the first rating and the last revision are kept, since no
//! other can ever stand; "first" and "last" are by time of rating, then by event id, so that the order of
//! arrival does not matter.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    event::{Rating, RatingScore, RatingSubject},
    ids::{RequestId, TenantId},
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{StoreError, Tx, text_list, to_i64, to_u64};

/// What a rating's subject text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Session = 1,
    Request = 2,
}

/// One rating that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRating {
    pub(crate) event_id: Uuid,
    pub(crate) score: RatingScore,
    pub(crate) revise: bool,
    pub(crate) rated_ms: u64,
}

/// The rating that stands among several of one subject: the last revision, else the first rating.
pub(crate) fn standing(ratings: &[StoredRating]) -> Option<&StoredRating> {
    let key = |r: &&StoredRating| (r.rated_ms, r.event_id);
    let revision = ratings.iter().filter(|r| r.revise).max_by_key(key);
    revision.or_else(|| ratings.iter().filter(|r| !r.revise).min_by_key(key))
}

/// Kind and text of a rating's subject.
pub(crate) fn subject(rating: &Rating) -> (Kind, String) {
    match &rating.subject {
        RatingSubject::Session(id) => (Kind::Session, id.to_string()),
        RatingSubject::Request(id) => (Kind::Request, id.to_string()),
    }
}

/// Keeps a rating if it can stand; whether anything changed.
pub(crate) async fn put(tx: &mut Tx, rating: &Rating, event_id: Uuid) -> Result<bool, StoreError> {
    let (kind, subject) = subject(rating);
    // A rating replaces a later first one, a revision an earlier last one.
    let newer = if rating.revise { ">" } else { "<" };
    let sql = format!(
        "INSERT INTO ratings (tenant, kind, subject, revise, event_id, score, useful, rated_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET event_id = excluded.event_id, score = excluded.score,
            useful = excluded.useful, rated_ms = excluded.rated_ms
         WHERE (excluded.rated_ms, excluded.event_id) {newer} (ratings.rated_ms, ratings.event_id)"
    );
    let done = sqlx::query(&sql)
        .bind(rating.tenant.as_str())
        .bind(kind as i64)
        .bind(subject)
        .bind(rating.revise)
        .bind(event_id.as_bytes().as_slice())
        .bind(i64::from(rating.score.value()))
        .bind(rating.useful)
        .bind(to_i64(rating.rated_at_ms))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The ratings kept of one subject.
pub(crate) async fn of_subject(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    kind: Kind,
    subject: &str,
) -> Result<Vec<StoredRating>, StoreError> {
    let rows = sqlx::query(
        "SELECT event_id, score, revise, rated_ms FROM ratings WHERE tenant = ? AND kind = ? AND subject = ?",
    )
    .bind(tenant.as_str())
    .bind(kind as i64)
    .bind(subject)
    .fetch_all(conn)
    .await?;
    rows.iter().map(stored_rating).collect()
}

/// The ratings kept of many subjects, by subject.
pub(crate) async fn of_subjects<'a>(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    kind: Kind,
    subjects: impl IntoIterator<Item = &'a String>,
) -> Result<BTreeMap<String, Vec<StoredRating>>, StoreError> {
    let rows = sqlx::query(
        "SELECT event_id, score, revise, rated_ms, subject FROM ratings
            WHERE tenant = ? AND kind = ? AND subject IN (SELECT value FROM json_each(?))",
    )
    .bind(tenant.as_str())
    .bind(kind as i64)
    .bind(text_list(subjects))
    .fetch_all(conn)
    .await?;
    let mut found: BTreeMap<String, Vec<StoredRating>> = BTreeMap::new();
    for row in &rows {
        let ratings = found.entry(row.try_get(4)?).or_default();
        ratings.push(stored_rating(row)?);
    }
    Ok(found)
}

/// The rating that stands of one reply.
pub(crate) async fn of_request(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    request: RequestId,
) -> Result<Option<RatingScore>, StoreError> {
    let ratings = of_subject(conn, tenant, Kind::Request, &request.to_string()).await?;
    Ok(standing(&ratings).map(|rating| rating.score))
}

fn stored_rating(row: &SqliteRow) -> Result<StoredRating, StoreError> {
    let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("rating", e);
    Ok(StoredRating {
        event_id: Uuid::from_slice(row.try_get(0)?).map_err(|e| corrupt(&e))?,
        score: RatingScore::new(row.try_get(1)?).map_err(|e| corrupt(&e))?,
        revise: row.try_get(2)?,
        rated_ms: to_u64(row.try_get(3)?),
    })
}
