//! From what is known to what the tables say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, ModelKind},
    credential::Sealed,
    ids::CandidateKey,
    money::Usage,
    prompt::Prompts,
    ranking::Rankings,
    snapshot::{TableBody, TableName, Tenant},
};

use crate::learn::{
    alarm::Alarms,
    gates::Guarded,
    policy::Goal,
    pool::Contribution,
    promotion::{Ladder, Mode, UNSTAGED},
    rank::{self, Candidate, Incumbents, Outcome, Platform, Question, rank_standings},
    recent::Recent,
    stats::TenantStats,
};

/// A call that prices are compared by: a page in, a paragraph out.
const TYPICAL: Usage = Usage {
    input: 1_000,
    cached_input: 0,
    output: 300,
};

/// How all tenants are routed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Policy {
    pub(crate) goal: Goal,
    pub(crate) shadow_rate: f64,
    pub(crate) shadow_spend: f64,
    pub(crate) canary_rate: f64,
    pub(crate) live_exploration: f64,
    /// What losing a warm prompt cache is weighed with.
    pub(crate) quality_per_usd: f64,
    /// How who serves changes, where a tenant does not say.
    pub(crate) promotions: Mode,
}

/// The chat models that some proxy can reach; all of them where no proxy named a usable provider.
pub(crate) fn candidates(catalog: &Catalog, providers: &BTreeSet<String>) -> Vec<Candidate> {
    let chat = || {
        catalog
            .models()
            .iter()
            .filter(|model| model.kind == ModelKind::Chat)
    };
    let reachable: Vec<Candidate> = chat()
        .filter(|model| providers.contains(model.key.provider()))
        .map(|m| candidate(m))
        .collect();
    if reachable.is_empty() {
        chat().map(|m| candidate(m)).collect()
    } else {
        reachable
    }
}

/// Everybody's chat models with their benchmarks, whoever can be reached.
pub(crate) fn benchmarks(catalog: &Catalog) -> BTreeMap<CandidateKey, f64> {
    let models = catalog.models().iter();
    let chat = models.filter(|model| model.kind == ModelKind::Chat);
    chat.map(|model| (model.key.clone(), model.benchmark))
        .collect()
}

fn candidate(model: &CatalogModel) -> Candidate {
    Candidate {
        key: model.key.clone(),
        benchmark: model.benchmark,
        shape_priors: Arc::clone(&model.shape_priors),
        cost: model.prices.map(|prices| prices.cost_micro_usd(TYPICAL)),
    }
}

/// A tenant's rankings; `None` where there is no chat model at all.
pub(crate) fn rankings(
    (tenant, candidates): (&Tenant, &[Candidate]),
    (stats, recent): (&TenantStats, Option<&Recent>),
    (platform, incumbents, alarms, ladder): (&Platform, &Incumbents, &Alarms, &Ladder),
    (policy, today): (&Policy, i64),
) -> Option<Outcome> {
    let spent = stats.shadow_spend_micro_usd(today);
    let is_spent = tenant
        .shadow_budget_micro_usd_per_day
        .is_some_and(|budget| spent >= budget);
    let shadow_rate = if is_spent { 0.0 } else { policy.shadow_rate };
    rank_standings(&Question {
        guarded: guarded(tenant, recent, today),
        shadow_rate,
        ..question(
            (tenant, candidates),
            stats,
            (platform, incumbents, alarms, ladder),
            policy,
        )
    })
}

/// What a tenant's evidence says to others, whoever serves it and whatever was held against anybody.
pub(crate) fn contribution(
    (tenant, candidates): (&Tenant, &[Candidate]),
    stats: &TenantStats,
    (platform, policy): (&Platform, &Policy),
) -> Contribution {
    let (incumbents, alarms) = (Incumbents::new(), Alarms::new());
    let held = (platform, &incumbents, &alarms, &UNSTAGED);
    rank::contribution(&question((tenant, candidates), stats, held, policy))
}

fn question<'a>(
    (tenant, candidates): (&'a Tenant, &'a [Candidate]),
    stats: &'a TenantStats,
    (platform, incumbents, alarms, ladder): (&'a Platform, &'a Incumbents, &'a Alarms, &'a Ladder),
    policy: &Policy,
) -> Question<'a> {
    Question {
        tenant: &tenant.id,
        candidates,
        stats,
        platform,
        incumbents,
        baseline: tenant.default_model.as_ref(),
        guarded: None,
        goal: policy.goal,
        shadow_rate: policy.shadow_rate,
        shadow_spend: policy.shadow_spend,
        canary_rate: policy.canary_rate,
        live_exploration: policy.live_exploration,
        constraints: &tenant.constraints,
        quality_per_usd: policy.quality_per_usd,
        alarms,
        ladder,
        implicit: &tenant.implicit,
    }
}

/// Whether a tenant's gates can keep anybody back: they compare with its default model.
pub(crate) fn is_guarded(tenant: &Tenant) -> bool {
    let closes = tenant.gates.is_some_and(|gates| !gates.are_open());
    closes && tenant.default_model.is_some()
}

fn guarded<'a>(tenant: &'a Tenant, recent: Option<&'a Recent>, today: i64) -> Option<Guarded<'a>> {
    let gates = tenant.gates.as_ref().filter(|_| is_guarded(tenant))?;
    Some(Guarded {
        gates,
        recent: recent?,
        today,
    })
}

/// Every table that should stand.
pub(crate) fn tables<'a>(
    catalog: &Arc<Catalog>,
    tenants: impl Iterator<Item = &'a Arc<Tenant>>,
    rankings: impl Iterator<Item = &'a Arc<Rankings>>,
    prompts: impl Iterator<Item = &'a Arc<Prompts>>,
    credentials: impl Iterator<Item = &'a Arc<Sealed>>,
) -> BTreeMap<TableName, TableBody> {
    let catalog = (TableName::Catalog, TableBody::Catalog(Arc::clone(catalog)));
    let tenants = tenants.map(|t| {
        (
            TableName::Tenant(t.id.clone()),
            TableBody::Tenant(Arc::clone(t)),
        )
    });
    let rankings = rankings.map(|r| {
        (
            TableName::Ranking(r.tenant.clone()),
            TableBody::Rankings(Arc::clone(r)),
        )
    });
    let prompts = prompts.map(|p| {
        (
            TableName::Prompts(p.tenant.clone()),
            TableBody::Prompts(Arc::clone(p)),
        )
    });
    let credentials = credentials.map(|c| {
        (
            TableName::Credential(c.id.clone()),
            TableBody::Credential(Arc::clone(c)),
        )
    });
    std::iter::once(catalog)
        .chain(tenants)
        .chain(rankings)
        .chain(prompts)
        .chain(credentials)
        .collect()
}

#[cfg(test)]
mod tests {
    use floopy_shared::{
        catalog::builtin_catalog,
        domain::{
            gates::{DEFAULT_GATES, OPEN_GATES},
            ids::TenantId,
        },
    };

    use super::*;

    #[test]
    fn only_a_tenant_with_a_default_model_that_set_gates_has_any() {
        let tenant = |gates, default_model: Option<&str>| Tenant {
            gates,
            default_model: default_model.map(|key| CandidateKey::parse(key).expect("valid")),
            ..Tenant::new(TenantId::new("t").expect("valid"))
        };
        let model = Some("p/a");
        assert!(is_guarded(&tenant(Some(DEFAULT_GATES), model)));
        assert!(!is_guarded(&tenant(None, model)), "it never set any");
        assert!(!is_guarded(&tenant(Some(OPEN_GATES), model)));
        assert!(!is_guarded(&tenant(Some(DEFAULT_GATES), None)));
    }

    fn providers(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_reachable_chat_models_are_ranked_and_all_where_none_is_reachable() {
        let catalog = builtin_catalog();
        let chat = catalog
            .models()
            .iter()
            .filter(|m| m.kind == ModelKind::Chat)
            .count();
        assert_eq!(candidates(&catalog, &BTreeSet::new()).len(), chat);
        assert_eq!(candidates(&catalog, &providers(&["nobody"])).len(), chat);
        let some = candidates(&catalog, &providers(&["openai"]));
        assert!(!some.is_empty() && some.iter().all(|c| c.key.provider() == "openai"));
    }
}
