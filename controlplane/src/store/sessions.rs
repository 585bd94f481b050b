//! Rated sessions: the rating that stands and what it added to the buckets.

use std::collections::HashMap;

use floopy_shared::domain::{event::RatingScore, ids::TenantId};

use super::{
    StoreError, Tx, names_by_tenant, placed_by_tenant, statements, tenant_id, to_i64,
    units::{Name, TenantUnit},
};
use crate::store::sql::{self, Conn, QueryBuilder, Row};

/// A rated unit, by its stored name.
#[derive(Debug)]
pub(crate) struct Rated {
    pub(crate) name: Name,
    pub(crate) score: RatingScore,
    /// What it added to the buckets, packed.
    pub(crate) credit: Vec<u8>,
}

/// The stored name of a unit.
pub(crate) fn name((tenant, unit): &TenantUnit) -> Name {
    (tenant.clone(), unit.key())
}

/// The standing rating of a unit and what it added to the buckets.
pub(crate) type Counted = (RatingScore, Vec<u8>);

/// What each of these units added to the buckets; `None`: it is not rated.
pub(crate) async fn credits(
    conn: &mut Conn,
    names: &[Name],
) -> Result<Vec<Option<Counted>>, StoreError> {
    let mut credits: Vec<Option<Counted>> = names.iter().map(|_| None).collect();
    let placed = names.iter().enumerate();
    let placed = placed.map(|(place, (tenant, name))| (place, tenant, name));
    let Some(placed) = placed_by_tenant(placed) else {
        return Ok(credits);
    };
    let rows = sql::query(
        "SELECT CAST(n.key AS INTEGER), s.credit, s.score FROM json_each(?) AS t CROSS JOIN json_each(t.value) AS n
            CROSS JOIN sessions AS s ON s.tenant = t.key AND s.unit = n.value",
    )
    .bind(placed)
    .fetch_all(conn)
    .await?;
    for row in &rows {
        let place: i64 = row.try_get(0)?;
        let credit = usize::try_from(place).ok().and_then(|i| credits.get_mut(i));
        if let Some(credit) = credit {
            *credit = Some((rating(row.try_get(2)?)?, row.try_get(1)?));
        }
    }
    Ok(credits)
}

/// Which of these units are rated.
pub(crate) async fn rated(
    conn: &mut Conn,
    names: impl IntoIterator<Item = &Name>,
) -> Result<Vec<Name>, StoreError> {
    let names = names.into_iter().map(|(t, name)| (t, name.as_str()));
    let Some(names) = names_by_tenant(names) else {
        return Ok(Vec::new());
    };
    let rows = sql::query(
        "SELECT t.key, n.value FROM json_each(?) AS t CROSS JOIN json_each(t.value) AS n
            WHERE EXISTS (SELECT 1 FROM sessions AS s WHERE s.tenant = t.key AND s.unit = n.value)",
    )
    .bind(names)
    .fetch_all(conn)
    .await?;
    let name = |row: &Row| Ok((tenant_id(row.try_get(0)?)?, row.try_get(1)?));
    rows.iter().map(name).collect()
}

/// Notes the standing ratings of units and what they added.
pub(crate) async fn put_many(
    tx: &mut Tx,
    sessions: &[Rated],
    now_ms: u64,
) -> Result<(), StoreError> {
    for sessions in statements(sessions) {
        let mut query =
            QueryBuilder::new("INSERT INTO sessions (tenant, unit, score, credit, touched_ms) ");
        query.push_values(sessions, |mut row, session| {
            row.push_bind(session.name.0.as_str())
                .push_bind(session.name.1.as_str())
                .push_bind(i64::from(session.score.value()))
                .push_bind(session.credit.as_slice())
                .push_bind(to_i64(now_ms));
        });
        query.push(
            " ON CONFLICT (tenant, unit) DO UPDATE SET score = excluded.score, credit = excluded.credit,
                touched_ms = excluded.touched_ms",
        );
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// Forgets units that are no longer rated.
pub(crate) async fn remove_many(tx: &mut Tx, names: &[Name]) -> Result<(), StoreError> {
    let Some(names) = names_by_tenant(names.iter().map(|(t, name)| (t, name.as_str()))) else {
        return Ok(());
    };
    sql::query(
        "DELETE FROM sessions WHERE (tenant, unit) IN
            (SELECT t.key, n.value FROM json_each(?) AS t CROSS JOIN json_each(t.value) AS n)",
    )
    .bind(names)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The standing ratings of units by their stored names; unrated units are left out.
pub(crate) async fn scores(
    conn: &mut Conn,
    tenant: &TenantId,
    units: &[String],
) -> Result<HashMap<String, RatingScore>, StoreError> {
    let Some(names) = names_by_tenant(units.iter().map(|unit| (tenant, unit.as_str()))) else {
        return Ok(HashMap::new());
    };
    let rows = sql::query(
        "SELECT n.value, s.score FROM json_each(?) AS t CROSS JOIN json_each(t.value) AS n
            CROSS JOIN sessions AS s ON s.tenant = t.key AND s.unit = n.value",
    )
    .bind(names)
    .fetch_all(conn)
    .await?;
    let score = |row: &Row| Ok((row.try_get(0)?, rating(row.try_get(1)?)?));
    rows.iter().map(score).collect()
}

fn rating(score: i64) -> Result<RatingScore, StoreError> {
    RatingScore::new(score).map_err(|e| StoreError::corrupt("rating", e))
}
