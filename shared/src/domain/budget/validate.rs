//! Budgets that cannot be meant are refused by name.

use super::{Budget, BudgetBy, Period};
use crate::domain::{constraints::InvalidConstraints, rule::is_name};

/// Of one tenant.
pub const MAX_BUDGETS: usize = 32;
/// Warnings of one budget.
pub const MAX_WARNINGS: usize = 5;
/// At 100 % it is no warning any more.
pub const MAX_WARN_PERCENT: u8 = 99;
const MAX_SUBJECT_BYTES: usize = 256;

/// Refuses budgets that contradict each other or let nothing pass.
pub fn validate(budgets: &[Budget]) -> Result<(), InvalidConstraints> {
    if budgets.len() > MAX_BUDGETS {
        let count = budgets.len();
        let reason = format!("{count} are listed, at most {MAX_BUDGETS} are allowed");
        return Err(InvalidConstraints::new("budgets", reason));
    }
    for (at, budget) in budgets.iter().enumerate() {
        let found = wrong_name(&budgets[..at], &budget.name).or_else(|| wrong(budget));
        if let Some((key, reason)) = found {
            let field = format!("budgets[{at}].{key}");
            return Err(InvalidConstraints::new(field, reason));
        }
    }
    Ok(())
}

/// The field that cannot be meant, and why.
type Wrong = Option<(&'static str, String)>;

fn wrong_name(earlier: &[Budget], name: &str) -> Wrong {
    if !is_name(name) {
        let reason = format!("{name:?} is not allowed; it must be 1 to 64 of a-z A-Z 0-9 - _ .");
        return Some(("name", reason));
    }
    let is_taken = earlier.iter().any(|other| other.name == *name);
    is_taken.then(|| ("name", format!("{name:?} is listed twice")))
}

fn wrong(budget: &Budget) -> Wrong {
    let limits = [
        ("max_usd", budget.micro_usd),
        ("max_tokens", budget.tokens),
        ("max_calls", budget.calls),
        ("max_seconds", budget.seconds),
    ];
    if let Some((key, _)) = limits.iter().find(|(_, limit)| *limit == Some(0)) {
        let reason = "0 lets nothing pass; it must be above 0, or null for no limit";
        return Some((key, reason.to_owned()));
    }
    if limits.iter().all(|(_, limit)| limit.is_none()) {
        let name = &budget.name;
        let reason = format!("{name:?} limits nothing; set max_usd, max_tokens or max_calls");
        return Some(("max_usd", reason));
    }
    let is_session = budget.by == BudgetBy::Session;
    if (budget.period == Period::Session) != is_session {
        let period = budget.period.write();
        let reason = format!(
            "{period:?} is not allowed; a session's budget has the period \"session\", and no other one has"
        );
        return Some(("period", reason));
    }
    if budget.seconds.is_some() && !is_session {
        let reason = "is for budgets by session".to_owned();
        return Some(("max_seconds", reason));
    }
    match &budget.only {
        Some(_) if budget.by == BudgetBy::Tenant || is_session => {
            let by = budget.by.as_str();
            let reason = format!("is for budgets by project, key or user, not by {by}");
            return Some(("only", reason));
        }
        Some(only) if only.is_empty() || only.len() > MAX_SUBJECT_BYTES => {
            let reason = format!("must have 1 to {MAX_SUBJECT_BYTES} bytes");
            return Some(("only", reason));
        }
        Some(_) | None => {}
    }
    let warn_at = &budget.warn_at;
    let in_range = |percent: &u8| (1..=MAX_WARN_PERCENT).contains(percent);
    let ascends = warn_at.windows(2).all(|pair| pair[0] < pair[1]);
    if warn_at.len() > MAX_WARNINGS || !ascends || !warn_at.iter().all(in_range) {
        let reason = format!(
            "must be at most {MAX_WARNINGS} different shares of the limit in ascending order, each from 0.01 to 0.99"
        );
        return Some(("warn_at", reason));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(name: &str) -> Budget {
        Budget {
            name: name.to_owned(),
            by: BudgetBy::Key,
            only: None,
            period: Period::Month,
            micro_usd: Some(1),
            tokens: None,
            calls: None,
            seconds: None,
            warn_at: vec![50, 80],
        }
    }

    #[test]
    fn budgets_that_cannot_be_meant_are_refused_by_name() {
        let with = |change: fn(&mut Budget)| {
            let mut changed = budget("a");
            change(&mut changed);
            vec![changed]
        };
        let cases = [
            (vec![budget("a b")], "\"a b\" is not allowed"),
            (
                vec![budget("a"), budget("a")],
                "budgets[1].name: \"a\" is listed twice",
            ),
            (
                with(|b| b.tokens = Some(0)),
                "budgets[0].max_tokens: 0 lets",
            ),
            (with(|b| b.micro_usd = None), "limits nothing"),
            (
                with(|b| b.period = Period::Session),
                "budgets[0].period: \"session\"",
            ),
            (
                with(|b| b.by = BudgetBy::Session),
                "budgets[0].period: \"month\"",
            ),
            (with(|b| b.seconds = Some(1)), "max_seconds: is for"),
            (with(|b| b.only = Some(String::new())), "1 to 256 bytes"),
            (
                with(|b| {
                    b.by = BudgetBy::Tenant;
                    b.only = Some("x".to_owned());
                }),
                "not by tenant",
            ),
            (with(|b| b.warn_at = vec![80, 50]), "warn_at"),
            (with(|b| b.warn_at = vec![100]), "warn_at"),
            (
                (0..33).map(|n| budget(&format!("b{n}"))).collect(),
                "33 are listed",
            ),
        ];
        for (budgets, expected) in cases {
            let error = validate(&budgets).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(validate(&[budget("a"), budget("b")]), Ok(()));
    }
}
