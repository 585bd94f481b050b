//! A decision again, from its record: the same snapshot gives the same answer, bit for bit.

mod recorded;

pub use self::recorded::{Present, Recorded, Unreplayable};
use super::{Choice, NoCandidate, Question, Selection, choose};
use crate::domain::{
    catalog::CatalogModel,
    decision::{Decision, Filter, Load, Strategy},
    ids::CandidateKey,
    rule::Rule,
    snapshot::{Snapshot, Tenant},
};

/// Decides again what the record tells of. `snapshot` and `tenant` are those of the record's version, or
/// others to ask what would have been: a rule that they lack, or that has become another one, decides nothing.
pub fn replay(
    decision: &Decision,
    snapshot: &Snapshot,
    tenant: &Tenant,
) -> Result<Choice, NoCandidate> {
    let rule = decision.rule.as_deref();
    let rule = rule.and_then(|name| tenant.routing.find(name));
    let listed = among(decision);
    let rule = rule.or(listed.as_ref());
    let selection = selection(decision, rule);
    let loads: Vec<(CandidateKey, Load)> = loads(decision).collect();
    let request_id = decision
        .shadow_of
        .unwrap_or(decision.request_id)
        .to_string();
    let question = Question {
        rankings: snapshot.rankings(&decision.tenant).map(AsRef::as_ref),
        default_model: tenant.default_model.as_ref(),
        constraints: &tenant.constraints,
        zero_retention: tenant.zero_retention,
        selection: &selection,
        rule,
        loads: &loads,
        affinity: &decision.affinity,
        shadow_key: &request_id,
        ..Question::new(
            snapshot.catalog_of(&decision.tenant),
            &decision.features,
            &decision.shapes,
            &decision.draw_key,
        )
    };
    choose(&question, |model| blocked(decision, model))
}

/// That what was learned chose among those that the caller listed.
fn among(decision: &Decision) -> Option<Rule> {
    let is_learned = decision.strategy == Strategy::FeedbackDriven && decision.rule.is_none();
    let is_listed = decision.requested_model.contains(',');
    let models = || decision.candidates.iter().map(|c| c.key.clone()).collect();
    (is_learned && is_listed).then(|| Rule::among(models()))
}

/// A list is recorded candidate by candidate, in its order.
fn selection(decision: &Decision, rule: Option<&Rule>) -> Selection {
    let keys = || decision.candidates.iter().map(|c| c.key.clone());
    if rule.is_some() {
        return Selection::Auto;
    }
    match decision.strategy {
        Strategy::FeedbackDriven => Selection::Auto,
        Strategy::Fallback
        | Strategy::RoundRobin
        | Strategy::Weighted
        | Strategy::LatencyBased
        | Strategy::SmartCost => Selection::Ordered(keys().collect::<Vec<CandidateKey>>()),
        Strategy::LegacyModel => match keys().next() {
            Some(key) if decision.passthrough => Selection::Untouched(key),
            Some(key) => Selection::One(key),
            None => Selection::Ordered(Vec::new()),
        },
    }
}

/// What the proxy had measured at the time.
fn loads(decision: &Decision) -> impl Iterator<Item = (CandidateKey, Load)> {
    let candidates = decision.candidates.iter();
    candidates.filter_map(|c| c.load.map(|load| (c.key.clone(), load)))
}

/// What the proxy knew at the time. Candidates that were not even traced had no key.
fn blocked(decision: &Decision, model: &CatalogModel) -> Option<Filter> {
    let traced = decision.candidates.iter().find(|c| c.key == model.key);
    match traced {
        None => Some(Filter::NoProviderKey),
        Some(trace) => trace
            .filter
            .filter(|f| matches!(f, Filter::NoProviderKey | Filter::CircuitOpen)),
    }
}
