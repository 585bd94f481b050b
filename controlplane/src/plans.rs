//! The plans that tenants can be sold: those of this build, and the operator's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use floopy_shared::domain::plan::{Feature, Plan};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

const BUILTIN: &str = include_str!("../plans.toml");

/// A plan as it is written. A limit that is missing does not limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanConfig {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_month: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratings_per_month: Option<u64>,
    /// Of each API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<u32>,
    /// Days that calls are kept; never longer than `retention.decisions_days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_retention_days: Option<u32>,
    /// Such as `has_test_ab`.
    #[serde(default, deserialize_with = "features")]
    pub features: Vec<String>,
}

/// Refuses features that nothing asks for.
fn features<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names: Vec<String> = Vec::deserialize(deserializer)?;
    match names.iter().find(|name| Feature::parse(name).is_none()) {
        Some(unknown) => Err(D::Error::custom(format!(
            "unknown feature {unknown:?}, expected one of {}",
            Feature::ALL.map(Feature::as_str).join(", ")
        ))),
        None => Ok(names),
    }
}

impl PlanConfig {
    fn to_domain(&self) -> Plan {
        let features = self.features.iter().filter_map(|name| Feature::parse(name));
        Plan {
            name: self.name.clone(),
            requests_per_month: self.requests_per_month,
            ratings_per_month: self.ratings_per_month,
            requests_per_minute: self.requests_per_minute,
            projects: self.projects,
            log_retention_days: self.log_retention_days,
            features: features.collect(),
        }
    }
}

/// The file of this build.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    plans: Vec<PlanConfig>,
}

/// Plans by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plans {
    all: Arc<BTreeMap<String, Arc<Plan>>>,
    /// The names of the operator's own.
    configured: Arc<BTreeSet<String>>,
}

impl Plans {
    /// Those of this build with the operator's own on top, or which key of the configuration is wrong and why.
    pub(crate) fn of(configured: &[PlanConfig]) -> Result<Self, (String, String)> {
        let builtin: File =
            toml::from_str(BUILTIN).map_err(|e| ("plans.toml".to_owned(), e.to_string()))?;
        let mut plans = BTreeMap::new();
        for plan in builtin.plans {
            plans.insert(plan.name.clone(), Arc::new(plan.to_domain()));
        }
        for (index, plan) in configured.iter().enumerate() {
            let plan = plan.to_domain();
            let invalid = |field: &str, reason| (format!("plans[{index}].{field}"), reason);
            plan.validate().map_err(|e| invalid(e.field, e.reason))?;
            let is_twice = configured[..index].iter().any(|p| p.name == plan.name);
            if is_twice {
                let reason = format!("{:?} is there twice", plan.name);
                return Err(invalid("name", reason));
            }
            plans.insert(plan.name.clone(), Arc::new(plan));
        }
        let own = configured.iter().map(|plan| plan.name.clone());
        Ok(Self {
            all: Arc::new(plans),
            configured: Arc::new(own.collect()),
        })
    }

    /// The plan of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Plan>> {
        self.all.get(name).map(Arc::clone)
    }

    /// All of them by their names, and which are of the configuration.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Plan, bool)> {
        let sourced = |plan: &'_ Arc<Plan>| self.configured.contains(&plan.name);
        self.all.values().map(move |plan| (&**plan, sourced(plan)))
    }

    /// The names of all of them.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.all.keys().map(String::as_str).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(text: &str) -> Result<Plans, (String, String)> {
        let file: File = toml::from_str(text).expect("reads");
        Plans::of(&file.plans)
    }

    #[test]
    fn the_builtin_plans_are_valid_and_an_operators_own_replaces_one() {
        let builtin = configured("plans = []").expect("valid");
        for name in ["free", "starter", "pro", "enterprise"] {
            let plan = builtin.named(name).expect(name);
            plan.validate().expect(name);
        }
        let own =
            "[[plans]]\nname = \"free\"\nrequests_per_month = 7\nfeatures = [\"has_test_ab\"]";
        let free = configured(own)
            .expect("valid")
            .named("free")
            .expect("is there");
        assert_eq!(free.requests_per_month, Some(7));
        assert_eq!(free.projects, None);
        assert!(free.has(Feature::TestAb) && !free.has(Feature::AuditApi));
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_named_by_key() {
        let none = "[[plans]]\nname = \"a\"\nprojects = 0";
        let (key, _) = configured(none).expect_err("lets nothing pass");
        assert_eq!(key, "plans[0].projects");
        let twice = "[[plans]]\nname = \"a\"\n[[plans]]\nname = \"a\"";
        let (key, reason) = configured(twice).expect_err("twice");
        assert_eq!(
            (key.as_str(), reason.as_str()),
            ("plans[1].name", "\"a\" is there twice")
        );
        let unknown = toml::from_str::<File>("[[plans]]\nname = \"a\"\nfeatures = [\"has_wings\"]");
        let error = unknown.err().expect("unknown feature").to_string();
        assert!(
            error.contains("has_wings") && error.contains("has_test_ab"),
            "{error}"
        );
    }
}
