//! A customer as the proxy needs to know them: keys, what routing may do, what may be used.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    budget::Budget,
    cache::Caching,
    catalog::CatalogModel,
    constraints::Constraints,
    firewall::Firewall,
    gates::Gates,
    ids::{CandidateKey, KeyHash, TenantId},
    implicit::ImplicitKind,
    limits::Limits,
    mcp::Mcp,
    plan::{Feature, Plan},
    rate::RateLimit,
    rubric,
    rule::Routing,
};

/// What a key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: String,
    pub hash: KeyHash,
    pub read: bool,
    pub write: bool,
    pub scope: KeyScope,
    /// The project that its calls are counted for where neither the key is held to one nor they name one.
    pub default_project: Option<Uuid>,
}

/// What the calls of a key are held to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyScope {
    /// The project that they are counted for, whatever they say.
    pub project: Option<Uuid>,
    pub environment: Option<Environment>,
    pub requests_per_minute: Option<u32>,
    /// The name of the rule for calls that name none; before the tenant's.
    pub rule: Option<String>,
    /// Its calls are those of evaluations: always judged, never learned from; it may do nothing else.
    pub evaluation: bool,
}

/// What a tenant has used up, until a moment in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    MonthlyCost { until_ms: u64 },
    MonthlyRequests { until_ms: u64 },
}

/// What a key is used in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    Development,
    Staging,
    Production,
    Other,
}

impl Environment {
    pub const ALL: [Self; 4] = [
        Self::Development,
        Self::Staging,
        Self::Production,
        Self::Other,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::Other => "other",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A customer as the proxy needs to know them.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    pub id: TenantId,
    pub keys: Vec<ApiKey>,
    /// The project that calls are counted for where neither they nor their key say.
    pub default_project: Option<Uuid>,
    /// Content never reaches a disk: no scoring jobs are made.
    pub zero_retention: bool,
    /// The operator switched it off: its keys are known, and let nothing pass.
    pub disabled: bool,
    /// Serves where no candidate with traffic is eligible.
    pub default_model: Option<CandidateKey>,
    pub constraints: Constraints,
    /// `None`: it never set any, and everything may serve.
    pub gates: Option<Gates>,
    pub limits: Limits,
    /// `None`: nothing was agreed on, so nothing is held against it.
    pub plan: Option<Arc<Plan>>,
    /// Why it is not served for now.
    pub closed: Option<Closed>,
    /// Its month's ratings are used up; in milliseconds since the epoch.
    pub no_ratings_until_ms: Option<u64>,
    /// What shadow calls may cost between two midnights UTC; `None`: nothing limits it but their rate.
    pub shadow_budget_micro_usd_per_day: Option<u64>,
    pub routing: Routing,
    /// Its own models, which nobody else sees.
    pub models: Arc<[Arc<CatalogModel>]>,
    pub caching: Caching,
    /// Its own, beyond those of its keys.
    pub rates: Arc<[RateLimit]>,
    /// What it, and whoever calls for it, may spend.
    pub budgets: Arc<[Budget]>,
    /// What is done about calls that look like attacks.
    pub firewall: Firewall,
    /// The tools that its models may call; `None`: it set nothing of them.
    pub mcp: Option<Arc<Mcp>>,
    /// What of callers' acts is counted as evidence. Only the control plane learns, so proxies are not told.
    pub implicit: Arc<[ImplicitKind]>,
    /// What it says of the dimensions that its replies are judged by; empty: nothing.
    pub rubric: Arc<[rubric::Said]>,
    /// Whether it tells others what it learns, and takes what they tell. Proxies need not know.
    pub is_pooled: bool,
}

impl Tenant {
    /// Without keys, and without anything that restricts it.
    pub fn new(id: TenantId) -> Self {
        Self {
            id,
            keys: Vec::new(),
            default_project: None,
            zero_retention: false,
            disabled: false,
            default_model: None,
            constraints: Constraints::default(),
            gates: None,
            limits: Limits::default(),
            plan: None,
            closed: None,
            no_ratings_until_ms: None,
            shadow_budget_micro_usd_per_day: None,
            routing: Routing::default(),
            models: Arc::default(),
            caching: Caching::default(),
            rates: Arc::default(),
            budgets: Arc::default(),
            firewall: Firewall::default(),
            mcp: None,
            implicit: Arc::default(),
            rubric: Arc::default(),
            is_pooled: true,
        }
    }

    /// The plan that lacks what a path needs, and what that is.
    pub fn lacking(&self, path: &str) -> Option<(&Plan, Feature)> {
        let (plan, feature) = (self.plan.as_deref()?, Feature::of_path(path)?);
        (!plan.has(feature)).then_some((plan, feature))
    }
}
