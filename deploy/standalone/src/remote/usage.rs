//! `floopy usage`: what calls used.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{
    ClientError,
    asked::{Asked, items, query},
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

/// What calls used.
#[derive(Debug, Args)]
pub(crate) struct Usage {
    /// The first day, as in 2026-11-01 [default: the first of this month]
    #[arg(long)]
    from: Option<String>,
    /// The last day [default: today]
    #[arg(long)]
    to: Option<String>,
    /// One or more of day, project, environment, model
    #[arg(long, default_value = "model")]
    by: String,
    #[command(flatten)]
    asked: Asked,
}

const USED: &[Column] = &[
    ("REQUESTS", "/requests", Side::Right),
    ("ERRORS", "/errors", Side::Right),
    ("INPUT", "/input_tokens", Side::Right),
    ("OUTPUT", "/output_tokens", Side::Right),
    ("µUSD", "/cost_micro_usd", Side::Right),
    ("SHADOW µUSD", "/shadow_cost_micro_usd", Side::Right),
];

const BUDGETS: &[Column] = &[
    ("BUDGET", "/name", Side::Left),
    ("BY", "/by", Side::Left),
    ("WHO", "/subject", Side::Left),
    ("USED %", "/percent", Side::Right),
    ("µUSD", "/cost_micro_usd", Side::Right),
    ("TOKENS", "/tokens", Side::Right),
    ("CALLS", "/calls", Side::Right),
];

impl Usage {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        let by = Some(self.by.clone());
        let query = query(&[("from", &self.from), ("to", &self.to), ("group_by", &by)]);
        let client = self.asked.remote.client()?;
        let used = client
            .ask(Method::GET, &format!("/v1/usage?{query}"), None)
            .await?;
        self.asked.show(console, &used, |used| self.table(used));
        Ok(())
    }

    fn table(&self, used: &Value) -> String {
        let named: Vec<Column> = self
            .by
            .split(',')
            .filter_map(|name| match name.trim() {
                "day" => Some(("DAY", "/day", Side::Left)),
                "project" => Some(("PROJECT", "/project_id", Side::Left)),
                "environment" => Some(("ENVIRONMENT", "/environment", Side::Left)),
                "model" => Some(("MODEL", "/model", Side::Left)),
                _ => None,
            })
            .collect();
        let columns: Vec<Column> = named.iter().chain(USED).copied().collect();
        let mut rows = items(used, "/groups");
        let mut total = used["total"].clone();
        if let Some((_, pointer, _)) = named.first() {
            total[pointer.trim_start_matches('/')] = json!("TOTAL");
        }
        rows.push(total);
        let mut shown = tables::of(&rows, &columns);
        let spent: Vec<Value> = items(used, "/budgets").iter().flat_map(spent).collect();
        if !spent.is_empty() {
            shown.push('\n');
            shown.push_str(&tables::of(&spent, BUDGETS));
        }
        shown
    }
}

/// Who spent how much of a budget, a row for each.
fn spent(budget: &Value) -> Vec<Value> {
    let mut rows = items(budget, "/accounts");
    for row in &mut rows {
        row["name"] = budget["name"].clone();
        row["by"] = budget["by"].clone();
        let share = row["used"].as_f64().unwrap_or(0.0);
        row["percent"] = json!(format!("{:.0}", share * 100.0));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::{super::Remote, *};

    #[test]
    fn a_total_stands_below_its_groups() {
        let usage = Usage {
            from: None,
            to: None,
            by: "day,model".to_owned(),
            asked: Asked {
                remote: Remote {
                    url: String::new(),
                    key_env: String::new(),
                },
                json: false,
            },
        };
        let answer = json!({
            "total": {"requests": 3}, "groups": [{"day": "2026-11-01", "model": null, "requests": 3}],
        });
        let shown = usage.table(&answer);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].starts_with("2026-11-01  -"), "{shown}");
        assert!(lines[2].starts_with("TOTAL"), "{shown}");
        let budget = json!({"name": "keys", "by": "key", "accounts": [
            {"subject": "key_1", "used": 0.471, "cost_micro_usd": 94, "tokens": 5, "calls": 2},
        ]});
        let mut answer = answer;
        answer["budgets"] = json!([budget]);
        let shown = usage.table(&answer);
        let row = shown.lines().last().unwrap_or_default();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words, ["keys", "key", "key_1", "47", "94", "5", "2"]);
    }
}
