//! What tenants are told of their budgets: that a share is used, and that one ended a call. Once in each window.

use floopy_shared::domain::{
    budget::{Budget, BudgetBy, Limit, Spend, Stopped},
    ids::TenantId,
};
use serde_json::{Value, json};

use crate::{
    store::{
        StoreError, Tx,
        spend::{self, Told},
    },
    webhooks::{self, Event, moment},
};

/// The share at which a budget ends calls.
const ALL: u8 = 100;

/// Tells of budgets that ended calls, in the transaction that stores the calls.
pub(crate) async fn tell_stops(
    tx: &mut Tx,
    stops: &[(TenantId, Stopped)],
    now_ms: u64,
) -> Result<(), StoreError> {
    for (tenant, stopped) in stops {
        let told = Told {
            tenant: tenant.clone(),
            budget: stopped.name.clone(),
            subject: stopped.account.subject.clone(),
            window: stopped.window,
            percent: ALL,
        };
        if spend::tell(tx, &told, now_ms).await? {
            let data = describe_stop(stopped);
            webhooks::emit(tx, tenant, Event::BudgetExceeded, &data, now_ms).await?;
        }
    }
    Ok(())
}

fn describe_stop(stopped: &Stopped) -> Value {
    let Stopped {
        name,
        account,
        limit,
        max,
        used,
        opens_ms,
        ..
    } = stopped;
    let whose = whose(account.by, &account.subject);
    let (max_said, used_said) = (limit.say(*max), limit.say(*used));
    json!({
        "budget": name,
        "by": account.by.as_str(),
        "subject": subject(&account.subject),
        "limit_key": limit.as_str(),
        "limit": max,
        "used": used,
        "unit": limit.unit(),
        "opens_at": opens_ms.and_then(moment),
        "message": format!("calls of {whose} are refused: {used_said} of {max_said} of the budget {name:?} are used"),
    })
}

/// The shares of a budget that spending has reached, of those that its tenant wants to be told of.
pub(crate) fn reached(budget: &Budget, spent: Spend) -> impl Iterator<Item = u8> {
    let used = budget.used_percent(spent);
    let reached = budget.warn_at.iter().copied();
    reached.filter(move |percent| u64::from(*percent) <= used)
}

/// Tells that a share of a budget is used, if it was not told yet.
pub(crate) async fn warn(
    tx: &mut Tx,
    told: &Told,
    (budget, spent): (&Budget, Spend),
    now_ms: u64,
) -> Result<(), StoreError> {
    if spend::tell(tx, told, now_ms).await? {
        let data = describe_warning(told, (budget, spent), now_ms);
        webhooks::emit(tx, &told.tenant, Event::BudgetWarning, &data, now_ms).await?;
    }
    Ok(())
}

fn describe_warning(told: &Told, (budget, spent): (&Budget, Spend), now_ms: u64) -> Value {
    let percent = told.percent;
    let nearest = budget
        .limits(spent)
        .max_by_key(|(_, max, used)| u128::from(*used) * 1_000_000 / u128::from((*max).max(1)));
    let (limit, max, used) = nearest.unwrap_or((Limit::Usd, 0, 0));
    let name = &budget.name;
    let whose = whose(budget.by, &told.subject);
    let (max_said, used_said) = (limit.say(max), limit.say(used));
    let bucket = budget.period.grain().bucket(now_ms);
    json!({
        "budget": name,
        "by": budget.by.as_str(),
        "subject": subject(&told.subject),
        "threshold": f64::from(percent) / 100.0,
        "limit_key": limit.as_str(),
        "limit": max,
        "used": used,
        "unit": limit.unit(),
        "resets_at": budget.period.leaves_ms(bucket).and_then(moment),
        "message": format!("{whose} has used {percent} % of the budget {name:?}: {used_said} of {max_said}"),
    })
}

fn subject(subject: &str) -> Option<&str> {
    Some(subject).filter(|subject| !subject.is_empty())
}

fn whose(by: BudgetBy, subject: &str) -> String {
    match by {
        BudgetBy::Tenant => "this tenant".to_owned(),
        BudgetBy::Project | BudgetBy::Key | BudgetBy::User | BudgetBy::Session => {
            format!("the {} {subject:?}", by.as_str())
        }
    }
}
