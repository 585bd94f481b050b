//! What was told of savings, compared with what the rows of an export add up to.

use std::{collections::BTreeMap, fs, path::Path};

use floopy_shared::domain::savings::{invoice_micro_usd, rate_ppm};
use serde::Deserialize;

use super::{
    SavingsError,
    tally::{Sum, Tally},
};
use crate::export::Verified;

/// As much of the answer as is compared.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    from: String,
    to: String,
    recorded: Recorded,
}

#[derive(Debug, Deserialize)]
struct Recorded {
    #[serde(flatten)]
    sum: Told,
    billable_savings_micro_usd: i64,
    excluded: BTreeMap<String, u64>,
    rate: f64,
    invoice_micro_usd: u64,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    name: String,
    #[serde(flatten)]
    sum: Told,
    not_billed_because: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Told {
    requests: u64,
    baseline_cost_micro_usd: u64,
    actual_cost_micro_usd: u64,
    savings_micro_usd: i64,
}

/// Reads a saved answer.
pub(super) fn read(file: &Path) -> Result<Answer, SavingsError> {
    let path = file.display().to_string();
    let text = fs::read(file).map_err(|source| SavingsError::File {
        path: path.clone(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|e| SavingsError::NoAnswer {
        path,
        reason: e.to_string(),
    })
}

impl Answer {
    /// What it says otherwise; that quality fell under a rule it is believed, as no row shows it.
    pub(super) fn differs(&self, export: &Verified, tally: &Tally) -> Vec<String> {
        let mut differs = Differs::default();
        differs.of("from", &self.from, &export.from);
        differs.of("to", &self.to, &export.to);
        let told = &self.recorded;
        differs.of_sum("recorded", &told.sum, tally.total);
        for rule in &told.rules {
            let found = tally.rules.get(&rule.name).copied().unwrap_or_default();
            differs.of_sum(&rule.name, &rule.sum, found);
        }
        let named = told.rules.iter().map(|rule| rule.name.as_str());
        let held = tally.rules.keys().map(String::as_str);
        differs.of("rules", &sorted(named), &sorted(held));
        for (why, count) in &told.excluded {
            let found = tally.excluded.get(why.as_str()).copied().unwrap_or(0);
            differs.of(&format!("excluded.{why}"), count, &found);
        }
        let billable = told.rules.iter().fold(0_i64, |sum, rule| {
            let saved = tally.rules.get(&rule.name).copied().unwrap_or_default();
            let saved = saved.savings();
            sum.saturating_add(match rule.not_billed_because {
                Some(_) => saved.min(0),
                None => saved,
            })
        });
        differs.of(
            "billable_savings_micro_usd",
            &told.billable_savings_micro_usd,
            &billable,
        );
        let due = invoice_micro_usd(billable, rate_ppm(told.rate).unwrap_or(0));
        differs.of("invoice_micro_usd", &told.invoice_micro_usd, &due);
        differs.0
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names
}

/// What is told otherwise, in words.
#[derive(Default)]
struct Differs(Vec<String>);

impl Differs {
    fn of<T: PartialEq + std::fmt::Debug>(&mut self, key: &str, told: &T, found: &T) {
        if told != found {
            self.0
                .push(format!("{key} is {told:?}, the rows make {found:?}"));
        }
    }

    fn of_sum(&mut self, of: &str, told: &Told, found: Sum) {
        self.of(&format!("{of}.requests"), &told.requests, &found.requests);
        let costs = (told.baseline_cost_micro_usd, told.actual_cost_micro_usd);
        self.of(
            &format!("{of}.costs"),
            &costs,
            &(found.baseline, found.actual),
        );
        self.of(
            &format!("{of}.savings_micro_usd"),
            &told.savings_micro_usd,
            &found.savings(),
        );
    }
}
