//! What was told of all tenants together, and what of it each of them gave.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

use super::{Store, StoreError, Tx, meta, tenant_id, to_i64, to_u64};
use crate::{
    learn::pool::{Given, Released, Units},
    store::sql::{self, Conn, Row},
};

/// An operator asked for a release.
const WANTED: &str = "pool_wanted";

/// What was told, and when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Release {
    /// Counts from 1.
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    /// What it cost each tenant that gave something or could have.
    pub(crate) rho: f64,
    pub(crate) released: Released,
}

/// What a tenant gave to a release.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gift {
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    pub(crate) rho: f64,
    pub(crate) sigma: f64,
    pub(crate) given: Given,
}

/// A release, as operators see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    pub(crate) rho: f64,
    pub(crate) sigma: f64,
    pub(crate) tenants: u64,
}

type Cells = BTreeMap<ShapeKey, BTreeMap<CandidateKey, Units>>;
/// As it is written: by names, evidence and gap.
type Written = BTreeMap<String, BTreeMap<String, (i64, i64)>>;

/// The last one; `None`: there was none.
pub(crate) async fn last(store: &Store) -> Result<Option<Release>, StoreError> {
    let query = sql::query(
        "SELECT number, at_ms, rho, sigma, cells FROM pool_releases ORDER BY number DESC LIMIT 1",
    );
    let row = query.fetch_optional(store.read()).await?;
    let read = |row: &Row| {
        Ok(Release {
            number: to_u64(row.try_get(0)?),
            at_ms: to_u64(row.try_get(1)?),
            rho: row.try_get(2)?,
            released: Released {
                sigma: row.try_get(3)?,
                cells: read_cells(row.try_get(4)?)?,
            },
        })
    };
    row.as_ref().map(read).transpose()
}

/// Keeps a release with what tenants gave; it is wanted no more.
pub(crate) async fn put(
    tx: &mut Tx,
    release: &Release,
    given: &BTreeMap<TenantId, Given>,
) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO pool_releases (number, at_ms, rho, sigma, cells) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(to_i64(release.number))
    .bind(to_i64(release.at_ms))
    .bind(release.rho)
    .bind(release.released.sigma)
    .bind(written(&release.released.cells))
    .execute(&mut **tx)
    .await?;
    for (tenant, given) in given {
        sql::query("INSERT INTO pool_given (tenant, number, scale, cells) VALUES (?, ?, ?, ?)")
            .bind(tenant.as_str())
            .bind(to_i64(release.number))
            .bind(given.scale)
            .bind(written(&given.cells))
            .execute(&mut **tx)
            .await?;
    }
    let query = sql::query("DELETE FROM meta WHERE name = ?").bind(WANTED);
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Forgets what was told before this and costs nobody anything any more; the last one stays.
pub(crate) async fn forget(tx: &mut Tx, before_ms: u64) -> Result<(), StoreError> {
    const OLD: &str = "SELECT number FROM pool_releases WHERE at_ms < ?
        AND number < (SELECT MAX(number) FROM pool_releases)";
    for text in [
        format!("DELETE FROM pool_given WHERE number IN ({OLD})"),
        format!("DELETE FROM pool_releases WHERE number IN ({OLD})"),
    ] {
        let query = sql::query(&text).bind(to_i64(before_ms));
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

/// What releases since then cost each tenant.
pub(crate) async fn spent(
    tx: &mut Tx,
    since_ms: u64,
) -> Result<BTreeMap<TenantId, f64>, StoreError> {
    let query = sql::query(
        "SELECT g.tenant, SUM(r.rho) FROM pool_given AS g JOIN pool_releases AS r ON r.number = g.number
         WHERE r.at_ms >= ? GROUP BY g.tenant",
    );
    let rows = query.bind(to_i64(since_ms)).fetch_all(&mut **tx).await?;
    let one = |row: &Row| Ok((tenant_id(row.try_get(0)?)?, row.try_get(1)?));
    rows.iter().map(one).collect()
}

/// What a tenant gave since then, the newest first.
pub(crate) async fn of(
    conn: &mut Conn,
    tenant: &TenantId,
    since_ms: u64,
) -> Result<Vec<Gift>, StoreError> {
    let query = sql::query(
        "SELECT r.number, r.at_ms, r.rho, r.sigma, g.scale, g.cells FROM pool_given AS g
         JOIN pool_releases AS r ON r.number = g.number
         WHERE g.tenant = ? AND r.at_ms >= ? ORDER BY r.number DESC",
    );
    let query = query.bind(tenant.as_str()).bind(to_i64(since_ms));
    let rows = query.fetch_all(conn).await?;
    let one = |row: &Row| {
        Ok(Gift {
            number: to_u64(row.try_get(0)?),
            at_ms: to_u64(row.try_get(1)?),
            rho: row.try_get(2)?,
            sigma: row.try_get(3)?,
            given: Given {
                scale: row.try_get(4)?,
                cells: read_cells(row.try_get(5)?)?,
            },
        })
    };
    rows.iter().map(one).collect()
}

/// What was told, without what it says, the newest first.
pub(crate) async fn list(store: &Store) -> Result<Vec<Listed>, StoreError> {
    let query = sql::query(
        "SELECT r.number, r.at_ms, r.rho, r.sigma, (SELECT COUNT(*) FROM pool_given AS g WHERE g.number = r.number)
         FROM pool_releases AS r ORDER BY r.number DESC",
    );
    let rows = query.fetch_all(store.read()).await?;
    let one = |row: &Row| {
        Ok(Listed {
            number: to_u64(row.try_get(0)?),
            at_ms: to_u64(row.try_get(1)?),
            rho: row.try_get(2)?,
            sigma: row.try_get(3)?,
            tenants: to_u64(row.try_get(4)?),
        })
    };
    rows.iter().map(one).collect()
}

/// Forgets what a tenant gave, and not what that cost it.
pub(crate) async fn empty(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    let query = sql::query("UPDATE pool_given SET cells = '{}' WHERE tenant = ?");
    query.bind(tenant.as_str()).execute(&mut **tx).await?;
    Ok(())
}

/// Asks for a release.
pub(crate) async fn want(tx: &mut Tx) -> Result<(), StoreError> {
    meta::put(tx, WANTED, b"1").await
}

/// Whether one is asked for.
pub(crate) async fn is_wanted(store: &Store) -> Result<bool, StoreError> {
    Ok(meta::get(store, WANTED).await?.is_some())
}

fn written(cells: &Cells) -> String {
    let of_shape = |cells: &BTreeMap<CandidateKey, Units>| {
        let one = |(key, units): (&CandidateKey, &Units)| {
            (key.as_str().to_owned(), (units.evidence, units.gap))
        };
        cells.iter().map(one).collect()
    };
    let written: Written = cells
        .iter()
        .map(|(shape, cells)| (shape.as_str().to_owned(), of_shape(cells)))
        .collect();
    // Names and numbers always serialise.
    serde_json::to_string(&written).unwrap_or_default()
}

fn read_cells(text: &str) -> Result<Cells, StoreError> {
    let corrupt = || StoreError::corrupt("pool", "a name that none can have");
    let written: Written =
        serde_json::from_str(text).map_err(|e| StoreError::corrupt("pool", e))?;
    let mut cells = Cells::new();
    for (shape, of_shape) in written {
        let shape = ShapeKey::named(&shape).ok_or_else(corrupt)?;
        let mut read = BTreeMap::new();
        for (key, (evidence, gap)) in of_shape {
            let key = CandidateKey::parse(&key).map_err(|_| corrupt())?;
            read.insert(key, Units { evidence, gap });
        }
        cells.insert(shape, read);
    }
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Location;

    fn tenant(id: &str) -> TenantId {
        TenantId::new(id).expect("valid")
    }

    fn cells(evidence: i64) -> Cells {
        let key = CandidateKey::parse("openai/gpt-5").expect("valid");
        let units = Units { evidence, gap: -7 };
        Cells::from([(ShapeKey::root(), BTreeMap::from([(key, units)]))])
    }

    async fn release(store: &Store, (number, at_ms): (u64, u64), tenants: &[&str]) {
        let release = Release {
            number,
            at_ms,
            rho: 0.25,
            released: Released {
                sigma: 4.0,
                cells: cells(9_000),
            },
        };
        let given = Given {
            scale: 0.5,
            cells: cells(400),
        };
        let given = tenants.iter().map(|id| (tenant(id), given.clone()));
        let mut tx = store.write().await.expect("writes");
        let put = put(&mut tx, &release, &given.collect()).await;
        put.expect("kept");
        tx.commit().await.expect("committed");
    }

    #[tokio::test]
    async fn what_was_told_and_given_is_read_back_and_who_leaves_keeps_only_what_it_cost() {
        let store = Store::open(&Location::Memory).await.expect("opens");
        assert_eq!(last(&store).await.expect("reads"), None);
        release(&store, (1, 100), &["a", "b"]).await;
        release(&store, (2, 200), &["a"]).await;
        let found = last(&store).await.expect("reads").expect("there is one");
        assert_eq!((found.number, found.released.cells), (2, cells(9_000)));
        let mut tx = store.write().await.expect("writes");
        assert_eq!(
            spent(&mut tx, 0).await.expect("reads"),
            BTreeMap::from([(tenant("a"), 0.5), (tenant("b"), 0.25)])
        );
        assert_eq!(spent(&mut tx, 150).await.expect("reads").len(), 1);
        let gifts = of(&mut tx, &tenant("a"), 0).await.expect("reads");
        assert_eq!(gifts.iter().map(|g| g.number).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(gifts[0].given.cells, cells(400));
        empty(&mut tx, &tenant("a")).await.expect("emptied");
        let gifts = of(&mut tx, &tenant("a"), 0).await.expect("reads");
        assert!(gifts.iter().all(|gift| gift.given.cells.is_empty()));
        assert!((spent(&mut tx, 0).await.expect("reads")[&tenant("a")] - 0.5).abs() < 1e-12);
        forget(&mut tx, 1_000).await.expect("forgotten");
        tx.commit().await.expect("committed");
        let listed = list(&store).await.expect("reads");
        assert_eq!(
            listed
                .iter()
                .map(|l| (l.number, l.tenants))
                .collect::<Vec<_>>(),
            [(2, 1)]
        );
    }

    #[tokio::test]
    async fn a_release_that_is_asked_for_is_asked_for_until_it_is_made() {
        let store = Store::open(&Location::Memory).await.expect("opens");
        let mut tx = store.write().await.expect("writes");
        want(&mut tx).await.expect("noted");
        want(&mut tx).await.expect("noted");
        tx.commit().await.expect("committed");
        assert!(is_wanted(&store).await.expect("reads"));
        release(&store, (1, 1), &[]).await;
        assert!(!is_wanted(&store).await.expect("reads"));
    }
}
