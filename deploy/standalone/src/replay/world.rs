//! Simulated tenants over real outcomes: who asks what in which session, and what they and the judge say of
//! the replies.
//!
//! Everything random is drawn before any policy runs, so that all policies meet the same requests and the
//! same moods (common random numbers): what differs between two policies is what they chose.

mod draws;
mod feedback;

use floopy_shared::domain::event::RatingScore;

pub(super) use draws::Stream;
pub(super) use feedback::{Feedback, not_negative, share};

use super::table::{Outcome, Table};

/// One request with all the luck that befalls it, whoever serves it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Request {
    pub(super) shape: usize,
    prompt: usize,
    /// Number of its session.
    pub(super) session: usize,
    /// It ends its session.
    pub(super) is_last: bool,
    /// The user rates this session, if this request ends it.
    is_rated: bool,
    served: JudgeLuck,
    shadow: JudgeLuck,
    manual: Option<ManualLuck>,
    rating_noise: f64,
    /// On 0..1: below the drop of a model that got worse, its reply is bad.
    decay: f64,
}

/// How the judge errs on one reply.
#[derive(Debug, Clone, Copy, PartialEq)]
struct JudgeLuck {
    is_misread: bool,
    noise: f64,
}

/// A person looks at one reply.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ManualLuck {
    is_misread: bool,
}

/// One customer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tenant {
    /// Makes this tenant, and the luck of its policy.
    pub(super) seed: u64,
    pub(super) requests: Vec<Request>,
    /// Share of each shape in its traffic.
    pub(super) mix: Vec<f64>,
    /// Mean score over its prompts, by shape, then candidate.
    pub(super) quality: Vec<Vec<f64>>,
    /// Mean cost over its prompts in USD; 0 where costs are unknown.
    pub(super) cost_usd: Vec<Vec<f64>>,
    /// What the judge adds to each candidate's replies.
    judge_bias: Vec<f64>,
    /// How much kinder its users are than others.
    kindness: f64,
}

/// From some request on, one candidate is worse everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Drift {
    pub(super) at: usize,
    pub(super) model: usize,
    /// Share of its quality that it loses.
    pub(super) drop: f64,
}

/// All tenants, and what they see.
#[derive(Debug, Clone)]
pub(super) struct World<'a> {
    pub(super) table: &'a Table,
    pub(super) feedback: Feedback,
    pub(super) tenants: Vec<Tenant>,
    pub(super) drift: Option<Drift>,
}

/// How large a world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Of each seed.
    pub(super) tenants: usize,
    /// Of each tenant.
    pub(super) requests: usize,
    pub(super) seed: u64,
    /// Worlds, each of the next seed: they differ in what all their tenants share, the judge's bias.
    pub(super) seeds: usize,
}

impl<'a> World<'a> {
    /// Draws it.
    pub(super) fn new(table: &'a Table, feedback: Feedback, size: Size) -> Self {
        Self {
            table,
            tenants: draws::tenants(table, &feedback, size),
            feedback,
            drift: None,
        }
    }

    /// Requests of each tenant.
    pub(super) fn requests(&self) -> usize {
        self.tenants
            .first()
            .map_or(0, |tenant| tenant.requests.len())
    }

    /// Expected quality of a candidate in a shape, at this request.
    pub(super) fn quality(&self, tenant: usize, at: usize, shape: usize, model: usize) -> f64 {
        let before = self.tenants[tenant].quality[shape][model];
        match self.drift {
            Some(drift) if drift.model == model && at >= drift.at => before * (1.0 - drift.drop),
            Some(_) | None => before,
        }
    }

    /// Expected quality of the best candidate for this request.
    pub(super) fn best(&self, tenant: usize, at: usize) -> f64 {
        let shape = self.tenants[tenant].requests[at].shape;
        let all = (0..self.table.models.len()).map(|model| self.quality(tenant, at, shape, model));
        all.fold(0.0, f64::max)
    }

    /// What a candidate makes of a request.
    pub(super) fn outcome(&self, at: usize, request: &Request, model: usize) -> Outcome {
        let outcome = self.table.shapes[request.shape].prompts[request.prompt][model];
        let is_worse = self
            .drift
            .is_some_and(|d| d.model == model && at >= d.at && request.decay < d.drop);
        let score = if is_worse { 0.0 } else { outcome.score };
        Outcome { score, ..outcome }
    }
}

impl Tenant {
    /// The judge's score of a served reply.
    pub(super) fn judge(
        &self,
        feedback: &Feedback,
        request: &Request,
        (model, score): (usize, f64),
    ) -> f64 {
        self.judged(feedback, &request.served, (model, score))
    }

    /// The judge's score of the reply that nobody saw.
    pub(super) fn judge_shadow(
        &self,
        feedback: &Feedback,
        request: &Request,
        (model, score): (usize, f64),
    ) -> f64 {
        self.judged(feedback, &request.shadow, (model, score))
    }

    fn judged(&self, feedback: &Feedback, luck: &JudgeLuck, (model, score): (usize, f64)) -> f64 {
        let bias = self.judge_bias[model];
        feedback.judged(score, bias, (luck.is_misread, luck.noise))
    }

    /// The rating of a session by the user, if there is one: its scores and its last request.
    pub(super) fn rating(
        &self,
        feedback: &Feedback,
        scores: &[f64],
        last: &Request,
    ) -> Option<RatingScore> {
        let rated = last.is_last && last.is_rated;
        rated.then(|| feedback.rating(scores, self.kindness + last.rating_noise))
    }
}

impl Request {
    /// A person's verdict on the served reply, if one looked.
    pub(super) fn manual(&self, score: f64) -> Option<RatingScore> {
        let luck = self.manual?;
        let seen = if luck.is_misread { 1.0 - score } else { score };
        Some(feedback::on_ten(seen))
    }
}

#[cfg(test)]
mod tests;
