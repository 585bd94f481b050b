//! What is used of each budget, and by whom.

use floopy_shared::domain::{budget::Budget, ids::TenantId, snapshot::Tenant};
use serde_json::{Value, json};

use super::moment;
use crate::store::{
    StoreError,
    spend::{self, Asked},
    sql::Conn,
};

/// Accounts that are told of one budget: those that spent most.
const MAX_ACCOUNTS: i64 = 20;

/// Every budget of a tenant, with those who spent most of it in the window that is going on.
pub(super) async fn describe(
    conn: &mut Conn,
    tenant: &Tenant,
    now_ms: u64,
) -> Result<Vec<Value>, StoreError> {
    let mut told = Vec::with_capacity(tenant.budgets.len());
    for budget in &*tenant.budgets {
        told.push(one(conn, (&tenant.id, budget), now_ms).await?);
    }
    Ok(told)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share is told, with what it is of beside it"
)]
async fn one(
    conn: &mut Conn,
    (tenant, budget): (&TenantId, &Budget),
    now_ms: u64,
) -> Result<Value, StoreError> {
    let asked = Asked {
        tenant,
        scope: &budget.scope(),
        subject: budget.only.as_deref(),
        first_bucket: budget.period.first_bucket(now_ms),
    };
    let spent = spend::totals(conn, asked, MAX_ACCOUNTS).await?;
    let accounts: Vec<Value> = spent
        .into_iter()
        .map(|(subject, spent)| {
            let shares = budget
                .limits(spent)
                .map(|(_, max, used)| used as f64 / max as f64);
            json!({
                "subject": Some(subject).filter(|subject| !subject.is_empty()),
                "cost_micro_usd": spent.micro_usd,
                "tokens": spent.tokens,
                "calls": spent.calls,
                "used": shares.fold(0.0, f64::max),
            })
        })
        .collect();
    let bucket = budget.period.grain().bucket(now_ms);
    let resets_ms = budget.period.leaves_ms(bucket);
    Ok(json!({
        "name": budget.name,
        "by": budget.by.as_str(),
        "only": budget.only,
        "period": budget.period.write(),
        "max_cost_micro_usd": budget.micro_usd,
        "max_tokens": budget.tokens,
        "max_calls": budget.calls,
        "max_seconds": budget.seconds,
        "resets_at": resets_ms.and_then(moment),
        "accounts": accounts,
    }))
}
