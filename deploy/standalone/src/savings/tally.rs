//! What the rows of an export add up to, recomputed one by one, and where they say otherwise themselves.

use std::collections::{BTreeMap, HashSet};

use floopy_shared::domain::savings::{Excluded, Figures};
use serde_json::{Value, json};

use super::row::{Row, TokenPrices};

/// Wrong figures that are named; all are counted.
const MOST_NAMED: usize = 100;

/// A figure of a row that does not follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: u64,
    pub(super) key: &'static str,
    pub(super) told: Value,
    pub(super) recomputed: Value,
}

/// Sums of rows that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) requests: u64,
    pub(super) baseline: u64,
    pub(super) actual: u64,
}

/// Which prices a model had in which version of the table.
type Priced = BTreeMap<(String, u64), (TokenPrices, u64)>;

/// Everything so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) total: Sum,
    pub(super) rules: BTreeMap<String, Sum>,
    pub(super) excluded: BTreeMap<&'static str, u64>,
    pub(super) wrong: Vec<Wrong>,
    pub(super) wrong_rows: u64,
    /// The first line that told them is beside the prices.
    pub(super) prices: Priced,
    /// Rows of the last row's millisecond: a part that was resumed by time begins with them again.
    seen: (String, HashSet<String>),
}

impl Sum {
    fn add(&mut self, figures: Figures) {
        self.requests += 1;
        self.baseline = self.baseline.saturating_add(figures.baseline_micro_usd);
        self.actual = self.actual.saturating_add(figures.actual_micro_usd);
    }

    pub(super) fn savings(self) -> i64 {
        let signed = |micro_usd: u64| i64::try_from(micro_usd).unwrap_or(i64::MAX);
        signed(self.baseline).saturating_sub(signed(self.actual))
    }

    pub(super) fn told(self) -> Value {
        json!({
            "requests": self.requests,
            "baseline_cost_micro_usd": self.baseline,
            "actual_cost_micro_usd": self.actual,
            "savings_micro_usd": self.savings(),
        })
    }
}

impl Tally {
    /// Counts a row, and compares what it says of itself with what follows.
    pub(super) fn add(&mut self, line: u64, row: &Row) {
        if !self.is_new(row) {
            return;
        }
        let facts = row.facts();
        let counted = facts.counted();
        let before = self.wrong.len();
        let wrong = checked(line, row);
        self.prices_of(line, row);
        let more = wrong.len() + self.wrong.len() - before;
        let room = MOST_NAMED.saturating_sub(self.wrong.len());
        self.wrong.extend(wrong.into_iter().take(room));
        self.wrong_rows += u64::from(more > 0);
        match counted {
            Ok(figures) => {
                self.total.add(figures);
                let rule = row.routing_rule.clone().unwrap_or_default();
                self.rules.entry(rule).or_default().add(figures);
            }
            // A copy is no call.
            Err(Excluded::Shadow) => {}
            Err(why) => *self.excluded.entry(why.as_str()).or_default() += 1,
        }
    }

    fn is_new(&mut self, row: &Row) -> bool {
        if self.seen.0 != row.created_at {
            self.seen = (row.created_at.clone(), HashSet::new());
        }
        self.seen.1.insert(row.request_id.clone())
    }

    /// One version of the table has one price of a model. Version 0 is what a proxy knew by itself.
    fn prices_of(&mut self, line: u64, row: &Row) {
        let Some(told) = &row.savings else {
            return;
        };
        let both = [
            (
                "savings.baseline_prices",
                &told.baseline_model,
                told.baseline_prices,
            ),
            ("savings.served_prices", &row.winner, told.served_prices),
        ];
        for (key, model, prices) in both {
            let (Some(model), Some(prices)) = (model, prices) else {
                continue;
            };
            let version = told.price_table_version;
            let found = self.prices.entry((model.key(), version));
            let (held, _) = *found.or_insert((prices, line));
            if held != prices && version > 0 && self.wrong.len() < MOST_NAMED {
                self.wrong.push(Wrong {
                    line,
                    key,
                    told: told_prices(prices),
                    recomputed: told_prices(held),
                });
            }
        }
    }
}

pub(super) fn told_prices(prices: TokenPrices) -> Value {
    json!({
        "input_micro_usd_per_mtok": prices.input_micro_usd_per_mtok,
        "cached_input_micro_usd_per_mtok": prices.cached_input_micro_usd_per_mtok,
        "output_micro_usd_per_mtok": prices.output_micro_usd_per_mtok,
    })
}

/// The figures of a row that do not follow from its tokens and prices.
fn checked(line: u64, row: &Row) -> Vec<Wrong> {
    let Some(told) = &row.savings else {
        return Vec::new();
    };
    let facts = row.facts();
    let figures = facts.figures();
    let served = facts.served_prices.filter(|_| figures.is_some());
    let cost = served.map(|prices| prices.cost_micro_usd(facts.usage));
    let baseline = figures.map(|figures| figures.baseline_micro_usd);
    let actual = figures.map(|figures| figures.actual_micro_usd);
    let savings = figures.map(Figures::savings_micro_usd);
    let excluded = facts.excluded().map(Excluded::as_str);
    let pairs = [
        ("savings.excluded", json!(told.excluded), json!(excluded)),
        (
            "savings.baseline_cost_micro_usd",
            json!(told.baseline_cost_micro_usd),
            json!(baseline),
        ),
        (
            "savings.actual_cost_micro_usd",
            json!(told.actual_cost_micro_usd),
            json!(actual),
        ),
        (
            "savings.savings_micro_usd",
            json!(told.savings_micro_usd),
            json!(savings),
        ),
        // Where nothing follows, nothing is compared.
        (
            "outcome.cost_micro_usd",
            json!(row.outcome.cost_micro_usd),
            match cost {
                Some(cost) => json!(cost),
                None => json!(row.outcome.cost_micro_usd),
            },
        ),
    ];
    let wrong = pairs.into_iter().filter(|(_, told, found)| told != found);
    wrong
        .map(|(key, told, recomputed)| Wrong {
            line,
            key,
            told,
            recomputed,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that counts: 1,000 tokens in and 100 out.
    fn row() -> Value {
        json!({
            "request_id": "r1", "created_at": "2026-11-01T00:00:00Z", "shadow_of": null, "evaluation": false,
            "stage": "finished", "routing_rule": "frugal", "winner": {"provider": "p", "model": "b"},
            "outcome": {
                "status": 200, "ending": "completed", "cost_micro_usd": 210, "input_tokens": 1_000,
                "output_tokens": 100, "cached_input_tokens": 0, "usage_estimated": false, "cache_hit": false,
            },
            "attempts": [{"wasted_micro_usd": 10}, {"wasted_micro_usd": null}],
            "savings": {
                "excluded": null, "baseline_model": {"provider": "p", "model": "base"},
                "baseline_cost_micro_usd": 3_500, "actual_cost_micro_usd": 220, "savings_micro_usd": 3_280,
                "baseline_prices": {
                    "input_micro_usd_per_mtok": 2_500_000, "cached_input_micro_usd_per_mtok": null,
                    "output_micro_usd_per_mtok": 10_000_000,
                },
                "served_prices": {
                    "input_micro_usd_per_mtok": 150_000, "cached_input_micro_usd_per_mtok": null,
                    "output_micro_usd_per_mtok": 600_000,
                },
                "price_table_version": 7,
            },
        })
    }

    fn tally(rows: &[Value]) -> Tally {
        let mut tally = Tally::default();
        for (line, row) in (1..).zip(rows) {
            tally.add(line, &serde_json::from_value(row.clone()).expect("a row"));
        }
        tally
    }

    fn changed(pointer: &str, value: Value) -> Value {
        let mut row = row();
        *row.pointer_mut(pointer).expect("a key") = value;
        row
    }

    #[test]
    fn rows_are_summed_by_rule_and_by_why_they_do_not_count() {
        let mut hit = changed("/outcome/cache_hit", json!(true));
        hit["request_id"] = json!("r2");
        hit["savings"]["excluded"] = json!("cache_hit");
        for key in [
            "baseline_cost_micro_usd",
            "actual_cost_micro_usd",
            "savings_micro_usd",
        ] {
            hit["savings"][key] = Value::Null;
        }
        // The same row again, as after a part that was resumed by time.
        let found = tally(&[row(), row(), hit]);
        assert_eq!(found.wrong, []);
        let expected = Sum {
            requests: 1,
            baseline: 3_500,
            actual: 220,
        };
        assert_eq!((found.total, found.rules["frugal"]), (expected, expected));
        assert_eq!(found.excluded, BTreeMap::from([("cache_hit", 1)]));
    }

    #[test]
    fn a_figure_that_does_not_follow_is_named() {
        let cases = [
            (
                "/savings/baseline_cost_micro_usd",
                json!(3_501),
                "savings.baseline_cost_micro_usd",
            ),
            (
                "/savings/actual_cost_micro_usd",
                json!(210),
                "savings.actual_cost_micro_usd",
            ),
            (
                "/savings/savings_micro_usd",
                json!(3_281),
                "savings.savings_micro_usd",
            ),
            ("/savings/excluded", json!("no_price"), "savings.excluded"),
            (
                "/outcome/cost_micro_usd",
                json!(209),
                "outcome.cost_micro_usd",
            ),
        ];
        for (pointer, value, key) in cases {
            let found = tally(&[changed(pointer, value)]);
            let keys: Vec<(u64, &str)> = found.wrong.iter().map(|w| (w.line, w.key)).collect();
            assert_eq!((keys, found.wrong_rows), (vec![(1, key)], 1), "{pointer}");
        }
    }

    #[test]
    fn one_version_of_the_table_has_one_price_of_a_model() {
        let mut other = changed(
            "/savings/baseline_prices/output_micro_usd_per_mtok",
            json!(20_000_000),
        );
        other["request_id"] = json!("r2");
        other["savings"]["baseline_cost_micro_usd"] = json!(4_500);
        other["savings"]["savings_micro_usd"] = json!(4_280);
        let found = tally(&[row(), other.clone()]);
        assert_eq!(
            (found.wrong[0].line, found.wrong[0].key),
            (2, "savings.baseline_prices")
        );
        other["savings"]["price_table_version"] = json!(8);
        assert_eq!(tally(&[row(), other]).wrong, []);
    }
}
