//! `floopy savings verify`: the chain of an export checked first, then every row's figures recomputed.

use std::{cell::RefCell, path::PathBuf};

use clap::Args;
use floopy_shared::domain::savings::{PPM, invoice_micro_usd, rate_ppm};
use serde_json::{Value, json};

use super::{
    SavingsError, against,
    row::Row,
    tally::{Tally, told_prices},
};
use crate::{
    catalog::table::{Side, table},
    console::Console,
    export::{Verified, public_key, verified},
    replay::open,
};

/// Lines that an error names.
const MOST_LINES: usize = 20;

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The export; may be packed with gzip
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Share of the savings that is due
    #[arg(long, value_name = "SHARE", default_value_t = 0.15)]
    rate: f64,
    /// An answer of GET /v1/optimization/savings of the same span: its `recorded` must be what the rows add up to
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// The key that must have signed the export, as GET /v1/export/public-key tells it
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
    /// Print what was found as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &VerifyArgs, console: &mut Console) -> Result<(), SavingsError> {
    let path = || args.file.display().to_string();
    let rate = rate_ppm(args.rate).ok_or(SavingsError::Rate(args.rate))?;
    let pinned = args.public_key.as_deref().map(public_key).transpose();
    let pinned = pinned.map_err(SavingsError::Key)?;
    let file = |source| SavingsError::File {
        path: path(),
        source,
    };
    let lines = open(&args.file).map_err(file)?;
    let tally = RefCell::new(Tally::default());
    let each = |line: u64, bytes: &[u8]| {
        let row: Row = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        tally.borrow_mut().add(line, &row);
        Ok(())
    };
    let export = verified(lines, pinned, each).map_err(file)?;
    let export = export.map_err(|bad| SavingsError::Bad { path: path(), bad })?;
    let tally = tally.into_inner();
    let answer = args
        .against
        .as_ref()
        .map(|file| against::read(file))
        .transpose()?;
    let differs = answer
        .as_ref()
        .map(|answer| answer.differs(&export, &tally));
    if args.json {
        let mut found = told(&export, &tally, rate);
        found["against"] = json!(differs);
        console.say(&found.to_string());
    } else {
        console.say(&text(&export, &tally, rate));
    }
    conclude(args, (&export, &tally), differs.unwrap_or_default())
}

fn conclude(
    args: &VerifyArgs,
    (export, tally): (&Verified, &Tally),
    differs: Vec<String>,
) -> Result<(), SavingsError> {
    let path = args.file.display().to_string();
    if tally.wrong_rows > 0 {
        return Err(SavingsError::Wrong {
            path,
            rows: tally.wrong_rows,
            lines: lines_of(tally),
        });
    }
    if !differs.is_empty() {
        let path = args.against.as_ref().map(|file| file.display().to_string());
        return Err(SavingsError::Disagrees {
            path: path.unwrap_or_default(),
            keys: differs.join("; "),
        });
    }
    if !export.is_complete {
        let rows = export.rows;
        return Err(SavingsError::Incomplete { path, rows });
    }
    Ok(())
}

fn lines_of(tally: &Tally) -> String {
    let mut lines: Vec<u64> = tally.wrong.iter().map(|wrong| wrong.line).collect();
    lines.dedup();
    let named: Vec<String> = lines.iter().take(MOST_LINES).map(u64::to_string).collect();
    let more = if lines.len() > MOST_LINES {
        ", …"
    } else {
        ""
    };
    named.join(", ") + more
}

/// The same for programs.
fn told(export: &Verified, tally: &Tally, rate: u32) -> Value {
    let rules = tally.rules.iter().map(|(name, sum)| {
        let mut rule = sum.told();
        rule["name"] = json!(name);
        rule
    });
    let prices = tally
        .prices
        .iter()
        .map(|((model, version), (prices, line))| {
            let mut told = told_prices(*prices);
            told["model"] = json!(model);
            told["price_table_version"] = json!(version);
            told["line"] = json!(line);
            told
        });
    let wrong = tally.wrong.iter().map(|wrong| {
        json!({"line": wrong.line, "key": wrong.key, "told": wrong.told, "recomputed": wrong.recomputed})
    });
    let mut body = tally.total.told();
    body["ok"] = json!(tally.wrong_rows == 0);
    body["rows"] = json!(export.rows);
    body["is_complete"] = json!(export.is_complete);
    body["from"] = json!(export.from);
    body["to"] = json!(export.to);
    body["excluded"] = json!(tally.excluded);
    body["rate"] = json!(f64::from(rate) / PPM as f64);
    body["invoice_micro_usd"] = json!(invoice_micro_usd(tally.total.savings(), rate));
    body["rules"] = rules.collect();
    body["prices"] = prices.collect();
    body["wrong_rows"] = json!(tally.wrong_rows);
    body["wrong"] = wrong.collect();
    body
}

fn text(export: &Verified, tally: &Tally, rate: u32) -> String {
    let right = Side::Right;
    let heads = [
        ("RULE", Side::Left),
        ("REQUESTS", right),
        ("BASELINE µUSD", right),
        ("ACTUAL µUSD", right),
        ("SAVED µUSD", right),
    ];
    let row = |name: &str, sum: super::tally::Sum| {
        vec![
            name.to_owned(),
            sum.requests.to_string(),
            sum.baseline.to_string(),
            sum.actual.to_string(),
            sum.savings().to_string(),
        ]
    };
    let rules = tally.rules.iter().map(|(name, sum)| row(name, *sum));
    let rows: Vec<_> = rules.chain([row("all", tally.total)]).collect();
    let excluded = tally.excluded.iter();
    let excluded: Vec<_> = excluded
        .map(|(why, count)| vec![(*why).to_owned(), count.to_string()])
        .collect();
    let due = invoice_micro_usd(tally.total.savings(), rate);
    let mut parts = vec![
        format!(
            "{} rows of {}, from {} to {}",
            export.rows, export.organization_id, export.from, export.to
        ),
        table(&heads, &rows),
    ];
    if !excluded.is_empty() {
        parts.push(table(
            &[("NOT COUNTED", Side::Left), ("REQUESTS", right)],
            &excluded,
        ));
    }
    parts.push(prices(tally));
    for wrong in &tally.wrong {
        parts.push(format!(
            "line {}: {} is {}, but {} follows",
            wrong.line, wrong.key, wrong.told, wrong.recomputed
        ));
    }
    let share = f64::from(rate) / PPM as f64;
    parts.push(format!(
        "due at {share} of the savings: {due} µUSD, at most: what a rule saved while its quality fell is not billed"
    ));
    parts.join("\n\n")
}

/// By which prices: for whoever compares them with what providers published.
fn prices(tally: &Tally) -> String {
    let right = Side::Right;
    let heads = [
        ("PRICES OF", Side::Left),
        ("TABLE", right),
        ("IN", right),
        ("CACHED", right),
        ("OUT µUSD/MTOK", right),
    ];
    let rows = tally.prices.iter().map(|((model, version), (prices, _))| {
        let cached = prices.cached_input_micro_usd_per_mtok;
        vec![
            model.clone(),
            version.to_string(),
            prices.input_micro_usd_per_mtok.to_string(),
            cached.map_or("-".to_owned(), |cached| cached.to_string()),
            prices.output_micro_usd_per_mtok.to_string(),
        ]
    });
    table(&heads, &rows.collect::<Vec<_>>())
}
