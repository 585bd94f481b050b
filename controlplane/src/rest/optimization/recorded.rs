//! What the figures recorded with each call add up to, and what is due for them.

use std::collections::BTreeMap;

use floopy_shared::domain::savings::{Excluded, PPM, invoice_micro_usd};
use serde_json::{Value, json};

use super::{Asker, Route};
use crate::{
    learn::versus_baseline::{Reply, Status, compare},
    rest::{Api, error::ApiError},
    store::accounted::{During, Line},
};

/// A rule that calls of the time followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    name: String,
    /// `None`: it is there no more.
    id: Option<String>,
    /// What verification says of the same time.
    quality: Status,
}

/// Sums of calls that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    calls: u64,
    baseline: u64,
    actual: u64,
}

impl Sum {
    fn add(&mut self, line: &Line) {
        self.calls += line.calls;
        self.baseline = self.baseline.saturating_add(line.baseline_micro_usd);
        self.actual = self.actual.saturating_add(line.paid_micro_usd);
    }

    fn savings(self) -> i64 {
        let signed = |micro_usd: u64| i64::try_from(micro_usd).unwrap_or(i64::MAX);
        signed(self.baseline).saturating_sub(signed(self.actual))
    }

    fn told(self) -> Value {
        json!({
            "requests": self.calls,
            "baseline_cost_micro_usd": self.baseline,
            "actual_cost_micro_usd": self.actual,
            "savings_micro_usd": self.savings(),
        })
    }
}

impl Asker {
    /// A rule by what callers were served under it and by what the baseline replied there.
    pub(super) fn rule(&self, route: &Route, replies: &[Reply]) -> Rule {
        Rule {
            name: route.name.clone(),
            id: Some(route.id.clone()).filter(|id| !id.is_empty()),
            quality: compare(replies).status(self.tolerated()),
        }
    }

    /// What the calls of the window add up to, of all rules or of one alone; `share` replies of rules that are there
    /// no more are looked at.
    pub(super) async fn recorded(
        &self,
        api: &Api,
        known: Vec<Rule>,
        (window_ms, share, only): (u64, u32, Option<&Rule>),
    ) -> Result<Value, ApiError> {
        let during = During {
            tenant: &self.id,
            from_ms: self.now_ms.saturating_sub(window_ms),
            to_ms: self.now_ms,
        };
        let mut lines = api.log.lines(during).await?;
        lines.retain(|line| only.is_none_or(|only| only.name == line.rule));
        let mut rules = Vec::new();
        for name in names(&lines) {
            if let Some(rule) = known.iter().find(|rule| rule.name == name) {
                rules.push(rule.clone());
                continue;
            }
            let gone = Route {
                id: String::new(),
                name: name.to_owned(),
            };
            let (replies, _) = self.replies(api, (&gone, window_ms), share).await?;
            rules.push(self.rule(&gone, &replies));
        }
        Ok(recorded(&lines, &rules, api.savings_rate_ppm))
    }
}

/// The names of rules with calls that count.
fn names(lines: &[Line]) -> Vec<&str> {
    let counted = lines.iter().filter(|line| line.excluded.is_none());
    counted.map(|line| line.rule.as_str()).collect()
}

/// Adds up lines; `rules` are those of [`names`].
fn recorded(lines: &[Line], rules: &[Rule], rate_ppm: u32) -> Value {
    let mut total = Sum::default();
    let mut by_rule: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut excluded: BTreeMap<&str, u64> = BTreeMap::new();
    for line in lines {
        match line.excluded {
            None => {
                total.add(line);
                by_rule.entry(&line.rule).or_default().add(line);
            }
            Some(why) => *excluded.entry(why.as_str()).or_default() += line.calls,
        }
    }
    // Of each reason a number, also where there is none: a copy is no call.
    for why in Excluded::ALL
        .into_iter()
        .filter(|why| *why != Excluded::Shadow)
    {
        excluded.entry(why.as_str()).or_default();
    }
    let mut billable = 0_i64;
    let described: Vec<Value> = rules
        .iter()
        .map(|rule| {
            let sum = by_rule.get(rule.name.as_str()).copied().unwrap_or_default();
            let due = billed(sum.savings(), rule.quality);
            billable = billable.saturating_add(due);
            described(rule, sum, due)
        })
        .collect();
    let mut body = total.told();
    body["billable_savings_micro_usd"] = json!(billable);
    body["excluded"] = json!(excluded);
    body["rate"] = json!(f64::from(rate_ppm) / PPM as f64);
    body["invoice_micro_usd"] = json!(invoice_micro_usd(billable, rate_ppm));
    body["rules"] = json!(described);
    body
}

/// What a rule saved is not billed where quality fell; what it lost is always taken off.
fn billed(savings: i64, quality: Status) -> i64 {
    match quality {
        Status::RegressionDetected => savings.min(0),
        Status::Verified | Status::NotVerified | Status::InsufficientData => savings,
    }
}

fn described(rule: &Rule, sum: Sum, due: i64) -> Value {
    let mut body = sum.told();
    body["name"] = json!(rule.name);
    body["route_id"] = json!(rule.id);
    body["billable_savings_micro_usd"] = json!(due);
    body["quality"] = json!(rule.quality.as_str());
    body["not_billed_because"] = match rule.quality {
        Status::RegressionDetected => json!(rule.quality.as_str()),
        Status::Verified | Status::NotVerified | Status::InsufficientData => Value::Null,
    };
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(rule: &str, excluded: Option<Excluded>, (baseline, paid): (u64, u64)) -> Line {
        Line {
            rule: rule.to_owned(),
            excluded,
            calls: 2,
            baseline_micro_usd: baseline,
            paid_micro_usd: paid,
        }
    }

    fn rule(name: &str, quality: Status) -> Rule {
        Rule {
            name: name.to_owned(),
            id: None,
            quality,
        }
    }

    #[test]
    fn savings_of_a_rule_whose_quality_fell_are_not_billed_and_losses_always_count() {
        let lines = [
            line("good", None, (1_000, 100)),
            line("worse", None, (9_000, 0)),
            line("dear", None, (100, 140)),
            line("good", Some(Excluded::CacheHit), (0, 0)),
        ];
        let rules = [
            rule("good", Status::Verified),
            rule("worse", Status::RegressionDetected),
            rule("dear", Status::RegressionDetected),
        ];
        assert_eq!(names(&lines), ["good", "worse", "dear"]);
        let found = recorded(&lines, &rules, 150_000);
        assert_eq!(found["savings_micro_usd"], 9_860);
        assert_eq!(found["billable_savings_micro_usd"], 860);
        assert_eq!(found["invoice_micro_usd"], 129);
        assert_eq!(
            (&found["requests"], &found["rate"]),
            (&json!(6), &json!(0.15))
        );
        assert_eq!(found["excluded"]["cache_hit"], 2);
        assert_eq!(found["excluded"]["no_price"], 0);
        assert_eq!(
            found["rules"][1]["not_billed_because"],
            "regression_detected"
        );
    }
}
