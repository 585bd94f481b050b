//! What is booked adds up, and is told page by page.

use floopy_shared::domain::{
    budget::{BudgetBy, Charged, Grain},
    decision::Stage,
};

use super::*;
use crate::{
    fixture::{NOW, append, decided, decision, intake, tenant},
    ingest::Intake,
};

const LATER: u64 = NOW + 1;

fn proxy(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn account(subject: &str) -> Account {
    Account {
        by: BudgetBy::Session,
        grain: Grain::All,
        subject: subject.to_owned(),
    }
}

/// A call that was booked on a session's account by a proxy.
fn booked(number: u64, subject: &str, by: Uuid) -> Decision {
    let charge = Charge {
        account: account(subject),
        bucket: 0,
    };
    let charged = Charged {
        proxy: by,
        charges: vec![charge],
    };
    Decision {
        charged: Some(charged),
        ..decision(number)
    }
}

async fn rows(intake: &Intake) -> Vec<(String, Uuid, Spend)> {
    let changed = since(&intake.store, (0, LATER), 100).await.expect("reads");
    assert_eq!(changed.until_ms, None);
    let mut rows: Vec<_> = changed
        .rows
        .into_iter()
        .map(|row| (row.charge.account.subject, row.proxy, row.spend))
        .collect();
    rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    rows
}

fn calls(decisions: &[&Decision]) -> Spend {
    let spends = decisions.iter().map(|decision| Spend {
        micro_usd: decision.spent_micro_usd(),
        tokens: decision.outcome.usage.input + decision.outcome.usage.output,
        calls: 1,
    });
    spends.fold(Spend::default(), Spend::plus)
}

#[tokio::test]
async fn what_calls_spent_is_added_up_by_account_and_proxy_and_each_counts_once() {
    let intake = intake().await;
    let (one, two) = (proxy(1), proxy(2));
    let began = Decision {
        stage: Stage::Started,
        ..booked(1, "s", one)
    };
    append(&intake, vec![decided(1, began.clone())]).await;
    assert_eq!(
        rows(&intake).await,
        [("s".to_owned(), one, calls(&[&began]))]
    );
    let all = [
        booked(1, "s", one),
        booked(2, "s", one),
        booked(3, "s", two),
        booked(4, "t", two),
    ];
    for _ in 0..2 {
        let events = all.iter().zip(11..).map(|(d, id)| decided(id, d.clone()));
        append(&intake, events.collect()).await;
        let expected = [
            ("s".to_owned(), one, calls(&[&all[0], &all[1]])),
            ("s".to_owned(), two, calls(&[&all[2]])),
            ("t".to_owned(), two, calls(&[&all[3]])),
        ];
        assert_eq!(rows(&intake).await, expected);
    }
    let (id, scope) = (tenant(), account("s").scope());
    let asked = Asked {
        tenant: &id,
        scope: &scope,
        subject: None,
        first_bucket: 0,
    };
    let mut conn = intake.store.read().acquire().await.expect("a connection");
    let found = totals(&mut conn, asked, 10).await.expect("reads");
    let of_s = calls(&[&all[0], &all[1], &all[2]]);
    assert_eq!(found[0], ("s".to_owned(), of_s));
    let asked = Asked {
        subject: Some("t"),
        ..asked
    };
    let found = totals(&mut conn, asked, 10).await.expect("reads");
    assert_eq!(found, [("t".to_owned(), calls(&[&all[3]]))]);
}

#[tokio::test]
async fn pages_leave_nothing_out_that_changed_in_one_moment() {
    let intake = intake().await;
    let events = (1..=20).map(|n| decided(n, booked(n, &format!("s{n}"), proxy(1))));
    append(&intake, events.collect()).await;
    let page = since(&intake.store, (0, LATER), 5).await.expect("reads");
    assert_eq!(page.rows.len(), 20, "all of the same moment");
    let until_ms = page.until_ms.expect("there may be more");
    let rest = since(&intake.store, (until_ms + 1, LATER), 5).await;
    let rest = rest.expect("reads");
    assert_eq!((rest.rows.len(), rest.until_ms), (0, None));
}

#[tokio::test]
async fn what_no_budget_looks_at_any_more_is_forgotten() {
    let intake = intake().await;
    append(&intake, vec![decided(1, booked(1, "s", proxy(1)))]).await;
    let forget_at = |now_ms| {
        let store = intake.store.clone();
        async move {
            let mut tx = store.write().await.expect("writes");
            let gone = forget(&mut tx, now_ms, 10).await.expect("forgets");
            tx.commit().await.expect("commits");
            gone
        }
    };
    assert_eq!(forget_at(LATER).await, 0);
    assert_eq!(forget_at(NOW + 31 * 86_400_000).await, 1);
    assert_eq!(rows(&intake).await, []);
}
