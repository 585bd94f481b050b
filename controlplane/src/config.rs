//! The control plane's configuration. Unknown keys and values out of range are refused where they stand.

mod batches;
mod check;
pub(crate) mod dashboard;
pub(crate) mod decision_log;
mod evaluations;
mod export;
mod operator;
mod pool;
mod redis;
mod savings;
mod scoring;
mod store;
mod webhooks;

use std::{net::SocketAddr, path::PathBuf};

use floopy_shared::{
    catalog::Sources,
    domain::rule::Routing,
    process::{
        config::{Cache, Constraints, Firewall, Mcp, PlaneTls, Rule, Secret, range},
        credentials::Credentials,
        telemetry::LogFilter,
    },
};
use serde::{Deserialize, Serialize};

use crate::learn::promotion::Mode;

pub use floopy_shared::catalog::{Entry as Model, Kind};

pub use self::{
    batches::Batches,
    dashboard::Dashboard,
    decision_log::DecisionLogConfig,
    evaluations::Evaluations,
    export::Export,
    operator::Operator,
    pool::Pool,
    redis::RedisConfig,
    savings::Savings,
    scoring::{Scoring, WhenFull},
    store::StoreConfig,
    webhooks::Webhooks,
};
pub use crate::plans::PlanConfig;

/// Everything that can be configured; every key has a default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Decisions, health, readiness and metrics.
    pub rest_listen: SocketAddr,
    /// For proxies and judges in other processes; absent: none are.
    pub grpc_listen: Option<SocketAddr>,
    /// Where the store is, if it is SQLite, and the operator's key; made with mode 0700.
    pub data_dir: PathBuf,
    pub store: StoreConfig,
    pub decision_log: DecisionLogConfig,
    pub redis: RedisConfig,
    /// The secret that planes share; required where `grpc_listen` can be reached from outside and there is no `tls`.
    pub token: Option<Secret>,
    /// What is logged, as in `info,floopy_controlplane=debug`; `RUST_LOG` counts in its place when the process starts.
    pub log_filter: LogFilter,
    /// Who connects to `grpc_listen` must show a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PlaneTls>,
    /// Whether to know the models this build ships with.
    pub builtin_models: bool,
    /// A catalog file of the operator's: its models replace those where provider and model are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<PathBuf>,
    /// Sources that `models` name, beside those of the catalogs.
    #[serde(skip_serializing_if = "Sources::is_empty")]
    pub sources: Sources,
    /// Models that replace those of either catalog where provider and model are the same.
    pub models: Vec<Model>,
    /// Tenants that exist from the start; without any, `default` is made and a key minted.
    pub tenants: Vec<TenantConfig>,
    /// What tenants can be sold; they replace those of this build where the names are the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanConfig>,
    pub learning: Learning,
    pub retention: Retention,
    pub scoring: Scoring,
    pub export: Export,
    pub savings: Savings,
    pub webhooks: Webhooks,
    pub dashboard: Dashboard,
    pub evaluations: Evaluations,
    /// The proxy that evaluations ask, `http://host:port`; absent: there are no evaluations.
    #[serde(
        deserialize_with = "evaluations::proxy_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub proxy_url: Option<String>,
    pub operator: Operator,
    /// The keys that credentials are sealed with.
    pub credentials: Credentials,
    pub batches: Batches,
    /// How often new evidence becomes new rankings; ratings do so at once.
    #[serde(deserialize_with = "check::refresh_ms")]
    pub refresh_ms: u64,
    /// How long running calls may take to finish on a stop.
    #[serde(deserialize_with = "check::drain_ms")]
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rest_listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            grpc_listen: None,
            data_dir: PathBuf::from("floopy-data"),
            store: StoreConfig::default(),
            decision_log: DecisionLogConfig::default(),
            redis: RedisConfig::default(),
            token: None,
            log_filter: LogFilter::default(),
            tls: None,
            builtin_models: true,
            catalog: None,
            sources: Sources::new(),
            models: Vec::new(),
            tenants: Vec::new(),
            plans: Vec::new(),
            learning: Learning::default(),
            retention: Retention::default(),
            scoring: Scoring::default(),
            export: Export::default(),
            savings: Savings::default(),
            webhooks: Webhooks::default(),
            dashboard: Dashboard::default(),
            evaluations: Evaluations::default(),
            proxy_url: None,
            operator: Operator::default(),
            credentials: Credentials::default(),
            batches: Batches::default(),
            refresh_ms: 250,
            drain_ms: 10_000,
        }
    }
}

/// One customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantConfig {
    /// 1 to 64 of `a-z A-Z 0-9 _ -`; it must never change.
    #[serde(deserialize_with = "check::tenant")]
    pub id: String,
    /// Its API key; only the hash is stored. Absent: made with `key create`.
    #[serde(default)]
    pub key: Option<Secret>,
    /// Nothing of its content is ever kept, so nothing of it is judged.
    #[serde(default)]
    pub zero_retention: bool,
    /// Serves where no candidate with traffic can; a floor is measured against it.
    #[serde(default)]
    pub default_model: Option<String>,
    /// What shadow calls may cost between two midnights UTC; absent: limited by their rate alone.
    #[serde(
        default,
        deserialize_with = "check::usd",
        skip_serializing_if = "Option::is_none"
    )]
    pub shadow_budget_usd_per_day: Option<f64>,
    /// The rule for calls that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Calls are forwarded untouched and never routed, unless they say `floopy-passthrough: false`.
    #[serde(default)]
    pub passthrough: bool,
    /// Whether its replies are stored to be given again, for calls that do not say.
    #[serde(default)]
    pub cache: Cache,
    /// What is done about calls that look like attacks.
    #[serde(default)]
    pub firewall: Firewall,
    /// The tools that its models may call, of servers of the Model Context Protocol.
    #[serde(default)]
    pub mcp: Mcp,
    /// What it was sold; absent: nothing is held against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What routing may do for it.
    #[serde(default)]
    pub constraints: Constraints,
    /// What `auto` may mean instead of the learned ranking; calls name one with `floopy-routing-rule`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Its own models, which nobody else sees; they replace everybody's where provider and model are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Model>,
}

impl TenantConfig {
    /// As routing knows it.
    pub(crate) fn routing(&self) -> Routing {
        Routing {
            rules: self.rules.iter().map(|rule| rule.0.clone()).collect(),
            rule: self.rule.clone(),
            passthrough: self.passthrough,
            experiments: Vec::new(),
        }
    }
}

/// How routing learns.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Learning {
    /// What is sought.
    pub objective: Objective,
    /// Share of requests that are also sent, unseen, to another candidate; 0 switches that off.
    #[serde(deserialize_with = "range::share")]
    pub shadow_rate: f64,
    /// What the shadow may cost, as a share of what the served replies cost: where others cost more than who
    /// serves, fewer are tried.
    #[serde(deserialize_with = "check::shadow_spend")]
    pub shadow_spend: f64,
    /// Share of live traffic for a candidate that is probably as good as the incumbent.
    #[serde(deserialize_with = "check::canary_rate")]
    pub canary_rate: f64,
    /// With `objective = "floor"`: the share of the baseline's quality to keep.
    #[serde(deserialize_with = "range::share")]
    pub floor: f64,
    /// With `objective = "floor"`: the probability with which it must be kept.
    #[serde(deserialize_with = "range::assurance")]
    pub assurance: f64,
    /// Share of live traffic for candidates that nothing is known of yet; 0 leaves that to the shadow.
    #[serde(deserialize_with = "check::live_exploration")]
    pub live_exploration: f64,
    /// Quality of one answer, on 0..1, that a USD is worth: a conversation leaves its warm prompt cache only
    /// for what gains more. 0: caches count for nothing.
    #[serde(deserialize_with = "check::quality_per_usd")]
    pub quality_per_usd: f64,
    /// How who serves changes, where a tenant does not say: `immediate`, or `staged` through shadow and canary.
    pub promotions: Mode,
    /// How long nobody calls in a session whose last reply called tools once more, until its agent counts as left there.
    #[serde(deserialize_with = "check::abandoned_after_ms")]
    pub abandoned_after_ms: u64,
    /// What tenants know together.
    pub pool: Pool,
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            objective: Objective::Quality,
            shadow_rate: 0.1,
            shadow_spend: 0.1,
            canary_rate: 0.05,
            floor: 0.95,
            assurance: 0.7,
            live_exploration: 0.0,
            quality_per_usd: 1.0,
            promotions: Mode::Immediate,
            abandoned_after_ms: 3_600_000,
            pool: Pool::default(),
        }
    }
}

/// What routing seeks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// The best quality.
    #[default]
    Quality,
    /// The lowest cost that keeps a floor of quality.
    Floor,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "check::Retention")]
pub struct Retention {
    /// Decisions, ratings and scores.
    pub decisions_days: u64,
    /// The sums that rankings are made of; at least as long as decisions, which are counted in them.
    pub sums_days: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            decisions_days: 90,
            sums_days: 400,
        }
    }
}

#[cfg(test)]
mod tests;
