//! What proxies and judges report.

use super::{
    decision::Decision,
    ids::{CandidateKey, RequestId, SessionId, TenantId},
};

/// One thing that happened, known by an id that never repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: uuid::Uuid,
    pub recorded_at_ms: u64,
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    Decision(Box<Decision>),
    Rating(Rating),
    ScoringJob(ScoringJob),
    Content(Content),
}

/// What a rating is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RatingSubject {
    /// A session id, or any alias of one: a completion id or a request id.
    Session(super::ids::SessionId),
    /// One reply; counts as a manual rating.
    Request(RequestId),
}

/// A person's verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    pub tenant: TenantId,
    pub subject: RatingSubject,
    pub score: RatingScore,
    pub useful: bool,
    /// Replace an earlier rating instead of leaving it.
    pub revise: bool,
    /// Takes the rating back: a revision whose score means nothing. What is rated later counts again.
    pub retracted: bool,
    pub rated_at_ms: u64,
}

/// 0 to 10, as in NPS: 0–6 detractor, 7–8 passive, 9–10 promoter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RatingScore(u8);

/// A score that is not 0 to 10.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("score is {0}, it must be an integer from 0 to 10")]
pub struct InvalidRatingScore(i64);

impl RatingScore {
    /// The lowest.
    pub const MIN: Self = Self(0);

    /// Checks the range.
    pub fn new(score: i64) -> Result<Self, InvalidRatingScore> {
        u8::try_from(score)
            .ok()
            .filter(|s| *s <= 10)
            .map(Self)
            .ok_or(InvalidRatingScore(score))
    }

    /// 0 to 10.
    pub fn value(self) -> u8 {
        self.0
    }

    /// On 0..1.
    pub fn unit(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

/// A reply to be scored. Holds content: never made for tenants with zero retention.
#[derive(Clone, PartialEq, Eq)]
pub struct ScoringJob {
    pub request_id: RequestId,
    pub tenant: TenantId,
    pub candidate: CandidateKey,
    pub prompt: String,
    pub reply: String,
    pub truncated: bool,
    pub json_expected: bool,
    /// Of the caller's call, also where the reply is a shadow's: what is deleted with its session.
    pub session_id: Option<SessionId>,
    /// When that call came; 0 without a session.
    pub asked_at_ms: u64,
    /// How little is known of the candidate at such tasks, in thousandths.
    pub uncertainty: u16,
    /// Tools that the reply calls.
    pub calls: Vec<CalledTool>,
}

/// A call of a tool in a reply. Holds content.
#[derive(Clone, PartialEq, Eq)]
pub struct CalledTool {
    pub name: String,
    /// As the model wrote them.
    pub arguments: String,
    /// JSON Schema of the arguments, as the caller gave it; `None`: none, or too long.
    pub parameters: Option<String>,
    /// The caller offered a tool of that name.
    pub is_offered: bool,
    /// The reply went no further.
    pub is_cut: bool,
    /// The same choice made the same call before.
    pub is_repeated: bool,
}

impl std::fmt::Debug for ScoringJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScoringJob({} of {})", self.request_id, self.tenant)
    }
}

impl std::fmt::Debug for CalledTool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CalledTool({} bytes)", self.arguments.len())
    }
}

/// What was said in a call of a session. Never made for tenants with zero retention.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    pub request_id: RequestId,
    pub tenant: TenantId,
    pub session_id: SessionId,
    pub created_at_ms: u64,
    /// Who served it.
    pub candidate: CandidateKey,
    /// A JSON array, in the form of chat completions.
    pub messages: String,
    /// `None`: it called tools, or there were several.
    pub reply: Option<String>,
    /// Something was too long to be kept.
    pub truncated: bool,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} of {})", self.request_id, self.tenant)
    }
}

/// A judge's verdict on one reply; each dimension on 0..1.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub request_id: RequestId,
    pub relevance: f64,
    pub coherence: f64,
    pub helpfulness: f64,
    pub safety: f64,
    pub composite: f64,
    /// Name and version of the scorer.
    pub judge: String,
    /// What asking a model for it cost.
    pub cost_micro_usd: u64,
    /// With which a model was to be asked; `None`: no model is asked of such replies.
    pub probability: Option<f64>,
    /// As an observation: scores of replies that models grade more often than others count for less each.
    pub weight: f64,
    /// Version of the tenant's rubric that it was judged by; 0: it had none.
    pub rubric: u64,
    /// Grades of the tenant's own dimensions, on 0..1, if a model gave some.
    pub own: Vec<OwnGrade>,
}

/// A grade of a dimension that a tenant added.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnGrade {
    pub name: String,
    pub grade: f64,
}

/// The most that one score counts for.
pub const MAX_SCORE_WEIGHT: f64 = 4.0;
