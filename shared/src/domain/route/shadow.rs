//! Whom a copy of a served call goes to, so that it is learned how well that one would have done.
//!
//! Never where the copy could do or keep something: for tenants with zero retention, within tool-call loops
//! (the results belong to another model's calls), and where the provider runs tools itself, whose effects
//! would come twice. Tools that the caller runs are harmless: nobody runs what a shadow asks for.

use std::sync::Arc;

use super::{Question, Shadow, entry::Entry, unable};
use crate::domain::{
    catalog::CatalogModel,
    decision::Filter,
    draw::{DrawKey, Purpose, draw},
};

/// Whether copies of this call may be made at all.
fn may_be_copied(question: &Question<'_>) -> bool {
    let affinity = question.affinity;
    !question.zero_retention && !affinity.tool_loop && !question.features.provider_tools
}

/// A copy for this very model, which an experiment asks for with this probability; `None` where it cannot serve the
/// call, must not, or serves it anyway.
pub fn directed(
    question: &Question<'_>,
    (model, rate): (&Arc<CatalogModel>, f64),
    served: Option<&Arc<CatalogModel>>,
) -> Option<Shadow> {
    let serves = served.is_some_and(|served| served.key == model.key);
    let is_open = unable(model, question.features).is_none()
        && question.constraints.forbids(&model.key).is_none()
        && !question.affinity.bound;
    (may_be_copied(question) && is_open && !serves).then(|| Shadow {
        model: Arc::clone(model),
        propensity: rate,
    })
}

pub(super) fn pick(
    question: &Question<'_>,
    entries: &[Entry<'_>],
    shape: &str,
    served: usize,
) -> Option<Shadow> {
    if !may_be_copied(question) {
        return None;
    }
    let planned: f64 = entries.iter().map(|e| e.shadow_probability).sum();
    let rate = question.rankings?.shadow_rate * planned.min(1.0);
    let coin = DrawKey {
        session: question.shadow_key,
        shape,
        purpose: Purpose::ShadowRate,
    };
    if coin.unit() >= rate {
        return None;
    }
    let key = DrawKey {
        purpose: Purpose::ShadowArm,
        ..coin
    };
    let weight = |index: usize, entry: &Entry<'_>| {
        let is_open = index != served && entry.reads_history && may_be_tried(entry.trace.filter);
        if is_open {
            entry.shadow_probability
        } else {
            0.0
        }
    };
    let weighted = || entries.iter().enumerate().map(|(i, e)| (e, weight(i, e)));
    let drawn = draw(key, weighted().map(|(e, w)| (e.trace.key.as_str(), w)))?;
    let sum: f64 = weighted().map(|(_, weight)| weight).sum();
    Some(Shadow {
        model: entries[drawn].model.clone(),
        propensity: rate * weight(drawn, &entries[drawn]) / sum,
    })
}

/// Whoever must prove itself before it serves can do so only here: after a drift, for a floor, for a latency, for
/// a gate.
fn may_be_tried(filter: Option<Filter>) -> bool {
    match filter {
        None | Some(Filter::Drift | Filter::MaxLatency | Filter::MinQuality | Filter::Gate(_)) => {
            true
        }
        Some(
            Filter::NoProviderKey
            | Filter::CapabilityMissing
            | Filter::ContextTooLong
            | Filter::CircuitOpen
            | Filter::AllowProviders
            | Filter::DenyProviders
            | Filter::AllowModels
            | Filter::DenyModels
            | Filter::MaxCost,
        ) => false,
    }
}
