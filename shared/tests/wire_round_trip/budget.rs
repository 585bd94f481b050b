//! Budgets of every kind, and what is booked on them.

use floopy_shared::{
    domain::{
        budget::{
            Account, Budget, BudgetBy, Charge, Charged, Grain, Limit, Period, Spend, Spent, Stopped,
        },
        ids::TenantId,
    },
    wire::budget::Book,
};
use uuid::Uuid;

/// One of each.
pub(super) fn budgets() -> Vec<Budget> {
    let budget = |by: BudgetBy| Budget {
        name: by.as_str().to_owned(),
        by,
        only: (by == BudgetBy::Key).then(|| "key_1".to_owned()),
        period: match by {
            BudgetBy::Tenant => Period::Month,
            BudgetBy::Project => Period::Day,
            BudgetBy::Key => Period::Rolling { hours: 36 },
            BudgetBy::User => Period::Rolling { hours: 240 },
            BudgetBy::Session => Period::Session,
        },
        micro_usd: Some(5),
        tokens: (by == BudgetBy::User).then_some(6),
        calls: (by == BudgetBy::Session).then_some(7),
        seconds: (by == BudgetBy::Session).then_some(8),
        warn_at: vec![50, 80],
    };
    BudgetBy::ALL.map(budget).into()
}

fn charge(grain: Grain) -> Charge {
    let account = Account {
        by: BudgetBy::User,
        grain,
        subject: "José".to_owned(),
    };
    Charge { account, bucket: 9 }
}

pub(super) fn charged(id: u128) -> Charged {
    Charged {
        proxy: Uuid::from_u128(id),
        charges: Grain::ALL.map(charge).into(),
    }
}

pub(super) fn stopped(number: u64) -> Stopped {
    Stopped {
        name: "agents".to_owned(),
        account: charge(Grain::All).account,
        limit: Limit::ALL[usize::try_from(number % 4).unwrap_or(0)],
        max: number,
        used: 1,
        held: 2,
        needs: 3,
        opens_ms: (number > 0).then_some(number),
        window: 6,
    }
}

#[test]
fn books_are_read_as_they_are_written() {
    let spent = |grain| Spent {
        tenant: TenantId::new("acme").expect("valid"),
        charge: charge(grain),
        proxy: Uuid::from_u128(3),
        spend: Spend {
            micro_usd: 1,
            tokens: 2,
            calls: 3,
        },
        began_ms: 4,
    };
    let book = Book {
        proxy: Uuid::from_u128(2),
        since_ms: 5,
        rows: Grain::ALL.map(spent).into(),
    };
    assert_eq!(Book::decode(&book.encode()).expect("valid"), book);
    assert!(Book::decode(b"nonsense").is_err());
}
