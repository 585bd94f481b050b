//! A catalog, a ranking and a question that tests change one thing of.

use floopy_shared::domain::{
    affinity::Affinity,
    catalog::{Catalog, CatalogModel, ModelKind},
    confidence::ConfidenceReason,
    constraints::Constraints,
    decision::{Filter, Load},
    features::Features,
    gates::Gate,
    ids::{CandidateKey, TenantId},
    money::Prices,
    ranking::{Evidence, Objective, Posterior, RankedCandidate, Rankings, Role, ShapeRanking},
    route::{Choice, NoCandidate, Question, Selection, choose},
    rule::Rule,
    shape::ShapeKey,
    weights::{Phase, phase_weights},
};

pub(crate) fn key(name: &str) -> CandidateKey {
    CandidateKey::parse(name).expect("valid")
}

/// A candidate with its place in the ranking.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    pub(crate) key: CandidateKey,
    pub(crate) score: f64,
    pub(crate) probability: f64,
    pub(crate) shadow: f64,
    pub(crate) role: Role,
    pub(crate) latency_p95_ms: Option<u64>,
    pub(crate) p_floor: Option<f64>,
    pub(crate) gate: Option<Gate>,
    /// Micro-USD per million input tokens; cached ones cost a tenth, output tokens five times as much.
    pub(crate) price: Option<u64>,
}

/// A candidate without traffic.
pub(crate) fn ranked(name: &str) -> Ranked {
    Ranked {
        key: key(name),
        score: 0.5,
        probability: 0.0,
        shadow: 0.0,
        role: Role::Fallback,
        latency_p95_ms: None,
        p_floor: None,
        gate: None,
        price: Some(1_000_000),
    }
}

/// The one with this share of the traffic.
pub(crate) fn serving(name: &str, probability: f64, role: Role) -> Ranked {
    Ranked {
        probability,
        role,
        ..ranked(name)
    }
}

/// Everything that decides.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) candidates: Vec<Ranked>,
    pub(crate) baseline: Option<CandidateKey>,
    pub(crate) default_model: Option<CandidateKey>,
    pub(crate) constraints: Constraints,
    pub(crate) zero_retention: bool,
    pub(crate) features: Features,
    pub(crate) affinity: Affinity,
    pub(crate) selection: Selection,
    pub(crate) rule: Option<Rule>,
    pub(crate) loads: Vec<(CandidateKey, Load)>,
    pub(crate) objective: Objective,
    pub(crate) quality_per_usd: f64,
    pub(crate) shadow_rate: f64,
    pub(crate) session: String,
    pub(crate) request: String,
}

impl World {
    pub(crate) fn new(candidates: Vec<Ranked>) -> Self {
        Self {
            candidates,
            baseline: None,
            default_model: None,
            constraints: Constraints::default(),
            zero_retention: false,
            features: Features {
                messages: 1,
                input_tokens_estimate: 100,
                ..Features::default()
            },
            affinity: Affinity::default(),
            selection: Selection::Auto,
            rule: None,
            loads: Vec::new(),
            objective: Objective::Quality,
            quality_per_usd: 1.0,
            shadow_rate: 0.0,
            session: "s".into(),
            request: "r".into(),
        }
    }

    pub(crate) fn catalog(&self) -> Catalog {
        let model = |candidate: &Ranked| CatalogModel {
            prices: candidate.price.map(|price| Prices {
                input_micro_usd_per_mtok: price,
                output_micro_usd_per_mtok: 5 * price,
                cached_input_micro_usd_per_mtok: Some(price / 10),
            }),
            ..CatalogModel::unlisted(candidate.key.clone(), ModelKind::Chat)
        };
        Catalog::new(self.candidates.iter().map(model).collect()).expect("valid")
    }

    pub(crate) fn rankings(&self) -> Rankings {
        let candidate = |c: &Ranked| RankedCandidate {
            key: c.key.clone(),
            score: c.score,
            posterior: Posterior {
                mean: c.score,
                lower: 0.0,
                upper: 1.0,
                n: 9.0,
            },
            probability: c.probability,
            shadow_probability: c.shadow,
            role: c.role,
            latency_p95_ms: c.latency_p95_ms,
            p_floor: c.p_floor,
            p_best: None,
            gate: c.gate,
        };
        Rankings {
            tenant: TenantId::new("t").expect("valid"),
            shapes: vec![ShapeRanking {
                shape: ShapeKey::root(),
                phase: Phase::Nps,
                weights: phase_weights(10.0, 10.0),
                candidates: self.candidates.iter().map(candidate).collect(),
                confidence: Some(0.7),
                confidence_reason: ConfidenceReason::Ok,
                evidence: Evidence::default(),
                baseline: self.baseline.clone(),
                calibrated: Some(0.8),
            }],
            shadow_rate: self.shadow_rate,
            objective: self.objective,
            quality_per_usd: self.quality_per_usd,
        }
    }

    pub(crate) fn choose_with(
        &self,
        (catalog, rankings): (&Catalog, &Rankings),
        blocked: impl Fn(&CatalogModel) -> Option<Filter>,
    ) -> Result<Choice, NoCandidate> {
        let shapes = [ShapeKey::root()];
        let question = Question {
            rankings: Some(rankings),
            default_model: self.default_model.as_ref(),
            constraints: &self.constraints,
            zero_retention: self.zero_retention,
            affinity: &self.affinity,
            selection: &self.selection,
            rule: self.rule.as_ref(),
            loads: &self.loads,
            shadow_key: &self.request,
            ..Question::new(catalog, &self.features, &shapes, &self.session)
        };
        choose(&question, blocked)
    }

    /// Decides with nothing blocked.
    pub(crate) fn choose(&self) -> Choice {
        self.choose_where(|_| None)
    }

    pub(crate) fn choose_where(&self, blocked: impl Fn(&CatalogModel) -> Option<Filter>) -> Choice {
        let (catalog, rankings) = (self.catalog(), self.rankings());
        self.choose_with((&catalog, &rankings), blocked)
            .expect("a candidate")
    }

    /// Who serves, and the reason's wire name.
    pub(crate) fn served(&self) -> (String, &'static str) {
        let choice = self.choose();
        (choice.order[0].key.to_string(), choice.reason.as_str())
    }
}

/// Why a candidate was filtered.
pub(crate) fn filter(choice: &Choice, name: &str) -> Option<Filter> {
    choice
        .candidates
        .iter()
        .find(|c| c.key.as_str() == name)
        .expect("traced")
        .filter
}

/// Who serves and steps in, in order.
pub(crate) fn order(choice: &Choice) -> Vec<&str> {
    choice
        .order
        .iter()
        .map(|model| model.key.as_str())
        .collect()
}
