//! What a tenant may set for itself, as it is written in JSON: checked, and on top of the configuration.

pub(crate) mod budgets;
pub(crate) mod cache;
pub(crate) mod experiments;
pub(crate) mod gates;
pub(crate) mod implicit;
pub(crate) mod limits;
mod mcp;
pub(crate) mod pool;
pub(crate) mod projects;
pub(crate) mod promotions;
pub(crate) mod prompts;
pub(crate) mod rates;
pub(crate) mod routing;
pub(crate) mod rubric;
pub(crate) mod webhooks;

use std::{collections::HashMap, sync::Arc};

use floopy_shared::{
    domain::{constraints::InvalidConstraints, ids::TenantId, plan::Plan, snapshot::Tenant},
    process::config::{Constraints, Firewall},
};

use self::{
    budgets::WrittenBudget,
    experiments::WrittenExperiment,
    gates::WrittenGates,
    limits::WrittenLimits,
    rates::WrittenRate,
    routing::{WrittenRule, name_rules},
};
use crate::store::sql::Conn;
use crate::{
    calendar::month_of,
    plans::Plans,
    quota,
    store::{
        Store, StoreError,
        settings::{self, Document, Kind},
        tenants::{
            self,
            managed::{self, Caps},
        },
        usage,
    },
};

/// The groups of constraints, each replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Limits,
    Gates,
    Routing,
    Rates,
    Budgets,
    Implicit,
    Rubric,
}

impl Group {
    pub(crate) const ALL: [Self; 7] = [
        Self::Limits,
        Self::Gates,
        Self::Routing,
        Self::Rates,
        Self::Budgets,
        Self::Implicit,
        Self::Rubric,
    ];

    /// The id of its document.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Gates => "gates",
            Self::Routing => "routing",
            Self::Rates => rates::RATE_LIMITS,
            Self::Budgets => budgets::BUDGETS,
            Self::Implicit => implicit::IMPLICIT,
            Self::Rubric => rubric::RUBRIC,
        }
    }
}

/// Every tenant, with what it set for itself on top of what the configuration says. What cannot be read is one
/// tenant's trouble, and the others' no reason to wait.
pub(crate) async fn tenants(
    store: &Store,
    plans: &Plans,
    now_ms: u64,
) -> Result<Vec<Tenant>, StoreError> {
    let mut tenants = tenants::all(store).await?;
    for (id, name) in tenants::plans(store).await? {
        if let Ok(at) = tenants.binary_search_by(|tenant| tenant.id.cmp(&id)) {
            tenants[at].plan = sold(plans, &id, &name);
        }
    }
    set(store, &mut tenants).await?;
    for (id, caps) in managed::caps(store).await? {
        if let Ok(at) = tenants.binary_search_by(|tenant| tenant.id.cmp(&id)) {
            cap(&mut tenants[at], caps);
        }
    }
    let months = usage::of_month(store, month_of(now_ms)).await?;
    for tenant in &mut tenants {
        let used = months.get(&tenant.id).copied().unwrap_or_default();
        quota::close(tenant, used, now_ms);
    }
    Ok(tenants)
}

/// Holds a tenant's own limits to what the operator lets it have.
pub(crate) fn cap(tenant: &mut Tenant, caps: Caps) {
    fn lower<T: Ord>(own: Option<T>, most: Option<T>) -> Option<T> {
        match (own, most) {
            (Some(own), Some(most)) => Some(own.min(most)),
            (own, most) => own.or(most),
        }
    }
    let limits = &mut tenant.limits;
    limits.requests_per_minute = lower(limits.requests_per_minute, caps.requests_per_minute);
    let most = caps.micro_usd_per_month;
    limits.cost_micro_usd_per_month = lower(limits.cost_micro_usd_per_month, most);
}

/// Kinds of documents that are put on top of a tenant one by one.
const APPLIED: [Kind; 8] = [
    Kind::Constraints,
    Kind::Rule,
    Kind::Cache,
    Kind::Firewall,
    Kind::McpAgent,
    Kind::McpServer,
    Kind::Pool,
    Kind::Project,
];

/// Names of rules by tenant and id.
type Names = HashMap<TenantId, HashMap<String, String>>;

/// Puts what they set for themselves on top of tenants that are in the order of their ids.
async fn set(store: &Store, tenants: &mut [Tenant]) -> Result<(), StoreError> {
    let names = set_documents(store, tenants).await?;
    let none = HashMap::new();
    for (id, document) in settings::of_all(store, Kind::Experiment).await? {
        let Ok(at) = tenants.binary_search_by(|tenant| tenant.id.cmp(&id)) else {
            continue;
        };
        let own = names.get(&id).unwrap_or(&none);
        if let Err(error) = experiment(&mut tenants[at], own, &document) {
            tracing::error!(%error, tenant = %id, setting = document.id, "an experiment is left out");
        }
    }
    for tenant in tenants {
        let own = names.get(&tenant.id).unwrap_or(&none);
        name_rules(tenant, own);
    }
    Ok(())
}

/// Constraints and rules; the names of the rules.
async fn set_documents(store: &Store, tenants: &mut [Tenant]) -> Result<Names, StoreError> {
    let mut names = Names::new();
    for kind in APPLIED {
        for (id, document) in settings::of_all(store, kind).await? {
            let Ok(at) = tenants.binary_search_by(|tenant| tenant.id.cmp(&id)) else {
                continue;
            };
            match apply(&mut tenants[at], kind, &document) {
                Ok(Some(name)) => {
                    names.entry(id).or_default().insert(document.id, name);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, tenant = %id, setting = document.id, "a setting is left out");
                }
            }
        }
    }
    Ok(names)
}

/// A tenant's plan. One that the configuration has no more is nothing to hold against who was sold it.
fn sold(plans: &Plans, tenant: &TenantId, name: &str) -> Option<Arc<Plan>> {
    let plan = plans.named(name);
    if plan.is_none() {
        tracing::error!(%tenant, plan = name, "the tenant's plan is not known; nothing is held against it");
    }
    plan
}

/// The plan of one tenant.
pub(crate) async fn plan(
    conn: &mut Conn,
    id: &TenantId,
    plans: &Plans,
) -> Result<Option<Arc<Plan>>, StoreError> {
    let name = tenants::plan(conn, id).await?;
    Ok(name.and_then(|name| sold(plans, id, &name)))
}

/// One tenant with what it set for itself. Its plan, and whether it is closed for now, are not looked up.
pub(crate) async fn tenant(conn: &mut Conn, id: &TenantId) -> Result<Tenant, StoreError> {
    let mut tenant = tenants::one(conn, id).await?;
    let mut names = HashMap::new();
    for kind in APPLIED {
        for document in settings::list(conn, id, kind).await? {
            let named = apply(&mut tenant, kind, &document)?;
            names.extend(named.map(|name| (document.id, name)));
        }
    }
    for document in settings::list(conn, id, Kind::Experiment).await? {
        experiment(&mut tenant, &names, &document)?;
    }
    name_rules(&mut tenant, &names);
    Ok(tenant)
}

/// Puts an experiment on top of a tenant. `own`: the names of its own rules by their ids.
fn experiment(
    tenant: &mut Tenant,
    own: &HashMap<String, String>,
    document: &Document,
) -> Result<(), StoreError> {
    let id = document.id.parse();
    let id = id.map_err(|e| StoreError::corrupt("experiment's id", e))?;
    WrittenExperiment::read(document)?.add_to(id, tenant, own);
    Ok(())
}

/// Puts one document on top of a tenant; the name of a rule.
fn apply(
    tenant: &mut Tenant,
    kind: Kind,
    document: &Document,
) -> Result<Option<String>, StoreError> {
    match kind {
        Kind::Constraints => constrain(tenant, document).map(|()| None),
        Kind::Cache => cache::apply(&mut tenant.caching, document).map(|()| None),
        Kind::Firewall => {
            tenant.firewall = read::<Firewall>(document)?.to_domain();
            Ok(None)
        }
        Kind::McpAgent => mcp::limit(tenant, document).map(|()| None),
        Kind::McpServer => mcp::serve(tenant, document).map(|()| None),
        Kind::Pool => {
            tenant.is_pooled = pool::read(document)?;
            Ok(None)
        }
        Kind::Project => projects::apply(tenant, document).map(|()| None),
        Kind::Rule => {
            let rule = WrittenRule::read(document)?;
            let name = rule.rule.0.name.clone();
            rule.add_to(&mut tenant.routing);
            Ok(Some(name))
        }
        Kind::Experiment
        | Kind::ExperimentUsers
        | Kind::Pin
        | Kind::Promotion
        | Kind::Prompt
        | Kind::PromptVersion
        | Kind::Rollback
        | Kind::Webhook => Ok(None),
    }
}

fn constrain(tenant: &mut Tenant, document: &Document) -> Result<(), StoreError> {
    let group = Group::ALL
        .into_iter()
        .find(|group| group.as_str() == document.id);
    match group {
        Some(Group::Limits) => {
            tenant.limits = read::<WrittenLimits>(document)?
                .to_domain()
                .map_err(unreadable)?;
        }
        Some(Group::Gates) => {
            let written = read::<WrittenGates>(document)?;
            tenant.gates = Some(written.to_domain().map_err(unreadable)?);
        }
        Some(Group::Routing) => tenant.constraints = read::<Constraints>(document)?.to_domain(),
        Some(Group::Rates) => {
            let written = read::<Vec<WrittenRate>>(document)?;
            let limits = rates::to_domain(&written).map_err(unreadable)?;
            tenant.rates = limits.into();
        }
        Some(Group::Budgets) => {
            let written = read::<Vec<WrittenBudget>>(document)?;
            let budgets = budgets::to_domain(&written).map_err(unreadable)?;
            tenant.budgets = budgets.into();
        }
        Some(Group::Implicit) => {
            let names = read::<Vec<String>>(document)?;
            tenant.implicit = implicit::to_domain(&names).map_err(unreadable)?;
        }
        Some(Group::Rubric) => tenant.rubric = rubric::said(document)?.into(),
        // Of a later version.
        None => {}
    }
    Ok(())
}

/// Reads what was checked before it was written.
fn read<T: serde::de::DeserializeOwned>(document: &Document) -> Result<T, StoreError> {
    serde_json::from_str(&document.body).map_err(|e| StoreError::corrupt("setting", e))
}

fn unreadable(invalid: InvalidConstraints) -> StoreError {
    StoreError::corrupt("setting", invalid)
}
