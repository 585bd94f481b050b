//! `floopy pool`: what left a tenant for what all of them know together.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{
    ClientError, Source,
    asked::{Asked, items},
    operator::AskedByOperator,
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

const RELEASES: &str = "/v1/operator/pool/releases";

/// What can be asked of the pool.
#[derive(Debug, Subcommand)]
pub(crate) enum Pool {
    /// Shows exactly what left your tenant, and what that may have told of it
    Prove(Asked),
    /// Lists what was told of all tenants together, for whoever runs Floopy
    Releases(AskedByOperator),
    /// Has what tenants know together told now, at the cost of one release of their privacy budget
    Release(AskedByOperator),
}

const GIVEN: &[Column] = &[
    ("RELEASE", "/release", Side::Right),
    ("RELEASED", "/released_at", Side::Left),
    ("TASK SHAPE", "/task_shape", Side::Left),
    ("PROVIDER", "/provider", Side::Left),
    ("MODEL", "/model", Side::Left),
    ("EVIDENCE", "/evidence", Side::Right),
    ("GAP", "/gap", Side::Right),
];

const LISTED: &[Column] = &[
    ("RELEASE", "/release", Side::Right),
    ("RELEASED", "/released_at", Side::Left),
    ("TENANTS", "/tenants", Side::Right),
    ("RHO", "/rho", Side::Right),
    ("SIGMA", "/sigma", Side::Right),
];

impl Pool {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::Prove(asked) => {
                let client = asked.remote.client()?;
                let proof = client.ask(Method::GET, "/v1/pool", None).await?;
                asked.show(console, &proof, proven);
            }
            Self::Releases(asked) => asked.list(RELEASES, LISTED, console).await?,
            Self::Release(asked) => {
                let client = asked.remote.client()?;
                let wanted = client.ask(Method::POST, RELEASES, None).await?;
                asked.show(console, &wanted, |_| {
                    "asked for; `floopy pool releases` lists it in a moment\n".to_owned()
                });
            }
        }
        Ok(())
    }
}

fn proven(proof: &Value) -> String {
    let mut shown = if proof["member"] == json!(true) {
        "in the pool: gives to it, and starts from it\n".to_owned()
    } else {
        "not in the pool: gives nothing, and takes nothing\n".to_owned()
    };
    let cells: Vec<Value> = items(proof, "/given").iter().flat_map(cells).collect();
    if cells.is_empty() {
        shown.push_str("nothing left so far\n");
    } else {
        shown.push('\n');
        shown.push_str(&tables::of(&cells, GIVEN));
    }
    let (spent, privacy) = (&proof["spent"], &proof["privacy"]);
    shown.push_str(&format!(
        "\n{} releases in {} days: epsilon {:.2} of {} at delta {}. Whoever sees all of them tells whether you are in \
         them at most {:.1} points of 100 better than by guessing.\n",
        spent["releases"],
        privacy["window_days"],
        spent["epsilon"].as_f64().unwrap_or_default(),
        privacy["epsilon"],
        spent["delta"],
        100.0 * spent["advantage"].as_f64().unwrap_or_default(),
    ));
    shown
}

/// The cells of a release, each with the release that it left with.
fn cells(given: &Value) -> Vec<Value> {
    let named = |mut cell: Value| {
        cell["release"] = given["release"].clone();
        cell["released_at"] = given["released_at"].clone();
        cell
    };
    items(given, "/cells").into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_shows_every_cell_with_its_release_and_what_that_may_have_told() {
        let proof = json!({
            "member": true,
            "privacy": {"epsilon": 8.0, "window_days": 365},
            "spent": {"releases": 1, "epsilon": 1.91, "delta": 1e-6, "advantage": 0.155},
            "given": [{"release": 3, "released_at": "2026-11-23T00:00:00Z", "cells": [
                {"task_shape": "class:code", "provider": "openai", "model": "gpt-5", "evidence": 0.61, "gap": -0.02},
            ]}],
        });
        let shown = proven(&proof);
        for part in [
            "3",
            "2026-11-23T00:00:00Z",
            "class:code",
            "gpt-5",
            "0.61",
            "-0.02",
            "1.91 of 8",
            "15.5 points",
        ] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
        let left = proven(&json!({"member": false, "privacy": {}, "spent": {}, "given": []}));
        assert!(
            left.contains("not in the pool") && left.contains("nothing left so far"),
            "{left}"
        );
    }
}
