//! Decisions as the REST interface gives them, as far as they say what else could have served.

use floopy_shared::domain::ids::CandidateKey;
use serde::Deserialize;

/// One line: a decision, a page of them as `GET /v1/decisions` answers, or what ends an export.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Trailer {
        #[serde(rename = "_floopy_export_trailer")]
        _is_trailer: bool,
    },
    Page {
        items: Vec<Exported>,
    },
    One(Box<Exported>),
}

/// A decision's fields that matter here; all others are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Exported {
    pub(super) request_id: String,
    routing_strategy: Option<String>,
    shadow_of: Option<String>,
    session_id: Option<String>,
    draw_key: Option<String>,
    task_shape: Option<String>,
    candidates: Vec<ExportedCandidate>,
    chosen: Option<ExportedModel>,
    winner: Option<ExportedModel>,
    /// What the reply was worth, 0..1; the judge's composite where missing.
    score: Option<f64>,
    judge: Option<ExportedJudge>,
}

#[derive(Debug, Deserialize)]
struct ExportedModel {
    provider: String,
    model: String,
}

#[derive(Debug, Deserialize)]
struct ExportedJudge {
    composite: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct ExportedCandidate {
    provider: String,
    model: String,
    score: f64,
    posterior: Option<ExportedPosterior>,
    propensity: f64,
    expected_cost_micro_usd: Option<u64>,
    filtered_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ExportedPosterior {
    mean: f64,
}

/// A candidate of a logged decision.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LoggedCandidate {
    pub(super) key: CandidateKey,
    pub(super) propensity: f64,
    /// What was believed of it when the decision was made; `None` before anything was learned.
    pub(super) posterior_mean: Option<f64>,
    /// Its composite, or its benchmark.
    pub(super) score: f64,
    pub(super) expected_cost_micro_usd: Option<u64>,
    pub(super) is_filtered: bool,
}

/// A reply with a score, and what could have served instead.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logged {
    pub(super) shape: String,
    /// What its draw was hashed over, with the shape: decisions that share it were drawn together.
    pub(super) draw: String,
    pub(super) candidates: Vec<LoggedCandidate>,
    /// Position among the candidates.
    pub(super) chosen: usize,
    pub(super) reward: f64,
    pub(super) is_shadow: bool,
}

/// Why a decision says nothing of other constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unusable {
    /// The caller named the model.
    NotRouted,
    Unscored,
    /// Nobody served, or somebody who was not among the candidates.
    NoCandidate,
    /// What served was not drawn: a default.
    NoPropensity,
}

impl Unusable {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NotRouted => "whose model the caller named",
            Self::Unscored => "without a score",
            Self::NoCandidate => "that no candidate served",
            Self::NoPropensity => "whose model was not drawn",
        }
    }
}

/// What a strategy is called that draws by learned probabilities.
const ROUTED: &str = "feedback_driven";

/// A wrong value in a decision.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{field} is {value}, it must be {rule}")]
pub struct InvalidDecision {
    field: &'static str,
    value: String,
    rule: &'static str,
}

fn unit(field: &'static str, value: f64) -> Result<f64, InvalidDecision> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    let (value, rule) = (value.to_string(), "a number from 0 to 1");
    Err(InvalidDecision { field, value, rule })
}

fn key(provider: &str, model: &str) -> Result<CandidateKey, InvalidDecision> {
    CandidateKey::new(provider, model).map_err(|_| InvalidDecision {
        field: "candidates.model",
        value: format!("{provider:?} / {model:?}"),
        rule: "a provider and a model without spaces",
    })
}

impl Exported {
    /// Checks the values; then tells whether the decision is of use.
    pub(super) fn read(self) -> Result<Result<Logged, Unusable>, InvalidDecision> {
        let score = self.score.or(self.judge.and_then(|judge| judge.composite));
        let reward = score.map(|score| unit("score", score)).transpose()?;
        let candidates = self
            .candidates
            .iter()
            .map(candidate)
            .collect::<Result<Vec<_>, _>>()?;
        let Some(served) = self.chosen.or(self.winner) else {
            return Ok(Err(Unusable::NoCandidate));
        };
        let served = key(&served.provider, &served.model)?;
        let is_shadow = self.shadow_of.is_some();
        let Some(chosen) = candidates.iter().position(|c| c.key == served) else {
            return Ok(Err(Unusable::NoCandidate));
        };
        let Some(reward) = reward else {
            return Ok(Err(Unusable::Unscored));
        };
        if self
            .routing_strategy
            .is_some_and(|strategy| strategy != ROUTED)
        {
            return Ok(Err(Unusable::NotRouted));
        }
        if !is_shadow && candidates[chosen].propensity <= 0.0 {
            return Ok(Err(Unusable::NoPropensity));
        }
        let shape = self.task_shape.unwrap_or_default();
        let draw = self.draw_key.or(self.session_id).unwrap_or(self.request_id);
        Ok(Ok(Logged {
            draw: format!("{draw} {shape}"),
            shape,
            candidates,
            chosen,
            reward,
            is_shadow,
        }))
    }
}

fn candidate(c: &ExportedCandidate) -> Result<LoggedCandidate, InvalidDecision> {
    Ok(LoggedCandidate {
        key: key(&c.provider, &c.model)?,
        propensity: unit("candidates.propensity", c.propensity)?,
        posterior_mean: c.posterior.as_ref().map(|p| p.mean),
        score: unit("candidates.score", c.score)?,
        expected_cost_micro_usd: c.expected_cost_micro_usd,
        is_filtered: c.filtered_reason.is_some(),
    })
}
