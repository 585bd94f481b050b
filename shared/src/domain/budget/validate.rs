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
    let invalid = |reason: String| InvalidConstraints {
        field: "budgets",
        reason,
    };
    if budgets.len() > MAX_BUDGETS {
        let count = budgets.len();
        return Err(invalid(format!(
            "{count} are listed, at most {MAX_BUDGETS} are allowed"
        )));
    }
    for (index, budget) in budgets.iter().enumerate() {
        let name = &budget.name;
        if !is_name(name) {
            return Err(invalid(format!(
                "the name {name:?} is not allowed; it must be 1 to 64 of a-z A-Z 0-9 - _ ."
            )));
        }
        if budgets[..index].iter().any(|other| other.name == *name) {
            return Err(invalid(format!("{name:?} is listed twice")));
        }
        if let Some(reason) = wrong(budget) {
            return Err(invalid(format!("{name:?}: {reason}")));
        }
    }
    Ok(())
}

fn wrong(budget: &Budget) -> Option<String> {
    let limits = [
        ("max_usd", budget.micro_usd),
        ("max_tokens", budget.tokens),
        ("max_calls", budget.calls),
        ("max_seconds", budget.seconds),
    ];
    if let Some((key, _)) = limits.iter().find(|(_, limit)| *limit == Some(0)) {
        return Some(format!(
            "{key} is 0, which lets nothing pass; it must be above 0, or null for no limit"
        ));
    }
    if limits.iter().all(|(_, limit)| limit.is_none()) {
        return Some("it limits nothing; set max_usd, max_tokens or max_calls".to_owned());
    }
    let is_session = budget.by == BudgetBy::Session;
    if (budget.period == Period::Session) != is_session {
        let period = budget.period.write();
        return Some(format!(
            "period is {period:?}; a session's budget has the period \"session\", and no other one has"
        ));
    }
    if budget.seconds.is_some() && !is_session {
        return Some("max_seconds is for budgets by session".to_owned());
    }
    match &budget.only {
        Some(_) if budget.by == BudgetBy::Tenant || is_session => {
            let by = budget.by.as_str();
            return Some(format!(
                "only is for budgets by project, key or user, not by {by}"
            ));
        }
        Some(only) if only.is_empty() || only.len() > MAX_SUBJECT_BYTES => {
            return Some(format!("only must have 1 to {MAX_SUBJECT_BYTES} bytes"));
        }
        Some(_) | None => {}
    }
    let warn_at = &budget.warn_at;
    let in_range = |percent: &u8| (1..=MAX_WARN_PERCENT).contains(percent);
    let ascends = warn_at.windows(2).all(|pair| pair[0] < pair[1]);
    if warn_at.len() > MAX_WARNINGS || !ascends || !warn_at.iter().all(in_range) {
        return Some(format!(
            "warn_at must be at most {MAX_WARNINGS} different shares of the limit, each from 0.01 to 0.99"
        ));
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
            (vec![budget("a"), budget("a")], "\"a\" is listed twice"),
            (with(|b| b.tokens = Some(0)), "max_tokens is 0"),
            (with(|b| b.micro_usd = None), "limits nothing"),
            (
                with(|b| b.period = Period::Session),
                "period is \"session\"",
            ),
            (with(|b| b.by = BudgetBy::Session), "period is \"month\""),
            (with(|b| b.seconds = Some(1)), "max_seconds is for"),
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
