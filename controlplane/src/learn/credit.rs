//! Who is credited with what: from one call or one session to sums per cell.
//!
//! A cell is (shape, candidate, source, day). Every shape of a decision's chain gets the evidence. Ratings
//! count on the day of the decision, however late they come.

mod session;
mod versus;

use std::collections::BTreeMap;

use floopy_shared::domain::{
    decision::{Attempt, AttemptResult, Decision, Strategy},
    event::RatingScore,
    ids::CandidateKey,
    shape::{ROOT, ShapeKey},
};

pub use self::session::{Part, Turn, of_session, pair, parts_of_session, unpair};
use self::versus::compare;
use super::{
    normal::Z95,
    sums::{ONE, Sums, to_micro},
};

/// Moments of [`Source::Agreement`], in place of a candidate.
pub const JUDGED: &str = "judged";
/// The person's side.
pub const RATED: &str = "rated";
/// Their products.
pub const PRODUCT: &str = "product";

/// Where an observation came from. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Session = 1,
    Auto = 2,
    Manual = 3,
    /// Counts rated sessions of a shape; its candidate is empty.
    Rated = 4,
    /// Counts how often a shape stood below another in a chain; its candidate is that other shape.
    Parent = 5,
    /// Calls that a candidate failed at: outcomes of zero, whatever scale the judge has.
    Failed = 6,
    /// Products of shares of a session's label; its candidate is a [`pair`].
    Pair = 7,
    /// Replies with a score and a manual rating, for the scale of the judge; its candidate says which moment.
    Agreement = 8,
    /// How long replies took, as [`latency_micro`].
    Latency = 9,
    /// Calls in the shadow and, as their sum, what they cost in micro-USD; its candidate is empty.
    Shadow = 10,
    /// Scores of what was served, and of candidates as if they alone had served; see `versus`. The candidate is
    /// empty for what was served.
    Versus = 11,
    /// The same with squared weights, for the error of their means.
    VersusSquared = 12,
    /// What replies cost: their number, and as their sums micro-USD and the squares of micro-USD.
    Cost = 13,
    /// Scores of replies in the shadow once more; those that failed are zeros.
    Tried = 14,
}

impl Source {
    /// Reads the stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        [
            Self::Session,
            Self::Auto,
            Self::Manual,
            Self::Rated,
            Self::Parent,
            Self::Failed,
            Self::Pair,
            Self::Agreement,
            Self::Latency,
            Self::Shadow,
            Self::Versus,
            Self::VersusSquared,
            Self::Cost,
            Self::Tried,
        ]
        .into_iter()
        .find(|source| *source as i64 == code)
    }
}

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

/// Verdicts on one call: the judge's and a person's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verdicts {
    /// The judge's composite on 0..1.
    pub judged: Option<f64>,
    /// A rating of this very reply.
    pub manual: Option<RatingScore>,
}

/// What a call says of candidates by itself: the judge's score and the manual rating of the one that served,
/// and a zero for each candidate that failed, so that a dead model loses.
pub fn of_call(decision: &Decision, verdicts: Verdicts) -> Credit {
    let mut credit = Credit::new();
    // Embedding calls are not ranked, so their failures must not count against chat models' shapes. What an evaluation
    // asks is chosen by whoever made its data set: hard rows for one model would tell against it as nothing else does.
    // Nobody routed a batch's calls or waits for them, and nobody was asked for what the cache had.
    if decision.features.embeddings || decision.evaluation || decision.is_unrouted() {
        return credit;
    }
    let day = day_of(decision.created_at_ms);
    if decision.shadow_of.is_some() {
        spend(&mut credit, decision.outcome.cost_micro_usd, day);
    }
    let mut failed = failed_candidates(decision);
    // A judge says what a refusal was worth; without one it is no answer.
    let refused = decision.outcome.refused && verdicts.judged.is_none();
    failed.extend(subject(decision).filter(|key| refused && !failed.contains(key)));
    for key in &failed {
        observe(&mut credit, decision, (key, Source::Failed, day), 0);
    }
    measure(&mut credit, decision, day);
    let Some(subject) = subject(decision) else {
        return credit;
    };
    let is_failure = failed.contains(&subject);
    let worth = verdicts.judged.filter(|_| !is_failure).map(to_micro);
    let worth = worth.or(is_failure.then_some(0));
    if let Some(worth) = worth.filter(|_| decision.shadow_of.is_some()) {
        observe(&mut credit, decision, (subject, Source::Tried, day), worth);
    }
    if let Some(score) = verdicts.judged {
        compare(&mut credit, decision, (subject, to_micro(score), day));
    }
    if let Some(score) = verdicts.judged.filter(|_| !is_failure) {
        observe(
            &mut credit,
            decision,
            (subject, Source::Auto, day),
            to_micro(score),
        );
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
        agree(&mut credit, (to_micro(judged), rating_micro(manual)), day);
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

/// A reply that both judge and person scored: the moments that their scales are compared by.
fn agree(credit: &mut Credit, (judged, manual): (i64, i64), day: i64) {
    let product = Sums::of(judged, manual).sum;
    for (moment, sums) in [
        (JUDGED, Sums::of(ONE, judged)),
        (RATED, Sums::of(ONE, manual)),
        (PRODUCT, Sums::of(ONE, product)),
    ] {
        let cell = Cell {
            shape: ROOT.to_owned(),
            arm: moment.to_owned(),
            source: Source::Agreement,
            day,
        };
        credit.insert(cell, sums);
    }
}

/// What a shadow call cost, on a line of its own.
fn spend(credit: &mut Credit, cost_micro_usd: Option<u64>, day: i64) {
    let cell = Cell {
        shape: ROOT.to_owned(),
        arm: String::new(),
        source: Source::Shadow,
        day,
    };
    let sums = Sums {
        n: ONE,
        sum: i64::try_from(cost_micro_usd.unwrap_or(0)).unwrap_or(i64::MAX),
        sumsq: 0,
    };
    credit.insert(cell, sums);
}

/// Whose reply it is: the served candidate, or the one tried in the shadow.
fn subject(decision: &Decision) -> Option<&CandidateKey> {
    decision.served.as_ref().or(decision.chosen.as_ref())
}

fn observe(
    credit: &mut Credit,
    decision: &Decision,
    (arm, source, day): (&CandidateKey, Source, i64),
    value: i64,
) {
    for shape in &decision.shapes {
        let cell = Cell {
            shape: shape.to_string(),
            arm: arm.to_string(),
            source,
            day,
        };
        *credit.entry(cell).or_default() += Sums::of(ONE, value);
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
    for shape in &decision.shapes {
        let cell = Cell {
            shape: shape.to_string(),
            arm: arm.to_string(),
            source: Source::Cost,
            day,
        };
        *credit.entry(cell).or_default() += Sums {
            n: ONE,
            sum: cost,
            sumsq: cost.saturating_mul(cost),
        };
    }
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
