//! What a refresh publishes, and what it survives.

use floopy_shared::domain::snapshot::TableName;

use super::*;
use crate::{
    fixture::intake,
    learn::{
        credit::{Cell, Credit, Source},
        policy::Goal,
        sums::{ONE, Sums},
    },
};

async fn refresh(tenant_ids: &[&str]) -> Refresh {
    let intake = intake().await;
    let mut tx = intake.store.write().await.expect("writes");
    for id in tenant_ids {
        let id = TenantId::new(id).expect("valid");
        tenants::ensure(&mut tx, &id, 1).await.expect("made");
    }
    tx.commit().await.expect("commits");
    let parts = Parts {
        store: intake.store.clone(),
        index: Arc::default(),
        dirty: Arc::clone(&intake.dirty),
        totals: Arc::clone(&intake.totals),
        observations: Arc::default(),
        metrics: Arc::clone(&intake.metrics),
        clock: intake.clock.clone(),
        catalog: Arc::new(Catalog::builtin()),
        policy: Policy {
            goal: Goal::Quality,
            shadow_rate: 0.1,
            shadow_spend: 0.1,
            canary_rate: 0.05,
            live_exploration: 0.0,
            quality_per_usd: 1.0,
        },
        tick: Duration::from_millis(10),
    };
    let (_, announcements) = mpsc::channel(1);
    Refresh::load(parts, announcements).await.expect("loads")
}

#[tokio::test]
async fn one_tenants_broken_sums_leave_the_others_ranked_and_are_tried_again() {
    let mut job = refresh(&["a", "broken", "z"]).await;
    let mut tx = job.parts.store.write().await.expect("writes");
    sqlx::query("INSERT INTO day_sums (tenant, shape, day, cells) VALUES ('broken', 'all', 1, x'ff')")
        .execute(&mut *tx)
        .await
        .expect("written");
    tx.commit().await.expect("commits");
    job.attempt().await;
    let tables = job.parts.index.current();
    let ranked = |id: &str| {
        let id = TenantId::new(id).expect("valid");
        tables.get(&TableName::Ranking(id)).is_some()
    };
    assert_eq!(["a", "broken", "z"].map(ranked), [true, false, true]);
    let broken = TenantId::new("broken").expect("valid");
    assert_eq!(job.parts.dirty.take(), BTreeSet::from([broken]));
}

/// Some scores of the builtin catalog's first chat model.
fn scores(job: &Refresh, count: i64, quality: i64) -> Credit {
    let candidates = build::candidates(&job.parts.catalog, &BTreeSet::new());
    let cell = Cell {
        shape: "all".into(),
        arm: candidates[0].key.to_string(),
        source: Source::Auto,
        day: 0,
    };
    let one = Sums::of(ONE, quality);
    let sums = (0..count).fold(Sums::default(), |sums, _| sums + one);
    Credit::from([(cell, sums)])
}

async fn after(job: &mut Refresh, credit: Credit) -> u64 {
    let id = TenantId::new("a").expect("valid");
    job.parts.totals.add([(id.clone(), credit)], u64::MAX);
    job.refresh(&BTreeSet::from([id])).await.expect("refreshes");
    job.parts.index.current().version()
}

#[tokio::test]
async fn one_more_score_among_many_is_not_pushed_at_once_and_a_visible_change_is() {
    let mut job = refresh(&["a"]).await;
    job.attempt().await;
    let many = scores(&job, 200_000, ONE / 2);
    let first = after(&mut job, many).await;
    let one = scores(&job, 1, ONE / 2);
    assert_eq!(after(&mut job, one).await, first);
    assert_eq!(job.held_back.len(), 1, "it is told later");
    let better = scores(&job, 50_000, ONE);
    assert!(after(&mut job, better).await > first);
    assert!(job.held_back.is_empty());
}
