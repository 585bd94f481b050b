//! Candidates that got worse, with what no longer counts of them.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};
use sqlx::Row;

use super::{Store, StoreError, Tx, tenant_id, to_i64};
use crate::learn::{
    alarm::{Alarm, Alarms},
    stats::ArmSums,
    sums::Sums,
};

/// One shape's forgotten sums: session, squares, auto, manual, failed, latency.
type Entry = (
    String,
    [i64; 3],
    i64,
    [i64; 3],
    [i64; 3],
    [i64; 3],
    [i64; 3],
);

/// Writes an alarm over what was there.
pub(crate) async fn put(
    tx: &mut Tx,
    (tenant, key): (&TenantId, &CandidateKey),
    alarm: &Alarm,
    now_ms: u64,
) -> Result<(), StoreError> {
    let entries: Vec<Entry> = alarm.forgotten.iter().map(entry).collect();
    // Strings and integers always serialise.
    let forgotten = serde_json::to_string(&entries).unwrap_or_default();
    sqlx::query(
        "INSERT OR REPLACE INTO alarms (tenant, candidate, raised_ms, outcomes, forgotten) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(tenant.as_str())
    .bind(key.as_str())
    .bind(to_i64(now_ms))
    .bind(alarm.outcomes)
    .bind(forgotten)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// All alarms.
pub(crate) async fn all(store: &Store) -> Result<BTreeMap<TenantId, Alarms>, StoreError> {
    let rows = sqlx::query("SELECT tenant, candidate, outcomes, forgotten FROM alarms")
        .fetch_all(store.read())
        .await?;
    let mut all: BTreeMap<TenantId, Alarms> = BTreeMap::new();
    for row in rows {
        let tenant = tenant_id(row.try_get(0)?)?;
        let key = CandidateKey::parse(row.try_get(1)?);
        let key = key.map_err(|e| StoreError::corrupt("candidate", e))?;
        let entries: Vec<Entry> =
            serde_json::from_str(row.try_get(3)?).map_err(|e| StoreError::corrupt("alarm", e))?;
        let alarm = Alarm {
            forgotten: entries.into_iter().filter_map(arm).collect(),
            outcomes: row.try_get(2)?,
        };
        all.entry(tenant).or_default().insert(key, alarm);
    }
    Ok(all)
}

fn entry((shape, arm): (&ShapeKey, &ArmSums)) -> Entry {
    let sums = |sums: &Sums| [sums.n, sums.sum, sums.sumsq];
    (
        shape.to_string(),
        sums(&arm.session),
        arm.squares,
        sums(&arm.auto),
        sums(&arm.manual),
        sums(&arm.failed),
        sums(&arm.latency),
    )
}

fn arm(
    (shape, session, squares, auto, manual, failed, latency): Entry,
) -> Option<(ShapeKey, ArmSums)> {
    let sums = |[n, sum, sumsq]: [i64; 3]| Sums { n, sum, sumsq };
    let arm = ArmSums {
        session: sums(session),
        squares,
        auto: sums(auto),
        manual: sums(manual),
        failed: sums(failed),
        latency: sums(latency),
    };
    Some((ShapeKey::named(&shape)?, arm))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Location;

    #[tokio::test]
    async fn alarms_come_back_as_they_were_written() {
        let store = Store::open(&Location::Memory).await.expect("opens");
        let (tenant, key) = (
            TenantId::new("acme").expect("valid"),
            CandidateKey::new("p", "m").expect("valid"),
        );
        let arm = ArmSums {
            auto: Sums {
                n: 1,
                sum: 2,
                sumsq: 3,
            },
            squares: 7,
            ..ArmSums::default()
        };
        let alarm = Alarm {
            forgotten: [(ShapeKey::root(), arm)].into(),
            outcomes: 11,
        };
        let mut tx = store.write().await.expect("writes");
        put(&mut tx, (&tenant, &key), &alarm, 1).await.expect("put");
        tx.commit().await.expect("commits");
        let found = all(&store).await.expect("reads");
        assert_eq!(found, [(tenant, [(key, alarm)].into())].into());
    }
}
