//! A decision again from its record alone, without the snapshot that it was made on: as it was, or as it would
//! have been under other constraints.
//!
//! The record has every candidate with what was believed of it, what it would have cost, its probability in the
//! ranking and why it was filtered. What it was filtered for by its own lacks, or by the proxy's, stays; what the
//! tenant forbade or wished is judged anew. Of the present, only what no record has is used: what a quality is
//! worth, the prices of a prompt cache, and of a rule its shares.

use super::{loads, selection};
use crate::domain::{
    catalog::{Catalog, CatalogModel, ModelKind},
    constraints::{Constraints, MinQuality, UNCONSTRAINED},
    decision::{CandidateTrace, Decision, Filter, Load, Strategy},
    ids::CandidateKey,
    ranking::{Objective, Posterior, RankedCandidate, Rankings, Role, ShapeRanking},
    route::{Choice, NoCandidate, Question, Selection, choose, ruled::p_keeps},
    rule::{Routing, Rule},
};

/// What a record does not have, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    pub catalog: &'a Catalog,
    pub rankings: Option<&'a Rankings>,
    pub routing: &'a Routing,
    pub default_model: Option<&'a CandidateKey>,
    /// The share of the baseline's quality that the recorded probabilities of keeping it are of.
    pub floor: Option<f64>,
}

/// Why a record cannot be decided again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreplayable {
    #[error("the call was refused before any candidate was looked at")]
    Undecided,
    #[error("the rule {0:?}, by which it was decided, is gone or has become another one")]
    RuleGone(String),
    #[error("the record is not whole: {0}")]
    Damaged(String),
}

/// A record made ready to be decided again.
#[derive(Debug)]
pub struct Recorded<'a> {
    decision: &'a Decision,
    present: Present<'a>,
    catalog: Catalog,
    rule: Option<Rule>,
    selection: Selection,
    forecasts: Vec<(CandidateKey, Option<u64>)>,
    loads: Vec<(CandidateKey, Load)>,
}

impl<'a> Recorded<'a> {
    /// Reads what is needed of a record.
    pub fn new(decision: &'a Decision, present: Present<'a>) -> Result<Self, Unreplayable> {
        if decision.candidates.is_empty() || decision.chosen.is_none() {
            return Err(Unreplayable::Undecided);
        }
        let rule = rule(decision, present.routing)?;
        let candidates = &decision.candidates;
        // A list may name somebody twice.
        let is_first = |(at, trace): &(usize, &CandidateTrace)| {
            candidates[..*at].iter().all(|c| c.key != trace.key)
        };
        let models = candidates.iter().enumerate().filter(is_first);
        let models = models.map(|(_, trace)| model(decision, trace, present.catalog));
        let catalog = Catalog::new(models.collect())
            .map_err(|invalid| Unreplayable::Damaged(invalid.to_string()))?;
        let forecasts = decision.candidates.iter();
        Ok(Self {
            selection: selection(decision, rule.as_ref()),
            forecasts: forecasts
                .map(|c| (c.key.clone(), c.expected_cost_micro_usd))
                .collect(),
            loads: loads(decision).collect(),
            decision,
            present,
            catalog,
            rule,
        })
    }

    /// As it was: with the filters of the record.
    pub fn again(&self) -> Result<Choice, NoCandidate> {
        // Gates come with the ranking.
        let filter = |model: &CatalogModel| {
            let filter = self.trace(model).and_then(|trace| trace.filter);
            filter.filter(|filter| filter.gate().is_none())
        };
        let rankings = self.rankings(None);
        // Before anything was learned, the default model was the baseline.
        let default = match self.decision.ranked_shape {
            Some(_) => self.present.default_model,
            None => self.decision.baseline.as_ref(),
        };
        self.choose((&UNCONSTRAINED, default), rankings.as_ref(), filter)
    }

    /// As it would have been under these constraints.
    pub fn under(&self, constraints: &Constraints) -> Result<Choice, NoCandidate> {
        let fixed = |model: &CatalogModel| {
            let filter = self.trace(model).and_then(|trace| trace.filter);
            filter.filter(|filter| is_fixed(*filter))
        };
        let rankings = self.rankings(constraints.min_quality);
        let default = self.present.default_model;
        self.choose((constraints, default), rankings.as_ref(), fixed)
    }

    fn choose(
        &self,
        (constraints, default_model): (&Constraints, Option<&CandidateKey>),
        rankings: Option<&Rankings>,
        blocked: impl Fn(&CatalogModel) -> Option<Filter>,
    ) -> Result<Choice, NoCandidate> {
        let decision = self.decision;
        let question = Question {
            rankings,
            default_model,
            constraints,
            // Whom a copy goes to is another question.
            zero_retention: true,
            selection: &self.selection,
            rule: self.rule.as_ref(),
            loads: &self.loads,
            affinity: &decision.affinity,
            forecasts: &self.forecasts,
            ..Question::new(
                &self.catalog,
                &decision.features,
                &decision.shapes,
                &decision.draw_key,
            )
        };
        choose(&question, blocked)
    }

    fn trace(&self, model: &CatalogModel) -> Option<&CandidateTrace> {
        let mut candidates = self.decision.candidates.iter();
        candidates.find(|trace| trace.key == model.key)
    }

    /// The ranking as it was, with what `needed` asks for; without any, what was learned is not asked.
    fn rankings(&self, needed: Option<MinQuality>) -> Option<Rankings> {
        let decision = self.decision;
        let now = self.present.rankings;
        let shapes = decision.ranked_shape.as_ref().map(|shape| ShapeRanking {
            shape: shape.clone(),
            phase: decision.phase,
            weights: decision.weights,
            candidates: self.ranked(needed),
            confidence: decision.confidence,
            confidence_reason: decision.confidence_reason,
            evidence: decision.evidence,
            baseline: decision.baseline.clone(),
            calibrated: decision.calibrated,
        });
        if shapes.is_none() && now.is_none() {
            return None;
        }
        Some(Rankings {
            tenant: decision.tenant.clone(),
            shapes: shapes.into_iter().collect(),
            shadow_rate: 0.0,
            objective: now.map_or(Objective::default(), |now| now.objective),
            quality_per_usd: now.map_or(0.0, |now| now.quality_per_usd),
        })
    }

    fn ranked(&self, needed: Option<MinQuality>) -> Vec<RankedCandidate> {
        let baseline = self.decision.baseline.as_ref();
        let of_baseline = self.decision.candidates.iter();
        let base = of_baseline
            .filter(|trace| Some(&trace.key) == baseline)
            .find_map(|trace| trace.posterior);
        let learned = |trace: &CandidateTrace| {
            let posterior = trace.posterior?;
            Some(RankedCandidate {
                key: trace.key.clone(),
                score: trace.score,
                posterior,
                probability: trace.published.unwrap_or(trace.propensity),
                shadow_probability: 0.0,
                role: trace.role.unwrap_or(Role::Fallback),
                latency_p95_ms: trace.latency_p95_ms,
                p_floor: self.p_floor(trace, needed, base),
                p_best: trace.p_best,
                gate: trace.filter.and_then(Filter::gate),
            })
        };
        self.decision
            .candidates
            .iter()
            .filter_map(learned)
            .collect()
    }

    /// How sure it is that the floor is kept: as recorded where the floor is the same, else by the recorded
    /// posteriors, taken as normal and independent.
    fn p_floor(
        &self,
        trace: &CandidateTrace,
        needed: Option<MinQuality>,
        base: Option<Posterior>,
    ) -> Option<f64> {
        let Some(needed) = needed.filter(|needed| self.present.floor != Some(needed.floor)) else {
            return trace.p_floor;
        };
        Some(p_keeps(trace.posterior?, base?, needed.floor))
    }
}

/// A model of which the record says what the catalog would: nothing rules it out but what was recorded.
fn model(decision: &Decision, trace: &CandidateTrace, now: &Catalog) -> CatalogModel {
    let kind = if decision.features.embeddings {
        ModelKind::Embedding
    } else {
        ModelKind::Chat
    };
    let known = now.get(&trace.key);
    let (benchmark, shape_priors) = match (decision.strategy, known) {
        // It compares general benchmarks where nothing is learned.
        (Strategy::SmartCost, Some(known)) => (known.benchmark, known.shape_priors.clone()),
        (_, _) => (trace.score, Default::default()),
    };
    CatalogModel {
        prices: known.and_then(|known| known.prices),
        benchmark,
        shape_priors,
        ..CatalogModel::unlisted(trace.key.clone(), kind)
    }
}

/// The rule that decided. Its models are those of the record, in their order; shares are as they are now.
fn rule(decision: &Decision, now: &Routing) -> Result<Option<Rule>, Unreplayable> {
    let Some(name) = &decision.rule else {
        return Ok(None);
    };
    match decision.strategy {
        Strategy::Weighted | Strategy::SmartCost => {
            let same = now.find(name).filter(|r| r.strategy == decision.strategy);
            let same = same.ok_or_else(|| Unreplayable::RuleGone(name.clone()))?;
            Ok(Some(same.clone()))
        }
        Strategy::FeedbackDriven
        | Strategy::Fallback
        | Strategy::LegacyModel
        | Strategy::RoundRobin
        | Strategy::LatencyBased => Ok(Some(Rule {
            id: decision.rule_id.clone().unwrap_or_default(),
            name: name.clone(),
            strategy: decision.strategy,
            models: decision.candidates.iter().map(|c| c.key.clone()).collect(),
            weights: Vec::new(),
            min_quality: None,
        })),
    }
}

/// Whether it is the candidate's own lack, or the proxy's at the time, whatever the tenant wants.
fn is_fixed(filter: Filter) -> bool {
    match filter {
        Filter::NoProviderKey
        | Filter::CapabilityMissing
        | Filter::ContextTooLong
        | Filter::CircuitOpen => true,
        Filter::Drift
        | Filter::AllowProviders
        | Filter::DenyProviders
        | Filter::AllowModels
        | Filter::DenyModels
        | Filter::MaxCost
        | Filter::MaxLatency
        | Filter::MinQuality
        | Filter::Gate(_) => false,
    }
}
