//! What is printed: aligned tables for people, one object for machines.

mod sections;

use std::fmt::{self, Write};

use serde::Serialize;

use super::{
    calibration::Calibration,
    drift::DriftReport,
    floor::FloorReport,
    measure::{Interval, Mark},
    table::Table,
    verdict::Verdict,
};

/// One policy's results.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PolicyReport {
    pub(super) policy: &'static str,
    pub(super) marks: Vec<Mark>,
}

/// Everything that a run found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Report {
    pub(super) models: Vec<String>,
    pub(super) shapes: usize,
    pub(super) prompts: usize,
    pub(super) prompts_dropped: usize,
    pub(super) tenants: usize,
    pub(super) requests: usize,
    pub(super) seed: u64,
    pub(super) donors: usize,
    /// The share of the baseline's quality that was to be kept; `None`: quality was sought.
    pub(super) floor_share: Option<f64>,
    pub(super) policies: Vec<PolicyReport>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) floor: Vec<FloorReport>,
    pub(super) drifted_model: Option<String>,
    pub(super) drift: Vec<DriftReport>,
    pub(super) calibration: Vec<Calibration>,
}

/// What the input was, and what of it was not used.
pub(super) fn input(name: &str, table: &Table, has_priors: bool) -> String {
    let mut lines = vec![format!(
        "{name}: {} models, {} shapes, {} prompts that all models answered",
        table.models.len(),
        table.shapes.len(),
        table.prompts()
    )];
    let out = &table.left_out;
    if out.prompts > 0 {
        lines.push(format!(
            "dropped: {} prompts that some model did not answer",
            out.prompts
        ));
    }
    if !out.models.is_empty() {
        lines.push(format!("left out: {}", out.models.join(", ")));
    }
    if !out.priors.is_empty() {
        lines.push(format!(
            "priors without outcomes: {}",
            out.priors.join(", ")
        ));
    }
    if !has_priors {
        lines.push("no --priors: every model starts at 0.5, and the best by benchmark is the first by name".into());
    }
    if !table.sessions.is_empty() {
        lines.push(format!(
            "sessions: the table's own {}",
            table.sessions.len()
        ));
    }
    lines.join("\n")
}

/// A value that may be missing.
fn cell(interval: Option<Interval>, scale: f64, decimals: usize) -> String {
    let Some(Interval { mean, half_width }) = interval else {
        return "-".into();
    };
    format!(
        "{:.decimals$} ±{:.decimals$}",
        mean * scale,
        half_width * scale
    )
}

/// Decimals that leave about three digits of a cost.
fn cost_decimals(interval: Option<Interval>) -> usize {
    match interval {
        Some(cost) if cost.mean >= 100.0 => 1,
        Some(cost) if cost.mean >= 1.0 => 2,
        Some(_) | None => 3,
    }
}

/// Shadow calls cost nothing where there are none.
fn shadow(mark: &Mark) -> String {
    if mark.shadow_calls.mean == 0.0 {
        return "-".into();
    }
    cell(mark.shadow_spend, 100.0, 1)
}

/// Everything for people.
pub(super) fn text(report: &Report) -> String {
    let goal = match report.floor_share {
        Some(floor) => format!("lowest cost at {floor} of the best benchmark's quality"),
        None => "quality".to_owned(),
    };
    let donors = match report.donors {
        0 => String::new(),
        donors => format!(", {donors} donors before them"),
    };
    let mut text = format!(
        "{} tenants of {} requests{donors}, seed {}, goal: {goal}; ± is the 95 % interval over tenants\n",
        report.tenants, report.requests, report.seed
    );
    // Writing to a String does not fail.
    let _infallible = sections(&mut text, report);
    text
}

fn sections(text: &mut String, report: &Report) -> fmt::Result {
    let marks = report
        .policies
        .first()
        .map_or(0, |policy| policy.marks.len());
    for index in 0..marks {
        let rows = report
            .policies
            .iter()
            .map(|policy| (policy.policy, &policy.marks[index]));
        block(text, rows.collect())?;
    }
    sections::floor(text, &report.floor)?;
    sections::drift(text, report.drifted_model.as_deref(), &report.drift)?;
    sections::calibration(text, &report.calibration)?;
    if !report.verdicts.is_empty() {
        writeln!(text)?;
    }
    report
        .verdicts
        .iter()
        .try_for_each(|verdict| writeln!(text, "{}", verdict.text()))
}

fn block(text: &mut String, rows: Vec<(&str, &Mark)>) -> fmt::Result {
    let requests = rows.first().map_or(0, |(_, mark)| mark.requests);
    writeln!(
        text,
        "\n{:<27} {:>16} {:>14} {:>15} {:>14} {:>13}",
        format!("first {requests} requests"),
        "regret",
        "quality",
        "$ per 1k",
        "gap closed %",
        "shadow %",
    )?;
    for (policy, mark) in rows {
        writeln!(
            text,
            "  {policy:<25} {:>16} {:>14} {:>15} {:>14} {:>13}",
            cell(Some(mark.regret), 1.0, 1),
            cell(Some(mark.quality), 1.0, 4),
            cell(mark.cost_per_1k, 1.0, cost_decimals(mark.cost_per_1k)),
            cell(mark.gap_closed, 100.0, 1),
            shadow(mark),
        )?;
    }
    Ok(())
}
