//! `[[tenants.rules]]`: read, and each checked by itself.

use serde::{Deserialize, Serialize};

use crate::domain::{
    constraints::MinQuality, decision::Strategy, ids::CandidateKey, rule as domain,
};

/// One routing rule of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Rule(pub domain::Rule);

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    strategy: String,
    /// Each `provider/model`.
    #[serde(default)]
    models: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    weights: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    floor: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assurance: Option<f64>,
}

impl TryFrom<Written> for Rule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let strategy = Strategy::parse(&written.strategy).ok_or_else(|| {
            let names = Strategy::ALL.map(Strategy::as_str).join(", ");
            let found = &written.strategy;
            format!("strategy: {found:?} is not allowed; it must be one of {names}")
        })?;
        let key = |name: &String| {
            let message = |_| format!("models: {name:?} is not allowed; write provider/model");
            CandidateKey::parse(name).map_err(message)
        };
        let default = domain::DEFAULT_MIN_QUALITY;
        let is_given = written.floor.is_some() || written.assurance.is_some();
        let rule = domain::Rule {
            id: String::new(),
            name: written.name,
            strategy,
            models: written.models.iter().map(key).collect::<Result<_, _>>()?,
            weights: written.weights,
            min_quality: is_given.then(|| MinQuality {
                floor: written.floor.unwrap_or(default.floor),
                assurance: written.assurance.unwrap_or(default.assurance),
            }),
        };
        rule.validate().map_err(|e| e.to_string())?;
        Ok(Self(rule))
    }
}

impl From<Rule> for Written {
    fn from(Rule(rule): Rule) -> Self {
        Self {
            name: rule.name,
            strategy: rule.strategy.as_str().to_owned(),
            models: rule.models.iter().map(ToString::to_string).collect(),
            weights: rule.weights,
            floor: rule.min_quality.map(|m| m.floor),
            assurance: rule.min_quality.map(|m| m.assurance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parse, *};

    #[derive(Debug, Serialize, Deserialize)]
    struct Config {
        rules: Vec<Rule>,
    }

    fn read(lines: &str) -> Result<Config, String> {
        let text = format!("[[rules]]\nname = \"r\"\n{lines}\n");
        parse(&text, "floopy.toml").map_err(|e| e.to_string())
    }

    #[test]
    fn wrong_rules_are_named_with_their_place_field_and_value() {
        let cases = [
            (
                "strategy = \"best\"",
                "strategy: \"best\" is not allowed; it must be one of feedback_driven,",
            ),
            (
                "strategy = \"fallback\"\nmodels = [\"gpt\"]",
                "models: \"gpt\" is not allowed; write provider/model",
            ),
            (
                "strategy = \"fallback\"\nmodels = []",
                "models: [] is not allowed",
            ),
            (
                "strategy = \"weighted\"\nmodels = [\"p/a\"]\nweights = [1, 2]",
                "weights: [1.0, 2.0] has 2 numbers for 1",
            ),
            (
                "strategy = \"fallback\"\nmodel = [\"p/a\"]",
                "unknown field `model`",
            ),
        ];
        for (lines, detail) in cases {
            let message = read(lines).expect_err(lines);
            assert!(message.starts_with("floopy.toml:"), "{message}");
            assert!(message.contains(detail), "{message}");
        }
    }

    #[test]
    fn rules_are_read_with_their_defaults_and_written_as_they_were() {
        let lines = "strategy = \"smart_cost\"\nfloor = 0.9";
        let config = read(lines).expect("valid");
        let min_quality = config.rules[0].0.min_quality.expect("given");
        assert_eq!((min_quality.floor, min_quality.assurance), (0.9, 0.7));
        let text = toml::to_string(&config).expect("writable");
        let again: Config = parse(&text, "floopy.toml").expect("readable");
        assert_eq!(again.rules, config.rules);
    }
}
