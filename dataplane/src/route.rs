//! From a call to a plan: names become candidates, and the shared decision function draws one.

mod cached;
mod draw_key;
mod error;
mod experiment;
pub mod select;
mod wish;

use std::sync::Arc;

use floopy_shared::domain::{
    affinity::Affinity,
    catalog::{CatalogModel, ModelKind},
    decision::{CandidateTrace, Filter},
    experiment::Assignment,
    ids::{CandidateKey, RequestId, SessionId},
    route::{Choice, Question, Selection, choose},
    snapshot::{Snapshot, Tenant},
};

use crate::{
    call::Call,
    conversations::{ConversationId, Conversations},
    latencies::Latencies,
    provider::Providers,
    upstream::breaker::Breakers,
};

use self::draw_key::draw_key;
pub(crate) use self::{
    cached::{Governed, governed},
    experiment::assignment,
};
pub use self::{
    error::Unroutable,
    select::{Asked, Unresolved},
    wish::InvalidWish,
};

/// What decisions are made on.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub snapshot: &'a Snapshot,
    pub providers: &'a Providers,
    pub breakers: &'a Breakers,
    pub conversations: &'a Conversations,
    pub latencies: &'a Latencies,
    pub now_ms: u64,
    /// Candidates tried for one `auto` call.
    pub attempts: usize,
}

/// Who calls, and what their headers ask for.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    pub tenant: &'a Tenant,
    pub key_id: &'a str,
    /// It is part of no experiment, and no copy of it is sent.
    pub is_evaluation: bool,
    pub session: Option<&'a SessionId>,
    pub request_id: RequestId,
    /// `floopy-fallback`.
    pub fallback: Option<&'a str>,
    /// `floopy-provider`.
    pub provider: Option<&'a str>,
    /// `floopy-routing-rule`.
    pub rule: Option<&'a str>,
    /// `floopy-passthrough`.
    pub passthrough: Option<&'a str>,
    /// `floopy-smart-select`.
    pub smart_select: Option<&'a str>,
}

/// A decision, ready to be sent out.
#[derive(Debug, Clone)]
pub struct Plan {
    pub choice: Choice,
    pub draw_key: String,
    pub affinity: Affinity,
    pub conversation: ConversationId,
    /// The body is forwarded as it came.
    pub passthrough: bool,
    /// What an experiment made of it.
    pub experiment: Option<Assignment>,
}

/// Decides who serves a call.
pub fn decide(view: &View<'_>, call: &Call, caller: &Caller<'_>) -> Result<Plan, Unroutable> {
    if view.providers.names().next().is_none() {
        return Err(Unroutable::NoProvider);
    }
    let asked = Asked {
        model: call.model(),
        fallback: caller.fallback,
        provider: caller.provider,
    };
    let catalog = view.snapshot.catalog_of(&caller.tenant.id);
    let rule = wish::rule(view, caller, call.features())?;
    let passthrough = wish::passthrough(caller)?;
    let selection = if passthrough {
        wish::untouched(&asked, catalog, view.providers)?
    } else {
        select::select(&asked, catalog, view.providers)?
    };
    let (selection, own) = wish::smart_select(caller, selection)?;
    let rule = own.as_ref().or(rule);
    let entered = experiment::enter(view, (caller, call), rule);
    let rule = entered.map_or(rule, |entered| Some(entered.rule));
    let loads = wish::loads(rule, view.latencies);
    let draw_key = draw_key(call, caller);
    let tenant = &caller.tenant.id;
    let conversation = ConversationId::new(tenant, &draw_key, call.opening());
    let affinity = view
        .conversations
        .affinity(conversation, call.history(), view.now_ms);
    let mut shadow_key = [0; RequestId::TEXT_BYTES];
    let shadow_key = caller.request_id.write(&mut shadow_key);
    let question = Question {
        rankings: view.snapshot.rankings(tenant).map(AsRef::as_ref),
        default_model: caller.tenant.default_model.as_ref(),
        constraints: &caller.tenant.constraints,
        zero_retention: caller.tenant.zero_retention,
        selection: &selection.asked,
        rule,
        loads: &loads,
        affinity: &affinity,
        shadow_key,
        most: view.attempts,
        ..Question::new(catalog, call.features(), call.shapes(), &draw_key)
    };
    let mut choice = plan(view, &question, &selection.fallback)?;
    if let Some(entered) = &entered {
        entered.direct(view, &question, &mut choice);
    }
    choice.shadow.take_if(|_| caller.is_evaluation);
    Ok(Plan {
        choice,
        affinity,
        conversation,
        draw_key,
        passthrough,
        experiment: entered.map(|entered| entered.assignment),
    })
}

fn plan(
    view: &View<'_>,
    question: &Question<'_>,
    fallback: &[CandidateKey],
) -> Result<Choice, Unroutable> {
    let blocked = |model: &CatalogModel| blocked(view, model);
    let is_auto = *question.selection == Selection::Auto;
    match choose(question, blocked) {
        Ok(mut choice) if is_auto => {
            choice.order.truncate(view.attempts);
            append_fallback(question, fallback, &mut choice);
            Ok(choice)
        }
        Ok(choice) => Ok(choice),
        // The caller's last resort is for exactly this.
        Err(none) if !fallback.is_empty() => {
            let listed = Selection::Ordered(fallback.to_vec());
            let question = Question {
                selection: &listed,
                ..*question
            };
            choose(&question, blocked).map_err(|last| {
                let tried = none.candidates.into_iter().chain(last.candidates);
                Unroutable::NoCandidate(tried.collect())
            })
        }
        Err(none) => {
            let forbidden = |trace: &CandidateTrace| trace.filter.is_some_and(Filter::is_forbidden);
            Err(if !is_auto && none.candidates.iter().all(forbidden) {
                Unroutable::Forbidden(none.candidates)
            } else {
                Unroutable::NoCandidate(none.candidates)
            })
        }
    }
}

fn blocked(view: &View<'_>, model: &CatalogModel) -> Option<Filter> {
    let Some(provider) = view.providers.get(model.key.provider()) else {
        return Some(Filter::NoProviderKey);
    };
    let breakers = provider.breakers().map_or(view.breakers, AsRef::as_ref);
    breakers.is_open(&model.key).then_some(Filter::CircuitOpen)
}

/// The caller's own last resort comes after the ranked ones; what the tenant may not use is left out.
fn append_fallback(question: &Question<'_>, fallback: &[CandidateKey], choice: &mut Choice) {
    let kind = if question.features.embeddings {
        ModelKind::Embedding
    } else {
        ModelKind::Chat
    };
    let allowed = fallback
        .iter()
        .filter(|key| question.constraints.forbids(key).is_none());
    for key in allowed {
        if choice.order.iter().any(|model| model.key == *key) {
            continue;
        }
        let listed = question.catalog.get(key).map(Arc::clone);
        choice
            .order
            .push(listed.unwrap_or_else(|| Arc::new(CatalogModel::unlisted(key.clone(), kind))));
    }
}

#[cfg(test)]
mod tests;
