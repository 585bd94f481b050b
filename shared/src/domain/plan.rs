//! What a tenant has been sold: how much of it a month and a minute may have, and which features.

/// What only some plans have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Exports of decisions.
    AuditApi,
    /// Constraints and explanations of routing that learns.
    FeedbackRouting,
    /// Experiments.
    TestAb,
    /// Leaving the pool of what tenants know together.
    PoolOptOut,
    /// Tools of servers that the tenant names, for its models.
    McpClient,
    /// Stored replies to conversations whose earlier messages are in other words, too.
    AdvancedCache,
}

impl Feature {
    pub const ALL: [Self; 6] = [
        Self::AuditApi,
        Self::FeedbackRouting,
        Self::TestAb,
        Self::PoolOptOut,
        Self::McpClient,
        Self::AdvancedCache,
    ];

    /// The wire name, which refusals carry as `feature`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuditApi => "has_audit_api",
            Self::FeedbackRouting => "has_feedback_routing",
            Self::TestAb => "has_test_ab",
            Self::PoolOptOut => "has_pool_opt_out",
            Self::McpClient => "has_mcp_client",
            Self::AdvancedCache => "has_advanced_cache",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// What a plan must have for a path, and for everything below it.
    pub fn of_path(path: &str) -> Option<Self> {
        let is_at = |prefix: &str| {
            let below = path.strip_prefix(prefix);
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        PATHS
            .iter()
            .find(|(prefix, _)| is_at(prefix))
            .map(|(_, feature)| *feature)
    }
}

/// What a plan lacks for what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    Feature(Feature),
    /// Days that it keeps calls, and days that are needed.
    Retention {
        days: u32,
        needed: u32,
    },
}

impl Lacking {
    /// What refusals carry as `feature`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Feature(feature) => feature.as_str(),
            Self::Retention { .. } => "log_retention_days",
        }
    }
}

const PATHS: [(&str, Feature); 6] = [
    ("/v1/export", Feature::AuditApi),
    ("/v1/routing/explain", Feature::FeedbackRouting),
    ("/v1/routing/replay", Feature::FeedbackRouting),
    ("/v1/constraints", Feature::FeedbackRouting),
    ("/v1/experiments", Feature::TestAb),
    ("/v1/mcp", Feature::McpClient),
];

const EXPORT: &str = "/v1/export/";
/// Plans that keep calls for less time have nothing worth exporting.
const EXPORTED_DAYS: u32 = 30;

/// Longest name of a plan.
const MAX_NAME_BYTES: usize = 64;

/// A plan; what is `None` is not limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub name: String,
    pub requests_per_month: Option<u64>,
    /// First ratings of sessions and replies; revisions are free.
    pub ratings_per_month: Option<u64>,
    /// Of each API key.
    pub requests_per_minute: Option<u32>,
    pub projects: Option<u32>,
    /// Days that calls are kept. Whoever runs the control plane may keep less.
    pub log_retention_days: Option<u32>,
    pub features: Vec<Feature>,
}

/// Why a plan cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidPlan {
    pub field: &'static str,
    pub reason: String,
}

impl Plan {
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// What a path needs and this plan does not have.
    pub fn lacks(&self, path: &str) -> Option<Lacking> {
        let feature = Feature::of_path(path)?;
        if !self.has(feature) {
            return Some(Lacking::Feature(feature));
        }
        let short = self.log_retention_days.filter(|days| *days < EXPORTED_DAYS);
        let days = short.filter(|_| path.starts_with(EXPORT))?;
        let needed = EXPORTED_DAYS;
        Some(Lacking::Retention { days, needed })
    }

    /// Refuses names that cannot be told apart, and limits that let nothing pass.
    pub fn validate(&self) -> Result<(), InvalidPlan> {
        let invalid = |field, reason| Err(InvalidPlan { field, reason });
        let length = self.name.len();
        if !(1..=MAX_NAME_BYTES).contains(&length) {
            let reason = format!("has {length} bytes, it must have 1 to {MAX_NAME_BYTES}");
            return invalid("name", reason);
        }
        let limits = [
            ("requests_per_month", self.requests_per_month),
            ("ratings_per_month", self.ratings_per_month),
            (
                "requests_per_minute",
                self.requests_per_minute.map(u64::from),
            ),
            ("projects", self.projects.map(u64::from)),
            ("log_retention_days", self.log_retention_days.map(u64::from)),
        ];
        match limits.into_iter().find(|(_, limit)| *limit == Some(0)) {
            Some((field, _)) => invalid(field, "is 0; leave it out for no limit".to_owned()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_holds_for_its_path_and_everything_below() {
        let of = Feature::of_path;
        assert_eq!(of("/v1/experiments"), Some(Feature::TestAb));
        assert_eq!(of("/v1/experiments/x/results"), Some(Feature::TestAb));
        assert_eq!(of("/v1/experimentsx"), None);
        assert_eq!(of("/v1/decisions"), None);
        assert_eq!(of("/v1/export/decisions"), Some(Feature::AuditApi));
        for feature in Feature::ALL {
            assert_eq!(Feature::parse(feature.as_str()), Some(feature));
        }
    }

    #[test]
    fn exports_need_a_month_of_calls_beside_the_feature() {
        let lacks = |days: Option<u32>, features: &[Feature], path: &str| {
            let plan = Plan {
                name: "p".to_owned(),
                requests_per_month: None,
                ratings_per_month: None,
                requests_per_minute: None,
                projects: None,
                log_retention_days: days,
                features: features.to_vec(),
            };
            plan.lacks(path)
        };
        let (export, audit) = ("/v1/export/decisions", &[Feature::AuditApi][..]);
        let without = Lacking::Feature(Feature::AuditApi);
        assert_eq!(lacks(None, &[], export), Some(without));
        let (days, needed) = (29, 30);
        let short = Lacking::Retention { days, needed };
        assert_eq!(lacks(Some(29), audit, export), Some(short));
        assert_eq!(short.as_str(), "log_retention_days");
        assert_eq!(lacks(Some(30), audit, export), None);
        assert_eq!(lacks(None, audit, export), None);
        assert_eq!(lacks(Some(7), &[], "/v1/decisions"), None);
    }

    #[test]
    fn a_plan_that_lets_nothing_pass_is_refused_by_field() {
        let plan = Plan {
            name: "free".to_owned(),
            requests_per_month: Some(0),
            ratings_per_month: None,
            requests_per_minute: None,
            projects: None,
            log_retention_days: None,
            features: Vec::new(),
        };
        let field = plan.validate().map_err(|invalid| invalid.field);
        assert_eq!(field, Err("requests_per_month"));
        let nameless = Plan {
            name: String::new(),
            ..plan
        };
        let field = nameless.validate().map_err(|invalid| invalid.field);
        assert_eq!(field, Err("name"));
    }
}
