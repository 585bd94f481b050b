//! What the drift monitors have yet to see, and what they knew when that was last written.
//!
//! Outcomes are appended by the transaction that folds them in and go with the one that writes what the monitors
//! made of them: whatever ends in between, each outcome is seen exactly once, in the order of the commits.

use std::collections::BTreeSet;

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

mod outcomes;
mod rechecks;

pub(crate) use self::outcomes::{after, append, forget};
use super::{Store, StoreError, Tx, statements, tenant_id};
use crate::learn::{
    drift::{Detector, Reference, Watch},
    monitor::{Entries, Everybody, Own, State, Usual},
    sums::Sums,
};
use crate::store::sql::{self, QueryBuilder, Row};

/// Writes what changed over what was there.
pub(crate) async fn save(tx: &mut Tx, state: &State) -> Result<(), StoreError> {
    save_own(tx, &state.own).await?;
    save_everybody(tx, &state.everybody).await?;
    save_usual(tx, &state.usual).await?;
    rechecks::save(tx, state).await
}

async fn save_own(
    tx: &mut Tx,
    own: &Entries<(TenantId, CandidateKey), Own>,
) -> Result<(), StoreError> {
    for rows in statements(&own.kept) {
        let mut query = QueryBuilder::new(
            "INSERT INTO drift_own (tenant, candidate, unproven, scores, failures) ",
        );
        query.push_values(rows, |mut row, ((tenant, key), own)| {
            row.push_bind(tenant.as_str())
                .push_bind(key.as_str())
                .push_bind(i64::from(own.unproven))
                .push_bind(bytes(&own.watch.scores))
                .push_bind(bytes(&own.watch.failures));
        });
        query.push(
            " ON CONFLICT (tenant, candidate) DO UPDATE SET unproven = excluded.unproven,
                scores = excluded.scores, failures = excluded.failures",
        );
        query.build().execute(&mut **tx).await?;
    }
    let gone = own.gone.iter();
    let gone: Vec<[&str; 2]> = gone.map(|(t, key)| [t.as_str(), key.as_str()]).collect();
    remove(
        tx,
        "DELETE FROM drift_own WHERE (tenant, candidate) IN
            (SELECT value->>0, value->>1 FROM json_each(?))",
        &gone,
    )
    .await
}

async fn save_everybody(
    tx: &mut Tx,
    everybody: &Entries<CandidateKey, Everybody>,
) -> Result<(), StoreError> {
    for rows in statements(&everybody.kept) {
        let mut query = QueryBuilder::new(
            "INSERT INTO drift_everybody (candidate, tenants, scores, failures) ",
        );
        query.push_values(rows, |mut row, (key, everybody)| {
            row.push_bind(key.as_str())
                .push_bind(tenants_text(&everybody.tenants))
                .push_bind(bytes(&everybody.watch.scores))
                .push_bind(bytes(&everybody.watch.failures));
        });
        query.push(
            " ON CONFLICT (candidate) DO UPDATE SET tenants = excluded.tenants,
                scores = excluded.scores, failures = excluded.failures",
        );
        query.build().execute(&mut **tx).await?;
    }
    let gone: Vec<[&str; 1]> = everybody.gone.iter().map(|key| [key.as_str()]).collect();
    remove(
        tx,
        "DELETE FROM drift_everybody WHERE candidate IN (SELECT value->>0 FROM json_each(?))",
        &gone,
    )
    .await
}

async fn save_usual(
    tx: &mut Tx,
    usual: &Entries<(TenantId, ShapeKey, CandidateKey), Usual>,
) -> Result<(), StoreError> {
    for rows in statements(&usual.kept) {
        let mut query = QueryBuilder::new(
            "INSERT INTO drift_usual
                (tenant, shape, candidate, held_n, held_mean, held_variance, n, sum, sumsq) ",
        );
        query.push_values(rows, |mut row, ((tenant, shape, key), usual)| {
            row.push_bind(tenant.as_str())
                .push_bind(shape.as_str())
                .push_bind(key.as_str())
                .push_bind(usual.held.n)
                .push_bind(usual.held.mean)
                .push_bind(usual.held.variance)
                .push_bind(usual.seen.n)
                .push_bind(usual.seen.sum)
                .push_bind(usual.seen.sumsq);
        });
        query.push(
            " ON CONFLICT (tenant, shape, candidate) DO UPDATE SET held_n = excluded.held_n,
                held_mean = excluded.held_mean, held_variance = excluded.held_variance, n = excluded.n, sum = excluded.sum, sumsq = excluded.sumsq",
        );
        query.build().execute(&mut **tx).await?;
    }
    let gone = usual.gone.iter();
    let gone: Vec<[&str; 3]> = gone
        .map(|(t, shape, key)| [t.as_str(), shape.as_str(), key.as_str()])
        .collect();
    remove(
        tx,
        "DELETE FROM drift_usual WHERE (tenant, shape, candidate) IN
            (SELECT value->>0, value->>1, value->>2 FROM json_each(?))",
        &gone,
    )
    .await
}

async fn remove<const N: usize>(
    tx: &mut Tx,
    statement: &'static str,
    keys: &[[&str; N]],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&[&str]> = keys.iter().map(<[&str; N]>::as_slice).collect();
    // Strings always serialise.
    let keys = serde_json::to_string(&keys).unwrap_or_default();
    sql::query(statement).bind(keys).execute(&mut **tx).await?;
    Ok(())
}

/// What was written last.
pub(crate) async fn load(store: &Store) -> Result<State, StoreError> {
    let own = sql::query("SELECT tenant, candidate, unproven, scores, failures FROM drift_own")
        .fetch_all(store.read())
        .await?;
    let everybody = sql::query("SELECT candidate, tenants, scores, failures FROM drift_everybody")
        .fetch_all(store.read())
        .await?;
    let usual = sql::query(
        "SELECT tenant, shape, candidate, held_n, held_mean, held_variance, n, sum, sumsq FROM drift_usual",
    )
    .fetch_all(store.read())
    .await?;
    Ok(State {
        own: kept(&own, of_own)?,
        everybody: kept(&everybody, of_everybody)?,
        usual: kept(&usual, of_usual)?,
        rechecks: rechecks::load(store).await?,
        before: rechecks::load_before(store).await?,
    })
}

fn kept<K, V>(
    rows: &[Row],
    entry: impl Fn(&Row) -> Result<(K, V), StoreError>,
) -> Result<Entries<K, V>, StoreError> {
    let kept: Vec<(K, V)> = rows.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Entries {
        kept,
        gone: Vec::new(),
    })
}

fn of_own(row: &Row) -> Result<((TenantId, CandidateKey), Own), StoreError> {
    let key = (tenant_id(row.try_get(0)?)?, candidate(row.try_get(1)?)?);
    let own = Own {
        unproven: row.try_get(2)?,
        watch: watch(row.try_get(3)?, row.try_get(4)?)?,
    };
    Ok((key, own))
}

fn of_everybody(row: &Row) -> Result<(CandidateKey, Everybody), StoreError> {
    let everybody = Everybody {
        watch: watch(row.try_get(2)?, row.try_get(3)?)?,
        tenants: tenants(row.try_get(1)?)?,
    };
    Ok((candidate(row.try_get(0)?)?, everybody))
}

fn of_usual(row: &Row) -> Result<((TenantId, ShapeKey, CandidateKey), Usual), StoreError> {
    let shape: &str = row.try_get(1)?;
    let key = (
        tenant_id(row.try_get(0)?)?,
        ShapeKey::named(shape).ok_or_else(|| StoreError::corrupt("drift's shape", shape))?,
        candidate(row.try_get(2)?)?,
    );
    let usual = Usual {
        held: Reference {
            n: row.try_get(3)?,
            mean: row.try_get(4)?,
            variance: row.try_get(5)?,
        },
        seen: Sums {
            n: row.try_get(6)?,
            sum: row.try_get(7)?,
            sumsq: row.try_get(8)?,
        },
    };
    Ok((key, usual))
}

/// Tenants as one text.
fn tenants_text(tenants: &BTreeSet<TenantId>) -> String {
    let ids: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
    // Strings always serialise.
    serde_json::to_string(&ids).unwrap_or_default()
}

fn tenants(text: &str) -> Result<BTreeSet<TenantId>, StoreError> {
    let ids: Vec<String> =
        serde_json::from_str(text).map_err(|e| StoreError::corrupt("drift", e))?;
    ids.iter().map(|id| tenant_id(id)).collect()
}

fn candidate(key: &str) -> Result<CandidateKey, StoreError> {
    CandidateKey::parse(key).map_err(|e| StoreError::corrupt("drift's candidate", e))
}

/// A detector's evidence, bit by bit: it must come back as it was.
fn bytes(detector: &Detector) -> Vec<u8> {
    levels_bytes(&detector.evidence)
}

fn levels_bytes(levels: &[f64]) -> Vec<u8> {
    levels
        .iter()
        .flat_map(|level| level.to_le_bytes())
        .collect()
}

fn watch(scores: &[u8], failures: &[u8]) -> Result<Watch, StoreError> {
    let detector = |bytes| levels(bytes).map(|evidence| Detector { evidence });
    Ok(Watch {
        scores: detector(scores)?,
        failures: detector(failures)?,
    })
}

fn levels<const N: usize>(bytes: &[u8]) -> Result<[f64; N], StoreError> {
    let (stored, rest) = bytes.as_chunks::<8>();
    if stored.len() != N || !rest.is_empty() {
        let reason = format!("{} bytes for {N} levels", bytes.len());
        return Err(StoreError::corrupt("drift's evidence", reason));
    }
    let mut levels = [0.0; N];
    for (level, bytes) in levels.iter_mut().zip(stored) {
        *level = f64::from_le_bytes(*bytes);
    }
    Ok(levels)
}
