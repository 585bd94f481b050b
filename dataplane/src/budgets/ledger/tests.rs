//! Calls as the books see them, in every order.

use std::collections::VecDeque;

use floopy_shared::domain::budget::{BudgetBy, Grain, Period};
use proptest::prelude::*;

use super::*;

/// In November 2026.
const NOW: u64 = 1_795_000_000_000;
const HOUR_MS: u64 = 3_600_000;
const DECEMBER: u64 = 1_796_083_200_000;

fn tenant() -> TenantId {
    TenantId::new("t").expect("valid")
}

fn micro_usd(micro_usd: u64) -> Spend {
    Spend {
        micro_usd,
        tokens: 0,
        calls: 1,
    }
}

fn budget(by: BudgetBy, period: Period, micro_usd: u64) -> Budget {
    Budget {
        name: format!("{}-{}", by.as_str(), period.write()),
        by,
        only: None,
        period,
        micro_usd: Some(micro_usd),
        tokens: None,
        calls: None,
        seconds: None,
        warn_at: Vec::new(),
    }
}

fn hold<'a>(budget: &'a Budget, subject: &str) -> Hold<'a> {
    let account = budget.account(subject.to_owned()).expect("it holds");
    Hold { budget, account }
}

fn ledger() -> Ledger {
    Ledger::new(Uuid::from_u128(1))
}

/// What is spent and set aside on an account.
fn standing(ledger: &mut Ledger, account: &Account) -> (u64, u64) {
    let known = ledger.known(&tenant(), account);
    let (spent, held) = (known.entry.spent(0), known.entry.held());
    (spent.micro_usd, held.micro_usd)
}

#[test]
fn what_does_not_fit_is_refused_and_says_why_and_until_when() {
    let mut ledger = ledger();
    let month = budget(BudgetBy::Key, Period::Month, 100);
    let holds = [hold(&month, "k")];
    let mut reserve = |amount| ledger.reserve(&tenant(), &holds, micro_usd(amount), NOW);
    let first = reserve(60).expect("it fits");
    let spare = reserve(60).expect_err("60 are set aside");
    assert_eq!((spare.used, spare.held, spare.needs), (0, 60, 60));
    assert_eq!(spare.opens_ms, Some(NOW), "once calls are over");
    let spare = reserve(101).expect_err("no month has that much");
    assert_eq!(spare.opens_ms, None);
    reserve(40).expect("it fits exactly");
    ledger.settle(first, micro_usd(61));
    let spare = ledger.reserve(&tenant(), &holds, micro_usd(40), NOW);
    let spare = spare.expect_err("61 of 100 are spent");
    assert_eq!((spare.used, spare.held), (61, 40));
    assert_eq!(spare.opens_ms, Some(DECEMBER));
    assert_eq!(spare.name, "key-month");
    let next = ledger.reserve(&tenant(), &holds, micro_usd(40), DECEMBER);
    assert!(next.is_ok(), "a new month, but for what is set aside");
    let other = [hold(&month, "l")];
    assert!(
        ledger
            .reserve(&tenant(), &other, micro_usd(100), NOW)
            .is_ok()
    );
}

#[test]
fn a_rolling_window_opens_when_what_was_spent_leaves_it() {
    let mut ledger = ledger();
    let day = budget(BudgetBy::Tenant, Period::Rolling { hours: 24 }, 100);
    let holds = [hold(&day, "")];
    for (at, amount) in [(NOW, 50), (NOW + 5 * HOUR_MS, 50)] {
        let reserved = ledger.reserve(&tenant(), &holds, micro_usd(1), at);
        ledger.settle(reserved.expect("it fits"), micro_usd(amount));
    }
    let later = NOW + 6 * HOUR_MS;
    let spare = ledger.reserve(&tenant(), &holds, micro_usd(10), later);
    let opens_ms = spare.expect_err("it is full").opens_ms;
    let opens_ms = opens_ms.expect("it opens again");
    assert!((NOW + 24 * HOUR_MS..NOW + 25 * HOUR_MS).contains(&opens_ms));
    let early = ledger.reserve(&tenant(), &holds, micro_usd(10), opens_ms - 1);
    assert!(early.is_err());
    assert!(
        ledger
            .reserve(&tenant(), &holds, micro_usd(10), opens_ms)
            .is_ok()
    );
}

#[test]
fn a_session_ends_by_its_calls_and_by_its_time_and_does_not_open_again() {
    let mut ledger = ledger();
    let mut session = budget(BudgetBy::Session, Period::Session, 100);
    (session.calls, session.seconds) = (Some(2), Some(60));
    let stopped_by = |ledger: &mut Ledger, subject: &str, at_ms| {
        let holds = [hold(&session, subject)];
        let reserved = ledger.reserve(&tenant(), &holds, micro_usd(1), at_ms);
        match reserved {
            Ok(reserved) => {
                ledger.settle(reserved, micro_usd(1));
                None
            }
            Err(spare) => Some((spare.limit, spare.opens_ms)),
        }
    };
    assert_eq!(stopped_by(&mut ledger, "a", NOW), None);
    assert_eq!(stopped_by(&mut ledger, "a", NOW + 1), None);
    let calls = stopped_by(&mut ledger, "a", NOW + 2);
    assert_eq!(calls, Some((Limit::Calls, None)));
    assert_eq!(stopped_by(&mut ledger, "b", NOW), None);
    let late = stopped_by(&mut ledger, "b", NOW + 60_000);
    assert_eq!(late, Some((Limit::Seconds, None)));
    assert_eq!(stopped_by(&mut ledger, "c", NOW), None);
    assert_eq!(stopped_by(&mut ledger, "c", NOW + 59_999), None);
}

#[test]
fn a_call_that_one_budget_refuses_takes_nothing_of_the_others() {
    let mut ledger = ledger();
    let (wide, tight) = (
        budget(BudgetBy::Tenant, Period::Month, 1_000),
        budget(BudgetBy::Key, Period::Month, 10),
    );
    let holds = [hold(&wide, ""), hold(&tight, "k")];
    let refused = ledger.reserve(&tenant(), &holds, micro_usd(11), NOW);
    assert!(refused.is_err());
    assert_eq!(standing(&mut ledger, &holds[0].account), (0, 0));
}

#[test]
fn budgets_that_share_an_account_book_on_it_once() {
    let mut ledger = ledger();
    let (soft, hard) = (
        budget(BudgetBy::Key, Period::Month, 100),
        budget(BudgetBy::Key, Period::Month, 200),
    );
    let holds = [hold(&soft, "k"), hold(&hard, "k")];
    let reserved = ledger.reserve(&tenant(), &holds, micro_usd(60), NOW);
    let reserved = reserved.expect("it fits");
    let charged = reserved.charged(ledger.proxy());
    assert_eq!(charged.charges.len(), 1);
    assert_eq!(charged.charges[0].account.grain, Grain::Month);
    ledger.settle(reserved, micro_usd(70));
    assert_eq!(standing(&mut ledger, &holds[0].account), (70, 0));
}

#[test]
fn what_was_kept_comes_back_and_what_was_lost_is_heard() {
    let month = budget(BudgetBy::Tenant, Period::Month, 100);
    let holds = [hold(&month, "")];
    let spend = |ledger: &mut Ledger, amount| {
        let reserved = ledger.reserve(&tenant(), &holds, micro_usd(1), NOW);
        ledger.settle(reserved.expect("it fits"), micro_usd(amount));
    };
    let mut before = ledger();
    spend(&mut before, 30);
    let kept = before.changed().expect("something is new");
    assert_eq!(before.changed(), None);
    // Lost with the process; the control plane has the records of it.
    spend(&mut before, 20);
    let told = before.changed().expect("something is new");
    let mut after = ledger();
    after.hear(kept, NOW);
    assert_eq!(standing(&mut after, &holds[0].account).0, 30);
    spend(&mut after, 5);
    after.hear(told.clone(), NOW);
    after.hear(told, NOW);
    assert_eq!(standing(&mut after, &holds[0].account).0, 50);
    spend(&mut after, 1);
    assert_eq!(standing(&mut after, &holds[0].account).0, 51);
}

#[test]
fn a_flood_of_one_tenants_users_makes_no_other_forget() {
    let mut ledger = ledger();
    let month = budget(BudgetBy::Tenant, Period::Month, 100);
    let holds = [hold(&month, "")];
    let reserved = ledger.reserve(&tenant(), &holds, micro_usd(1), NOW);
    ledger.settle(reserved.expect("it fits"), micro_usd(7));
    let flood = TenantId::new("flood").expect("valid");
    let users = budget(BudgetBy::User, Period::Month, 100);
    for number in 0..MAX_ACCOUNTS + 10 {
        let holds = [hold(&users, &number.to_string())];
        ledger
            .reserve(&flood, &holds, micro_usd(1), NOW)
            .expect("it fits");
    }
    assert_eq!(ledger.count, MAX_ACCOUNTS);
    assert_eq!(ledger.all().count(), MAX_ACCOUNTS);
    assert_eq!(standing(&mut ledger, &holds[0].account), (7, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Reserve(u64),
    /// One of the calls under way ends, at this much.
    Settle(prop::sample::Index, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u64..50).prop_map(Step::Reserve),
        (any::<prop::sample::Index>(), 0u64..80)
            .prop_map(|(which, much)| Step::Settle(which, much)),
    ]
}

proptest! {
    /// In whatever order calls begin and end: what is booked is what they came to, what is set aside is what those under
    /// way are expected to take, and more than the budget is spent only by what was expected wrongly.
    #[test]
    fn a_budget_is_overspent_by_wrong_estimates_at_most(
        steps in prop::collection::vec(step(), 1..80),
        max in 1u64..400,
    ) {
        let mut ledger = ledger();
        let month = budget(BudgetBy::Tenant, Period::Month, max);
        let holds = [hold(&month, "")];
        let mut under_way: VecDeque<(Reserved, u64)> = VecDeque::new();
        let (mut spent, mut wrong) = (0u64, 0u64);
        for step in steps {
            match step {
                Step::Reserve(estimate) => {
                    let held: u64 = under_way.iter().map(|(_, estimate)| estimate).sum();
                    let fits = spent + held + estimate <= max && spent < max;
                    let reserved = ledger.reserve(&tenant(), &holds, micro_usd(estimate), NOW);
                    prop_assert_eq!(reserved.is_ok(), fits);
                    under_way.extend(reserved.ok().map(|reserved| (reserved, estimate)));
                }
                Step::Settle(which, actual) => {
                    if under_way.is_empty() {
                        continue;
                    }
                    let which = which.index(under_way.len());
                    let (reserved, estimate) = under_way.remove(which).expect("there");
                    ledger.settle(reserved, micro_usd(actual));
                    spent += actual;
                    wrong += actual.saturating_sub(estimate);
                }
            }
            let held: u64 = under_way.iter().map(|(_, estimate)| estimate).sum();
            prop_assert_eq!(standing(&mut ledger, &holds[0].account), (spent, held));
            prop_assert!(spent + held <= max + wrong, "{} {} {}", spent, held, wrong);
        }
    }
}
