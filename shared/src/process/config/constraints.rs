//! `[tenants.constraints]`: read, checked one by one, then against each other.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::range;
use crate::domain::constraints as domain;

/// What routing may do for a tenant; without any, everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Constraints {
    /// Empty: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_providers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny_providers: Vec<String>,
    /// `provider/model`, or a model's name at whichever provider. Empty: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_models: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny_models: Vec<String>,
    /// Of one request's forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost_micro_usd: Option<u64>,
    /// Against the 95 % quantile of a candidate's replies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_quality: Option<MinQuality>,
}

/// Quality relative to the baseline, and how sure it must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinQuality {
    /// Share of the baseline's quality to keep.
    #[serde(deserialize_with = "range::share")]
    pub floor: f64,
    /// Probability with which it must be kept.
    #[serde(default = "assurance", deserialize_with = "range::assurance")]
    pub assurance: f64,
}

fn assurance() -> f64 {
    domain::DEFAULT_ASSURANCE
}

/// As it is written, before its parts are compared.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Written {
    #[serde(deserialize_with = "some_names")]
    allow_providers: Vec<String>,
    deny_providers: Vec<String>,
    #[serde(deserialize_with = "some_names")]
    allow_models: Vec<String>,
    deny_models: Vec<String>,
    #[serde(deserialize_with = "range::at_least_one")]
    max_cost_micro_usd: Option<u64>,
    #[serde(deserialize_with = "range::at_least_one")]
    max_latency_ms: Option<u64>,
    min_quality: Option<MinQuality>,
}

/// A list of what is allowed that allows nothing is more likely a mistake than a wish.
fn some_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.is_empty() {
        return Err(D::Error::custom(
            "[] is not allowed, as nothing would be; leave the key out to allow everything",
        ));
    }
    Ok(names)
}

impl TryFrom<Written> for Constraints {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let constraints = Self {
            allow_providers: written.allow_providers,
            deny_providers: written.deny_providers,
            allow_models: written.allow_models,
            deny_models: written.deny_models,
            max_cost_micro_usd: written.max_cost_micro_usd,
            max_latency_ms: written.max_latency_ms,
            min_quality: written.min_quality,
        };
        constraints
            .to_domain()
            .validate()
            .map_err(|e| e.to_string())?;
        Ok(constraints)
    }
}

impl Constraints {
    /// As routing knows them.
    pub fn to_domain(&self) -> domain::Constraints {
        domain::Constraints {
            allow_providers: self.allow_providers.clone(),
            deny_providers: self.deny_providers.clone(),
            allow_models: self.allow_models.clone(),
            deny_models: self.deny_models.clone(),
            max_cost_micro_usd: self.max_cost_micro_usd,
            max_latency_ms: self.max_latency_ms,
            min_quality: self.min_quality.map(|m| domain::MinQuality {
                floor: m.floor,
                assurance: m.assurance,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parse, *};

    #[derive(Debug, Deserialize)]
    struct Config {
        tenants: Vec<Tenant>,
    }

    #[derive(Debug, Deserialize)]
    struct Tenant {
        constraints: Constraints,
    }

    fn read(lines: &str) -> Result<Config, String> {
        let text = format!("\n\n[[tenants]]\n[tenants.constraints]\n{lines}\n");
        parse(&text, "floopy.toml").map_err(|e| e.to_string())
    }

    #[test]
    fn wrong_constraints_are_named_with_line_key_and_value() {
        let cases = [
            (
                "deny_provider = [\"p\"]",
                "floopy.toml:5: tenants.constraints.deny_provider: ",
                "unknown field",
            ),
            (
                "allow_models = []",
                "floopy.toml:5: tenants.constraints.allow_models: ",
                "[] is not allowed",
            ),
            (
                "\nmax_latency_ms = 0",
                "floopy.toml:6: tenants.constraints.max_latency_ms: ",
                "0 is not allowed",
            ),
            (
                "min_quality = { floor = 1.5 }",
                "floopy.toml:5: tenants.constraints.min_quality: ",
                "1.5 is not allowed; it must be a number from 0 to 1",
            ),
            (
                "min_quality = { floor = 0.9, assurance = 0.2 }",
                "floopy.toml:5: tenants.constraints.min_quality: ",
                "0.2 is not allowed; it must be a number from 0.5 to 0.99",
            ),
            (
                "allow_providers = [\"p\"]\ndeny_providers = [\"p\"]",
                "floopy.toml:4: [tenants.constraints]: ",
                "deny_providers: \"p\" is also in allow_providers",
            ),
        ];
        for (lines, place, detail) in cases {
            let message = read(lines).expect_err(lines);
            assert!(message.starts_with(place), "{message}");
            assert!(message.contains(detail), "{message}");
        }
    }

    #[test]
    fn constraints_are_read_with_their_defaults() {
        let config = read("deny_models = [\"m\"]\nmin_quality = { floor = 0.95 }").expect("valid");
        let constraints = config.tenants[0].constraints.to_domain();
        assert_eq!(constraints.deny_models, ["m"]);
        let min_quality = constraints.min_quality.expect("written");
        assert_eq!((min_quality.floor, min_quality.assurance), (0.95, 0.7));
    }
}
