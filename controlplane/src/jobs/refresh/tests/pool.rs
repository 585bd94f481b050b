//! What is told of all tenants together, and to whom it counts.

use super::*;
use crate::{
    learn::pool::Privacy,
    settings::pool::MEMBERSHIP,
    store::{
        pool::{self, Listed},
        settings::{Document, Kind, put},
    },
};

/// One release a year, with hardly any noise.
const YEARLY: Privacy = Privacy {
    epsilon: 100.0,
    delta: 1e-6,
    every_days: 365,
};

fn id(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

fn pool_by(job: &mut Refresh, privacy: Privacy) {
    let terms = Terms::clone(&job.terms);
    let terms = Terms {
        privacy: Some(privacy),
        ..terms
    };
    job.parts.terms = InForce::new(terms).watch();
}

/// Has a release made now.
async fn told(job: &mut Refresh) -> Vec<Listed> {
    let mut tx = job.parts.store.write().await.expect("writes");
    pool::want(&mut tx).await.expect("noted");
    tx.commit().await.expect("commits");
    job.told_pool = super::super::pool::Told::default();
    job.load_pool().await.expect("read");
    job.refresh(&BTreeSet::new()).await.expect("refreshes");
    pool::list(&job.parts.store).await.expect("listed")
}

/// A job whose tenants all know the same of the first model.
async fn knowing(tenants: &[&str]) -> Refresh {
    let mut job = refresh(tenants).await;
    job.attempt().await;
    pool_by(&mut job, YEARLY);
    for name in tenants {
        let known = scores(&job, 400, ONE);
        let added = [(id(name), known)].into_iter().collect();
        job.parts.totals.add(&added, u64::MAX);
    }
    job
}

const DONORS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

fn uses_pool(job: &Refresh, name: &str) -> bool {
    let shapes = &job.rankings[&id(name)].shapes;
    shapes.iter().any(|shape| shape.evidence.used_shared_prior)
}

#[tokio::test]
async fn who_is_new_starts_from_what_was_told_also_after_a_restart_and_who_left_does_not() {
    let mut job = knowing(&DONORS).await;
    let listed = told(&mut job).await;
    assert_eq!((listed.len(), listed[0].tenants), (1, 12));
    let mut tx = job.parts.store.write().await.expect("writes");
    for name in ["new", "apart"] {
        tenants::ensure(&mut tx, &id(name), 1).await.expect("made");
    }
    let left = Document {
        id: MEMBERSHIP.to_owned(),
        body: "{\"member\":false}".to_owned(),
        created_ms: 1,
        changed_ms: 1,
    };
    put(&mut tx, (&id("apart"), Kind::Pool), &left)
        .await
        .expect("left");
    tx.commit().await.expect("commits");
    job.polled = None;
    job.refresh(&BTreeSet::new()).await.expect("refreshes");
    assert!(uses_pool(&job, "new") && !uses_pool(&job, "apart"));
    let pool = job.platform.pool.clone();
    job.platform = Platform::default();
    job.load_pool().await.expect("read");
    assert_eq!(job.platform.pool, pool);
}

#[tokio::test]
async fn a_tenant_whose_budget_is_used_up_is_left_out_until_it_is_there_again() {
    let mut job = knowing(&DONORS).await;
    assert_eq!(told(&mut job).await[0].tenants, 12);
    let listed = told(&mut job).await;
    assert_eq!((listed[0].number, listed[0].tenants), (2, 0));
    assert!(
        job.platform.pool.cells.is_empty(),
        "nobody stands behind it"
    );
    let mut tx = job.parts.store.write().await.expect("writes");
    let year_ago = "UPDATE pool_releases SET at_ms = at_ms - 31622400000 WHERE number = 1";
    sql::query(year_ago).execute(&mut *tx).await.expect("aged");
    tx.commit().await.expect("commits");
    assert_eq!(told(&mut job).await[0].tenants, 12);
}

#[tokio::test]
async fn nothing_is_told_before_it_is_due_and_nothing_at_all_where_nothing_is_pooled() {
    let mut job = refresh(&["a"]).await;
    job.attempt().await;
    let list = async |job: &Refresh| pool::list(&job.parts.store).await.expect("listed").len();
    assert_eq!(list(&job).await, 0);
    pool_by(&mut job, YEARLY);
    job.attempt().await;
    assert_eq!(list(&job).await, 1, "there was none before");
    job.told_pool = super::super::pool::Told::default();
    job.load_pool().await.expect("read");
    job.attempt().await;
    assert_eq!(list(&job).await, 1);
}
