//! Why a decision fell as it did, in a sentence: a closed set of 15 templates with closed parameters, rendered
//! without a model, the same bytes every time. Both planes render with this.
//!
//! As JSON an explanation is `{"template_id", "params"}`; whoever keeps these two and the locale can render the
//! sentence again.

mod en;
mod es;
mod locale;
mod number;
mod of_decision;
mod pt;

use serde::{Deserialize, Serialize};

pub use locale::Locale;
pub use of_decision::of_decision;

use super::ids::CandidateKey;

/// From this confidence on it is called high, and moderate (floopy.ai/docs/features/explanation).
const HIGH: f64 = 0.8;
const MODERATE: f64 = 0.5;
/// Up to this variance of outcomes on 0..1 they are called stable: a fifth of the largest possible, 0.25.
const STABLE: f64 = 0.05;
/// Up to this one, half of the largest possible, they are called mixed; above it volatile.
const MIXED: f64 = 0.125;

/// Every template's id, in the order of the documentation.
pub const TEMPLATE_IDS: [&str; 15] = [
    "cache_hit",
    "fallback_only",
    "no_router_invoked",
    "feedback_driven_high_confidence",
    "feedback_driven_moderate_confidence",
    "feedback_driven_low_confidence",
    "smart_cost_selected",
    "smart_cost_kept_default",
    "explored",
    "constraint_filtered",
    "low_confidence_default",
    "provider_fallback",
    "firewall_blocked",
    "shadow_only",
    "static_rule",
];

/// A template with its parameters. A model that is absent was not known when the record was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "template_id",
    content = "params",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum Explanation {
    /// Served from the cache; the router was not invoked.
    CacheHit {
        tier: CacheTier,
        model: Option<CandidateKey>,
    },
    /// Every candidate with traffic was filtered, so the best that was left served.
    FallbackOnly {
        served: Option<CandidateKey>,
        filtered: u64,
    },
    /// Nothing was there to choose.
    NoRouterInvoked {
        served: Option<CandidateKey>,
        cause: NoRouter,
    },
    /// The ranking decided, with a confidence from 0.8.
    FeedbackDrivenHighConfidence(Ranked),
    /// From 0.5.
    FeedbackDrivenModerateConfidence(Ranked),
    /// Below, or none.
    FeedbackDrivenLowConfidence(Ranked),
    /// The cheapest that keeps the quality of the baseline is another model.
    SmartCostSelected {
        served: Option<CandidateKey>,
        baseline: Option<CandidateKey>,
        rule: Option<String>,
    },
    /// It is the baseline itself.
    SmartCostKeptDefault {
        served: Option<CandidateKey>,
        rule: Option<String>,
    },
    /// A canary or an explorer was drawn.
    Explored {
        served: Option<CandidateKey>,
        probability: f64,
    },
    /// Nobody kept the tenant's constraints, so the baseline served.
    ConstraintFiltered {
        served: Option<CandidateKey>,
        filtered: u64,
    },
    /// Nobody was sure enough to be as good, so the baseline served.
    LowConfidenceDefault {
        served: Option<CandidateKey>,
        confidence: Option<f64>,
    },
    /// Who was chosen failed. Without `served` everybody did, and no reply was given.
    ProviderFallback {
        chosen: Option<CandidateKey>,
        served: Option<CandidateKey>,
        attempts: u64,
    },
    /// The request never left.
    FirewallBlocked {},
    /// A copy, sent to learn; nobody was shown its reply.
    ShadowOnly {
        tried: Option<CandidateKey>,
        shadow_of: Option<uuid::Uuid>,
    },
    /// A list of models or a rule of the tenant decided.
    StaticRule {
        served: Option<CandidateKey>,
        rule: Option<String>,
        choice: RuleChoice,
    },
}

/// Which of the caches had the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheTier {
    Exact,
    Semantic,
    Advanced,
}

/// Why there was nothing to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoRouter {
    /// The request named its model.
    NamedModel,
    /// It was forwarded as it came.
    Passthrough,
    /// Only one candidate could serve.
    SingleCandidate,
    /// It answers tool calls that the model made.
    ToolLoop,
    /// The conversation has content that only this provider can read.
    ProviderContent,
    /// Nothing is known yet of who does this best.
    NoRanking,
    /// The request was refused before any model was asked.
    Refused,
}

/// What the ranking knew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranked {
    pub served: Option<CandidateKey>,
    pub task_shape: String,
    pub samples: u64,
    /// Negative where another candidate has a higher estimate, and costs more or is not yet proven.
    pub top2_score_gap: f64,
    pub outcome_variance: f64,
    pub confidence: Option<f64>,
    /// Tokens of a warm prompt cache that kept the conversation where it was, although another was drawn.
    pub kept_warm_tokens: Option<u64>,
}

/// How a list or a rule came to who served.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleChoice {
    /// First among the usable models of its list.
    First,
    /// Drawn for the session with this probability.
    Drawn { probability: f64 },
    /// Expected to begin its reply first.
    FirstByte,
}

/// A confidence in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    High,
    Moderate,
    Low,
}

/// A variance in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stability {
    Stable,
    Mixed,
    Volatile,
}

impl Explanation {
    /// The one of the three templates that the confidence asks for.
    pub fn ranked(ranked: Ranked) -> Self {
        match Level::of(ranked.confidence) {
            Level::High => Self::FeedbackDrivenHighConfidence(ranked),
            Level::Moderate => Self::FeedbackDrivenModerateConfidence(ranked),
            Level::Low => Self::FeedbackDrivenLowConfidence(ranked),
        }
    }

    /// One of [`TEMPLATE_IDS`].
    pub fn template_id(&self) -> &'static str {
        match self {
            Self::CacheHit { .. } => "cache_hit",
            Self::FallbackOnly { .. } => "fallback_only",
            Self::NoRouterInvoked { .. } => "no_router_invoked",
            Self::FeedbackDrivenHighConfidence(_) => "feedback_driven_high_confidence",
            Self::FeedbackDrivenModerateConfidence(_) => "feedback_driven_moderate_confidence",
            Self::FeedbackDrivenLowConfidence(_) => "feedback_driven_low_confidence",
            Self::SmartCostSelected { .. } => "smart_cost_selected",
            Self::SmartCostKeptDefault { .. } => "smart_cost_kept_default",
            Self::Explored { .. } => "explored",
            Self::ConstraintFiltered { .. } => "constraint_filtered",
            Self::LowConfidenceDefault { .. } => "low_confidence_default",
            Self::ProviderFallback { .. } => "provider_fallback",
            Self::FirewallBlocked {} => "firewall_blocked",
            Self::ShadowOnly { .. } => "shadow_only",
            Self::StaticRule { .. } => "static_rule",
        }
    }

    /// The sentence.
    pub fn text(&self, locale: Locale) -> String {
        match locale {
            Locale::En => en::text(self),
            Locale::Pt => pt::text(self),
            Locale::Es => es::text(self),
        }
    }

    /// The sentence with what it was made of: `{"text", "template_id", "params", "locale"}`.
    pub fn detail(&self, locale: Locale) -> serde_json::Value {
        // Names, numbers and closed words always serialise.
        let mut detail = serde_json::to_value(self).unwrap_or_default();
        detail["text"] = self.text(locale).into();
        detail["locale"] = locale.tag().into();
        detail
    }
}

impl Ranked {
    /// Up to what three decimals show.
    fn is_ahead(&self) -> bool {
        self.top2_score_gap > -0.0005
    }
}

impl Level {
    fn of(confidence: Option<f64>) -> Self {
        match confidence {
            Some(confidence) if confidence >= HIGH => Self::High,
            Some(confidence) if confidence >= MODERATE => Self::Moderate,
            Some(_) | None => Self::Low,
        }
    }
}

impl Stability {
    fn of(variance: f64) -> Self {
        if variance <= STABLE {
            Self::Stable
        } else if variance <= MIXED {
            Self::Mixed
        } else {
            Self::Volatile
        }
    }
}
