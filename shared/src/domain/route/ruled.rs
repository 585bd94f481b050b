//! `auto` by a rule that does not learn: in the order of its list, by shares, by latency or by price.
//!
//! Who may serve is narrowed as for the ranking: by what the call needs, by open circuits, by what the tenant
//! forbids and by the conversation before; where prices decide, also by drift. What the tenant wishes of
//! routing does not overrule its own rule.

mod cost;
mod load;

pub(super) use self::cost::p_keeps;

use std::sync::Arc;

use super::{
    Choice, NoCandidate, Question,
    affinity::{Tie, tie},
    constrain,
    entry::{self, Entry},
    ranked::{self, Pick, certain},
    unable,
};
use crate::domain::{
    affinity::Release,
    catalog::{CatalogModel, ModelKind},
    decision::{Filter, Load, Reason, Strategy},
    draw::{DrawKey, Purpose, draw_all},
    ids::CandidateKey,
    ranking::{Role, ShapeRanking},
    rule::{DEFAULT_MIN_QUALITY, Rule},
};

/// A rule, and what its candidates are put in order by.
#[derive(Clone, Copy)]
pub(super) struct Ruled<'a> {
    rule: &'a Rule,
    by: By,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    List,
    EqualShares,
    Shares,
    Load,
    Cost,
}

impl<'a> Ruled<'a> {
    /// `None`: the learned ranking decides among the rule's models.
    pub(super) fn of(rule: &'a Rule) -> Option<Self> {
        let by = match rule.strategy {
            Strategy::FeedbackDriven => return None,
            Strategy::Fallback | Strategy::LegacyModel => By::List,
            Strategy::RoundRobin => By::EqualShares,
            Strategy::Weighted => By::Shares,
            Strategy::LatencyBased => By::Load,
            Strategy::SmartCost => By::Cost,
        };
        Some(Self { rule, by })
    }

    /// The share of sessions that the candidate gets.
    fn weight(self, key: &CandidateKey) -> f64 {
        let at = || self.rule.models.iter().position(|model| model == key);
        match self.by {
            By::Shares => at().map_or(0.0, |at| self.rule.weights.get(at).copied().unwrap_or(0.0)),
            By::List | By::EqualShares | By::Load | By::Cost => 1.0,
        }
    }
}

pub(super) fn choose(
    question: &Question<'_>,
    ruled: Ruled<'_>,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Result<Choice, NoCandidate> {
    let ranking = (ruled.by == By::Cost)
        .then(|| ranked::ranking(question))
        .flatten();
    let mut entries = entries(question, (ruled, ranking), blocked);
    if ruled.by == By::Cost {
        constrain::keep_back(&mut entries, constrain::baseline(question, ranking));
    }
    let reference = (ruled.by == By::Cost)
        .then(|| cost::reference(&entries, constrain::baseline(question, ranking)))
        .flatten();
    if let Some(reference) = reference {
        let min_quality = ruled.rule.min_quality.unwrap_or(DEFAULT_MIN_QUALITY);
        cost::keep_quality(&mut entries, reference, min_quality);
    }
    let (tie, released) = tie(question.affinity, &mut entries);
    let order = order(question, ruled, &entries, reference);
    let Some(pick) = pick(ruled, &mut entries, &order, (tie, released)) else {
        return Err(NoCandidate {
            candidates: entries.into_iter().map(|e| e.trace).collect(),
        });
    };
    let others = order.iter().filter(|index| **index != pick.index);
    let order: Vec<Arc<CatalogModel>> = std::iter::once(&pick.index)
        .chain(others)
        .map(|index| Arc::clone(entries[*index].model))
        .collect();
    let baseline = reference.map(|index| entries[index].trace.key.clone());
    Ok(Choice {
        strategy: ruled.rule.strategy,
        order,
        baseline,
        rule: Some(ruled.rule.name.clone()),
        rule_id: Some(ruled.rule.id.clone()).filter(|id| !id.is_empty()),
        ..ranked::plan(ranking, entries, &pick, None)
    })
}

/// The rule's candidates in its order; models that the catalog lacks are left out, as in a ranking. Where
/// prices decide, the baseline comes last if the rule does not list it: it serves where nobody keeps its quality.
fn entries<'a>(
    question: &Question<'a>,
    (ruled, ranking): (Ruled<'_>, Option<&'a ShapeRanking>),
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Vec<Entry<'a>> {
    let listed = &ruled.rule.models;
    let mut keys: Vec<&CandidateKey> = listed.iter().collect();
    if ruled.by == By::Cost {
        if listed.is_empty() {
            keys = everybody(question, ranking);
        }
        let baseline = constrain::baseline(question, ranking);
        keys.extend(baseline.filter(|key| !keys.contains(key)));
    }
    let entry = |key: &CandidateKey| {
        let model = question.catalog.get(key)?;
        let learned = ranking.and_then(|r| r.candidates.iter().find(|c| c.key == *key));
        let mut trace = match learned {
            Some(candidate) => entry::learned(question, model, candidate),
            None => entry::unranked(question, model),
        };
        // That of the tenant's own floor, which is another one.
        trace.p_floor = None;
        trace.load = (ruled.by == By::Load).then(|| load_of(question, key));
        // Who names one model wants that one, whatever befell it.
        let blocked = blocked(model)
            .filter(|f| *f != Filter::CircuitOpen || ruled.rule.strategy != Strategy::LegacyModel);
        trace.filter = unable(model, question.features)
            .or(blocked)
            .or_else(|| question.constraints.forbids(key))
            .or_else(|| (trace.role == Some(Role::Masked)).then_some(Filter::Drift));
        Some(Entry {
            model,
            trace,
            shadow_probability: 0.0,
            role: Role::Fallback,
            gate: learned.and_then(|candidate| candidate.gate),
            is_last_resort: false,
            reads_history: true,
        })
    };
    let entries = keys.into_iter().filter_map(entry);
    entries
        .filter(|e| !listed.is_empty() || e.trace.filter != Some(Filter::NoProviderKey))
        .collect()
}

/// Whom a rule without a list means.
fn everybody<'a>(
    question: &Question<'a>,
    ranking: Option<&'a ShapeRanking>,
) -> Vec<&'a CandidateKey> {
    match ranking {
        Some(ranking) => ranking.candidates.iter().map(|c| &c.key).collect(),
        None => {
            let models = question.catalog.models().iter();
            let of_kind = |m: &&Arc<CatalogModel>| {
                (m.kind == ModelKind::Embedding) == question.features.embeddings
            };
            models.filter(of_kind).map(|m| &m.key).collect()
        }
    }
}

fn load_of(question: &Question<'_>, key: &CandidateKey) -> Load {
    let found = question.loads.iter().find(|(of, _)| of == key);
    found.map(|(_, load)| *load).unwrap_or_default()
}

/// Everybody who may be asked, in the order in which they are: those who can read the history first.
fn order(
    question: &Question<'_>,
    ruled: Ruled<'_>,
    entries: &[Entry<'_>],
    reference: Option<usize>,
) -> Vec<usize> {
    let mut order = match ruled.by {
        By::List => (0..entries.len()).collect(),
        By::EqualShares | By::Shares => {
            let key = DrawKey {
                session: question.draw_key,
                shape: &ruled.rule.name,
                purpose: Purpose::Serve,
            };
            let weighted = |e: &Entry<'_>| ruled.weight(&e.trace.key);
            let weighted = entries.iter().map(|e| (e.trace.key.as_str(), weighted(e)));
            draw_all(key, weighted)
        }
        By::Load => load::order(entries),
        By::Cost => return cost::order(entries, (ruled.rule, reference)),
    };
    order.retain(|index| entries[*index].is_eligible());
    order.sort_by_key(|index| !entries[*index].reads_history);
    order
}

/// The first of the order serves, with the probability that the shares of those who can serve give it.
fn pick(
    ruled: Ruled<'_>,
    entries: &mut [Entry<'_>],
    order: &[usize],
    (tie, released): (Tie, Option<Release>),
) -> Option<Pick> {
    let reason = match tie {
        Tie::Loop(index) => return Some(certain(entries, (index, Reason::Pinned), released)),
        Tie::Readers => Reason::Pinned,
        Tie::Free => Reason::Dispatched,
    };
    let first = *order.first()?;
    match ruled.by {
        By::EqualShares | By::Shares => {}
        By::List | By::Load => return Some(certain(entries, (first, reason), released)),
        By::Cost => {
            let reason = cost::reason(ruled.rule, &entries[first]).unwrap_or(reason);
            return Some(certain(entries, (first, reason), released));
        }
    }
    let share = |e: &Entry<'_>| {
        if e.can_serve() {
            ruled.weight(&e.trace.key)
        } else {
            0.0
        }
    };
    let sum: f64 = entries.iter().map(share).sum();
    if sum <= 0.0 {
        return Some(certain(entries, (first, Reason::DefaultModel), released));
    }
    for entry in entries.iter_mut() {
        entry.trace.propensity = share(entry) / sum;
    }
    Some(Pick {
        index: first,
        reason,
        released,
        exploration_rate: 0.0,
    })
}
