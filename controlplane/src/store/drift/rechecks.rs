//! Alarms for all tenants that may yet be taken back, and what was usual before them.

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

use super::{Entries, State, candidate, kept, levels, levels_bytes, remove, tenants, tenants_text};
use crate::store::sql::{self, QueryBuilder, Row};
use crate::{
    learn::recheck::Recheck,
    store::{Store, StoreError, Tx, statements, tenant_id},
};

/// A candidate in a shape of a tenant.
type Spot = (TenantId, ShapeKey, CandidateKey);

/// Writes what changed over what was there.
pub(super) async fn save(tx: &mut Tx, state: &State) -> Result<(), StoreError> {
    for rows in statements(&state.rechecks.kept) {
        let mut query =
            QueryBuilder::new("INSERT INTO drift_rechecks (candidate, tenants, capital) ");
        query.push_values(rows, |mut row, (key, recheck)| {
            row.push_bind(key.as_str())
                .push_bind(tenants_text(&recheck.tenants))
                .push_bind(levels_bytes(&recheck.capital));
        });
        query.push(
            " ON CONFLICT (candidate) DO UPDATE SET tenants = excluded.tenants,
                capital = excluded.capital",
        );
        query.build().execute(&mut **tx).await?;
    }
    let gone = state.rechecks.gone.iter();
    let gone: Vec<[&str; 1]> = gone.map(|key| [key.as_str()]).collect();
    remove(
        tx,
        "DELETE FROM drift_rechecks WHERE candidate IN (SELECT value->>0 FROM json_each(?))",
        &gone,
    )
    .await?;
    save_before(tx, &state.before).await
}

async fn save_before(tx: &mut Tx, before: &Entries<Spot, f64>) -> Result<(), StoreError> {
    for rows in statements(&before.kept) {
        let mut query =
            QueryBuilder::new("INSERT INTO drift_before (tenant, shape, candidate, mean) ");
        query.push_values(rows, |mut row, ((tenant, shape, key), mean)| {
            row.push_bind(tenant.as_str())
                .push_bind(shape.as_str())
                .push_bind(key.as_str())
                .push_bind(*mean);
        });
        query.push(" ON CONFLICT (tenant, shape, candidate) DO UPDATE SET mean = excluded.mean");
        query.build().execute(&mut **tx).await?;
    }
    let gone = before.gone.iter();
    let gone: Vec<[&str; 3]> = gone
        .map(|(t, shape, key)| [t.as_str(), shape.as_str(), key.as_str()])
        .collect();
    remove(
        tx,
        "DELETE FROM drift_before WHERE (tenant, shape, candidate) IN
            (SELECT value->>0, value->>1, value->>2 FROM json_each(?))",
        &gone,
    )
    .await
}

/// The alarms.
pub(super) async fn load(store: &Store) -> Result<Entries<CandidateKey, Recheck>, StoreError> {
    let rows = sql::query("SELECT candidate, tenants, capital FROM drift_rechecks")
        .fetch_all(store.read())
        .await?;
    kept(&rows, |row: &Row| {
        let recheck = Recheck {
            tenants: tenants(row.try_get(1)?)?,
            capital: levels(row.try_get(2)?)?,
        };
        Ok((candidate(row.try_get(0)?)?, recheck))
    })
}

/// What was usual.
pub(super) async fn load_before(store: &Store) -> Result<Entries<Spot, f64>, StoreError> {
    let rows = sql::query("SELECT tenant, shape, candidate, mean FROM drift_before")
        .fetch_all(store.read())
        .await?;
    kept(&rows, |row: &Row| {
        let shape: &str = row.try_get(1)?;
        let spot = (
            tenant_id(row.try_get(0)?)?,
            ShapeKey::named(shape).ok_or_else(|| StoreError::corrupt("drift's shape", shape))?,
            candidate(row.try_get(2)?)?,
        );
        Ok((spot, row.try_get(3)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{key, tenant},
        learn::monitor::Everybody,
        store::{Location, drift},
    };

    #[tokio::test]
    async fn what_is_rechecked_comes_back_to_the_last_bit_and_goes_when_it_is_over() {
        let store = Store::open(&Location::Memory).await.expect("opens");
        let recheck = Recheck {
            capital: [0.1 + 0.2, 1e-300, 3.0, 99.9],
            tenants: [tenant()].into(),
        };
        let spot = (tenant(), ShapeKey::root(), key("a"));
        let mut state = State::default();
        state.rechecks.kept = vec![(key("a"), recheck)];
        state.before.kept = vec![(spot.clone(), 0.1 + 0.2)];
        state.everybody.kept = vec![(key("a"), Everybody::default())];
        let written = async |state: &State| {
            let mut tx = store.write().await.expect("writes");
            drift::save(&mut tx, state).await.expect("saved");
            tx.commit().await.expect("commits");
            drift::load(&store).await.expect("read")
        };
        assert_eq!(written(&state).await, state);
        let mut over = State::default();
        over.rechecks.gone = vec![key("a")];
        over.before.gone = vec![spot];
        over.everybody.gone = vec![key("a")];
        assert_eq!(written(&over).await, State::default());
    }
}
