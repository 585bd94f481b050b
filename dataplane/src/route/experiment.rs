//! Whether a call is part of an experiment, and which of its rules it follows.

use floopy_shared::domain::{
    catalog::Catalog,
    experiment::{Assignment, unit},
    features::Features,
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
    caller: &Caller<'a>,
    call: &Call,
    (rule, catalog): (Option<&'a Rule>, &Catalog),
) -> Option<Entered<'a>> {
    let routing = &caller.tenant.routing;
    if routing.experiments.is_empty() || names(call.model()) != [AUTO] {
        return None;
    }
    let experiment = routing.experiment_on(&rule?.name)?;
    let (a, b) = (routing.find(&experiment.a)?, routing.find(&experiment.b)?);
    let features: &Features = call.features();
    if ![a, b]
        .iter()
        .all(|r| wish::serves_kind(r, features, catalog))
    {
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

/// The same without deciding anything: what is written down of calls that nobody could serve.
pub(crate) fn assignment(view: &View<'_>, call: &Call, caller: &Caller<'_>) -> Option<Assignment> {
    let catalog = view.snapshot.catalog_of(&caller.tenant.id);
    let rule = wish::rule(caller, call.features(), catalog).ok()?;
    enter(caller, call, (rule, catalog)).map(|entered| entered.assignment)
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
