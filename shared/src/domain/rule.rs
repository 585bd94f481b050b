//! Routing rules: what a tenant wants `auto` to mean where it is not the learned ranking.

use super::{
    constraints::{DEFAULT_ASSURANCE, MAX_ASSURANCE, MIN_ASSURANCE, MinQuality},
    decision::Strategy,
    experiment::Experiment,
    ids::CandidateKey,
};

/// How calls that ask for `auto` are served.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What the API names it by. Empty: not known, as in a configuration that was just read.
    pub id: String,
    /// What the header `floopy-routing-rule` names it by.
    pub name: String,
    pub strategy: Strategy,
    /// Who may serve, in the order of preference. None: every candidate of the ranking.
    pub models: Vec<CandidateKey>,
    /// Of `weighted` alone: the shares of the models, in any unit.
    pub weights: Vec<f64>,
    /// Of `smart_cost` alone.
    pub min_quality: Option<MinQuality>,
}

/// What `smart_cost` keeps where nothing else is written down: what a floor of learning keeps by default.
pub const DEFAULT_MIN_QUALITY: MinQuality = MinQuality {
    floor: 0.95,
    assurance: DEFAULT_ASSURANCE,
};

/// As many as a caller may list in `model`.
const MAX_MODELS: usize = 16;
/// More than an operator can keep apart.
pub const MAX_RULES: usize = 64;
const MAX_NAME_CHARS: usize = 64;

/// Whether a rule may be called so.
pub fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=MAX_NAME_CHARS).contains(&text.chars().count()) && text.chars().all(allowed)
}

/// A tenant's rules, and which applies to a call that names none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Routing {
    pub rules: Vec<Rule>,
    /// `None`: the learned ranking decides.
    pub rule: Option<String>,
    /// Calls are forwarded untouched, unless they say otherwise.
    pub passthrough: bool,
    /// Those under way.
    pub experiments: Vec<Experiment>,
}

/// A rule that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidRule {
    pub field: String,
    pub reason: String,
}

impl Rule {
    /// That what was learned chooses among these. It has no name: no tenant wrote it.
    pub fn among(models: Vec<CandidateKey>) -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            strategy: Strategy::FeedbackDriven,
            models,
            weights: Vec::new(),
            min_quality: None,
        }
    }

    /// Whether this candidate may serve by this rule.
    pub fn lists(&self, key: &CandidateKey) -> bool {
        self.models.is_empty() || self.models.contains(key)
    }

    /// Refuses what contradicts itself or cannot be drawn from.
    pub fn validate(&self) -> Result<(), InvalidRule> {
        self.check_name()?;
        self.check_models()?;
        self.check_weights()?;
        self.check_min_quality()
    }

    fn check_name(&self) -> Result<(), InvalidRule> {
        if is_name(&self.name) {
            return Ok(());
        }
        let name = &self.name;
        invalid(
            "name",
            format!(
                "{name:?} is not allowed; it must be 1 to {MAX_NAME_CHARS} of a-z A-Z 0-9 - _ ."
            ),
        )
    }

    fn check_models(&self) -> Result<(), InvalidRule> {
        let count = self.models.len();
        let strategy = self.strategy.as_str();
        if count > MAX_MODELS {
            return invalid(
                "models",
                format!("{count} are listed, at most {MAX_MODELS} are allowed"),
            );
        }
        for (index, key) in self.models.iter().enumerate() {
            if self.models[..index].contains(key) {
                return invalid("models", format!("\"{key}\" is listed twice"));
            }
        }
        match self.strategy {
            Strategy::FeedbackDriven | Strategy::SmartCost => Ok(()),
            Strategy::LegacyModel if count != 1 => invalid(
                "models",
                format!("{count} are listed; {strategy} serves exactly one"),
            ),
            Strategy::Fallback
            | Strategy::RoundRobin
            | Strategy::Weighted
            | Strategy::LatencyBased
                if count == 0 =>
            {
                invalid(
                    "models",
                    format!("[] is not allowed; {strategy} needs at least one model"),
                )
            }
            Strategy::Fallback
            | Strategy::RoundRobin
            | Strategy::Weighted
            | Strategy::LatencyBased
            | Strategy::LegacyModel => Ok(()),
        }
    }

    fn check_weights(&self) -> Result<(), InvalidRule> {
        let weights = &self.weights;
        if self.strategy != Strategy::Weighted {
            if weights.is_empty() {
                return Ok(());
            }
            let strategy = self.strategy.as_str();
            return invalid(
                "weights",
                format!("{weights:?} is for the strategy weighted, this one is {strategy}"),
            );
        }
        let (given, needed) = (weights.len(), self.models.len());
        if given != needed {
            return invalid(
                "weights",
                format!("{weights:?} has {given} numbers for {needed} models"),
            );
        }
        if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return invalid(
                "weights",
                format!("{bad} is not allowed; each must be a number from 0"),
            );
        }
        let sum: f64 = weights.iter().sum();
        if sum > 0.0 && sum.is_finite() {
            return Ok(());
        }
        invalid(
            "weights",
            format!("{weights:?} sum to {sum}; they must sum to more than 0"),
        )
    }

    fn check_min_quality(&self) -> Result<(), InvalidRule> {
        let Some(MinQuality { floor, assurance }) = self.min_quality else {
            return Ok(());
        };
        if self.strategy != Strategy::SmartCost {
            let strategy = self.strategy.as_str();
            return invalid(
                "floor",
                format!("{floor} is for the strategy smart_cost, this one is {strategy}"),
            );
        }
        if !(0.0..=1.0).contains(&floor) {
            return invalid(
                "floor",
                format!("{floor} is not allowed; it must be a number from 0 to 1"),
            );
        }
        if !(MIN_ASSURANCE..=MAX_ASSURANCE).contains(&assurance) {
            let reason = format!(
                "{assurance} is not allowed; it must be a number from {MIN_ASSURANCE} to {MAX_ASSURANCE}"
            );
            return invalid("assurance", reason);
        }
        Ok(())
    }
}

impl Routing {
    /// The rule of this name.
    pub fn find(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// The rule for calls that name none.
    pub fn default_rule(&self) -> Option<&Rule> {
        self.find(self.rule.as_deref()?)
    }

    /// The names of all rules, for errors.
    pub fn names(&self) -> String {
        if self.rules.is_empty() {
            return "there is none".to_owned();
        }
        let names = self.rules.iter().map(|rule| rule.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    /// Refuses rules that cannot be followed or told apart.
    pub fn validate(&self) -> Result<(), InvalidRule> {
        let count = self.rules.len();
        if count > MAX_RULES {
            return invalid(
                "rules",
                format!("{count} are written down, at most {MAX_RULES} are allowed"),
            );
        }
        for (index, rule) in self.rules.iter().enumerate() {
            let field = |name: &str| format!("rules[{index}].{name}");
            rule.validate().map_err(|e| InvalidRule {
                field: field(&e.field),
                reason: e.reason,
            })?;
            if self.rules[..index].iter().any(|r| r.name == rule.name) {
                let reason = format!("{:?} is the name of an earlier rule", rule.name);
                return invalid(field("name"), reason);
            }
        }
        match &self.rule {
            Some(name) if self.find(name).is_none() => {
                let known = self.names();
                invalid("rule", format!("no rule is named {name:?}: {known}"))
            }
            Some(_) | None => self.check_experiments(),
        }
    }
}

pub(super) fn invalid(field: impl Into<String>, reason: String) -> Result<(), InvalidRule> {
    Err(InvalidRule {
        field: field.into(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(strategy: Strategy, models: &[&str], weights: &[f64]) -> Rule {
        let key = |name: &&str| CandidateKey::parse(name).expect("valid");
        Rule {
            id: String::new(),
            name: "r".into(),
            strategy,
            models: models.iter().map(key).collect(),
            weights: weights.to_vec(),
            min_quality: None,
        }
    }

    #[test]
    fn rules_that_cannot_be_followed_are_named_by_field_and_value() {
        let weighted = |weights: &[f64]| rule(Strategy::Weighted, &["p/a", "p/b"], weights);
        let named = |name: &str| Rule {
            name: name.into(),
            ..rule(Strategy::Fallback, &["p/a"], &[])
        };
        let floor = |strategy, floor, assurance| Rule {
            min_quality: Some(MinQuality { floor, assurance }),
            ..rule(strategy, &["p/a"], &[])
        };
        let cases = [
            (named("a b"), "name: \"a b\""),
            (named(""), "name: \"\""),
            (
                rule(Strategy::Fallback, &[], &[]),
                "models: [] is not allowed; fallback",
            ),
            (
                rule(Strategy::RoundRobin, &[], &[]),
                "models: [] is not allowed; round_robin",
            ),
            (
                rule(Strategy::LegacyModel, &["p/a", "p/b"], &[]),
                "models: 2 are listed; legacy_model",
            ),
            (
                rule(Strategy::Fallback, &["p/a", "p/a"], &[]),
                "models: \"p/a\" is listed twice",
            ),
            (
                rule(Strategy::Fallback, &["p/a"], &[1.0]),
                "weights: [1.0] is for the strategy weighted",
            ),
            (
                weighted(&[1.0]),
                "weights: [1.0] has 1 numbers for 2 models",
            ),
            (weighted(&[1.0, -2.0]), "weights: -2 is not allowed"),
            (weighted(&[1.0, f64::NAN]), "weights: NaN is not allowed"),
            (weighted(&[0.0, 0.0]), "weights: [0.0, 0.0] sum to 0"),
            (weighted(&[f64::MAX, f64::MAX]), "sum to inf"),
            (
                floor(Strategy::Fallback, 0.9, 0.7),
                "floor: 0.9 is for the strategy smart_cost",
            ),
            (
                floor(Strategy::SmartCost, 1.5, 0.7),
                "floor: 1.5 is not allowed",
            ),
            (
                floor(Strategy::SmartCost, 0.9, 0.2),
                "assurance: 0.2 is not allowed",
            ),
        ];
        for (rule, expected) in cases {
            let error = rule.validate().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(weighted(&[0.0, 3.0]).validate(), Ok(()));
        assert_eq!(rule(Strategy::SmartCost, &[], &[]).validate(), Ok(()));
    }

    #[test]
    fn rules_must_be_told_apart_and_the_default_must_be_one_of_them() {
        let one = rule(Strategy::Fallback, &["p/a"], &[]);
        let routing = |rules: &[Rule], rule: Option<&str>| Routing {
            rules: rules.to_vec(),
            rule: rule.map(Into::into),
            ..Routing::default()
        };
        let error = |routing: Routing| routing.validate().expect_err("refused").to_string();
        let twice = error(routing(&[one.clone(), one.clone()], None));
        assert_eq!(twice, "rules[1].name: \"r\" is the name of an earlier rule");
        let unknown = error(routing(std::slice::from_ref(&one), Some("x")));
        assert_eq!(unknown, "rule: no rule is named \"x\": r");
        let empty = error(routing(&[rule(Strategy::Weighted, &["p/a"], &[])], None));
        assert!(empty.starts_with("rules[0].weights: [] has 0"), "{empty}");
        assert_eq!(routing(&[one], Some("r")).validate(), Ok(()));
    }

    #[test]
    fn every_strategy_is_read_by_its_own_name() {
        for strategy in Strategy::ALL {
            assert_eq!(Strategy::parse(strategy.as_str()), Some(strategy));
        }
        assert_eq!(Strategy::parse("Fallback"), None);
    }
}
