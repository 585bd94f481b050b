//! What a caller's headers say of rules and of forwarding untouched, on top of what the tenant has.

use floopy_shared::domain::{
    catalog::{Catalog, ModelKind},
    decision::{Load, Strategy},
    features::Features,
    ids::CandidateKey,
    route::Selection,
    rule::Rule,
};

use super::{
    Caller, Unroutable, View,
    experiment::is_open,
    select::{AUTO, Asked, Resolver, Selected, names, pinned, shorten},
};
use crate::{latencies::Latencies, provider::Providers};

/// A wish that cannot be met, with the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWish {
    #[error("the header floopy-routing-rule names {0:?}, which is no rule of this tenant: {1}")]
    UnknownRule(String, String),
    #[error("the header floopy-passthrough is {0:?}, it must be true or false")]
    NotABool(String),
    #[error(
        "the header floopy-smart-select is {0:?}, it must be true, false, or one of epsilon_greedy, ucb1, thompson"
    )]
    NoSelection(String),
    #[error(
        "\"auto\" cannot be forwarded untouched: name a model, or send the header floopy-passthrough: false"
    )]
    Auto,
    #[error(
        "{0:?} cannot be forwarded untouched: name one model, or send the header floopy-passthrough: false"
    )]
    List(String),
    #[error(
        "a call that is forwarded untouched has no fallback: leave out the header floopy-fallback, \
         or send floopy-passthrough: false"
    )]
    Fallback,
    #[error(
        "model {asked:?} is forwarded untouched, but {provider} does not know that name: write {model:?} and \
         send the header floopy-provider: {provider}"
    )]
    Prefixed {
        asked: String,
        provider: String,
        model: String,
    },
}

impl InvalidWish {
    /// The field or header that has it.
    pub fn param(&self) -> &'static str {
        match self {
            Self::UnknownRule(..) => "floopy-routing-rule",
            Self::NotABool(_) => "floopy-passthrough",
            Self::NoSelection(_) => "floopy-smart-select",
            Self::Fallback => "floopy-fallback",
            Self::Auto | Self::List(_) | Self::Prefixed { .. } => "model",
        }
    }
}

/// The rule that decides on `auto`: the one that the call names, or that of an experiment on calls that name none, or
/// the tenant's own, unless it lists no model of the kind that the call needs.
pub(super) fn rule<'a>(
    view: &View<'_>,
    caller: &Caller<'a>,
    features: &Features,
) -> Result<Option<&'a Rule>, InvalidWish> {
    let routing = &caller.tenant.routing;
    if let Some(name) = caller.rule {
        let unknown = || InvalidWish::UnknownRule(shorten(name), routing.names());
        return routing.find(name).map(Some).ok_or_else(unknown);
    }
    let catalog = view.snapshot.catalog_of(&caller.tenant.id);
    let tried = routing.unnamed_experiment();
    let tried = tried.filter(|experiment| is_open(view, caller, experiment));
    let tried = tried.and_then(|experiment| routing.find(&experiment.a));
    let usual = || routing.default_rule();
    let of_kind = |rule: &&Rule| serves_kind(rule, features, catalog);
    Ok(tried.filter(of_kind).or_else(|| usual().filter(of_kind)))
}

/// Whether a rule lists a model of the kind that the call needs.
pub(super) fn serves_kind(rule: &Rule, features: &Features, catalog: &Catalog) -> bool {
    let of_kind = |key: &CandidateKey| {
        let listed = catalog.get(key);
        listed.is_none_or(|m| (m.kind == ModelKind::Embedding) == features.embeddings)
    };
    rule.models.is_empty() || rule.models.iter().any(of_kind)
}

/// Whether the call is forwarded untouched.
pub(super) fn passthrough(caller: &Caller<'_>) -> Result<bool, InvalidWish> {
    match caller.passthrough {
        None => Ok(caller.tenant.routing.passthrough),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(InvalidWish::NotABool(shorten(other))),
    }
}

/// What a list of models means where the header `floopy-smart-select` is there: not an order, but those among which what
/// was learned chooses. Whatever bandit it names, there is one way to choose.
pub(super) fn smart_select(
    caller: &Caller<'_>,
    selected: Selected,
) -> Result<(Selected, Option<Rule>), InvalidWish> {
    match caller.smart_select {
        None | Some("false") => return Ok((selected, None)),
        Some("true" | "1" | "epsilon_greedy" | "ucb1" | "thompson") => {}
        Some(other) => return Err(InvalidWish::NoSelection(shorten(other))),
    }
    let Selection::Ordered(models) = selected.asked else {
        return Ok((selected, None));
    };
    // Those of which nothing is known come last, in the caller's order.
    let chosen = Selected {
        asked: Selection::Auto,
        fallback: models.clone(),
    };
    Ok((chosen, Some(Rule::among(models))))
}

/// Whom a call goes to as it is. The provider reads the caller's own name of the model, so that it must be
/// the provider's.
pub(super) fn untouched(
    asked: &Asked<'_>,
    catalog: &Catalog,
    providers: &Providers,
) -> Result<Selected, Unroutable> {
    let pin = pinned(asked, providers)?;
    let listed = names(asked.model);
    let name = match listed.as_slice() {
        [AUTO] => return Err(InvalidWish::Auto.into()),
        [one] => *one,
        [] | [_, _, ..] => return Err(InvalidWish::List(shorten(asked.model)).into()),
    };
    if asked.fallback.is_some() {
        return Err(InvalidWish::Fallback.into());
    }
    let resolver = Resolver {
        catalog,
        providers,
        pin,
    };
    let key = match pin {
        Some(provider) => resolver.key(provider, name)?,
        None => resolver.one(name)?,
    };
    if key.model() != name {
        return Err(prefixed(name, &key).into());
    }
    Ok(Selected {
        asked: Selection::Untouched(key),
        fallback: Vec::new(),
    })
}

fn prefixed(name: &str, key: &CandidateKey) -> InvalidWish {
    InvalidWish::Prefixed {
        asked: shorten(name),
        provider: key.provider().to_owned(),
        model: shorten(key.model()),
    }
}

/// What a rule by latency decides on.
pub(super) fn loads(rule: Option<&Rule>, latencies: &Latencies) -> Vec<(CandidateKey, Load)> {
    let by_latency = rule.filter(|rule| rule.strategy == Strategy::LatencyBased);
    let models = by_latency.map_or(&[][..], |rule| &rule.models);
    let load = |key: &CandidateKey| (key.clone(), latencies.load(key));
    models.iter().map(load).collect()
}
