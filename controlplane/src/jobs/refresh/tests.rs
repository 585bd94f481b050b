//! What a refresh publishes, and what it survives.

use floopy_shared::domain::snapshot::TableName;

use super::*;
use crate::{fixture::intake, learn::policy::Goal};

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
    sqlx::query("INSERT INTO buckets VALUES ('broken', 'all', 'p/m', 99, 1, 1, 1, 1)")
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
