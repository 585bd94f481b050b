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
mod tests {
    use bytes::Bytes;
    use floopy_shared::domain::{
        catalog::Catalog,
        decision::{Reason, Strategy},
        experiment::{Arrangement, Experiment, Scope},
        ids::TenantId,
        rule::Rule,
    };
    use uuid::Uuid;

    use super::*;
    use crate::{call::Endpoint, config};

    struct World {
        snapshot: Snapshot,
        providers: Providers,
        breakers: Breakers,
        conversations: Conversations,
        tenant: Tenant,
    }

    fn world() -> World {
        let model = |key: &str, benchmark: f64| {
            let key = CandidateKey::parse(key).expect("valid");
            let kind = if key.model().contains("embed") {
                ModelKind::Embedding
            } else {
                ModelKind::Chat
            };
            CatalogModel {
                benchmark,
                ..CatalogModel::unlisted(key, kind)
            }
        };
        let catalog = Catalog::new(vec![
            model("a/best", 0.9),
            model("b/next", 0.8),
            model("b/embed", 0.5),
            model("c/keyless", 0.4),
        ]);
        let id = TenantId::new("t").expect("valid");
        let tenant = Tenant::new(id);
        let provider = |name: &str| config::Provider {
            base_url: Some(format!("http://{name}.test/v1")),
            ..config::Provider::named(name)
        };
        World {
            snapshot: Snapshot::cold(catalog.expect("valid"), [tenant.clone()]),
            providers: Providers::new(&[provider("a"), provider("b")]).expect("valid"),
            breakers: Breakers::new(&config::Breaker {
                failures: 1,
                open_ms: 60_000,
                ..config::Breaker::default()
            }),
            conversations: Conversations::default(),
            tenant,
        }
    }

    fn plan(world: &World, model: &str, fallback: Option<&str>) -> Result<Plan, Unroutable> {
        let body =
            format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#);
        let call = Call::parse(Bytes::from(body), Endpoint::Chat, None).expect("valid");
        let view = View {
            snapshot: &world.snapshot,
            providers: &world.providers,
            breakers: &world.breakers,
            conversations: &world.conversations,
            latencies: &Latencies::default(),
            now_ms: 0,
            attempts: 4,
        };
        let caller = Caller {
            tenant: &world.tenant,
            key_id: "k",
            is_evaluation: false,
            session: None,
            request_id: RequestId(Uuid::nil()),
            fallback,
            provider: None,
            rule: None,
            passthrough: None,
        };
        decide(&view, &call, &caller)
    }

    fn order(plan: &Plan) -> Vec<&str> {
        plan.choice
            .order
            .iter()
            .map(|model| model.key.as_str())
            .collect()
    }

    #[test]
    fn auto_goes_to_the_best_prior_with_the_rest_as_fallbacks() {
        let plan = plan(&world(), "auto", None).expect("routable");
        assert_eq!(order(&plan), ["a/best", "b/next"]);
        assert_eq!(plan.choice.strategy, Strategy::FeedbackDriven);
        assert!(plan.draw_key.starts_with("implicit:"));
    }

    /// One of two models that decides on calls that name no rule.
    fn compare(world: &mut World, b: &str) {
        let rule = |name: &str, model: &str| Rule {
            id: String::new(),
            name: name.into(),
            strategy: Strategy::LegacyModel,
            models: vec![CandidateKey::parse(model).expect("valid")],
            weights: Vec::new(),
            min_quality: None,
        };
        world.tenant.routing.rules = vec![rule("x-a", "b/next"), rule("x-b", b)];
        world.tenant.routing.experiments = vec![Experiment {
            id: Uuid::nil(),
            a: "x-a".into(),
            b: "x-b".into(),
            percentage: 50,
            arrangement: Arrangement::Canary,
            scope: Scope::Unnamed,
        }];
    }

    #[test]
    fn an_experiment_whose_models_cannot_both_be_asked_is_left_out() {
        let served = |world: &World| {
            let plan = plan(world, "auto", None).expect("served");
            (plan.experiment.is_some(), order(&plan).len())
        };
        let mut world = world();
        compare(&mut world, "a/best");
        assert_eq!(served(&world), (true, 1));
        world.tenant.constraints.deny_providers = vec!["b".into()];
        assert_eq!(served(&world), (false, 1), "a model is forbidden");
        world.tenant.constraints.deny_providers.clear();
        for gone in ["a/gone", "c/keyless"] {
            compare(&mut world, gone);
            assert_eq!(served(&world), (false, 2), "{gone}");
        }
    }

    #[test]
    fn an_open_circuit_takes_a_candidate_out() {
        let world = world();
        let best = CandidateKey::parse("a/best").expect("valid");
        world.breakers.failed(&best);
        let left = plan(&world, "auto", None).expect("one is left");
        assert_eq!(order(&left), ["b/next"]);
        assert_eq!(left.choice.reason, Reason::Dispatched);
        world
            .breakers
            .failed(&CandidateKey::parse("b/next").expect("valid"));
        let error = plan(&world, "auto", None).expect_err("all open");
        assert!(error.is_temporary());
        assert!(
            error.to_string().contains("a/best (failed repeatedly"),
            "{error}"
        );
        assert_eq!(
            order(&plan(&world, "a/best", None).expect("named by the caller")),
            ["a/best"]
        );
    }

    #[test]
    fn the_fallback_serves_auto_when_the_ranking_has_nobody_left() {
        let world = world();
        for key in ["a/best", "b/next"] {
            let key = CandidateKey::parse(key).expect("valid");
            world.breakers.failed(&key);
        }
        let plan = plan(&world, "auto", Some("b/other")).expect("the fallback is left");
        assert_eq!(order(&plan), ["b/other"]);
        assert_eq!(plan.choice.strategy, Strategy::Fallback);
    }

    #[test]
    fn a_fallback_header_makes_a_list_and_is_the_last_resort_of_auto() {
        let world = world();
        let listed = plan(&world, "a/best", Some("b/other")).expect("routable");
        assert_eq!(order(&listed), ["a/best", "b/other"]);
        assert_eq!(listed.choice.strategy, Strategy::Fallback);
        let auto = plan(&world, "auto", Some("b/other")).expect("routable");
        assert_eq!(order(&auto), ["a/best", "b/next", "b/other"]);
    }
}
