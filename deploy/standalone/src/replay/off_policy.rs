//! What a tenant's own decisions say of constraints that it did not have: without this model, with that
//! provider only, below this cost. An estimate from the log, with its uncertainty; no simulation.

mod decision;
mod estimate;
mod predict;
mod target;
mod text;

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, BufRead},
    path::Path,
};

use serde::Serialize;

pub(super) use target::Constraint;
pub(super) use text::text;

use super::table::open;
use decision::{InvalidDecision, Line, Logged, Unusable};
use estimate::{Estimate, Step};
use predict::Model;
use target::{Target, target};

/// Why nothing can be estimated.
#[derive(Debug, thiserror::Error)]
pub enum OffPolicyError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}, line {line}: it is not a decision: {source}")]
    Json {
        path: String,
        line: usize,
        source: serde_json::Error,
    },
    #[error("{path}, line {line}: decision {request_id}: {source}")]
    Decision {
        path: String,
        line: usize,
        request_id: String,
        source: InvalidDecision,
    },
    #[error("--exclude or --only names {0:?}, which no decision has among its candidates")]
    Unknown(String),
    #[error("no constraint: say what to change with --exclude, --only or --max-cost-usd")]
    NoConstraint,
    #[error(
        "none of the {0} decisions is of use: they need a score, and a model that routing drew"
    )]
    NothingUsable(usize),
    #[error(
        "no overlap: of {usable} scored decisions, none was served by what the constraint leaves \
         ({undrawn} would fall to a candidate without traffic, {nobody} to nobody). The log cannot tell what \
         those replies would have been worth; let these candidates serve some traffic first"
    )]
    NoOverlap {
        usable: usize,
        undrawn: usize,
        nobody: usize,
    },
}

/// How many decisions were what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Counts {
    /// In the log, without shadows.
    decisions: usize,
    shadows: usize,
    unusable: BTreeMap<Unusable, usize>,
    /// What remains had traffic: these are estimated over.
    covered: usize,
    /// What remains had none: the log has no such reply.
    undrawn: usize,
    /// Nobody remains.
    nobody: usize,
}

/// What a constraint would have been worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Estimates {
    counts: Counts,
    /// Mean score as logged, over the covered decisions; and likewise the others.
    logged: Estimate,
    ips: Estimate,
    self_normalised: Estimate,
    doubly_robust: Estimate,
    /// Doubly robust less logged.
    gain: Estimate,
    /// What the model of rewards alone says.
    direct: Estimate,
    effective_size: f64,
    largest_weight: f64,
    /// Expected cost per call in USD, as logged and under the constraint; `None` where a price is unknown.
    cost_usd: Option<(f64, f64)>,
}

/// Reads the log, and estimates.
pub(super) fn estimate(path: &Path, constraint: &Constraint) -> Result<Estimates, OffPolicyError> {
    if *constraint == Constraint::default() {
        return Err(OffPolicyError::NoConstraint);
    }
    let (log, counts) = read(path)?;
    of_log(&log, counts, constraint)
}

/// Everything usable in the log, shadows included.
fn read(path: &Path) -> Result<(Vec<Logged>, Counts), OffPolicyError> {
    let name = || path.display().to_string();
    let io = |source| OffPolicyError::Io {
        path: name(),
        source,
    };
    let (mut log, mut counts) = (Vec::new(), Counts::default());
    for (line, text) in (1..).zip(open(path).map_err(io)?.lines()) {
        let text = text.map_err(io)?;
        if text.trim().is_empty() {
            continue;
        }
        let read = serde_json::from_str(&text).map_err(|source| OffPolicyError::Json {
            path: name(),
            line,
            source,
        })?;
        let items = match read {
            Line::Trailer { .. } => Vec::new(),
            Line::Page { items } => items,
            Line::One(one) => vec![*one],
        };
        for item in items {
            let request_id = item.request_id.clone();
            let read = item.read().map_err(|source| OffPolicyError::Decision {
                path: name(),
                line,
                request_id,
                source,
            })?;
            counts.add(&read);
            log.extend(read.ok());
        }
    }
    Ok((log, counts))
}

impl Counts {
    fn add(&mut self, read: &Result<Logged, Unusable>) {
        match read {
            Ok(logged) if logged.is_shadow => self.shadows += 1,
            Ok(_) => self.decisions += 1,
            Err(why) => {
                self.decisions += 1;
                *self.unusable.entry(*why).or_default() += 1;
            }
        }
    }
}

fn of_log(
    log: &[Logged],
    mut counts: Counts,
    constraint: &Constraint,
) -> Result<Estimates, OffPolicyError> {
    let served = || log.iter().filter(|logged| !logged.is_shadow);
    if served().next().is_none() {
        return Err(OffPolicyError::NothingUsable(counts.decisions));
    }
    if let Some(name) = constraint.unknown(log).first() {
        return Err(OffPolicyError::Unknown((*name).to_owned()));
    }
    let model = Model::of(log);
    let mut clusters: HashMap<&str, usize> = HashMap::new();
    let (mut steps, mut costs) = (Vec::new(), Some((0.0, 0.0)));
    for logged in served() {
        match target(constraint, logged) {
            Target::Drawn(probabilities) => {
                let next = clusters.len();
                let cluster = *clusters.entry(logged.draw.as_str()).or_insert(next);
                steps.push(step(&model, logged, (&probabilities, cluster)));
                costs = add(costs, expected_costs(logged, &probabilities));
            }
            Target::Undrawn(_) => counts.undrawn += 1,
            Target::Nobody => counts.nobody += 1,
        }
    }
    counts.covered = steps.len();
    let Some(self_normalised) = estimate::self_normalised(&steps) else {
        return Err(OffPolicyError::NoOverlap {
            usable: served().count(),
            undrawn: counts.undrawn,
            nobody: counts.nobody,
        });
    };
    let n = steps.len() as f64;
    Ok(Estimates {
        counts,
        self_normalised,
        logged: estimate::logged(&steps),
        ips: estimate::ips(&steps),
        doubly_robust: estimate::doubly_robust(&steps),
        gain: estimate::gain(&steps),
        direct: estimate::direct(&steps),
        effective_size: estimate::effective_size(&steps),
        largest_weight: steps.iter().map(|step| step.weight).fold(0.0, f64::max),
        cost_usd: costs.map(|(logged, target)| (logged / n / 1e6, target / n / 1e6)),
    })
}

fn step(model: &Model<'_>, logged: &Logged, (probabilities, cluster): (&[f64], usize)) -> Step {
    let share = |(candidate, p): (usize, &f64)| {
        if *p > 0.0 {
            p * model.predict(logged, candidate)
        } else {
            0.0
        }
    };
    Step {
        weight: probabilities[logged.chosen] / logged.candidates[logged.chosen].propensity,
        reward: logged.reward,
        predicted: model.predict(logged, logged.chosen),
        expected: probabilities.iter().enumerate().map(share).sum(),
        cluster,
    }
}

/// In micro-USD, as logged and under the target.
fn expected_costs(logged: &Logged, probabilities: &[f64]) -> Option<(f64, f64)> {
    let mut costs = (0.0, 0.0);
    for (candidate, p) in logged.candidates.iter().zip(probabilities) {
        if candidate.propensity <= 0.0 && *p <= 0.0 {
            continue;
        }
        let cost = candidate.expected_cost_micro_usd? as f64;
        costs = (costs.0 + candidate.propensity * cost, costs.1 + p * cost);
    }
    Some(costs)
}

fn add(sums: Option<(f64, f64)>, more: Option<(f64, f64)>) -> Option<(f64, f64)> {
    let ((a, b), (c, d)) = (sums?, more?);
    Some((a + c, b + d))
}

#[cfg(test)]
mod tests;
