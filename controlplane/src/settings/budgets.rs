//! Budgets as they are written: a list that is replaced as a whole.

use floopy_shared::domain::{
    budget::{Budget, BudgetBy, Period, validate},
    constraints::InvalidConstraints,
    ids::TenantId,
    money::micro_usd,
};
use serde::{Deserialize, Serialize};

use super::{limits::MAX_MICRO_USD, read, unreadable};
use crate::store::{
    Store, StoreError,
    settings::{self, Kind},
};

/// The key of the group, whose value is the list.
pub(crate) const BUDGETS: &str = "budgets";
/// Where nobody says when to be warned.
const WARN_AT: f64 = 0.8;

/// One of them; at least one of its limits is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenBudget {
    name: String,
    by: String,
    #[serde(default)]
    only: Option<String>,
    #[serde(default)]
    period: Option<String>,
    #[serde(default)]
    max_usd: Option<f64>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_calls: Option<u64>,
    #[serde(default)]
    max_seconds: Option<u64>,
    #[serde(default)]
    warn_at: Option<Vec<f64>>,
}

/// As proxies know them, if they can be meant.
pub(crate) fn to_domain(written: &[WrittenBudget]) -> Result<Vec<Budget>, InvalidConstraints> {
    let budgets = written.iter().enumerate().map(one);
    let budgets = budgets.collect::<Result<Vec<_>, InvalidConstraints>>()?;
    validate(&budgets)?;
    Ok(budgets)
}

fn one((at, written): (usize, &WrittenBudget)) -> Result<Budget, InvalidConstraints> {
    let invalid = |key: &str, reason: String| {
        InvalidConstraints::new(format!("{BUDGETS}[{at}].{key}"), reason)
    };
    let by = BudgetBy::parse(&written.by).ok_or_else(|| {
        let (known, by) = (BudgetBy::ALL.map(BudgetBy::as_str).join(", "), &written.by);
        invalid(
            "by",
            format!("{by:?} is not known; it must be one of {known}"),
        )
    })?;
    let period = match written.period.as_deref() {
        Some(text) => Period::parse(text).ok_or_else(|| {
            let reason = format!(
                "{text:?} is not known; it must be month, day, session, rolling_<n>h from 6 hours or rolling_<n>d up to 366 days"
            );
            invalid("period", reason)
        })?,
        None if by == BudgetBy::Session => Period::Session,
        None => Period::Month,
    };
    let micro_usd = written.max_usd.map(|usd| {
        let amount = micro_usd(usd).filter(|amount| *amount < MAX_MICRO_USD);
        amount.ok_or_else(|| {
            let reason = format!("{usd} is not allowed; it must be above 0 and below a billion");
            invalid("max_usd", reason)
        })
    });
    let warn_at = written.warn_at.as_deref().unwrap_or(&[WARN_AT]);
    let percent = |share: &f64| {
        percent(*share).ok_or_else(|| {
            let reason = format!("{share} is not allowed; it must be a share from 0.01 to 0.99");
            invalid("warn_at", reason)
        })
    };
    Ok(Budget {
        name: written.name.clone(),
        by,
        only: written.only.clone(),
        period,
        micro_usd: micro_usd.transpose()?,
        tokens: written.max_tokens,
        calls: written.max_calls,
        seconds: written.max_seconds,
        warn_at: warn_at.iter().map(percent).collect::<Result<_, _>>()?,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be in range"
)]
fn percent(share: f64) -> Option<u8> {
    (0.01..=0.99)
        .contains(&share)
        .then(|| (share * 100.0).round() as u8)
}

/// As they are told.
#[expect(
    clippy::cast_precision_loss,
    reason = "amounts up to billions keep their micro-dollars"
)]
pub(crate) fn written(budgets: &[Budget]) -> Vec<WrittenBudget> {
    let written = budgets.iter().map(|budget| WrittenBudget {
        name: budget.name.clone(),
        by: budget.by.as_str().to_owned(),
        only: budget.only.clone(),
        period: Some(budget.period.write()),
        max_usd: budget.micro_usd.map(|micro| micro as f64 / 1e6),
        max_tokens: budget.tokens,
        max_calls: budget.calls,
        max_seconds: budget.seconds,
        warn_at: Some(
            budget
                .warn_at
                .iter()
                .map(|percent| f64::from(*percent) / 100.0)
                .collect(),
        ),
    });
    written.collect()
}

/// Those of every tenant that has any. What cannot be read is told elsewhere.
pub(crate) async fn of_all(store: &Store) -> Result<Vec<(TenantId, Vec<Budget>)>, StoreError> {
    let documents = settings::of_all(store, Kind::Constraints).await?;
    let own = documents
        .iter()
        .filter(|(_, document)| document.id == BUDGETS);
    let budgets = own.filter_map(|(tenant, document)| {
        let written = read::<Vec<WrittenBudget>>(document).ok()?;
        let budgets = to_domain(&written).map_err(unreadable).ok()?;
        Some((tenant.clone(), budgets))
    });
    Ok(budgets.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn put(budget: Value) -> Result<Value, String> {
        let written: WrittenBudget = serde_json::from_value(budget).map_err(|e| e.to_string())?;
        let budgets = to_domain(&[written]).map_err(|e| e.to_string())?;
        Ok(json!(super::written(&budgets)[0]))
    }

    #[test]
    fn what_is_not_said_is_a_month_and_a_warning_at_four_fifths() {
        let told = put(json!({"name": "a", "by": "key", "max_usd": 12.5})).expect("valid");
        let full = json!({
            "name": "a", "by": "key", "only": null, "period": "month", "max_usd": 12.5, "max_tokens": null,
            "max_calls": null, "max_seconds": null, "warn_at": [0.8],
        });
        assert_eq!(told, full);
        assert_eq!(put(full.clone()), Ok(full), "what is told can be put");
        let session = json!({"name": "s", "by": "session", "max_calls": 9, "warn_at": []});
        assert_eq!(put(session).expect("valid")["period"], "session");
    }

    #[test]
    fn what_cannot_be_meant_says_what_would_be_right() {
        let cases = [
            (
                json!({"name": "a", "by": "team", "max_usd": 1}),
                "budgets[0].by: \"team\" is not known; it must be one of tenant, project, key, user, session",
            ),
            (
                json!({"name": "a", "by": "key", "max_usd": 1, "period": "year"}),
                "budgets[0].period: \"year\"",
            ),
            (
                json!({"name": "a", "by": "key", "max_usd": -1}),
                "budgets[0].max_usd: -1",
            ),
            (
                json!({"name": "a", "by": "key", "max_usd": 0}),
                "budgets[0].max_usd: 0",
            ),
            (
                json!({"name": "a", "by": "key", "max_usd": 1, "warn_at": [1]}),
                "budgets[0].warn_at: 1",
            ),
            (json!({"name": "a", "by": "key"}), "limits nothing"),
            (json!({"name": "a", "by": "key", "max_euro": 1}), "max_euro"),
        ];
        for (budget, says) in cases {
            let error = put(budget).expect_err(says);
            assert!(error.contains(says), "{error}");
        }
    }
}
