//! The routing decision: pure, so that serving, explaining and replaying are one function.

mod affinity;
mod constrain;
mod entry;
mod listed;
mod ranked;
pub mod replay;
mod ruled;
pub mod shadow;

use std::sync::Arc;

use super::{
    affinity::{Affinity, Release, UNTIED},
    catalog::{Catalog, CatalogModel, ModelKind},
    confidence::ConfidenceReason,
    constraints::{Constraints, UNCONSTRAINED},
    decision::{CandidateTrace, Filter, Load, Reason, Strategy},
    features::Features,
    ids::CandidateKey,
    money::Usage,
    ranking::{Evidence, Rankings},
    rule::Rule,
    shape::ShapeKey,
    weights::{Phase, Weights},
};

/// What the caller's `model` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// `auto`: the learned ranking, or what a rule puts in its place.
    Auto,
    /// One model.
    One(CandidateKey),
    /// The caller's own order of preference.
    Ordered(Vec<CandidateKey>),
    /// One model, to which the call goes as it is.
    Untouched(CandidateKey),
}

/// Everything that decides, gathered before.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub catalog: &'a Catalog,
    /// `None`: nothing was pushed yet, so benchmark priors rank.
    pub rankings: Option<&'a Rankings>,
    pub default_model: Option<&'a CandidateKey>,
    pub constraints: &'a Constraints,
    /// Content of this tenant is never kept, so that there is nothing to learn from a shadow.
    pub zero_retention: bool,
    pub selection: &'a Selection,
    /// What `auto` means; `None`: the learned ranking among all candidates.
    pub rule: Option<&'a Rule>,
    /// Of the rule's models, where it asks for them.
    pub loads: &'a [(CandidateKey, Load)],
    pub features: &'a Features,
    pub shapes: &'a [ShapeKey],
    pub affinity: &'a Affinity,
    /// The session, or what stands for it: a session keeps its model.
    pub draw_key: &'a str,
    /// The request: shadows are drawn for each one anew.
    pub shadow_key: &'a str,
    /// Candidates of which one after the other would be asked, where a ranking orders them.
    pub most: usize,
    /// What candidates were forecast to cost before; of the others it is told by their prices.
    pub forecasts: &'a [(CandidateKey, Option<u64>)],
}

impl<'a> Question<'a> {
    /// `auto`, without rankings, constraints or a conversation before; the rest is set by struct update.
    pub fn new(
        catalog: &'a Catalog,
        features: &'a Features,
        shapes: &'a [ShapeKey],
        draw_key: &'a str,
    ) -> Self {
        Self {
            catalog,
            rankings: None,
            default_model: None,
            constraints: &UNCONSTRAINED,
            zero_retention: false,
            selection: &Selection::Auto,
            rule: None,
            loads: &[],
            features,
            shapes,
            affinity: &UNTIED,
            draw_key,
            shadow_key: draw_key,
            most: usize::MAX,
            forecasts: &[],
        }
    }

    /// What the call is forecast to cost; `None`: the price is unknown.
    fn forecast(&self, model: &CatalogModel) -> Option<u64> {
        let before = self.forecasts.iter().find(|(key, _)| *key == model.key);
        before.map_or_else(|| expected_cost(model, self.features), |(_, cost)| *cost)
    }

    /// Whether the rule, if there is one, lets this candidate serve.
    fn lists(&self, key: &CandidateKey) -> bool {
        self.rule.is_none_or(|rule| rule.lists(key))
    }
}

/// The plan: who serves, who steps in, who is tried in the shadow, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub strategy: Strategy,
    pub phase: Phase,
    pub weights: Weights,
    pub ranked_shape: Option<ShapeKey>,
    pub candidates: Vec<CandidateTrace>,
    /// Who serves, then the fallbacks.
    pub order: Vec<Arc<CatalogModel>>,
    /// Of the first of `order`: the total probability of the draws that lead to it, given the affinity.
    pub propensity: f64,
    pub reason: Reason,
    pub released: Option<Release>,
    pub baseline: Option<CandidateKey>,
    pub confidence: Option<f64>,
    pub confidence_reason: ConfidenceReason,
    pub calibrated: Option<f64>,
    pub evidence: Evidence,
    pub exploration_rate: f64,
    pub shadow: Option<Shadow>,
    /// The name of the rule that decided.
    pub rule: Option<String>,
    /// What the API names it by.
    pub rule_id: Option<String>,
}

/// Whom a copy of the call goes to, unseen.
#[derive(Debug, Clone, PartialEq)]
pub struct Shadow {
    pub model: Arc<CatalogModel>,
    /// Probability of a shadow at all, times that of this candidate given who serves.
    pub propensity: f64,
}

/// Nothing can serve the request; the trace says why for each candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct NoCandidate {
    pub candidates: Vec<CandidateTrace>,
}

/// Decides. `blocked` tells what only the proxy knows of a candidate: no credentials, an open circuit.
pub fn choose(
    question: &Question<'_>,
    blocked: impl Fn(&CatalogModel) -> Option<Filter>,
) -> Result<Choice, NoCandidate> {
    match question.selection {
        Selection::Auto => match question.rule.and_then(ruled::Ruled::of) {
            Some(rule) => ruled::choose(question, rule, &blocked),
            None => ranked::choose(question, &blocked),
        },
        Selection::One(key) => listed::choose(
            question,
            std::slice::from_ref(key),
            Strategy::LegacyModel,
            &blocked,
        ),
        Selection::Untouched(key) => listed::choose(
            question,
            std::slice::from_ref(key),
            Strategy::LegacyModel,
            &blocked,
        )
        .map(|choice| Choice {
            reason: Reason::Passthrough,
            ..choice
        }),
        Selection::Ordered(keys) => listed::choose(question, keys, Strategy::Fallback, &blocked),
    }
}

/// Why a model's own facts rule it out.
pub fn unable(model: &CatalogModel, features: &Features) -> Option<Filter> {
    let kind = if features.embeddings {
        ModelKind::Embedding
    } else {
        ModelKind::Chat
    };
    let lacks = (features.tools && !model.tools)
        || (features.vision && !model.vision)
        || (features.json_schema && !model.json_schema);
    if lacks || model.kind != kind {
        return Some(Filter::CapabilityMissing);
    }
    let too_long = model
        .context_tokens
        .is_some_and(|limit| features.input_tokens_estimate > limit);
    too_long.then_some(Filter::ContextTooLong)
}

/// What a call is forecast to cost in micro-USD; `None`: the price is unknown.
pub fn expected_cost(model: &CatalogModel, features: &Features) -> Option<u64> {
    model
        .prices
        .map(|prices| prices.cost_micro_usd(expected_usage(features, 0)))
}

fn expected_usage(features: &Features, cached_input: u64) -> Usage {
    Usage {
        input: features.input_tokens_estimate,
        cached_input,
        output: features.expected_output_tokens(),
    }
}
