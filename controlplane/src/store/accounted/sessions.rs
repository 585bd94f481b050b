//! Sessions with what their calls cost and saved, the last active first.

use super::{During, Store, StoreError};
use crate::store::{
    list::restrict_to_tags,
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

impl Asked<'_> {
    /// Whole sessions, whatever their calls say.
    fn is_plain(&self) -> bool {
        self.apart == Apart::Nothing && self.tags.is_empty() && !self.is_with_others
    }
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
    restrict_to_tags(&mut query, asked.tags);
    if asked.is_plain() {
        restrict_to_page(&mut query, asked);
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

/// Walks from the newest call on to the newest ones of as many sessions as a page has, so that a page takes as long
/// however many sessions there are. What the walk finds is grouped and ordered as all of them would be.
fn restrict_to_page(query: &mut QueryBuilder<'_>, asked: &Asked<'_>) {
    let (tenant, to_ms) = (asked.during.tenant.to_string(), to_i64(asked.during.to_ms));
    // Written so that no index of sessions fits, whose order is another one.
    query.push(
        " AND session_id IN (SELECT session_id FROM decisions AS d WHERE d.shadow = 0
            AND ifnull(d.session_id, '') <> '' AND d.tenant = ",
    );
    query.push_bind(tenant);
    query
        .push(" AND d.created_ms BETWEEN ")
        .push_bind(to_i64(asked.during.from_ms));
    query.push(" AND ").push_bind(to_ms);
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM decisions AS later WHERE later.tenant = d.tenant
            AND later.session_id = d.session_id AND later.shadow = 0
            AND (later.created_ms, later.request_id) > (d.created_ms, d.request_id) AND later.created_ms <= ",
    );
    query.push_bind(to_ms).push(")");
    if let Some(after) = asked.after {
        query
            .push(" AND (d.created_ms, d.session_id) < (")
            .push_bind(to_i64(after.last_ms));
        query.push(", ").push_bind(after.session.clone()).push(")");
    }
    query
        .push(" ORDER BY d.created_ms DESC, d.session_id DESC LIMIT ")
        .push_bind(i64::from(asked.limit));
    query.push(")");
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
