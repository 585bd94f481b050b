//! What calls cost beside what the tenant's default model would have cost, and what became of them: columns beside the
//! record, so that sums need no look at it.

pub(crate) mod sessions;

use floopy_shared::domain::{
    decision::{Decision, Ending, Stage},
    ids::TenantId,
    savings::{Excluded, Facts},
    shape::ROOT,
};

use super::{Store, StoreError, to_i64, to_u64};
use crate::store::sql::{self, Row};

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// Somebody served it, to the end.
    Answered,
    /// Nobody could, or the reply broke off.
    Failed,
    /// A budget ended it before anybody was asked.
    Capped,
    /// The firewall did, or it kept the reply from its caller.
    Blocked,
    /// Its caller left.
    Left,
    /// Its end is not known yet.
    Open,
}

impl Came {
    /// The name in the store.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Capped => "capped",
            Self::Blocked => "blocked",
            Self::Left => "left",
            Self::Open => "open",
        }
    }

    fn of(d: &Decision) -> Self {
        match (d.stage, d.outcome.ending) {
            (Stage::Started, _) => Self::Open,
            (Stage::Finished, _) if d.stopped.is_some() => Self::Capped,
            (Stage::Finished, _) if d.is_blocked() => Self::Blocked,
            (Stage::Finished, Ending::ClientDisconnected) => Self::Left,
            (Stage::Finished, Ending::Completed) if d.outcome.status < 400 => Self::Answered,
            (
                Stage::Finished,
                Ending::Completed | Ending::Error | Ending::BrokenStream | Ending::Interrupted,
            ) => Self::Failed,
        }
    }
}

/// What is written down of a call beside its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns<'a> {
    pub(crate) came: Came,
    /// The rule that it followed.
    pub(crate) under: Option<&'a str>,
    /// The shape right below the root; the root itself where there is none.
    pub(crate) task: &'a str,
    /// `None`: it counts.
    pub(crate) excluded: Option<Excluded>,
    /// Of a call that counts.
    pub(crate) baseline_micro_usd: Option<u64>,
    /// Tries in vain included.
    pub(crate) paid_micro_usd: u64,
}

impl<'a> Columns<'a> {
    /// `None`: nobody was answered by it.
    pub(crate) fn of(d: &'a Decision) -> Option<Self> {
        let counted = match Facts::of(d).counted() {
            Err(Excluded::Shadow) => return None,
            counted => counted,
        };
        let below = d.shapes.len().checked_sub(2);
        let task = below.and_then(|at| d.shapes.get(at));
        Some(Self {
            came: Came::of(d),
            under: d.rule.as_deref(),
            task: task.map_or(ROOT, |shape| shape.as_str()),
            excluded: counted.err(),
            baseline_micro_usd: counted.ok().map(|figures| figures.baseline_micro_usd),
            paid_micro_usd: d.spent_micro_usd(),
        })
    }

    /// Why it counts for nothing, as it is stored; empty: it counts.
    pub(crate) fn excluded_text(&self) -> &'static str {
        self.excluded.map_or("", Excluded::as_str)
    }
}

/// A tenant's calls of a time, both ends inclusive, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct During<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

/// Calls under one rule that count, or that do not for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Empty: under none.
    pub(crate) rule: String,
    /// `None`: they count.
    pub(crate) excluded: Option<Excluded>,
    pub(crate) calls: u64,
    pub(crate) baseline_micro_usd: u64,
    pub(crate) paid_micro_usd: u64,
}

/// What a call is whose columns came before these: nothing was kept to price it by.
pub(crate) fn excluded(stored: &str) -> Result<Option<Excluded>, StoreError> {
    if stored.is_empty() {
        return Ok(None);
    }
    let why = Excluded::parse(stored);
    why.map(Some)
        .ok_or_else(|| StoreError::corrupt("exclusion", stored))
}

/// Sums by rule and by reason, in their order.
pub(crate) async fn lines(store: &Store, of: During<'_>) -> Result<Vec<Line>, StoreError> {
    let rows = sql::query(
        "SELECT ifnull(under, ''), ifnull(excluded, 'not_recorded'), count(*),
            CAST(ifnull(sum(baseline_micro_usd), 0) AS INTEGER), CAST(ifnull(sum(paid_micro_usd), 0) AS INTEGER)
         FROM decisions WHERE tenant = ? AND created_ms BETWEEN ? AND ? AND shadow = 0
         GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .bind(of.tenant.to_string())
    .bind(to_i64(of.from_ms))
    .bind(to_i64(of.to_ms))
    .fetch_all(store.read())
    .await?;
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> Result<Line, StoreError> {
    Ok(Line {
        rule: row.try_get(0)?,
        excluded: excluded(row.try_get(1)?)?,
        calls: to_u64(row.try_get(2)?),
        baseline_micro_usd: to_u64(row.try_get(3)?),
        paid_micro_usd: to_u64(row.try_get(4)?),
    })
}
