//! What a refresh publishes, and what it survives.

use floopy_shared::domain::{shape::ShapeKey, snapshot::TableName};

mod budgets;
mod judge;
mod pool;
mod restart;

use floopy_shared::catalog::builtin_catalog;

use super::*;
use crate::store::sql;
use crate::{
    fixture::intake,
    in_force::InForce,
    index::{KnownModels, build::Policy},
    ingest::Intake,
    learn::{
        alarm::Alarms,
        credit::{Cell, Credit, Source},
        monitor::{Observation, Observed},
        policy::Goal,
        promotion::Mode,
        sums::{ONE, Sums},
    },
    plans::Plans,
    store::{
        retention::{self, Horizon},
        tenants,
    },
};

async fn refresh(tenant_ids: &[&str]) -> Refresh {
    started(&intake().await, tenant_ids).await
}

fn terms() -> InForce {
    InForce::new(Terms {
        models: KnownModels {
            catalog: Arc::new(builtin_catalog()),
            own: Arc::default(),
        },
        plans: Plans::default(),
        policy: Policy {
            goal: Goal::Quality,
            shadow_rate: 0.1,
            shadow_spend: 0.1,
            canary_rate: 0.05,
            live_exploration: 0.0,
            quality_per_usd: 1.0,
            promotions: Mode::Immediate,
        },
        privacy: None,
    })
}

/// A job as it starts on what the store has.
async fn started(intake: &Intake, tenant_ids: &[&str]) -> Refresh {
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
        gone: Arc::default(),
        metrics: Arc::clone(&intake.metrics),
        clock: intake.clock.clone(),
        terms: terms().watch(),
        evaluations: Arc::default(),
        tick: Duration::from_millis(10),
    };
    let (_, announcements) = mpsc::channel(1);
    Refresh::load(parts, announcements).await.expect("loads")
}

#[tokio::test]
async fn one_tenants_broken_sums_leave_the_others_ranked_and_are_tried_again() {
    let mut job = refresh(&["a", "broken", "z"]).await;
    let mut tx = job.parts.store.write().await.expect("writes");
    sql::query(
        "INSERT INTO day_sums (tenant, shape, day, cells) VALUES ('broken', 'all', 1, x'ff')",
    )
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

#[tokio::test]
async fn no_tenants_prompts_are_forgotten_where_they_cannot_be_read() {
    let mut job = refresh(&["a", "b", "c"]).await;
    job.read_prompts().await.expect("read");
    let changed = ["a", "b", "c"].map(|id| TenantId::new(id).expect("valid"));
    for tenant in changed.clone() {
        job.parts.dirty.mark_prompts(tenant);
    }
    let mut tx = job.parts.store.write().await.expect("writes");
    sql::query("ALTER TABLE settings RENAME TO away")
        .execute(&mut *tx)
        .await
        .expect("renamed");
    tx.commit().await.expect("commits");
    assert!(job.read_prompts().await.is_err());
    assert_eq!(job.parts.dirty.take_prompts(), BTreeSet::from(changed));
}

/// Some scores of the builtin catalog's first chat model.
fn scores(job: &Refresh, count: i64, quality: i64) -> Credit {
    let candidates = build::candidates(&job.terms.models.catalog, &BTreeSet::new());
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
    let added = [(id.clone(), credit)].into_iter().collect();
    job.parts.totals.add(&added, u64::MAX);
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

fn tenant_a() -> TenantId {
    TenantId::new("a").expect("valid")
}

/// A candidate that fails call after call, until that is an alarm; its sums are of `day` and stored.
async fn alarmed(job: &mut Refresh, day: i64) -> CandidateKey {
    let candidates = build::candidates(&job.terms.models.catalog, &BTreeSet::new());
    let key = candidates[0].key.clone();
    let cell = Cell {
        shape: "all".into(),
        arm: key.to_string(),
        source: Source::Failed,
        day,
    };
    let sums = Sums {
        n: 40 * ONE,
        ..Sums::default()
    };
    let mut deltas = [(tenant_a(), Credit::from([(cell, sums)]))]
        .into_iter()
        .collect();
    let mut tx = job.parts.store.write().await.expect("writes");
    buckets::apply(&mut tx, &mut deltas).await.expect("applied");
    buckets::settle_all(&mut tx).await.expect("settled");
    let failure = Observation {
        tenant: tenant_a(),
        shape: ShapeKey::root(),
        arm: key.clone(),
        outcome: Observed::Failed,
        ranked: None,
        session: None,
    };
    let told = drift::append(&mut tx, &vec![failure; 40]).await;
    assert_eq!(told.expect("told"), 0);
    tx.commit().await.expect("commits");
    key
}

async fn stored(job: &Refresh) -> usize {
    let alarms = alarms::all(&job.parts.store).await.expect("reads");
    alarms.values().map(BTreeMap::len).sum()
}

#[tokio::test]
async fn an_alarm_that_could_not_be_written_holds_and_is_written_later() {
    let mut job = refresh(&["a"]).await;
    job.attempt().await;
    let key = alarmed(&mut job, 1).await;
    let run = async |job: &Refresh, statement: &str| {
        let mut tx = job.parts.store.write().await.expect("writes");
        sql::query(statement).execute(&mut *tx).await.expect("runs");
        tx.commit().await.expect("commits");
    };
    run(&job, "ALTER TABLE alarms RENAME TO away").await;
    job.attempt().await;
    run(&job, "ALTER TABLE away RENAME TO alarms").await;
    assert!(job.drift.alarms(&tenant_a()).contains_key(&key), "it holds");
    assert_eq!(stored(&job).await, 0);
    job.attempt().await;
    assert_eq!(stored(&job).await, 1);
    assert!(job.unsettled.is_empty());
}

#[tokio::test]
async fn what_an_alarm_forgets_of_a_day_goes_with_that_day_in_memory_and_in_the_store() {
    let mut job = refresh(&["a"]).await;
    job.attempt().await;
    let key = alarmed(&mut job, 1).await;
    job.attempt().await;
    let forgotten = |alarms: &Alarms| {
        alarms[&key]
            .forgotten
            .values()
            .map(|arm| arm.failed.n)
            .sum::<i64>()
    };
    assert_eq!(forgotten(job.drift.alarms(&tenant_a())), 38 * ONE);
    let horizon = Horizon {
        decisions_before_ms: 0,
        buckets_before_day: 2,
        answers_before_ms: 0,
        sooner: Vec::new(),
    };
    let mut tx = job.parts.store.write().await.expect("writes");
    let number = job.parts.store.write_number();
    let gone = retention::forget(&mut tx, &horizon).await.expect("forgets");
    tx.commit().await.expect("commits");
    job.parts.totals.add(&gone.sums.deltas, number);
    job.parts.gone.put(gone.sums.days);
    job.attempt().await;
    let kept = alarms::all(&job.parts.store).await.expect("reads");
    for alarms in [job.drift.alarms(&tenant_a()), &kept[&tenant_a()]] {
        assert_eq!(forgotten(alarms), 0, "{alarms:?}");
    }
}
