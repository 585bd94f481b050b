//! What calls used, added up: by tenant, day, project, environment and model, and by month for what a month may have.
//!
//! The sums are what the stored decisions and ratings add up to: whoever changes those writes the difference here, in
//! the same transaction. They outlive the calls that they came from.

mod column;

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::ids::TenantId;

pub(crate) use self::column::Column;
use super::{Store, StoreError, Tx, settings::Kind, statements, tenant_id};
use crate::store::sql::{self, Conn, QueryBuilder, Row};

/// More than any call has, and little enough that no sum of them ever overflows: what a provider makes up must not
/// stop the sums of everybody else.
const MOST: u64 = 1_000_000_000_000;

/// Sums, or differences of sums, by column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts([i64; Column::ALL.len()]);

impl Counts {
    pub(crate) fn of(self, column: Column) -> i64 {
        self.0[column as usize]
    }

    pub(crate) fn with(mut self, column: Column, value: u64) -> Self {
        self.0[column as usize] = i64::try_from(value.min(MOST)).unwrap_or(i64::MAX);
        self
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    pub(crate) fn negated(self) -> Self {
        Self(self.0.map(|value| value.saturating_neg()))
    }
}

/// What is counted apart. What is not known of a call is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) tenant: TenantId,
    /// Days since the epoch, UTC.
    pub(crate) day: i64,
    /// Months since the year 0, UTC.
    pub(crate) month: i64,
    pub(crate) project: String,
    pub(crate) environment: String,
    pub(crate) model: String,
}

/// Differences of a batch.
#[derive(Debug, Default)]
pub(crate) struct Used(BTreeMap<Line, Counts>);

impl Used {
    pub(crate) fn add(&mut self, line: Line, counts: Counts) {
        self.0.entry(line).or_default().add(counts);
    }

    /// Adds them to what is stored; nothing is left of them here.
    pub(crate) async fn apply(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        self.drop_unknown_projects(tx).await?;
        let mut lines: Vec<(Line, Counts)> = std::mem::take(&mut self.0).into_iter().collect();
        lines.retain(|(_, counts)| *counts != Counts::default());
        let mut months: BTreeMap<(i64, &TenantId), Month> = BTreeMap::new();
        for (line, counts) in &lines {
            let month = months.entry((line.month, &line.tenant)).or_default();
            month.add(*counts);
        }
        put_lines(tx, &lines).await?;
        put_months(tx, &months.into_iter().collect::<Vec<_>>()).await
    }
}

impl Used {
    /// Callers may name any project; what is none of their tenant's is counted for none, so that lines stay few.
    async fn drop_unknown_projects(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let named = self.0.keys().filter(|line| !line.project.is_empty());
        let named: BTreeSet<(&str, &str)> = named
            .map(|line| (line.tenant.as_str(), line.project.as_str()))
            .collect();
        if named.is_empty() {
            return Ok(());
        }
        // Strings always serialise.
        let named = serde_json::to_string(&named).unwrap_or_default();
        let rows = sql::query(
            "SELECT tenant, id FROM settings WHERE kind = ?
                AND (tenant, id) IN (SELECT value->>0, value->>1 FROM json_each(?))",
        )
        .bind(Kind::Project.as_str())
        .bind(named)
        .fetch_all(&mut **tx)
        .await?;
        let pair = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let known: Result<BTreeSet<(String, String)>, sqlx::Error> =
            rows.iter().map(pair).collect();
        let known = known?;
        for (mut line, counts) in std::mem::take(&mut self.0) {
            let id = (line.tenant.to_string(), line.project.clone());
            if !known.contains(&id) {
                line.project.clear();
            }
            self.add(line, counts);
        }
        Ok(())
    }
}

async fn put_lines(tx: &mut Tx, lines: &[(Line, Counts)]) -> Result<(), StoreError> {
    let columns = Column::ALL.map(Column::as_str);
    let added = columns.map(|name| format!("{name} = usage.{name} + excluded.{name}"));
    for piece in statements(lines) {
        let mut query = QueryBuilder::new(format!(
            "INSERT INTO usage (tenant, day, project, environment, model, {}) ",
            columns.join(", ")
        ));
        query.push_values(piece, |mut row, (line, counts)| {
            row.push_bind(line.tenant.as_str())
                .push_bind(line.day)
                .push_bind(&line.project)
                .push_bind(&line.environment)
                .push_bind(&line.model);
            for value in counts.0 {
                row.push_bind(value);
            }
        });
        query.push(" ON CONFLICT (tenant, day, project, environment, model) DO UPDATE SET ");
        query.push(added.join(", "));
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// What a tenant used in a month, as far as a month has limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Month {
    pub(crate) requests: i64,
    /// Of everything that was paid for: served, in vain and in the shadow.
    pub(crate) cost_micro_usd: i64,
    pub(crate) ratings: i64,
}

impl Month {
    fn add(&mut self, counts: Counts) {
        let cost = counts
            .of(Column::CostMicroUsd)
            .saturating_add(counts.of(Column::ShadowCostMicroUsd));
        self.requests = self.requests.saturating_add(counts.of(Column::Requests));
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(cost);
        self.ratings = self.ratings.saturating_add(counts.of(Column::Ratings));
    }
}

async fn put_months(tx: &mut Tx, months: &[((i64, &TenantId), Month)]) -> Result<(), StoreError> {
    for piece in statements(months) {
        let mut query = QueryBuilder::new(
            "INSERT INTO usage_months (month, tenant, requests, cost_micro_usd, ratings) ",
        );
        query.push_values(piece, |mut row, ((month, tenant), used)| {
            row.push_bind(*month)
                .push_bind(tenant.as_str())
                .push_bind(used.requests)
                .push_bind(used.cost_micro_usd)
                .push_bind(used.ratings);
        });
        query.push(
            " ON CONFLICT (month, tenant) DO UPDATE SET requests = usage_months.requests + excluded.requests,
                cost_micro_usd = usage_months.cost_micro_usd + excluded.cost_micro_usd,
                ratings = usage_months.ratings + excluded.ratings",
        );
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// What every tenant used in a month.
pub(crate) async fn of_month(
    store: &Store,
    month: i64,
) -> Result<BTreeMap<TenantId, Month>, StoreError> {
    let rows = sql::query(
        "SELECT requests, cost_micro_usd, ratings, tenant FROM usage_months WHERE month = ?",
    )
    .bind(month)
    .fetch_all(store.read())
    .await?;
    let read = |row: &Row| Ok((tenant_id(row.try_get(3)?)?, month_of(row)?));
    rows.iter().map(read).collect()
}

/// What one tenant used in a month.
pub(crate) async fn month(
    conn: &mut Conn,
    tenant: &TenantId,
    month: i64,
) -> Result<Month, StoreError> {
    let row = sql::query(
        "SELECT requests, cost_micro_usd, ratings FROM usage_months WHERE month = ? AND tenant = ?",
    )
    .bind(month)
    .bind(tenant.as_str())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map_or(Ok(Month::default()), month_of)
}

fn month_of(row: &Row) -> Result<Month, StoreError> {
    Ok(Month {
        requests: row.try_get(0)?,
        cost_micro_usd: row.try_get(1)?,
        ratings: row.try_get(2)?,
    })
}

/// What somebody was told that a month has run out of, each a bit of the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    Cost = 1,
    Requests = 2,
    Ratings = 4,
}

/// Notes that it is told; whether it was not yet.
pub(crate) async fn tell(
    tx: &mut Tx,
    tenant: &TenantId,
    month: i64,
    what: Told,
) -> Result<bool, StoreError> {
    let done = sql::query(
        "UPDATE usage_months SET told = told | ?1 WHERE month = ?2 AND tenant = ?3 AND told & ?1 = 0",
    )
    .bind(what as i64)
    .bind(month)
    .bind(tenant.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What lines are told apart by, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Day,
    Project,
    Environment,
    Model,
}

impl Dimension {
    pub(crate) const ALL: [Self; 4] = [Self::Day, Self::Project, Self::Environment, Self::Model];

    /// Its name in the store and in queries.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Model => "model",
        }
    }
}

/// A group of lines: its values in the order of the dimensions that were asked for, and its sums.
pub(crate) type Group = (Vec<String>, Counts);

/// The sums of the days from `from` to `to`, both inclusive, by the dimensions; at most `limit` groups.
pub(crate) async fn grouped(
    conn: &mut Conn,
    (tenant, from, to): (&TenantId, i64, i64),
    by: &[Dimension],
    limit: i64,
) -> Result<Vec<Group>, StoreError> {
    let names: Vec<&str> = by.iter().map(|dimension| dimension.as_str()).collect();
    let values: Vec<String> = names
        .iter()
        .map(|name| format!("CAST({name} AS TEXT), "))
        .collect();
    // Sums of no rows are null.
    let sums =
        Column::ALL.map(|column| format!("CAST(ifnull(sum({}), 0) AS INTEGER)", column.as_str()));
    let grouping = match names.as_slice() {
        [] => String::new(),
        names => format!("GROUP BY {0} ORDER BY {0}", names.join(", ")),
    };
    let text = format!(
        "SELECT {}{} FROM usage WHERE tenant = ? AND day BETWEEN ? AND ? {grouping} LIMIT ?",
        values.concat(),
        sums.join(", ")
    );
    let query = sql::query(&text).bind(tenant.as_str()).bind(from).bind(to);
    let rows = query.bind(limit).fetch_all(conn).await?;
    let read = |row: &Row| {
        let values = (0..by.len()).map(|at| row.try_get(at));
        let values = values.collect::<Result<Vec<String>, _>>()?;
        let mut counts = Counts::default();
        for (at, value) in counts.0.iter_mut().enumerate() {
            *value = row.try_get(by.len() + at)?;
        }
        Ok((values, counts))
    };
    rows.iter().map(read).collect()
}

/// Forgets a slice of the days before `day`; how many lines went.
pub(crate) async fn forget(tx: &mut Tx, day: i64, slice: i64) -> Result<u64, StoreError> {
    let done = sql::query(
        "DELETE FROM usage WHERE (tenant, day, project, environment, model) IN (
            SELECT tenant, day, project, environment, model FROM usage WHERE day < ? LIMIT ?)",
    )
    .bind(day)
    .bind(slice)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
