//! `floopy judge`: whether the judge's scores agree with people's ratings.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{
    ClientError,
    asked::Asked,
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

/// What the judge is worth.
#[derive(Debug, Subcommand)]
pub(crate) enum Judge {
    /// Tells how the judge's scores go together with your people's ratings
    Agreement(Asked),
}

const COLUMNS: &[Column] = &[
    ("OF", "/of", Side::Left),
    ("PAIRS", "/n", Side::Right),
    ("RHO", "/rho/value", Side::Right),
    ("FROM", "/rho/lower", Side::Right),
    ("TO", "/rho/upper", Side::Right),
    ("TAU", "/tau/value", Side::Right),
    ("CALIBRATION ERROR", "/calibration_error", Side::Right),
];

impl Judge {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::Agreement(asked) => {
                let client = asked.remote.client()?;
                let told = client.ask(Method::GET, "/v1/judge/agreement", None).await?;
                asked.show(console, &told, agreement);
                Ok(())
            }
        }
    }
}

fn agreement(told: &Value) -> String {
    let row = |of: &str, key: &str| {
        let told = &told[key];
        json!({"of": of, "n": told["n"], "rho": told["rho"], "tau": told["tau"],
            "calibration_error": told["calibration_error"]})
    };
    let rows = [row("replies", "replies"), row("sessions", "sessions")];
    let number = |pointer: &str| told.pointer(pointer).and_then(Value::as_f64);
    let meaning = match told["status"].as_str() {
        Some("agrees") => "The judge agrees with people.",
        Some("disagrees") => {
            "The judge DISAGREES with people: look at its scores before you trust them."
        }
        Some("weak") => "Whether the judge agrees with people is not clear yet.",
        _ => {
            "There are too few ratings of scored replies to say whether the judge agrees with people."
        }
    };
    let weight = number("/weight_factor").unwrap_or(1.0) * 100.0;
    format!(
        "{}\n{meaning} It keeps {weight:.0} % of its weight.",
        tables::of(&rows, COLUMNS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_a_table_and_what_follows_a_sentence() {
        let told = json!({
            "status": "disagrees", "weight_factor": 0.1,
            "replies": {"n": 240, "rho": {"value": -0.3, "lower": -0.41, "upper": -0.18},
                        "tau": {"value": -0.2, "lower": -0.3, "upper": -0.1}, "calibration_error": 0.3},
            "sessions": {"n": 0, "rho": null, "tau": null, "calibration_error": null},
        });
        let shown = agreement(&told);
        let lines: Vec<&str> = shown.lines().collect();
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(lines[1]),
            [
                "replies", "240", "-0.300", "-0.410", "-0.180", "-0.200", "0.300"
            ]
        );
        assert_eq!(words(lines[2]), ["sessions", "0", "-", "-", "-", "-", "-"]);
        assert!(
            lines[3].contains("DISAGREES") && lines[3].ends_with("10 % of its weight."),
            "{shown}"
        );
    }
}
