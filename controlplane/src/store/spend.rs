//! What calls spent of budgets: by account, span and the proxy that booked it.
//!
//! The sums are what the stored decisions add up to, as those of usage are. Each decision says itself what it is booked
//! on, so nothing here depends on what budgets there are by the time it arrives.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    budget::{Account, Charge, Spend, Spent, Stopped},
    decision::Decision,
    ids::TenantId,
};
use uuid::Uuid;

use super::{Store, StoreError, Tx, statements, tenant_id, to_i64, to_u64};
use crate::store::sql::{self, Conn, QueryBuilder, Row};

/// More than any call has, and little enough that no sum of them ever overflows.
const MOST: u64 = 1_000_000_000_000;
/// What was told is remembered for longer than any budget looks back.
const TOLD_KEPT_MS: u64 = 2 * 366 * 86_400_000;

type Place = (TenantId, Charge, Uuid);

/// A difference of what was spent, and when the first call came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Difference {
    micro_usd: i64,
    tokens: i64,
    calls: i64,
    began_ms: i64,
}

/// What a batch changes.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    rows: BTreeMap<Place, Difference>,
    stops: Vec<(TenantId, Stopped)>,
}

impl Spending {
    /// Counts a decision that is stored from now on.
    pub(crate) fn add(&mut self, decision: &Decision) {
        self.count(decision, 1);
        if let Some(stopped) = decision.stopped.as_ref().filter(|s| s.is_used_up()) {
            self.stops
                .push((decision.tenant.clone(), (**stopped).clone()));
        }
    }

    /// Takes away a decision that another one replaces.
    pub(crate) fn take(&mut self, decision: &Decision) {
        self.count(decision, -1);
    }

    fn count(&mut self, decision: &Decision, sign: i64) {
        let Some(charged) = &decision.charged else {
            return;
        };
        let usage = decision.outcome.usage;
        let tokens = usage.input.saturating_add(usage.output);
        let of = |value: u64| sign * to_i64(value.min(MOST));
        let began_ms = to_i64(decision.created_at_ms);
        for charge in &charged.charges {
            let place = (decision.tenant.clone(), charge.clone(), charged.proxy);
            let row = self.rows.entry(place).or_default();
            row.micro_usd += of(decision.spent_micro_usd());
            row.tokens += of(tokens);
            row.calls += sign;
            row.began_ms = match row.began_ms {
                0 => began_ms,
                known => known.min(began_ms),
            };
        }
    }

    /// Adds what changed to what is stored; the budgets that ended calls.
    pub(crate) async fn apply(
        &mut self,
        tx: &mut Tx,
        now_ms: u64,
    ) -> Result<Vec<(TenantId, Stopped)>, StoreError> {
        let mut rows: Vec<(Place, Difference)> =
            std::mem::take(&mut self.rows).into_iter().collect();
        rows.retain(|(_, row)| (row.micro_usd, row.tokens, row.calls) != (0, 0, 0));
        for piece in statements(&rows) {
            put(tx, piece, now_ms).await?;
        }
        Ok(std::mem::take(&mut self.stops))
    }
}

async fn put(tx: &mut Tx, rows: &[(Place, Difference)], now_ms: u64) -> Result<(), StoreError> {
    let mut query = QueryBuilder::new(
        "INSERT INTO spend (tenant, scope, subject, bucket, proxy, micro_usd, tokens, calls, began_ms, changed_ms,
            expires_ms) ",
    );
    query.push_values(rows, |mut row, ((tenant, charge, proxy), difference)| {
        let Charge { account, bucket } = charge;
        let expires_ms = account.grain.expires_ms(*bucket, now_ms);
        row.push_bind(tenant.as_str())
            .push_bind(account.scope())
            .push_bind(&account.subject)
            .push_bind(to_i64(*bucket))
            .push_bind(proxy.as_bytes().as_slice())
            .push_bind(difference.micro_usd)
            .push_bind(difference.tokens)
            .push_bind(difference.calls)
            .push_bind(difference.began_ms)
            .push_bind(to_i64(now_ms))
            .push_bind(to_i64(expires_ms));
    });
    query.push(
        " ON CONFLICT (tenant, scope, subject, bucket, proxy) DO UPDATE SET
            micro_usd = spend.micro_usd + excluded.micro_usd, tokens = spend.tokens + excluded.tokens,
            calls = spend.calls + excluded.calls,
            began_ms = CASE WHEN excluded.began_ms < spend.began_ms THEN excluded.began_ms ELSE spend.began_ms END,
            changed_ms = excluded.changed_ms, expires_ms = excluded.expires_ms",
    );
    query.build().execute(&mut **tx).await?;
    Ok(())
}

const COLUMNS: &str =
    "tenant, scope, subject, bucket, proxy, micro_usd, tokens, calls, began_ms, changed_ms";

/// What changed since a moment.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub(crate) rows: Vec<Spent>,
    /// When the last of them did, where there are more.
    pub(crate) until_ms: Option<u64>,
}

/// What changed from a moment on and still counts, the oldest change first; at least `limit` rows, where there are so
/// many, and all that changed with the last of them.
pub(crate) async fn since(
    store: &Store,
    (since_ms, now_ms): (u64, u64),
    limit: usize,
) -> Result<Changed, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM spend WHERE changed_ms >= ? AND expires_ms > ? ORDER BY changed_ms LIMIT ?"
    );
    let found = sql::query(&text)
        .bind(to_i64(since_ms))
        .bind(to_i64(now_ms))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(store.read())
        .await?;
    let mut changed = Changed::default();
    let last: Option<i64> = match found.last() {
        Some(row) if found.len() >= limit => Some(row.try_get(9)?),
        Some(_) | None => None,
    };
    for row in &found {
        // Those of the last moment are read together.
        if last.is_none_or(|last| row.try_get(9).is_ok_and(|at: i64| at < last)) {
            changed.rows.extend(spent(row)?);
        }
    }
    if let Some(last) = last {
        let text = format!("SELECT {COLUMNS} FROM spend WHERE changed_ms = ? AND expires_ms > ?");
        let rest = sql::query(&text).bind(last).bind(to_i64(now_ms));
        for row in &rest.fetch_all(store.read()).await? {
            changed.rows.extend(spent(row)?);
        }
        changed.until_ms = Some(to_u64(last));
    }
    Ok(changed)
}

/// `None`: of a kind that only a later version knows.
fn spent(row: &Row) -> Result<Option<Spent>, StoreError> {
    let (scope, subject): (String, String) = (row.try_get(1)?, row.try_get(2)?);
    let Some(account) = Account::parse(&scope, subject) else {
        return Ok(None);
    };
    let proxy: Vec<u8> = row.try_get(4)?;
    let proxy = Uuid::from_slice(&proxy).map_err(|e| StoreError::corrupt("books of a proxy", e))?;
    Ok(Some(Spent {
        tenant: tenant_id(row.try_get(0)?)?,
        charge: Charge {
            account,
            bucket: to_u64(row.try_get(3)?),
        },
        proxy,
        spend: Spend {
            micro_usd: to_u64(row.try_get(5)?),
            tokens: to_u64(row.try_get(6)?),
            calls: to_u64(row.try_get(7)?),
        },
        began_ms: to_u64(row.try_get(8)?),
    }))
}

/// Whose sums are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) scope: &'a str,
    /// `None`: of everybody.
    pub(crate) subject: Option<&'a str>,
    pub(crate) first_bucket: u64,
}

/// What subjects spent from a span on, who spent most first, and how many of them there are.
pub(crate) async fn totals(
    conn: &mut Conn,
    asked: Asked<'_>,
    limit: i64,
) -> Result<Vec<(String, Spend)>, StoreError> {
    let rows = sql::query(
        "SELECT subject, CAST(sum(micro_usd) AS INTEGER), CAST(sum(tokens) AS INTEGER), CAST(sum(calls) AS INTEGER)
            FROM spend WHERE tenant = ?1 AND scope = ?2 AND bucket >= ?3 AND (subject = ?4 OR ?5 = CAST(0 AS INTEGER))
            GROUP BY subject ORDER BY 2 DESC, 3 DESC, 4 DESC, subject LIMIT ?6",
    )
    .bind(asked.tenant.as_str())
    .bind(asked.scope)
    .bind(to_i64(asked.first_bucket))
    .bind(asked.subject.unwrap_or_default())
    .bind(i64::from(asked.subject.is_some()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let read = |row: &Row| {
        let spend = Spend {
            micro_usd: to_u64(row.try_get(1)?),
            tokens: to_u64(row.try_get(2)?),
            calls: to_u64(row.try_get(3)?),
        };
        Ok((row.try_get(0)?, spend))
    };
    rows.iter().map(read).collect()
}

/// Accounts that something was booked on from a moment on.
pub(crate) async fn touched(
    store: &Store,
    since_ms: u64,
) -> Result<BTreeSet<(TenantId, Account)>, StoreError> {
    let rows =
        sql::query("SELECT DISTINCT tenant, scope, subject FROM spend WHERE changed_ms >= ?")
            .bind(to_i64(since_ms))
            .fetch_all(store.read())
            .await?;
    let mut touched = BTreeSet::new();
    for row in &rows {
        let (scope, subject): (String, String) = (row.try_get(1)?, row.try_get(2)?);
        if let Some(account) = Account::parse(&scope, subject) {
            touched.insert((tenant_id(row.try_get(0)?)?, account));
        }
    }
    Ok(touched)
}

/// What can be told of a budget once in each of its windows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    pub(crate) tenant: TenantId,
    pub(crate) budget: String,
    pub(crate) subject: String,
    pub(crate) window: u64,
    /// 100: it ended a call.
    pub(crate) percent: u8,
}

/// Notes that it is told; whether it was not yet.
pub(crate) async fn tell(tx: &mut Tx, told: &Told, now_ms: u64) -> Result<bool, StoreError> {
    let done = sql::query(
        "INSERT INTO spend_told (tenant, budget, subject, span, percent, told_ms) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (tenant, budget, subject, span, percent) DO NOTHING",
    )
    .bind(told.tenant.as_str())
    .bind(&told.budget)
    .bind(&told.subject)
    .bind(to_i64(told.window))
    .bind(i64::from(told.percent))
    .bind(to_i64(now_ms))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets a slice of what no budget looks at any more; how many rows went.
pub(crate) async fn forget(tx: &mut Tx, now_ms: u64, slice: i64) -> Result<u64, StoreError> {
    let spent = sql::query(
        "DELETE FROM spend WHERE (tenant, scope, subject, bucket, proxy) IN (
            SELECT tenant, scope, subject, bucket, proxy FROM spend WHERE expires_ms <= ? LIMIT ?)",
    )
    .bind(to_i64(now_ms))
    .bind(slice)
    .execute(&mut **tx)
    .await?;
    let told = sql::query(
        "DELETE FROM spend_told WHERE (tenant, budget, subject, span, percent) IN (
            SELECT tenant, budget, subject, span, percent FROM spend_told WHERE told_ms < ? LIMIT ?)",
    )
    .bind(to_i64(now_ms.saturating_sub(TOLD_KEPT_MS)))
    .bind(slice)
    .execute(&mut **tx)
    .await?;
    Ok(spent.rows_affected() + told.rows_affected())
}

#[cfg(test)]
mod tests;
