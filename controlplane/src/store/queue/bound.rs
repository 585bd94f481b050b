//! What goes where more jobs come than may wait: those of who has most, so that nobody's flood costs another its scores.

use super::{Bounds, count};
use crate::{
    config::WhenFull,
    store::{StoreError, Tx, sql, to_i64, to_u64},
};

/// Drops what is above the bound; how many jobs went.
pub(crate) async fn trim(tx: &mut Tx, bounds: &Bounds, now_ms: u64) -> Result<u64, StoreError> {
    let excess = count(tx).await?.saturating_sub(bounds.jobs);
    if excess == 0 {
        return Ok(0);
    }
    let rows = sql::query(
        "SELECT tenant, COUNT(*) FROM scoring_jobs WHERE dead_ms IS NULL GROUP BY tenant ORDER BY tenant",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut held = Vec::with_capacity(rows.len());
    for row in &rows {
        held.push((row.try_get::<String>(0)?, to_u64(row.try_get(1)?)));
    }
    // What is with a judge goes last: it is nearly done.
    let statement = match bounds.when_full {
        WhenFull::DropOldest => {
            "DELETE FROM scoring_jobs WHERE request_id IN (SELECT request_id FROM scoring_jobs
                WHERE tenant = ? AND dead_ms IS NULL ORDER BY lease_until_ms > ?, queued_ms, rowid LIMIT ?)"
        }
        WhenFull::DropNewest => {
            "DELETE FROM scoring_jobs WHERE request_id IN (SELECT request_id FROM scoring_jobs
                WHERE tenant = ? AND dead_ms IS NULL ORDER BY lease_until_ms > ?, queued_ms DESC, rowid DESC LIMIT ?)"
        }
    };
    let mut dropped = 0;
    for (tenant, count) in losses(&held, excess) {
        let done = sql::query(statement)
            .bind(tenant)
            .bind(to_i64(now_ms))
            .bind(to_i64(count))
            .execute(&mut **tx)
            .await?;
        dropped += done.rows_affected();
    }
    Ok(dropped)
}

/// Who loses how many: those who hold most, down to one level.
fn losses(held: &[(String, u64)], excess: u64) -> Vec<(&str, u64)> {
    let above = |level: u64| -> u64 { held.iter().map(|(_, n)| n.saturating_sub(level)).sum() };
    let (mut level, mut most) = (0, held.iter().map(|(_, n)| *n).max().unwrap_or(0));
    while level < most {
        let middle = level + (most - level).div_ceil(2);
        if above(middle) >= excess {
            level = middle;
        } else {
            most = middle - 1;
        }
    }
    let mut spared = above(level).saturating_sub(excess);
    let mut losses = Vec::new();
    for (tenant, n) in held.iter().filter(|(_, n)| *n > level) {
        let keeps_one = u64::from(spared > 0);
        spared -= keeps_one;
        losses.push((tenant.as_str(), n - level - keeps_one));
    }
    losses.retain(|(_, count)| *count > 0);
    losses
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held(counts: &[u64]) -> Vec<(String, u64)> {
        let named = counts.iter().enumerate();
        named.map(|(n, count)| (format!("t{n}"), *count)).collect()
    }

    #[test]
    fn who_holds_most_loses_first() {
        assert_eq!(losses(&held(&[3, 10]), 5), [("t1", 5)]);
        assert_eq!(losses(&held(&[3, 10]), 9), [("t0", 1), ("t1", 8)]);
        assert_eq!(losses(&held(&[2, 2]), 1), [("t1", 1)]);
        assert!(losses(&held(&[]), 1).is_empty());
    }

    proptest! {
        #[test]
        fn as_many_go_as_must_and_nobody_who_loses_is_left_with_less_than_others(
            counts in proptest::collection::vec(0_u64..50, 1..8),
            share in 0_u64..=100,
        ) {
            let held = held(&counts);
            let total: u64 = counts.iter().sum();
            let excess = total * share / 100;
            let lost = losses(&held, excess);
            prop_assert_eq!(lost.iter().map(|(_, n)| n).sum::<u64>(), excess);
            let loss = |tenant: &str| lost.iter().find(|(t, _)| *t == tenant).map_or(0, |(_, n)| *n);
            let left: Vec<u64> = held.iter().map(|(t, n)| n - loss(t)).collect();
            let most = left.iter().copied().max().unwrap_or(0);
            for ((tenant, _), left) in held.iter().zip(&left) {
                prop_assert!(loss(tenant) == 0 || left + 1 >= most);
            }
        }
    }
}
