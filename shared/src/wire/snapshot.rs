//! Tables of the snapshot, and updates made of them.

use std::sync::Arc;

use floopy_proto::v1;
use uuid::Uuid;

use super::{InvalidWire, budget, mcp, names, non_empty, ranking, rate, required};
use crate::domain::{
    catalog::{Catalog, CatalogModel, ShapePrior},
    ids::{CandidateKey, KeyHash},
    money::Prices,
    snapshot::{
        ApiKey, Environment, KeyScope, Rejection, TableBody, TableName, TableUpdate, Tenant, Update,
    },
};

/// Reads an update. A table that cannot be read carries the reason, so that it rejects only itself.
pub fn update_from_wire(response: v1::WatchResponse) -> Update {
    Update {
        version: response.snapshot_version,
        tables: response.tables.into_iter().map(table_from_wire).collect(),
        removed: response.removed,
    }
}

/// Reads one table. One that cannot be read carries the reason.
pub fn table_from_wire(table: v1::Table) -> TableUpdate {
    let body = required(table.body, "body")
        .and_then(body_from_wire)
        .map_err(|e| e.to_string());
    TableUpdate {
        name: table.name,
        version: table.version,
        body,
    }
}

fn body_from_wire(body: v1::table::Body) -> Result<TableBody, InvalidWire> {
    Ok(match body {
        v1::table::Body::Catalog(catalog) => TableBody::Catalog(Arc::new(catalog.try_into()?)),
        v1::table::Body::Tenant(tenant) => TableBody::Tenant(Arc::new(tenant.try_into()?)),
        v1::table::Body::Rankings(rankings) => TableBody::Rankings(Arc::new(rankings.try_into()?)),
        v1::table::Body::Prompts(prompts) => TableBody::Prompts(Arc::new(prompts.try_into()?)),
        v1::table::Body::Credential(sealed) => TableBody::Credential(Arc::new(sealed.try_into()?)),
    })
}

/// Writes one table.
pub fn table_to_wire(name: &TableName, version: u64, body: &TableBody) -> v1::Table {
    let body = match body {
        TableBody::Catalog(catalog) => v1::table::Body::Catalog(catalog.as_ref().into()),
        TableBody::Tenant(tenant) => v1::table::Body::Tenant(tenant.as_ref().into()),
        TableBody::Rankings(rankings) => v1::table::Body::Rankings(rankings.as_ref().into()),
        TableBody::Prompts(prompts) => v1::table::Body::Prompts(prompts.as_ref().into()),
        TableBody::Credential(sealed) => v1::table::Body::Credential(sealed.as_ref().into()),
    };
    v1::Table {
        name: name.to_string(),
        version,
        body: Some(body),
    }
}

impl From<Rejection> for v1::Rejection {
    fn from(r: Rejection) -> Self {
        Self {
            table: r.table,
            version: r.version,
            reason: r.reason,
        }
    }
}

impl From<v1::Rejection> for Rejection {
    fn from(r: v1::Rejection) -> Self {
        Self {
            table: r.table,
            version: r.version,
            reason: r.reason,
        }
    }
}

impl From<&CatalogModel> for v1::CatalogModel {
    fn from(m: &CatalogModel) -> Self {
        let prices = m.prices.unwrap_or(Prices {
            input_micro_usd_per_mtok: 0,
            output_micro_usd_per_mtok: 0,
            cached_input_micro_usd_per_mtok: None,
        });
        Self {
            provider: m.key.provider().to_owned(),
            model: m.key.model().to_owned(),
            kind: v1::ModelKind::from(m.kind).into(),
            context_tokens: m.context_tokens.unwrap_or(0),
            max_output_tokens: m.max_output_tokens.unwrap_or(0),
            input_micro_usd_per_mtok: prices.input_micro_usd_per_mtok,
            output_micro_usd_per_mtok: prices.output_micro_usd_per_mtok,
            cached_input_micro_usd_per_mtok: prices.cached_input_micro_usd_per_mtok,
            tools: m.tools,
            vision: m.vision,
            json_schema: m.json_schema,
            benchmark: m.benchmark,
            benchmark_source: m.benchmark_source.to_string(),
            price_unknown: m.prices.is_none(),
            shape_priors: m.shape_priors.iter().map(Into::into).collect(),
        }
    }
}

impl From<&ShapePrior> for v1::ShapePrior {
    fn from(p: &ShapePrior) -> Self {
        Self {
            shape: p.shape.to_string(),
            value: p.value,
            source: p.source.to_string(),
        }
    }
}

impl TryFrom<v1::ShapePrior> for ShapePrior {
    type Error = InvalidWire;

    fn try_from(p: v1::ShapePrior) -> Result<Self, InvalidWire> {
        Self::new(&p.shape, p.value, p.source.into())
            .ok_or_else(|| InvalidWire::invalid("shape", p.shape))
    }
}

impl TryFrom<v1::CatalogModel> for CatalogModel {
    type Error = InvalidWire;

    fn try_from(m: v1::CatalogModel) -> Result<Self, InvalidWire> {
        let known = |limit: u64| (limit > 0).then_some(limit);
        let prices = Prices {
            input_micro_usd_per_mtok: m.input_micro_usd_per_mtok,
            output_micro_usd_per_mtok: m.output_micro_usd_per_mtok,
            cached_input_micro_usd_per_mtok: m.cached_input_micro_usd_per_mtok,
        };
        Ok(Self {
            key: CandidateKey::new(&m.provider, &m.model)
                .map_err(|e| InvalidWire::invalid("candidate", e))?,
            kind: names::model_kind(m.kind)?,
            context_tokens: known(m.context_tokens),
            max_output_tokens: known(m.max_output_tokens),
            prices: (!m.price_unknown).then_some(prices),
            tools: m.tools,
            vision: m.vision,
            json_schema: m.json_schema,
            benchmark: m.benchmark,
            benchmark_source: m.benchmark_source.into(),
            shape_priors: m
                .shape_priors
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Catalog> for v1::Catalog {
    fn from(c: &Catalog) -> Self {
        Self {
            models: c
                .models()
                .iter()
                .map(|model| model.as_ref().into())
                .collect(),
        }
    }
}

impl TryFrom<v1::Catalog> for Catalog {
    type Error = InvalidWire;

    fn try_from(c: v1::Catalog) -> Result<Self, InvalidWire> {
        let models = c
            .models
            .into_iter()
            .map(TryInto::try_into)
            .collect::<Result<_, _>>()?;
        Self::new(models).map_err(|e| InvalidWire::invalid("catalog", e))
    }
}

impl From<&Tenant> for v1::Tenant {
    fn from(t: &Tenant) -> Self {
        let key = |key: &ApiKey| v1::ApiKey {
            id: key.id.clone(),
            sha256: key.hash.0.to_vec().into(),
            read: key.read,
            write: key.write,
            project: id_or_empty(key.scope.project),
            environment: key
                .scope
                .environment
                .map_or("", Environment::as_str)
                .to_owned(),
            requests_per_minute: key.scope.requests_per_minute,
            rule: key.scope.rule.clone().unwrap_or_default(),
            evaluation: key.scope.evaluation,
            default_project: id_or_empty(key.default_project),
        };
        Self {
            id: t.id.to_string(),
            keys: t.keys.iter().map(key).collect(),
            default_project: id_or_empty(t.default_project),
            zero_retention: t.zero_retention,
            default_model: t
                .default_model
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            constraints: Some((&t.constraints).into()),
            shadow_budget_micro_usd_per_day: t.shadow_budget_micro_usd_per_day,
            routing: Some((&t.routing).into()),
            models: t.models.iter().map(|m| m.as_ref().into()).collect(),
            gates: t.gates.as_ref().map(Into::into),
            limits: Some((&t.limits).into()),
            closed: t.closed.map(Into::into),
            plan: t.plan.as_deref().map(Into::into),
            no_ratings_until_ms: t.no_ratings_until_ms,
            disabled: t.disabled,
            caching: Some((&t.caching).into()),
            rates: t.rates.iter().map(Into::into).collect(),
            budgets: t.budgets.iter().map(Into::into).collect(),
            firewall: (!t.firewall.is_default()).then(|| (&t.firewall).into()),
            mcp: t.mcp.as_deref().map(Into::into),
        }
    }
}

impl TryFrom<v1::Tenant> for Tenant {
    type Error = InvalidWire;

    fn try_from(t: v1::Tenant) -> Result<Self, InvalidWire> {
        let default_model = non_empty(t.default_model)
            .map(|key| ranking::candidate(&key))
            .transpose()?;
        let id = ranking::tenant(&t.id)?;
        let tools = t.mcp.map(|tools| mcp::mcp(&id, tools).map(Arc::new));
        Ok(Self {
            mcp: tools.transpose()?,
            id,
            keys: t.keys.into_iter().map(api_key).collect::<Result<_, _>>()?,
            default_project: project(t.default_project, "default_project")?,
            zero_retention: t.zero_retention,
            default_model,
            constraints: t
                .constraints
                .map(TryInto::try_into)
                .transpose()?
                .unwrap_or_default(),
            shadow_budget_micro_usd_per_day: t.shadow_budget_micro_usd_per_day,
            routing: t
                .routing
                .map(TryInto::try_into)
                .transpose()?
                .unwrap_or_default(),
            models: own_models(t.models)?,
            rates: rate::rates(t.rates)?.into(),
            budgets: budget::budgets(t.budgets)?.into(),
            gates: t.gates.map(TryInto::try_into).transpose()?,
            closed: t.closed.map(TryInto::try_into).transpose()?,
            plan: t.plan.map(|plan| Arc::new(plan.into())),
            no_ratings_until_ms: t.no_ratings_until_ms,
            disabled: t.disabled,
            caching: t
                .caching
                .map(TryInto::try_into)
                .transpose()?
                .unwrap_or_default(),
            limits: t
                .limits
                .map(TryInto::try_into)
                .transpose()?
                .unwrap_or_default(),
            implicit: Arc::default(),
            rubric: Arc::default(),
            is_pooled: true,
            firewall: t
                .firewall
                .map(TryInto::try_into)
                .transpose()?
                .unwrap_or_default(),
        })
    }
}

fn own_models(models: Vec<v1::CatalogModel>) -> Result<Arc<[Arc<CatalogModel>]>, InvalidWire> {
    let models = models.into_iter().map(|m| Ok(Arc::new(m.try_into()?)));
    models.collect()
}

/// An environment by its name; none where there is no name.
pub(super) fn environment(name: String) -> Result<Option<Environment>, InvalidWire> {
    let parse = |name: String| {
        Environment::parse(&name).ok_or_else(|| InvalidWire::invalid("environment", name))
    };
    non_empty(name).map(parse).transpose()
}

fn api_key(key: v1::ApiKey) -> Result<ApiKey, InvalidWire> {
    let hash = <[u8; 32]>::try_from(key.sha256.as_ref()).map_err(|_| {
        InvalidWire::invalid("sha256", format_args!("{} bytes, not 32", key.sha256.len()))
    })?;
    let environment = environment(key.environment)?;
    let scope = KeyScope {
        project: project(key.project, "project")?,
        environment,
        requests_per_minute: key.requests_per_minute,
        rule: non_empty(key.rule),
        evaluation: key.evaluation,
    };
    Ok(ApiKey {
        id: key.id,
        hash: KeyHash(hash),
        read: key.read,
        write: key.write,
        scope,
        default_project: project(key.default_project, "default_project")?,
    })
}

fn id_or_empty(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

fn project(id: String, field: &'static str) -> Result<Option<Uuid>, InvalidWire> {
    non_empty(id)
        .map(|id| Uuid::try_parse(&id).map_err(|e| InvalidWire::invalid(field, e)))
        .transpose()
}
