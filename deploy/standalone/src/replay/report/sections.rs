//! What is printed only where it was asked for: floors, drifts, calibration.

use std::fmt::{Result, Write};

use super::{Calibration, DriftReport, FloorReport, Interval, cell};
use crate::replay::drift::Detection;

pub(super) fn floor(text: &mut String, reports: &[FloorReport]) -> Result {
    let mut ranges: Vec<(usize, usize)> = reports.iter().map(|r| (r.from, r.to)).collect();
    ranges.dedup();
    ranges.sort_unstable();
    ranges.dedup();
    for (from, to) in ranges {
        writeln!(
            text,
            "\n{:<27} {:>14} {:>14} {:>14} {:>13} {:>13}",
            format!("requests {from} to {to}"),
            "saving %",
            "net of shadow",
            "quality ratio",
            "> 5 % below",
            "> 10 % below",
        )?;
        for report in reports.iter().filter(|r| (r.from, r.to) == (from, to)) {
            let percent = |interval: Interval| cell(Some(interval), 100.0, 1);
            writeln!(
                text,
                "  {:<25} {:>14} {:>14} {:>14} {:>13} {:>13}",
                report.policy,
                percent(report.saving),
                percent(report.saving_net_of_shadow),
                cell(Some(report.quality_ratio), 1.0, 3),
                percent(report.below_5_percent),
                percent(report.below_10_percent),
            )?;
        }
    }
    Ok(())
}

pub(super) fn drift(text: &mut String, model: Option<&str>, reports: &[DriftReport]) -> Result {
    let (Some(model), Some(first)) = (model, reports.first()) else {
        return Ok(());
    };
    write!(
        text,
        "\n{model} gets worse\n{:<27} {:>16} {:>16} {:>8}",
        "", "regret before", "regret after", "before"
    )?;
    for stay in &first.stays {
        write!(text, " {:>11}", format!("+{}..{}", stay.from, stay.to))?;
    }
    writeln!(text, "  alarms (share of affected traffic on it)")?;
    for report in reports {
        write!(
            text,
            "  {:<25} {:>16} {:>16} {:>8}",
            report.policy,
            cell(Some(report.regret_before), 1.0, 1),
            cell(Some(report.regret_after), 1.0, 1),
            share(report.share_before),
        )?;
        for stay in &report.stays {
            write!(text, " {:>11}", share(stay.share))?;
        }
        writeln!(text, "  {}", alarms(report))?;
    }
    Ok(())
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "-".into(), |share| format!("{share:.2}"))
}

fn alarms(report: &DriftReport) -> String {
    let found = &report.detection;
    match found.median_delay {
        Some(delay) => format!(
            "{} tenants, median after {delay}, {} taken back; {}",
            found.tenants,
            found.true_taken_back,
            false_alarms(found)
        ),
        None if found.false_alarms > 0 => format!("none; {}", false_alarms(found)),
        None => "-".into(),
    }
}

fn false_alarms(found: &Detection) -> String {
    let (all, taken_back) = (found.false_alarms, found.false_taken_back);
    format!("{all} false, {taken_back} taken back")
}

pub(super) fn calibration(text: &mut String, reports: &[Calibration]) -> Result {
    for report in reports {
        writeln!(
            text,
            "\nclaims of {:?} to have a model within .02 of the best: expected calibration error {:.3}",
            report.policy, report.error
        )?;
        writeln!(
            text,
            "  {:<12} {:>8} {:>11} {:>9}",
            "claimed", "claims", "mean claim", "hit rate"
        )?;
        for bin in &report.bins {
            let range = format!("{:.2}..{:.2}", bin.from, bin.to);
            writeln!(
                text,
                "  {range:<12} {:>8} {:>11.3} {:>9.3}",
                bin.claims, bin.mean_claim, bin.hit_rate
            )?;
        }
    }
    Ok(())
}
