//! Whether a stored reply may answer a call by now: what was allowed when it was stored may be forbidden since.

use floopy_shared::domain::{
    ids::CandidateKey,
    ranking::{RankedCandidate, Role},
    rule::Rule,
};

use super::{
    Caller, View,
    select::{AUTO, names},
    wish,
};
use crate::call::Call;

/// What decides about a call before anybody is chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Governed<'a> {
    /// The rule that decides on it; `None`: it names its models, or there is none.
    pub rule: Option<&'a Rule>,
    pub passthrough: bool,
    is_auto: bool,
}

/// `None`: its headers say something that cannot be done, which routing tells.
pub(crate) fn governed<'a>(
    view: &View<'_>,
    call: &Call,
    caller: &Caller<'a>,
) -> Option<Governed<'a>> {
    let is_auto = names(call.model()) == [AUTO];
    let rule = wish::rule(view, caller, call.features()).ok()?;
    Some(Governed {
        rule: rule.filter(|_| is_auto),
        passthrough: wish::passthrough(caller).ok()?,
        is_auto,
    })
}

impl Governed<'_> {
    /// Whether this model's reply may be given. `was_listed`: the catalog had it when it replied.
    pub(crate) fn may_answer(
        &self,
        view: &View<'_>,
        caller: &Caller<'_>,
        (model, was_listed): (&CandidateKey, bool),
    ) -> bool {
        let tenant = caller.tenant;
        let catalog = view.snapshot.catalog_of(&tenant.id);
        let is_there = !was_listed || catalog.get(model).is_some();
        let by_rule = |rule: &Rule| rule.models.is_empty() || rule.models.contains(model);
        is_there
            && view.providers.get(model.provider()).is_some()
            && tenant.constraints.forbids(model).is_none()
            && self.rule.is_none_or(by_rule)
            && !(self.is_auto && is_masked(view, caller, model))
    }
}

/// Whether a drift monitor took it out anywhere.
fn is_masked(view: &View<'_>, caller: &Caller<'_>, model: &CandidateKey) -> bool {
    let Some(rankings) = view.snapshot.rankings(&caller.tenant.id) else {
        return false;
    };
    let masked = |ranked: &RankedCandidate| ranked.role == Role::Masked && ranked.key == *model;
    rankings
        .shapes
        .iter()
        .any(|shape| shape.candidates.iter().any(masked))
}
