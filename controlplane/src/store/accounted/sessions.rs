//! Sessions with what their calls cost and saved, the last active first.

use super::{During, Store, StoreError};
use crate::store::{
    sql::{QueryBuilder, Row},
    to_i64, to_u64,
};

/// What the calls of a session are told apart by, beside the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apart {
    Nothing,
    /// All that their callers said they belong to, as lines.
    Tags,
    /// Who served them.
    Model,
    /// The kind of task.
    Task,
}

/// Where a page ended: the moment of the last call of its last session, and that session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) last_ms: u64,
    pub(crate) session: String,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'a> {
    pub(crate) during: During<'a>,
    /// Lines of tags, each of which a call must have.
    pub(crate) tags: &'a [String],
    pub(crate) apart: Apart,
    /// Calls of no session are asked for as well, as those of a session without a name.
    pub(crate) is_with_others: bool,
    pub(crate) after: Option<&'a Mark>,
    pub(crate) limit: u32,
}

/// Calls of one session, or of one part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Empty: of no session.
    pub(crate) session: String,
    /// By what its calls are told apart.
    pub(crate) part: String,
    pub(crate) first_ms: u64,
    pub(crate) last_ms: u64,
    pub(crate) calls: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) capped: u64,
    pub(crate) blocked: u64,
    /// Of all calls, tries in vain included.
    pub(crate) paid_micro_usd: u64,
    /// Calls that count for savings; what they cost, and what the baseline would have.
    pub(crate) counted: u64,
    pub(crate) counted_micro_usd: u64,
    pub(crate) baseline_micro_usd: u64,
}

impl Apart {
    fn column(self) -> &'static str {
        match self {
            Self::Nothing => "''",
            Self::Tags => "ifnull(tags, '')",
            Self::Model => "ifnull(served, '')",
            Self::Task => "ifnull(task, '')",
        }
    }
}

/// Up to `limit` of them.
pub(crate) async fn page(store: &Store, asked: &Asked<'_>) -> Result<Vec<Spent>, StoreError> {
    let part = asked.apart.column();
    let mut query = QueryBuilder::new(format!(
        "SELECT ifnull(session_id, '') AS session, {part} AS part, min(created_ms), max(created_ms), count(*),
            count(CASE came WHEN 'answered' THEN 1 END), count(CASE came WHEN 'failed' THEN 1 END),
            count(CASE came WHEN 'capped' THEN 1 END), count(CASE came WHEN 'blocked' THEN 1 END),
            CAST(ifnull(sum(paid_micro_usd), 0) AS INTEGER), count(CASE excluded WHEN '' THEN 1 END),
            CAST(ifnull(sum(CASE excluded WHEN '' THEN paid_micro_usd END), 0) AS INTEGER),
            CAST(ifnull(sum(baseline_micro_usd), 0) AS INTEGER)
         FROM decisions WHERE shadow = 0 AND tenant = "
    ));
    let during = asked.during;
    query.push_bind(during.tenant.to_string());
    query
        .push(" AND created_ms BETWEEN ")
        .push_bind(to_i64(during.from_ms));
    query.push(" AND ").push_bind(to_i64(during.to_ms));
    if !asked.is_with_others {
        query.push(" AND session_id IS NOT NULL");
    }
    for tag in asked.tags {
        query
            .push(" AND instr(tags, ")
            .push_bind(tag.clone())
            .push(") > 0");
    }
    query.push(" GROUP BY 1, 2");
    if let Some(after) = asked.after {
        query
            .push(" HAVING max(created_ms) < ")
            .push_bind(to_i64(after.last_ms));
        query
            .push(" OR (max(created_ms) = ")
            .push_bind(to_i64(after.last_ms));
        query
            .push(" AND ifnull(session_id, '') < ")
            .push_bind(after.session.clone())
            .push(")");
    }
    query
        .push(" ORDER BY 4 DESC, 1 DESC, 2 DESC LIMIT ")
        .push_bind(i64::from(asked.limit));
    let rows = query.build().fetch_all(store.read()).await?;
    rows.iter().map(spent).collect()
}

fn spent(row: &Row) -> Result<Spent, StoreError> {
    let number = |at: usize| row.try_get::<i64>(at).map(to_u64);
    Ok(Spent {
        session: row.try_get(0)?,
        part: row.try_get(1)?,
        first_ms: number(2)?,
        last_ms: number(3)?,
        calls: number(4)?,
        answered: number(5)?,
        failed: number(6)?,
        capped: number(7)?,
        blocked: number(8)?,
        paid_micro_usd: number(9)?,
        counted: number(10)?,
        counted_micro_usd: number(11)?,
        baseline_micro_usd: number(12)?,
    })
}
