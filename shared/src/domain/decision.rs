//! The record of one routed call: everything needed to explain and replay it, and nothing of its content.

mod attempt;
mod filter;
mod load;

use uuid::Uuid;

pub use self::{
    attempt::{Attempt, AttemptResult, UPSTREAM_REQUEST_ID_BYTES},
    filter::Filter,
    load::Load,
};
use super::{
    affinity::{Affinity, Release},
    batch::BatchLine,
    budget::{Charged, Stopped},
    cache::CacheUse,
    confidence::ConfidenceReason,
    experiment::Assignment,
    features::Features,
    firewall::{
        Screening,
        output::{Redacted, Watched},
    },
    ids::{CandidateKey, RequestId, SessionId, TenantId},
    implicit::{Implicit, ImplicitKind},
    money::Usage,
    prompt::PromptVersion,
    ranking::{Evidence, Posterior, Role},
    savings::Priced,
    shape::{ShapeKey, Signal},
    tags::Tags,
    tenant::Environment,
    weights::{Phase, Weights},
};

/// How the model was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// `model: "auto"`: the learned ranking decided.
    FeedbackDriven,
    /// A comma list, or a rule: the order that was written down.
    Fallback,
    /// One model id, served as asked.
    LegacyModel,
    /// A rule: every model of its list gets the same share of sessions.
    RoundRobin,
    /// A rule: each model of its list gets its own share of sessions.
    Weighted,
    /// A rule: whoever is quickest to begin its reply.
    LatencyBased,
    /// A rule: the cheapest that keeps the quality of the baseline.
    SmartCost,
}

impl Strategy {
    /// Every strategy, in the order of their names in errors.
    pub const ALL: [Self; 7] = [
        Self::FeedbackDriven,
        Self::Fallback,
        Self::RoundRobin,
        Self::Weighted,
        Self::LatencyBased,
        Self::SmartCost,
        Self::LegacyModel,
    ];

    /// The name in configurations, records and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FeedbackDriven => "feedback_driven",
            Self::Fallback => "fallback",
            Self::LegacyModel => "legacy_model",
            Self::RoundRobin => "round_robin",
            Self::Weighted => "weighted",
            Self::LatencyBased => "latency_based",
            Self::SmartCost => "smart_cost",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// Why the served candidate was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Dispatched,
    /// An earlier candidate of the order failed.
    Fallback,
    /// No candidate with traffic was eligible; the best eligible one served.
    DefaultModel,
    /// A canary or an explorer, not the incumbent, was drawn.
    Explored,
    /// Nobody kept the tenant's constraints, so the baseline served.
    Baseline,
    /// Who made the tool calls in the history, or wrote what only its provider can read, served on.
    Pinned,
    /// Another candidate was drawn, but was not worth losing the conversation's prompt cache.
    KeptWarm,
    /// Nothing could serve it.
    Error,
    /// Not served: a copy of another call, sent to learn.
    Shadow,
    /// Forwarded untouched to whom the caller named.
    Passthrough,
    /// A stored reply was given; nobody was asked.
    CacheHit,
    /// The firewall took it for an attack; nobody was asked.
    Firewall,
}

impl Reason {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatched => "dispatched",
            Self::Fallback => "fallback",
            Self::DefaultModel => "default_model",
            Self::Explored => "explored",
            Self::Baseline => "constraint_no_candidate",
            Self::Pinned => "pinned",
            Self::KeptWarm => "kept_warm",
            Self::Error => "error",
            Self::Shadow => "shadow",
            Self::Passthrough => "passthrough",
            Self::CacheHit => "cache_hit",
            Self::Firewall => "firewall",
        }
    }
}

/// One candidate as the decision saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateTrace {
    pub key: CandidateKey,
    pub score: f64,
    /// `None` where no ranking was asked.
    pub posterior: Option<Posterior>,
    /// Probability of being drawn, after filtering; the eligible ones sum to 1.
    pub propensity: f64,
    /// `None`: the price is unknown.
    pub expected_cost_micro_usd: Option<u64>,
    pub filter: Option<Filter>,
    /// `None` where no ranking was asked.
    pub role: Option<Role>,
    /// As published with the ranking; `None`: not enough replies were timed.
    pub latency_p95_ms: Option<u64>,
    /// How sure it is that the floor is kept; `None`: there is no floor.
    pub p_floor: Option<f64>,
    /// Probability of being the best of its shape.
    pub p_best: Option<f64>,
    /// `None`: the strategy does not ask for it.
    pub load: Option<Load>,
    /// Its probability in the ranking, before anybody was filtered; `None`: no ranking was asked, or it is the
    /// propensity. With it a record says what would have been, had the filters been others.
    pub published: Option<f64>,
}

/// Width of a 95 % interval from which a candidate counts as unknown.
const UNKNOWN_WIDTH: f64 = 0.4;
/// Uncertainty of one that no ranking was asked about, in thousandths.
const UNRANKED: u16 = 500;

impl CandidateTrace {
    /// How much a further score is worth, in thousandths: by how wide its interval is, and how open it is whether it is
    /// the best. No score of who is surely the best, or surely not, changes who serves.
    pub fn uncertainty(&self) -> u16 {
        let Some(believed) = self.posterior else {
            return UNRANKED;
        };
        let width = ((believed.upper - believed.lower) / UNKNOWN_WIDTH).clamp(0.0, 1.0);
        let p = self.p_best.unwrap_or(0.5).clamp(0.0, 1.0);
        let thousandths = (width * 2.0 * (p * (1.0 - p)).sqrt() * 1_000.0).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 0..1000, and what is no number is 0"
        )]
        let thousandths = thousandths as u16;
        thousandths
    }
}

/// How the call ended for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Completed,
    Error,
    ClientDisconnected,
    BrokenStream,
    /// The proxy itself stopped before the end.
    Interrupted,
}

/// What the call came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// HTTP status answered to the client.
    pub status: u16,
    pub ending: Ending,
    pub latency_ms: u64,
    pub first_byte_ms: Option<u64>,
    /// `None`: the price is unknown.
    pub cost_micro_usd: Option<u64>,
    pub usage: Usage,
    /// The upstream reported no usage, so tokens were estimated from text length.
    pub usage_estimated: bool,
    pub fallback_used: bool,
    /// The model, or its provider's filter, declined to answer.
    pub refused: bool,
    /// The reply calls tools, so that somebody has to come back with what they say.
    pub calls_tools: bool,
    /// Time spent in the proxy itself before the upstream was called.
    pub overhead_us: u64,
}

/// Whether the record is the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A stream's headers went out; replaced by `Finished` unless the proxy dies.
    Started,
    Finished,
}

/// The whole record.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub request_id: RequestId,
    pub tenant: TenantId,
    pub key_id: String,
    pub created_at_ms: u64,
    pub session_id: Option<SessionId>,
    /// The upstream's id of the reply, an alias for feedback.
    pub completion_id: Option<String>,
    /// Most specific first, root last.
    pub shapes: Vec<ShapeKey>,
    /// What spoke for the class among them, strongest first; none of a tenant that keeps nothing.
    pub class_signals: Vec<Signal>,
    /// The shape whose ranking decided.
    pub ranked_shape: Option<ShapeKey>,
    pub requested_model: String,
    pub strategy: Strategy,
    pub phase: Phase,
    pub weights: Weights,
    pub candidates: Vec<CandidateTrace>,
    pub chosen: Option<CandidateKey>,
    pub served: Option<CandidateKey>,
    pub reason: Reason,
    /// Probability of `chosen`. Of a shadow: of being sent out and going to `chosen`, given who served.
    pub propensity: f64,
    pub confidence: Option<f64>,
    pub confidence_reason: ConfidenceReason,
    pub evidence: Evidence,
    /// Probability that a canary or an explorer was drawn.
    pub exploration_rate: f64,
    pub snapshot_version: u64,
    /// What the draw was hashed over.
    pub draw_key: String,
    pub features: Features,
    pub attempts: Vec<Attempt>,
    pub outcome: Outcome,
    pub stage: Stage,
    /// The served call that this one shadows.
    pub shadow_of: Option<RequestId>,
    /// What tied the call to whoever served before.
    pub affinity: Affinity,
    /// Why that tie did not hold; `None`: it did, or there was none.
    pub released: Option<Release>,
    /// What the shape's claims of improvement are measured against.
    pub baseline: Option<CandidateKey>,
    /// Calibrated probability that the incumbent is as good as the best within 0.02.
    pub calibrated: Option<f64>,
    /// The name of the tenant's rule that decided; `None`: none did.
    pub rule: Option<String>,
    /// What the API names it by.
    pub rule_id: Option<String>,
    /// Forwarded untouched.
    pub passthrough: bool,
    /// What the call is counted for: the key's project, or the one that the call named.
    pub project: Option<Uuid>,
    /// The key's.
    pub environment: Option<Environment>,
    /// What its caller says it belongs to; `None`: nothing was said.
    pub tags: Option<Box<Tags>>,
    /// What an experiment made of it; the probabilities above are those given its variant.
    pub experiment: Option<Assignment>,
    /// The stored prompt that its messages begin with.
    pub prompt: Option<PromptVersion>,
    /// Asked by an evaluation: nothing is learned from it.
    pub evaluation: bool,
    /// The line of a batch that it was: nobody routed it, so it says nothing of what routing learns.
    pub batch: Option<BatchLine>,
    /// What the cache had for it; `None`: none was asked.
    pub cache: Option<CacheUse>,
    /// The budgets that it counts for, and the one that ended it before anybody was asked.
    pub charged: Option<Charged>,
    pub stopped: Option<Box<Stopped>>,
    /// What the firewall said of it; `None`: it was not asked.
    pub firewall: Option<Box<Screening>>,
    /// What it said of the reply; `None`: nobody had it look.
    pub watched: Option<Box<Watched>>,
    /// What was taken out of what was asked before anybody was; each kind once.
    pub redacted: Vec<Redacted>,
    /// What it is priced by; `None`: its record is of a version that kept no prices.
    pub priced: Option<Priced>,
    /// What its caller did that says something of its reply, or of one before it.
    pub implicit: Vec<Implicit>,
}

impl Decision {
    /// Whether it left an agent in the middle: tools had been called before, and its reply calls some again. That it is
    /// known to be left there is not asked twice.
    pub fn is_open_loop(&self) -> bool {
        let is_told = |implicit: &Implicit| implicit.kind == ImplicitKind::Abandoned;
        self.affinity.tool_loop
            && self.outcome.calls_tools
            && self.outcome.ending == Ending::Completed
            && self.session_id.is_some()
            && self.shadow_of.is_none()
            && !self.evaluation
            && !self.implicit.iter().any(is_told)
    }

    /// How much a further score of a candidate is worth here, in thousandths.
    pub fn uncertainty(&self, key: &CandidateKey) -> u16 {
        let mut candidates = self.candidates.iter();
        let found = candidates.find(|candidate| candidate.key == *key);
        found.map_or(UNRANKED, CandidateTrace::uncertainty)
    }

    /// What is known of what the call cost: its reply, and the tries that were in vain.
    pub fn spent_micro_usd(&self) -> u64 {
        let wasted = self.attempts.iter().filter_map(|a| a.wasted_micro_usd);
        let served = self.outcome.cost_micro_usd.unwrap_or(0);
        wasted.fold(served, u64::saturating_add)
    }
}
