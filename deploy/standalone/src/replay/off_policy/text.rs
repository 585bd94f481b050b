//! Estimates for people.

use std::fmt::{Result, Write};

use super::{Estimate, Estimates};

/// Effective decisions below which the normal intervals are not to be trusted.
const FEW: f64 = 100.0;

/// A short report.
pub(in crate::replay) fn text(estimates: &Estimates) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _infallible = write(&mut text, estimates);
    text
}

fn write(text: &mut String, e: &Estimates) -> Result {
    let counts = &e.counts;
    writeln!(
        text,
        "{} decisions and {} shadows in the log",
        counts.decisions, counts.shadows
    )?;
    for (why, count) in &counts.unusable {
        writeln!(text, "  {count} {}", why.text())?;
    }
    writeln!(
        text,
        "  {} covered: something that the constraint leaves had traffic",
        counts.covered
    )?;
    if counts.undrawn > 0 {
        writeln!(
            text,
            "  {} not covered: nothing that it leaves had any traffic",
            counts.undrawn
        )?;
    }
    if counts.nobody > 0 {
        writeln!(
            text,
            "  {} could not have been served at all",
            counts.nobody
        )?;
    }
    writeln!(
        text,
        "\nmean score over the covered decisions; ± is the 95 % interval over sessions"
    )?;
    row(text, "as logged", e.logged)?;
    row(text, "under the constraint, doubly robust", e.doubly_robust)?;
    row(text, "  self-normalised", e.self_normalised)?;
    row(text, "  inverse propensities", e.ips)?;
    row(text, "  model of rewards alone", e.direct)?;
    row(text, "difference, doubly robust", e.gain)?;
    if let Some((logged, target)) = e.cost_usd {
        writeln!(
            text,
            "expected cost per 1k calls: ${:.3} as logged, ${:.3} under it",
            logged * 1e3,
            target * 1e3
        )?;
    }
    writeln!(
        text,
        "the log says as much as {:.0} decisions of the constrained routing; the largest weight is {:.1}",
        e.effective_size, e.largest_weight
    )?;
    if e.effective_size < FEW {
        writeln!(
            text,
            "too few to rely on: fewer than {FEW:.0}, so the intervals are too narrow"
        )?;
    }
    Ok(())
}

fn row(text: &mut String, name: &str, Estimate { value, half_width }: Estimate) -> Result {
    writeln!(text, "  {name:<38} {value:>8.4} ±{half_width:.4}")
}
