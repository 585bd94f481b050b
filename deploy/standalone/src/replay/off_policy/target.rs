//! The policy that is asked about: the logged one under constraints that it did not have.

use clap::Args;

use super::decision::{Logged, LoggedCandidate};

/// What candidates must satisfy, with `--decisions`.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Constraints, with --decisions")]
pub(in crate::replay) struct Constraint {
    /// Without these models or providers
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "decisions"
    )]
    pub(super) exclude: Vec<String>,
    /// With these models or providers only
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "decisions"
    )]
    pub(super) only: Vec<String>,
    /// Only candidates whose call is expected to cost at most this; those of unknown price are out
    #[arg(long, value_name = "USD", requires = "decisions", value_parser = super::super::world::not_negative)]
    pub(super) max_cost_usd: Option<f64>,
}

impl Constraint {
    /// Whether a candidate may serve.
    pub(super) fn allows(&self, candidate: &LoggedCandidate) -> bool {
        let is_named = |names: &[String]| {
            let key = &candidate.key;
            let means = |name: &String| {
                [key.as_str(), key.model(), key.provider()].contains(&name.as_str())
            };
            names.iter().any(means)
        };
        let is_affordable = self.max_cost_usd.is_none_or(|most| {
            let cost = candidate.expected_cost_micro_usd;
            cost.is_some_and(|cost| cost as f64 <= most * 1e6)
        });
        !candidate.is_filtered
            && !is_named(&self.exclude)
            && (self.only.is_empty() || is_named(&self.only))
            && is_affordable
    }

    /// The names that mean no candidate of the log.
    pub(super) fn unknown<'a>(&'a self, log: &[Logged]) -> Vec<&'a str> {
        let candidates = || log.iter().flat_map(|logged| &logged.candidates);
        let is_known = |name: &str| {
            candidates().any(|c| [c.key.as_str(), c.key.model(), c.key.provider()].contains(&name))
        };
        let names = self.exclude.iter().chain(&self.only);
        names
            .map(String::as_str)
            .filter(|name| !is_known(name))
            .collect()
    }
}

/// What the router would do under the constraint.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// Probabilities by candidate: the logged ones of those that remain, renormalised.
    Drawn(Vec<f64>),
    /// None that remains had any traffic: the best ranked of them serves, and the log has no such reply.
    Undrawn(usize),
    /// Nobody remains.
    Nobody,
}

/// As the router does it: filter, renormalise, and where nothing is left to draw from, the best ranked.
pub(super) fn target(constraint: &Constraint, logged: &Logged) -> Target {
    let candidates = &logged.candidates;
    let allowed: Vec<bool> = candidates.iter().map(|c| constraint.allows(c)).collect();
    let kept = |(c, allowed): (&LoggedCandidate, &bool)| if *allowed { c.propensity } else { 0.0 };
    let kept: Vec<f64> = candidates.iter().zip(&allowed).map(kept).collect();
    let mass: f64 = kept.iter().sum();
    if mass > 0.0 {
        return Target::Drawn(kept.into_iter().map(|p| p / mass).collect());
    }
    match allowed.iter().position(|allowed| *allowed) {
        Some(first) => Target::Undrawn(first),
        None => Target::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::ids::CandidateKey;

    use super::*;

    fn candidate(key: &str, propensity: f64, cost: Option<u64>) -> LoggedCandidate {
        LoggedCandidate {
            key: CandidateKey::parse(key).expect("valid"),
            propensity,
            posterior_mean: None,
            score: 0.5,
            expected_cost_micro_usd: cost,
            is_filtered: false,
        }
    }

    fn logged() -> Logged {
        let candidates = [
            ("a/x", 0.8, Some(100)),
            ("b/y", 0.05, Some(10)),
            ("b/z", 0.15, None),
            ("c/w", 0.0, Some(1)),
        ];
        Logged {
            shape: "all".into(),
            draw: "s".into(),
            candidates: candidates
                .map(|(key, p, cost)| candidate(key, p, cost))
                .to_vec(),
            chosen: 0,
            reward: 1.0,
            is_shadow: false,
        }
    }

    fn excluding(names: &[&str]) -> Constraint {
        Constraint {
            exclude: names.iter().map(ToString::to_string).collect(),
            ..Constraint::default()
        }
    }

    #[test]
    fn what_remains_is_renormalised() {
        let Target::Drawn(found) = target(&excluding(&["a/x"]), &logged()) else {
            panic!("two remain with traffic");
        };
        let expected = [0.0, 0.25, 0.75, 0.0];
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12),
            "{found:?}"
        );
    }

    #[test]
    fn providers_and_bare_names_are_meant_too() {
        assert_eq!(
            target(&excluding(&["b", "x"]), &logged()),
            Target::Undrawn(3)
        );
        assert_eq!(
            target(&excluding(&["a", "b", "c"]), &logged()),
            Target::Nobody
        );
        assert_eq!(excluding(&["b", "q"]).unknown(&[logged()]), ["q"]);
    }

    #[test]
    fn a_cost_limit_leaves_out_what_costs_more_or_has_no_price() {
        let constraint = Constraint {
            max_cost_usd: Some(0.000_05),
            ..Constraint::default()
        };
        assert_eq!(
            target(&constraint, &logged()),
            Target::Drawn(vec![0.0, 1.0, 0.0, 0.0])
        );
    }
}
