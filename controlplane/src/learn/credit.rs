//! Who is credited with what: from one call or one session to sums per cell.
//!
//! A cell is (shape, candidate, source, day). Every shape of a decision's chain gets the evidence. Ratings
//! count on the day of the decision, however late they come.

mod agree;
mod implicit;
mod session;
mod source;
mod versus;

use std::collections::BTreeMap;

use floopy_shared::domain::{
    decision::{Attempt, AttemptResult, Decision, Strategy},
    event::RatingScore,
    ids::CandidateKey,
    shape::{ROOT, ShapeKey},
};

use self::versus::compare;
pub use self::{
    agree::{JUDGED, PRODUCT, RATED, REPLY, SESSION},
    session::{Part, Turn, of_session, pair, parts_of_session, unpair},
    source::Source,
};
use super::{
    normal::Z95,
    sums::{ONE, Sums, to_micro},
};

/// What sums are kept for. `arm` is a candidate, save for the sources that count something else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    pub shape: String,
    pub arm: String,
    pub source: Source,
    /// Days since the Unix epoch.
    pub day: i64,
}

/// What one call or session adds to the buckets of its tenant.
pub type Credit = BTreeMap<Cell, Sums>;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// The day of a moment.
pub fn day_of(ms: u64) -> i64 {
    i64::try_from(ms / DAY_MS).unwrap_or(i64::MAX)
}

/// A person's rating of 0 to 10 in micro-units of 0..1.
fn rating_micro(score: RatingScore) -> i64 {
    i64::from(score.value()) * (ONE / 10)
}

/// The longest latency that is told apart, in powers of e of a millisecond: 52 hours.
pub const MAX_LN_LATENCY: f64 = 19.0;

/// A latency as the share of the longest that its logarithm is: latencies are lognormal more than anything.
fn latency_micro(latency_ms: u64) -> i64 {
    #[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^53")]
    let ln = (latency_ms.max(1) as f64).ln();
    to_micro(ln / MAX_LN_LATENCY)
}

/// Replies that must have been timed before a quantile is told.
const TIMED_REPLIES: f64 = 20.0;

/// The 95 % quantile of the latencies that these sums were made of, by the lognormal with their moments.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most e^19 milliseconds"
)]
pub fn latency_p95_ms(sums: Sums) -> Option<u64> {
    let seen = sums.moments();
    let mean = seen.mean().filter(|_| seen.n >= TIMED_REPLIES)?;
    let high = (mean + Z95 * seen.variance().sqrt()).min(1.0);
    Some((high * MAX_LN_LATENCY).exp().round() as u64)
}

/// What a judge said of a reply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// On 0..1.
    pub composite: f64,
    /// As an observation.
    pub weight: f64,
    /// Of asking a model.
    pub cost_micro_usd: u64,
}

impl From<f64> for Judged {
    fn from(composite: f64) -> Self {
        Self {
            composite,
            weight: 1.0,
            cost_micro_usd: 0,
        }
    }
}

/// Verdicts on one call: the judge's and a person's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verdicts {
    pub judged: Option<Judged>,
    /// A rating of this very reply.
    pub manual: Option<RatingScore>,
}

/// What a call says of candidates by itself: the judge's score and the manual rating of the one that served,
/// and a zero for each candidate that failed, so that a dead model loses.
pub fn of_call(decision: &Decision, verdicts: Verdicts) -> Credit {
    let mut credit = Credit::new();
    let day = day_of(decision.created_at_ms);
    if let Some(cost) = verdicts.judged.map(|judged| judged.cost_micro_usd)
        && cost > 0
    {
        spend(&mut credit, Source::Judging, (cost, day));
    }
    // Embedding calls are not ranked, so their failures must not count against chat models' shapes. What an evaluation
    // asks is chosen by whoever made its data set: hard rows for one model would tell against it as nothing else does.
    // Nobody routed a batch's calls or waits for them, and nobody was asked for what the cache had.
    if decision.features.embeddings || decision.evaluation || decision.is_unrouted() {
        return credit;
    }
    if decision.shadow_of.is_some() {
        let cost = decision.outcome.cost_micro_usd.unwrap_or(0);
        spend(&mut credit, Source::Shadow, (cost, day));
    }
    let mut failed = failed_candidates(decision);
    // A judge says what a refusal was worth; without one it is no answer.
    let refused = decision.outcome.refused && verdicts.judged.is_none();
    failed.extend(subject(decision).filter(|key| refused && !failed.contains(key)));
    for key in &failed {
        observe(&mut credit, decision, (key, Source::Failed, day), 0);
    }
    measure(&mut credit, decision, day);
    implicit::add(&mut credit, decision);
    let Some(subject) = subject(decision) else {
        return credit;
    };
    let is_failure = failed.contains(&subject);
    if let Some(judged) = verdicts.judged {
        compare(&mut credit, decision, (subject, judged, day));
    }
    let judged = verdicts.judged.filter(|_| !is_failure);
    let worth = judged.map(|judged| to_micro(judged.composite));
    let tried = worth.or(is_failure.then_some(0));
    if let Some(worth) = tried.filter(|_| decision.shadow_of.is_some()) {
        observe(&mut credit, decision, (subject, Source::Tried, day), worth);
    }
    if let (Some(judged), Some(worth)) = (judged, worth) {
        let weighed = Sums::of(weight_micro(judged.weight), worth);
        add(&mut credit, decision, (subject, Source::Auto, day), weighed);
    }
    if let Some(score) = verdicts.manual {
        observe(
            &mut credit,
            decision,
            (subject, Source::Manual, day),
            rating_micro(score),
        );
    }
    if let (Some(judged), Some(manual)) = (verdicts.judged, verdicts.manual) {
        let judged = to_micro(judged.composite);
        agree::reply(&mut credit, (judged, manual), day);
    }
    if !credit.is_empty() {
        link_shapes(&mut credit, &decision.shapes, day);
    }
    credit
}

/// How long the try took that served, and what it cost.
fn measure(credit: &mut Credit, decision: &Decision, day: i64) {
    let mut attempts = decision.attempts.iter();
    let Some(attempt) = attempts.find(|a| a.result == AttemptResult::Ok) else {
        return;
    };
    let taken = (&attempt.key, Source::Latency, day);
    observe(credit, decision, taken, latency_micro(attempt.latency_ms));
    if let Some(cost) = decision.outcome.cost_micro_usd {
        charge(credit, decision, (&attempt.key, day), cost);
    }
}

/// What a shadow call or its judge cost, on a line of its own.
fn spend(credit: &mut Credit, source: Source, (cost_micro_usd, day): (u64, i64)) {
    let cell = Cell {
        shape: ROOT.to_owned(),
        arm: String::new(),
        source,
        day,
    };
    let sums = Sums {
        n: ONE,
        sum: i64::try_from(cost_micro_usd).unwrap_or(i64::MAX),
        sumsq: 0,
    };
    credit.insert(cell, sums);
}

/// A weight in micro-units: probabilities have bounded inverses, and weights of scores are bounded.
#[expect(clippy::cast_possible_truncation, reason = "bounded")]
fn weight_micro(weight: f64) -> i64 {
    (weight * 1e6).round() as i64
}

/// Whose reply it is: the served candidate, or the one tried in the shadow.
fn subject(decision: &Decision) -> Option<&CandidateKey> {
    decision.served.as_ref().or(decision.chosen.as_ref())
}

fn observe(
    credit: &mut Credit,
    decision: &Decision,
    cell: (&CandidateKey, Source, i64),
    value: i64,
) {
    add(credit, decision, cell, Sums::of(ONE, value));
}

/// Adds to a cell of every shape of the call's chain.
fn add(
    credit: &mut Credit,
    decision: &Decision,
    (arm, source, day): (&CandidateKey, Source, i64),
    sums: Sums,
) {
    for shape in &decision.shapes {
        let cell = Cell {
            shape: shape.to_string(),
            arm: arm.to_string(),
            source,
            day,
        };
        *credit.entry(cell).or_default() += sums;
    }
}

/// What a reply cost, in every shape of its chain.
fn charge(
    credit: &mut Credit,
    decision: &Decision,
    (arm, day): (&CandidateKey, i64),
    cost_micro_usd: u64,
) {
    let cost = i64::try_from(cost_micro_usd).unwrap_or(i64::MAX);
    let sums = Sums {
        n: ONE,
        sum: cost,
        sumsq: cost.saturating_mul(cost),
    };
    add(credit, decision, (arm, Source::Cost, day), sums);
}

fn link_shapes(credit: &mut Credit, chain: &[ShapeKey], day: i64) {
    for pair in chain.windows(2) {
        let [below, above] = pair else { continue };
        let (shape, arm) = (below.to_string(), above.to_string());
        let cell = Cell {
            shape,
            arm,
            source: Source::Parent,
            day,
        };
        *credit.entry(cell).or_default() += Sums::of(ONE, ONE);
    }
}

/// Candidates whose own fault it was that they did not answer; each once, however often it was tried. Who
/// answered when asked again only took longer.
fn failed_candidates(decision: &Decision) -> Vec<&CandidateKey> {
    let mut failed: Vec<&CandidateKey> = Vec::new();
    // By the caller; a rule's models are the operator's.
    let named = decision.rule.is_none()
        && matches!(
            decision.strategy,
            Strategy::LegacyModel | Strategy::Fallback
        );
    for attempt in &decision.attempts {
        let at_fault = match attempt.result {
            AttemptResult::Ok
            | AttemptResult::ClientGone
            | AttemptResult::Cancelled
            | AttemptResult::Unsupported
            | AttemptResult::AddressRefused => false,
            AttemptResult::ConnectFailed
            | AttemptResult::TimedOut
            | AttemptResult::InvalidReply
            | AttemptResult::BrokenStream => true,
            // 400, 413 and 422 are about the caller's request; everything else is the upstream's failure.
            // A model that the caller named may be misspelt or not theirs to use, which says nothing of it.
            AttemptResult::UpstreamError => match attempt.status {
                Some(400 | 413 | 422) => false,
                Some(401 | 403 | 404) => !named,
                _ => true,
            },
        };
        let answered =
            |other: &Attempt| other.key == attempt.key && other.result == AttemptResult::Ok;
        let at_fault = at_fault && !decision.attempts.iter().any(answered);
        if at_fault && !failed.contains(&&attempt.key) {
            failed.push(&attempt.key);
        }
    }
    failed
}

#[cfg(test)]
mod tests;
