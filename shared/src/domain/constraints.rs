//! What a tenant allows routing to do: who may serve, and what a call may cost, take and lose in quality.

mod known;

use std::borrow::Cow;

use super::{decision::Filter, ids::CandidateKey};

/// A tenant's constraints. Empty lists of what is allowed allow everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Constraints {
    pub allow_providers: Vec<String>,
    pub deny_providers: Vec<String>,
    /// Each entry is `provider/model`, or a model's name at whichever provider.
    pub allow_models: Vec<String>,
    pub deny_models: Vec<String>,
    /// Of one request's forecast, in micro-USD. A candidate without a known price cannot keep it.
    pub max_cost_micro_usd: Option<u64>,
    /// Against a candidate's published 95 % quantile. A candidate nobody has timed yet is not ruled out.
    pub max_latency_ms: Option<u64>,
    pub min_quality: Option<MinQuality>,
}

/// Quality relative to the baseline: a candidate qualifies when it keeps `floor` times the baseline's with
/// [`floor_assurance`] of at least `assurance`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinQuality {
    /// On 0..1.
    pub floor: f64,
    /// On [`MIN_ASSURANCE`]..[`MAX_ASSURANCE`].
    pub assurance: f64,
}

/// Below one half a candidate that is probably too bad would qualify.
pub const MIN_ASSURANCE: f64 = 0.5;
/// Above this no finite evidence would do.
pub const MAX_ASSURANCE: f64 = 0.99;
/// Where only the floor is written down: kept the floor in every replay at the largest savings.
pub const DEFAULT_ASSURANCE: f64 = 0.7;

/// How much deeper than the floor a candidate may still fall, but three times less often.
const DEPTH: f64 = 0.05;
const DEPTH_RATIO: f64 = 3.0;

/// How sure it is that a candidate keeps a floor. `p` gives P(Q ≥ share · Q_baseline) for a share.
///
/// It is P(Q ≥ floor · Q_baseline), unless falling another five points of a hundred deeper is more than a third
/// as likely as not keeping the floor may be: a probability alone does not say how bad it gets where the floor
/// is not kept.
pub fn floor_assurance(p: impl Fn(f64) -> f64, floor: f64) -> f64 {
    let deep = 1.0 - DEPTH_RATIO * (1.0 - p((floor - DEPTH).max(0.0)));
    p(floor).min(deep).max(0.0)
}

/// Nothing is ruled out.
pub static UNCONSTRAINED: Constraints = Constraints {
    allow_providers: Vec::new(),
    deny_providers: Vec::new(),
    allow_models: Vec::new(),
    deny_models: Vec::new(),
    max_cost_micro_usd: None,
    max_latency_ms: None,
    min_quality: None,
};

/// Constraints that cannot be kept or contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidConstraints {
    /// Its path below the group.
    pub field: Cow<'static, str>,
    pub reason: String,
}

impl InvalidConstraints {
    /// This field is wrong, for this reason.
    pub fn new(field: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

impl Constraints {
    /// Whether this candidate may serve the tenant at all, whoever asks for it.
    pub fn forbids(&self, key: &CandidateKey) -> Option<Filter> {
        let provider = |names: &[String]| names.iter().any(|name| name == key.provider());
        let model = |names: &[String]| names.iter().any(|name| names_candidate(name, key));
        if provider(&self.deny_providers) {
            return Some(Filter::DenyProviders);
        }
        if model(&self.deny_models) {
            return Some(Filter::DenyModels);
        }
        if !self.allow_providers.is_empty() && !provider(&self.allow_providers) {
            return Some(Filter::AllowProviders);
        }
        (!self.allow_models.is_empty() && !model(&self.allow_models)).then_some(Filter::AllowModels)
    }

    /// Refuses values out of range and lists that contradict each other.
    pub fn validate(&self) -> Result<(), InvalidConstraints> {
        self.check_lists()?;
        for (field, value) in [
            ("max_cost_micro_usd", self.max_cost_micro_usd),
            ("max_latency_ms", self.max_latency_ms),
        ] {
            if value == Some(0) {
                return invalid(
                    field,
                    "0 rules everything out; it must be at least 1".into(),
                );
            }
        }
        let Some(MinQuality { floor, assurance }) = self.min_quality else {
            return Ok(());
        };
        if !(0.0..=1.0).contains(&floor) {
            let reason = format!("{floor} is not allowed; it must be a number from 0 to 1");
            return invalid("min_quality.floor", reason);
        }
        if !(MIN_ASSURANCE..=MAX_ASSURANCE).contains(&assurance) {
            let reason = format!(
                "{assurance} is not allowed; it must be a number from {MIN_ASSURANCE} to {MAX_ASSURANCE}"
            );
            return invalid("min_quality.assurance", reason);
        }
        Ok(())
    }

    fn check_lists(&self) -> Result<(), InvalidConstraints> {
        let both = |allowed: &[String], denied: &[String]| {
            allowed.iter().find(|name| denied.contains(name)).cloned()
        };
        if let Some(name) = both(&self.allow_providers, &self.deny_providers) {
            let reason = format!("{name:?} is also in allow_providers");
            return invalid("deny_providers", reason);
        }
        if let Some(name) = both(&self.allow_models, &self.deny_models) {
            return invalid("deny_models", format!("{name:?} is also in allow_models"));
        }
        for name in &self.allow_models {
            let Ok(key) = CandidateKey::parse(name) else {
                continue;
            };
            let provider = key.provider().to_owned();
            if self.deny_providers.contains(&provider) {
                let reason = format!("{name:?} is allowed, but deny_providers has {provider:?}");
                return invalid("allow_models", reason);
            }
            // A bare model name may contain slashes, so that only a listed provider is taken for one.
            let listed =
                self.allow_providers.is_empty() || self.allow_providers.contains(&provider);
            if !listed {
                let reason = format!("{name:?} is allowed, but allow_providers lacks {provider:?}");
                return invalid("allow_models", reason);
            }
        }
        Ok(())
    }
}

/// Whether an entry of a list of models means this candidate.
pub fn names_candidate(entry: &str, key: &CandidateKey) -> bool {
    entry == key.as_str() || entry == key.model()
}

fn invalid(field: &'static str, reason: String) -> Result<(), InvalidConstraints> {
    Err(InvalidConstraints::new(field, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> CandidateKey {
        CandidateKey::parse(name).expect("valid")
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_floor_is_kept_only_where_falling_deep_is_rarer_than_falling_short() {
        let assurance = |short: f64, deep: f64| {
            let p = |share: f64| 1.0 - if share >= 0.95 { short } else { deep };
            floor_assurance(p, 0.95)
        };
        for (short, deep, expected) in [
            (0.3, 0.0, 0.7),
            (0.3, 0.1, 0.7),
            (0.3, 0.2, 0.4),
            (0.9, 0.8, 0.0),
            (0.0, 0.0, 1.0),
        ] {
            let found = assurance(short, deep);
            assert!((found - expected).abs() < 1e-12, "{short} {deep}: {found}");
        }
        assert_eq!(floor_assurance(|share| 1.0 - share, 0.0), 1.0);
    }

    #[test]
    fn lists_rule_out_by_provider_by_key_and_by_model_name() {
        let constraints = Constraints {
            allow_providers: names(&["p", "q"]),
            deny_models: names(&["q/c", "shared"]),
            ..Constraints::default()
        };
        let cases = [
            ("p/a", None),
            ("r/a", Some(Filter::AllowProviders)),
            ("q/c", Some(Filter::DenyModels)),
            ("p/c", None),
            ("p/shared", Some(Filter::DenyModels)),
        ];
        for (name, expected) in cases {
            assert_eq!(constraints.forbids(&key(name)), expected, "{name}");
        }
        assert_eq!(UNCONSTRAINED.forbids(&key("any/model")), None);
    }

    #[test]
    fn contradictions_and_values_out_of_range_are_named() {
        let of = |allow: &[&str], deny: &[&str]| Constraints {
            allow_providers: names(allow),
            deny_providers: names(deny),
            ..Constraints::default()
        };
        let floor = |floor, assurance| Constraints {
            min_quality: Some(MinQuality { floor, assurance }),
            ..Constraints::default()
        };
        let models = |constraints: Constraints| Constraints {
            allow_models: names(&["p/a"]),
            ..constraints
        };
        let cases = [
            (
                of(&["p"], &["p"]),
                "deny_providers: \"p\" is also in allow_providers",
            ),
            (models(of(&[], &["p"])), "deny_providers has \"p\""),
            (models(of(&["q"], &[])), "allow_providers lacks \"p\""),
            (floor(1.5, 0.7), "min_quality.floor: 1.5"),
            (floor(0.9, 0.3), "min_quality.assurance: 0.3"),
            (floor(0.9, f64::NAN), "min_quality.assurance: NaN"),
            (
                Constraints {
                    max_latency_ms: Some(0),
                    ..Constraints::default()
                },
                "max_latency_ms: 0",
            ),
        ];
        for (constraints, expected) in cases {
            let error = constraints.validate().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(models(of(&["p"], &["q"])).validate(), Ok(()));
    }
}
