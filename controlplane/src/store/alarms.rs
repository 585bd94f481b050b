//! Candidates that got worse, with what no longer counts of them.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

use super::{Store, StoreError, Tx, buckets::ShapeDay, tenant_id, to_i64, to_u64};
use crate::learn::{
    alarm::{Alarm, Alarms},
    stats::ArmSums,
    sums::Sums,
};
use crate::store::sql::{self, Conn, Row};

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

/// The same of one of its days.
type DayEntry = (i64, Entry);

/// Writes an alarm over what was there.
pub(crate) async fn put(
    tx: &mut Tx,
    (tenant, key): (&TenantId, &CandidateKey),
    alarm: &Alarm,
    now_ms: u64,
) -> Result<(), StoreError> {
    let (forgotten, days) = texts(alarm);
    sql::query(
        "INSERT INTO alarms (tenant, candidate, raised_ms, outcomes, forgotten, days) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant, candidate) DO UPDATE SET raised_ms = excluded.raised_ms, outcomes = excluded.outcomes,
            forgotten = excluded.forgotten, days = excluded.days",
    )
    .bind(tenant.as_str())
    .bind(key.as_str())
    .bind(to_i64(now_ms))
    .bind(alarm.outcomes)
    .bind(forgotten)
    .bind(days)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes an alarm that was taken back.
pub(crate) async fn remove(
    tx: &mut Tx,
    (tenant, key): (&TenantId, &CandidateKey),
) -> Result<(), StoreError> {
    sql::query("DELETE FROM alarms WHERE tenant = ? AND candidate = ?")
        .bind(tenant.as_str())
        .bind(key.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// All alarms.
pub(crate) async fn all(store: &Store) -> Result<BTreeMap<TenantId, Alarms>, StoreError> {
    let rows = sql::query("SELECT tenant, candidate, outcomes, forgotten, days FROM alarms")
        .fetch_all(store.read())
        .await?;
    let mut all: BTreeMap<TenantId, Alarms> = BTreeMap::new();
    for row in &rows {
        let (tenant, key, alarm) = alarm(row)?;
        all.entry(tenant).or_default().insert(key, alarm);
    }
    Ok(all)
}

/// When a tenant's alarms were raised: of each candidate the last one.
pub(crate) async fn raised(conn: &mut Conn, tenant: &TenantId) -> Result<Vec<u64>, StoreError> {
    let query = sql::query_scalar("SELECT raised_ms FROM alarms WHERE tenant = ?");
    let raised: Vec<i64> = query.bind(tenant.as_str()).fetch_all(conn).await?;
    Ok(raised.into_iter().map(to_u64).collect())
}

/// The sums of these shapes' days are no longer kept: nothing is to be forgotten of them.
pub(crate) async fn forget_days(tx: &mut Tx, days: &[ShapeDay]) -> Result<(), StoreError> {
    let tenants: BTreeSet<&str> = days.iter().map(|(tenant, ..)| tenant.as_str()).collect();
    // Strings always serialise.
    let tenants = serde_json::to_string(&tenants).unwrap_or_default();
    let rows = sql::query(
        "SELECT tenant, candidate, outcomes, forgotten, days FROM alarms
            WHERE tenant IN (SELECT value FROM json_each(?))",
    )
    .bind(tenants)
    .fetch_all(&mut **tx)
    .await?;
    for row in &rows {
        let (tenant, key, mut alarm) = alarm(row)?;
        let own = days.iter().filter(|(of, ..)| *of == tenant);
        let gone = own.filter(|(_, shape, day)| alarm.forget_day(shape, *day));
        if gone.count() > 0 {
            let (forgotten, days) = texts(&alarm);
            sql::query(
                "UPDATE alarms SET forgotten = ?, days = ? WHERE tenant = ? AND candidate = ?",
            )
            .bind(forgotten)
            .bind(days)
            .bind(tenant.as_str())
            .bind(key.as_str())
            .execute(&mut **tx)
            .await?;
        }
    }
    Ok(())
}

fn texts(alarm: &Alarm) -> (String, String) {
    let forgotten: Vec<Entry> = alarm.forgotten.iter().map(entry).collect();
    let day = |((shape, day), arm): (&(ShapeKey, i64), &ArmSums)| (*day, entry((shape, arm)));
    let days: Vec<DayEntry> = alarm.days.iter().map(day).collect();
    // Strings and integers always serialise.
    let text = (
        serde_json::to_string(&forgotten),
        serde_json::to_string(&days),
    );
    (text.0.unwrap_or_default(), text.1.unwrap_or_default())
}

fn alarm(row: &Row) -> Result<(TenantId, CandidateKey, Alarm), StoreError> {
    let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("alarm", e);
    let key = CandidateKey::parse(row.try_get(1)?).map_err(|e| corrupt(&e))?;
    let forgotten: Vec<Entry> = serde_json::from_str(row.try_get(3)?).map_err(|e| corrupt(&e))?;
    let days: Vec<DayEntry> = serde_json::from_str(row.try_get(4)?).map_err(|e| corrupt(&e))?;
    let of_day = |(day, entry): DayEntry| {
        let (shape, sums) = arm(entry)?;
        Some(((shape, day), sums))
    };
    let alarm = Alarm {
        forgotten: forgotten.into_iter().filter_map(arm).collect(),
        days: days.into_iter().filter_map(of_day).collect(),
        outcomes: row.try_get(2)?,
    };
    Ok((tenant_id(row.try_get(0)?)?, key, alarm))
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
        // What is counted of it is put there for each ranking anew.
        implied: 0,
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
            days: [((ShapeKey::root(), 5), arm)].into(),
            outcomes: 11,
        };
        let mut tx = store.write().await.expect("writes");
        put(&mut tx, (&tenant, &key), &alarm, 1).await.expect("put");
        tx.commit().await.expect("commits");
        let found = all(&store).await.expect("reads");
        assert_eq!(found, [(tenant, [(key, alarm)].into())].into());
    }
}
