//! The routing decision: pure, so that serving, explaining and replaying are one function.

mod listed;
mod ranked;

use std::sync::Arc;

use super::{
    catalog::{Catalog, CatalogModel, ModelKind},
    confidence::ConfidenceReason,
    decision::{CandidateTrace, Filter, Reason, Strategy},
    features::Features,
    ids::CandidateKey,
    money::Usage,
    ranking::{Evidence, Rankings},
    shape::ShapeKey,
    weights::{Phase, Weights},
};

/// What the caller's `model` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// `auto`: the learned ranking.
    Auto,
    /// One model.
    One(CandidateKey),
    /// The caller's own order of preference.
    Ordered(Vec<CandidateKey>),
}

/// Everything that decides, gathered before.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub catalog: &'a Catalog,
    /// `None`: nothing was pushed yet, so benchmark priors rank.
    pub rankings: Option<&'a Rankings>,
    pub default_model: Option<&'a CandidateKey>,
    pub selection: &'a Selection,
    pub features: &'a Features,
    pub shapes: &'a [ShapeKey],
    /// The session, or what stands for it: a session keeps its model.
    pub draw_key: &'a str,
    /// The request: shadows are drawn for each one anew.
    pub shadow_key: &'a str,
}

/// The plan: who serves, who steps in, who is tried in the shadow, and why.
#[derive(Debug, Clone)]
pub struct Choice {
    pub strategy: Strategy,
    pub phase: Phase,
    pub weights: Weights,
    pub ranked_shape: Option<ShapeKey>,
    pub candidates: Vec<CandidateTrace>,
    /// The drawn candidate, then the fallbacks.
    pub order: Vec<Arc<CatalogModel>>,
    pub propensity: f64,
    pub reason: Reason,
    pub confidence: Option<f64>,
    pub confidence_reason: ConfidenceReason,
    pub evidence: Evidence,
    pub exploration_rate: f64,
    pub shadow: Option<Arc<CatalogModel>>,
}

/// Nothing can serve the request; the trace says why for each candidate.
#[derive(Debug, Clone)]
pub struct NoCandidate {
    pub candidates: Vec<CandidateTrace>,
}

/// Decides. `blocked` tells what only the proxy knows of a candidate: no credentials, an open circuit.
pub fn choose(
    question: &Question<'_>,
    blocked: impl Fn(&CatalogModel) -> Option<Filter>,
) -> Result<Choice, NoCandidate> {
    match question.selection {
        Selection::Auto => ranked::choose(question, &blocked),
        Selection::One(key) => listed::choose(
            question,
            std::slice::from_ref(key),
            Strategy::LegacyModel,
            &blocked,
        ),
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

fn expected_cost(model: &CatalogModel, features: &Features) -> Option<u64> {
    let usage = Usage {
        input: features.input_tokens_estimate,
        cached_input: 0,
        output: features.expected_output_tokens(),
    };
    model.prices.map(|prices| prices.cost_micro_usd(usage))
}
