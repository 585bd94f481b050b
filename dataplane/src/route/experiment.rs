//! Whether a call is part of an experiment, and which of its rules it follows.

use floopy_shared::domain::{
    experiment::{Assignment, Experiment, Scope, unit},
    ids::CandidateKey,
    route::{Choice, Question, shadow},
    rule::Rule,
};

use super::{
    Caller, View, blocked,
    select::{AUTO, names},
    wish,
};
use crate::call::Call;

/// A call within an experiment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entered<'a> {
    pub(super) assignment: Assignment,
    /// What it follows in place of the rule that it would have followed.
    pub(super) rule: &'a Rule,
    /// Of whom a copy of it is asked for.
    copy: Option<&'a Rule>,
}

/// What an experiment makes of a call; `None`: it is part of none. Calls that name a model, or that only one of the
/// two rules could serve by the kind of its models, never are.
pub(super) fn enter<'a>(
    view: &View<'_>,
    (caller, call): (&Caller<'a>, &Call),
    rule: Option<&'a Rule>,
) -> Option<Entered<'a>> {
    let routing = &caller.tenant.routing;
    if routing.experiments.is_empty() || caller.is_evaluation || names(call.model()) != [AUTO] {
        return None;
    }
    let experiment = routing.experiment_on(&rule?.name)?;
    let (a, b) = (routing.find(&experiment.a)?, routing.find(&experiment.b)?);
    let catalog = view.snapshot.catalog_of(&caller.tenant.id);
    let of_kind = |rule: &&Rule| wish::serves_kind(rule, call.features(), catalog);
    if ![a, b].iter().all(of_kind) || !is_open(view, caller, experiment) {
        return None;
    }
    let assignment = experiment.assign(&unit(caller.session, caller.request_id));
    let rule = routing.find(experiment.rule(assignment.variant))?;
    let copy = experiment.copies(caller.request_id).then_some(b);
    Some(Entered {
        assignment,
        rule,
        copy,
    })
}

/// Whether the models that an experiment brought along may and can be asked here. Where one of them is gone from the
/// catalog, was forbidden since, or has no key at this proxy, calls are served as if there were no experiment; rules that
/// the tenant wrote itself mean what they say.
pub(super) fn is_open(view: &View<'_>, caller: &Caller<'_>, experiment: &Experiment) -> bool {
    match experiment.scope {
        Scope::Rule => return true,
        Scope::Unnamed => {}
    }
    let Caller { tenant, .. } = caller;
    let catalog = view.snapshot.catalog_of(&tenant.id);
    let can = |key: &CandidateKey| {
        catalog.get(key).is_some()
            && tenant.constraints.forbids(key).is_none()
            && view.providers.get(key.provider()).is_some()
    };
    let mut rules = [&experiment.a, &experiment.b].into_iter();
    rules.all(|name| {
        let rule = tenant.routing.find(name);
        rule.is_some_and(|rule| rule.models.iter().all(can))
    })
}

/// The same without deciding anything: what is written down of calls that nobody could serve.
pub(crate) fn assignment(view: &View<'_>, call: &Call, caller: &Caller<'_>) -> Option<Assignment> {
    let rule = wish::rule(view, caller, call.features()).ok()?;
    enter(view, (caller, call), rule).map(|entered| entered.assignment)
}

impl Entered<'_> {
    /// Sends the copy that the experiment asks for along with what was chosen.
    pub(super) fn direct(&self, view: &View<'_>, question: &Question<'_>, choice: &mut Choice) {
        let Some([key]) = self.copy.map(|rule| rule.models.as_slice()) else {
            return;
        };
        let Some(model) = question.catalog.get(key) else {
            return;
        };
        if blocked(view, model).is_none() {
            let rate = self.assignment.copied().probability();
            let copy = shadow::directed(question, (model, rate), choice.order.first());
            choice.shadow = copy.or(choice.shadow.take());
        }
    }
}
