//! What every queue holds to, whatever it is kept in.

mod away;
mod server;
mod target;

use std::collections::BTreeMap;

use floopy_shared::domain::ids::TenantId;

use self::target::{ROOMY, Target, job_of};
use super::{Bounds, Which};
use crate::{config::WhenFull, fixture::*, ingest::Verdict};

const NEW: Verdict = Verdict::Accepted { duplicate: false };
const KNOWN: Verdict = Verdict::Known { duplicate: false };
/// No job is handed out.
const NONE: [u64; 0] = [];

fn other() -> TenantId {
    TenantId::new("other").expect("valid")
}

#[tokio::test]
async fn a_job_is_handed_out_again_until_it_is_scored() {
    for target in Target::all(ROOMY).await {
        assert_eq!(target.lease(8).await, NONE);
        target.put(vec![job(1, 1), job(2, 2), job(3, 3)]).await;
        assert_eq!(target.lease(2).await, [1, 2]);
        assert_eq!(target.lease(8).await, [3]);
        assert_eq!(target.lease(8).await, NONE);
        assert_eq!(target.depth().await, (0, 3, 0));
        target.score(&[1, 3]).await;
        target.pass().await;
        assert_eq!(target.lease(8).await, [2]);
        // A judge whose lease ended is told of, too.
        target.score(&[2]).await;
        target.pass().await;
        assert_eq!(target.lease(8).await, NONE);
        assert_eq!(target.depth().await, (0, 0, 0));
    }
}

#[tokio::test]
async fn what_no_judge_scores_is_dead_after_its_last_delivery_with_what_was_said_last() {
    for target in Target::all(ROOMY).await {
        target.put(vec![job(1, 1), job(2, 2), job(3, 3)]).await;
        assert_eq!(target.lease(8).await, [1, 2, 3]);
        target.fail(1, "too long").await;
        assert_eq!(target.lease(8).await, NONE, "not before the lease ends");
        target.pass().await;
        assert_eq!(target.lease(8).await, [1, 2, 3]);
        target.fail(1, "far too long").await;
        assert_eq!(target.depth().await, (0, 2, 1), "it is dead at once");
        target.score(&[3]).await;
        target.pass().await;
        assert_eq!(
            target.lease(8).await,
            NONE,
            "none is handed out a third time"
        );
        target.tend().await;
        assert_eq!(target.depth().await, (0, 0, 2));
        let dead = target.dead(None).await.into_iter();
        let dead: BTreeMap<_, _> = dead.map(|dead| (dead.request, dead)).collect();
        let [first, second] = [1, 2].map(|n| &dead[&request(n)]);
        assert_eq!(
            (first.error.as_str(), first.deliveries),
            ("far too long", 2)
        );
        assert_eq!((second.tenant.as_str(), second.deliveries), ("acme", 2));
        let said = &second.error;
        assert!(
            said.contains("w ") && said.contains("did not report"),
            "{said}"
        );
        target.score(&[1]).await;
        assert_eq!(target.depth().await, (0, 0, 1), "a late score is one");
    }
}

#[tokio::test]
async fn the_dead_are_listed_by_pages_and_of_one_tenant() {
    for target in Target::all(ROOMY).await {
        let of = |n: u64| {
            if n == 2 {
                job_of(&other(), n)
            } else {
                job(n, n)
            }
        };
        for n in 1..=5 {
            target.put(vec![of(n)]).await;
            target.let_die().await;
        }
        let queue = &target.intake.queue;
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = queue.dead(None, after, 2).await.expect("reads");
            after = page.last().map(|last| super::Place {
                dead_ms: last.dead_ms,
                request: last.request,
            });
            listed.extend(page.iter().map(|dead| dead.request));
            if page.len() < 2 {
                break;
            }
        }
        assert_eq!(listed, [5, 4, 3, 2, 1].map(request));
        let of_other = target.dead(Some(&other())).await;
        let of_other: Vec<_> = of_other.iter().map(|dead| dead.request).collect();
        assert_eq!(of_other, [request(2)]);
        let (dead, job) = queue
            .dead_one(request(2))
            .await
            .expect("reads")
            .expect("there");
        assert_eq!((dead.tenant.as_str(), dead.deliveries), ("other", 2));
        assert_eq!(job.expect("readable").reply, "answer");
        assert!(queue.dead_one(request(9)).await.expect("reads").is_none());
    }
}

#[tokio::test]
async fn the_dead_are_handed_out_again_or_dropped() {
    for target in Target::all(ROOMY).await {
        target.put((1..=4).map(|n| job(n, n)).collect()).await;
        target
            .put((5..=6).map(|n| job_of(&other(), n)).collect())
            .await;
        target.let_die().await;
        assert_eq!(target.depth().await, (0, 0, 6));
        assert_eq!(target.retry(Which::One(request(3))).await, 1);
        assert_eq!(target.retry(Which::One(request(3))).await, 0);
        assert_eq!(target.lease(8).await, [3]);
        target.pass().await;
        assert_eq!(target.lease(8).await, [3], "as if it never had been");
        assert_eq!(target.drop_dead(Which::One(request(4))).await, 1);
        assert_eq!(
            target.drop_dead(Which::One(request(3))).await,
            0,
            "it lives"
        );
        assert_eq!(target.retry(Which::Of(other())).await, 2);
        assert_eq!(target.lease(8).await, [5, 6]);
        assert_eq!(target.drop_dead(Which::All).await, 2);
        assert_eq!(target.depth().await, (0, 3, 0));
        target.let_die().await;
        assert_eq!(target.retry(Which::All).await, 3);
        assert_eq!(target.depth().await, (3, 0, 0));
    }
}

#[tokio::test]
async fn one_tenants_backlog_holds_nobody_up() {
    for target in Target::all(ROOMY).await {
        target.put((100..150).map(|n| job(n, n)).collect()).await;
        target
            .put((1..=3).map(|n| job_of(&other(), n)).collect())
            .await;
        let first = target.lease(4).await;
        let of_other = first.iter().filter(|n| **n < 100).count();
        assert_eq!(of_other, 2, "{first:?}");
        let mut next = Vec::new();
        for _ in 0..2 {
            next.extend(target.lease(1).await);
        }
        assert!(next.contains(&3), "each has its turn: {next:?}");
        assert_eq!(target.lease(100).await.len(), 47);
    }
}

#[tokio::test]
async fn what_comes_twice_is_queued_once_wherever_it_is() {
    for target in Target::all(ROOMY).await {
        let again = async || target.put(vec![job(1, 1)]).await;
        assert_eq!(again().await, [NEW]);
        again().await;
        assert_eq!(target.depth().await, (1, 0, 0), "it waits");
        assert_eq!(target.lease(8).await, [1]);
        again().await;
        assert_eq!(target.lease(8).await, NONE, "a judge has it");
        target.let_die().await;
        again().await;
        assert_eq!(target.depth().await, (0, 0, 1), "it is dead");
        target.retry(Which::All).await;
        assert_eq!(target.lease(8).await, [1]);
        target.score(&[1]).await;
        assert_eq!(again().await, [KNOWN], "it was scored");
        assert_eq!(target.depth().await, (0, 0, 0));
    }
}

#[tokio::test]
async fn the_status_tells_of_each_tenant() {
    for target in Target::all(ROOMY).await {
        target.put(vec![job(1, 1), job_of(&other(), 2)]).await;
        target.let_die().await;
        target
            .put(vec![job(3, 3), job(4, 4), job_of(&other(), 5)])
            .await;
        target.lease(1).await;
        let status = target.status().await;
        let tenants = status.tenants.iter();
        let told: Vec<_> = tenants
            .map(|t| (t.tenant.as_str(), t.waiting + t.in_flight, t.dead))
            .collect();
        assert_eq!(told, [("acme", 2, 1), ("other", 1, 1)]);
        assert_eq!((status.waiting, status.in_flight, status.dead), (2, 1, 2));
        let oldest_ms = status.oldest_ms.expect("there are some");
        assert!(oldest_ms > NOW, "the dead do not count");
    }
}

/// What is left of four places after eight of one tenant and one of another came.
async fn left(when_full: WhenFull) -> Vec<u64> {
    let target = Target::store(Bounds {
        jobs: 4,
        when_full,
        ..ROOMY
    })
    .await;
    target.put(vec![job_of(&other(), 1)]).await;
    for n in 11..=18 {
        target.put(vec![job(n, n)]).await;
    }
    assert_eq!(target.depth().await, (4, 0, 0));
    let mut left = target.lease(8).await;
    left.sort_unstable();
    left
}

#[tokio::test]
async fn who_has_most_loses_what_is_too_much() {
    assert_eq!(left(WhenFull::DropOldest).await, [1, 16, 17, 18]);
    assert_eq!(left(WhenFull::DropNewest).await, [1, 11, 12, 13]);
}

#[tokio::test]
async fn the_dead_are_bounded_and_forgotten() {
    let target = Target::store(Bounds { dead: 2, ..ROOMY }).await;
    for n in 1..=3 {
        target.put(vec![job(n, n)]).await;
        target.let_die().await;
    }
    let dead: Vec<_> = target.dead(None).await.iter().map(|d| d.request).collect();
    assert_eq!(dead, [3, 2].map(request));
    let horizon = crate::store::retention::Horizon {
        decisions_before_ms: NOW + 1_000_000,
        ..Default::default()
    };
    let mut tx = target.intake.store.write().await.expect("writes");
    let gone = crate::store::retention::forget(&mut tx, &horizon).await;
    assert_eq!(gone.expect("forgets").rows, 2);
    tx.commit().await.expect("commits");
    assert_eq!(target.depth().await, (0, 0, 0));
}
