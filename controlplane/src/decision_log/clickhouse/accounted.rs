//! Sums of costs and savings, as the store has them.

use clickhouse::Row;
use serde::Deserialize;

use super::{
    ClickHouse, LogError,
    read::{APART, Which},
};
use crate::store::accounted::{
    During, Line, excluded,
    sessions::{Apart, Asked, Mark, Spent},
};

/// A line as it is read.
#[derive(Debug, Row, Deserialize)]
struct Summed {
    under: String,
    why: String,
    calls: u64,
    baseline: u64,
    paid: u64,
}

/// A session as it is read.
#[derive(Debug, Row, Deserialize)]
struct Session {
    session: String,
    part: String,
    first_ms: u64,
    last_ms: u64,
    calls: u64,
    answered: u64,
    failed: u64,
    capped: u64,
    blocked: u64,
    paid: u64,
    counted: u64,
    counted_paid: u64,
    baseline: u64,
}

/// Rows of before have no columns to sum by: nothing was kept to price them by.
const EXCLUDED: &str = "if(came = '', 'not_recorded', excluded)";

fn during(of: During<'_>) -> Which {
    let mut which = Which::of(of.tenant);
    which.and("NOT shadow");
    which.and(&format!("created_ms >= {}", of.from_ms));
    which.and(&format!("created_ms <= {}", of.to_ms));
    which
}

fn part(apart: Apart) -> &'static str {
    match apart {
        Apart::Nothing => "''",
        Apart::Tags => "tags",
        Apart::Model => "toString(served)",
        Apart::Task => "toString(task)",
    }
}

impl ClickHouse {
    /// Sums by rule and by reason, in their order.
    pub(crate) async fn lines(&self, of: During<'_>) -> Result<Vec<Line>, LogError> {
        let which = during(of);
        let text = format!(
            "SELECT toString(if(came = '', '', rule)) AS under, toString({EXCLUDED}) AS why, count() AS calls,
                sum(baseline_micro_usd) AS baseline, sumIf(spent_micro_usd, came != '') AS paid
             FROM decisions FINAL WHERE {} GROUP BY under, why ORDER BY under, why{APART}",
            which.text
        );
        let rows: Vec<Summed> = self.all(&text, &which.texts).await?;
        let line = |row: Summed| {
            Ok(Line {
                excluded: excluded(&row.why)?,
                rule: row.under,
                calls: row.calls,
                baseline_micro_usd: row.baseline,
                paid_micro_usd: row.paid,
            })
        };
        rows.into_iter().map(line).collect()
    }

    /// Sessions with what their calls cost, the last active first.
    pub(crate) async fn sessions(&self, asked: &Asked<'_>) -> Result<Vec<Spent>, LogError> {
        let mut which = during(asked.during);
        if !asked.is_with_others {
            which.and("session_id != ''");
        }
        for tag in asked.tags {
            which.and_text("position(tags, ?) > 0", tag);
        }
        let mut having = String::new();
        if let Some(Mark { last_ms, session }) = asked.after {
            having =
                format!(" HAVING last_ms < {last_ms} OR (last_ms = {last_ms} AND session_id < ?)");
            which.texts.push(session.clone());
        }
        let text = format!(
            "SELECT session_id AS session, {} AS part, min(created_ms) AS first_ms, max(created_ms) AS last_ms,
                count() AS calls, countIf(came = 'answered') AS answered, countIf(came = 'failed') AS failed,
                countIf(came = 'capped') AS capped, countIf(came = 'blocked') AS blocked,
                sumIf(spent_micro_usd, came != '') AS paid, countIf(came != '' AND excluded = '') AS counted,
                sumIf(spent_micro_usd, came != '' AND excluded = '') AS counted_paid,
                sum(baseline_micro_usd) AS baseline
             FROM decisions FINAL WHERE {} GROUP BY session_id, part{having}
             ORDER BY last_ms DESC, session_id DESC, part DESC LIMIT {}{APART}",
            part(asked.apart),
            which.text,
            asked.limit
        );
        let rows: Vec<Session> = self.all(&text, &which.texts).await?;
        Ok(rows.into_iter().map(Spent::from).collect())
    }
}

impl From<Session> for Spent {
    fn from(row: Session) -> Self {
        Self {
            session: row.session,
            part: row.part,
            first_ms: row.first_ms,
            last_ms: row.last_ms,
            calls: row.calls,
            answered: row.answered,
            failed: row.failed,
            capped: row.capped,
            blocked: row.blocked,
            paid_micro_usd: row.paid,
            counted: row.counted,
            counted_micro_usd: row.counted_paid,
            baseline_micro_usd: row.baseline,
        }
    }
}
