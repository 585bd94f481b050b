//! Who is credited with what: from one call or one session to sums per cell.
//!
//! A cell is (shape, candidate, source, day). Every shape of a decision's chain gets the evidence. Ratings
//! count on the day of the decision, however late they come.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    decision::{AttemptResult, Decision, Ending, Stage, Strategy},
    event::RatingScore,
    ids::CandidateKey,
    shape::ShapeKey,
};

use super::sums::{ONE, Sums, to_micro};

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
    // Embedding calls are not ranked, so their failures must not count against chat models' shapes.
    if decision.features.embeddings {
        return credit;
    }
    let day = day_of(decision.created_at_ms);
    let failed = failed_candidates(decision);
    for key in &failed {
        observe(&mut credit, decision, (key, Source::Auto, day), 0);
    }
    let Some(subject) = subject(decision) else {
        return credit;
    };
    if let Some(score) = verdicts.judged.filter(|_| !failed.contains(&subject)) {
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
    if !credit.is_empty() {
        link_shapes(&mut credit, &decision.shapes, day);
    }
    credit
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

/// Candidates whose own fault an attempt was; each once, however often it was tried.
fn failed_candidates(decision: &Decision) -> Vec<&CandidateKey> {
    let mut failed: Vec<&CandidateKey> = Vec::new();
    let named = matches!(
        decision.strategy,
        Strategy::LegacyModel | Strategy::Fallback
    );
    for attempt in &decision.attempts {
        let at_fault = match attempt.result {
            AttemptResult::Ok | AttemptResult::ClientGone => false,
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
        if at_fault && !failed.contains(&&attempt.key) {
            failed.push(&attempt.key);
        }
    }
    failed
}

/// One served call of a session, as far as credit goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub day: i64,
    pub shapes: Vec<ShapeKey>,
    pub candidate: CandidateKey,
}

impl Turn {
    /// The turn that a decision is, or `None` where it says nothing of the session: shadows and calls that
    /// did not complete.
    pub fn of(decision: &Decision) -> Option<Self> {
        let counts = decision.stage == Stage::Finished
            && decision.outcome.ending == Ending::Completed
            && decision.shadow_of.is_none()
            && !decision.features.embeddings;
        let candidate = decision.served.clone().filter(|_| counts)?;
        let day = day_of(decision.created_at_ms);
        Some(Self {
            day,
            shapes: decision.shapes.clone(),
            candidate,
        })
    }
}

/// What a session's rating says of the candidates that served it.
///
/// A candidate that served `L_i` of the session's `L` calls gets the rating with weight `(L_i/L)²`: the less
/// of the session it was, the less the label is about it. The squares sum to at most 1, so a session is at
/// most one observation however long it was.
pub fn of_session(turns: &[Turn], score: RatingScore) -> Credit {
    let mut counts: BTreeMap<(&ShapeKey, &CandidateKey), (u64, i64)> = BTreeMap::new();
    let mut days: BTreeMap<&ShapeKey, i64> = BTreeMap::new();
    for turn in turns {
        for shape in &turn.shapes {
            let (count, last) = counts
                .entry((shape, &turn.candidate))
                .or_insert((0, turn.day));
            *count += 1;
            *last = turn.day.max(*last);
            let day = days.entry(shape).or_insert(turn.day);
            *day = turn.day.max(*day);
        }
    }
    let mut credit = Credit::new();
    let total = turns.len() as u64;
    for ((shape, candidate), (count, day)) in counts {
        let (shape, arm) = (shape.to_string(), candidate.to_string());
        let cell = Cell {
            shape,
            arm,
            source: Source::Session,
            day,
        };
        credit.insert(
            cell,
            Sums::of(squared_share(count, total), rating_micro(score)),
        );
    }
    for (shape, day) in days {
        let cell = Cell {
            shape: shape.to_string(),
            arm: String::new(),
            source: Source::Rated,
            day,
        };
        credit.insert(cell, Sums::of(ONE, ONE));
    }
    credit
}

/// `(count/total)²` in micro-units, rounded down so that the shares of a session never exceed one.
fn squared_share(count: u64, total: u64) -> i64 {
    let (count, total) = (u128::from(count), u128::from(total.max(1)));
    i64::try_from(count * count * ONE.unsigned_abs() as u128 / (total * total)).unwrap_or(ONE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turn(model: &str) -> Turn {
        let candidate = CandidateKey::new("p", model).expect("valid");
        Turn {
            day: 1,
            shapes: vec![ShapeKey::root()],
            candidate,
        }
    }

    fn session(turns: &[Turn], score: i64) -> Credit {
        of_session(turns, RatingScore::new(score).expect("in range"))
    }

    #[test]
    fn a_candidate_that_served_a_quarter_counts_a_sixteenth() {
        let turns = [turn("a"), turn("a"), turn("a"), turn("b")];
        let credit = session(&turns, 8);
        let of = |arm: &str, source| {
            let cell = Cell {
                shape: "all".into(),
                arm: arm.into(),
                source,
                day: 1,
            };
            credit[&cell]
        };
        assert_eq!(of("p/a", Source::Session), Sums::of(562_500, 800_000));
        assert_eq!(of("p/b", Source::Session), Sums::of(62_500, 800_000));
        assert_eq!(of("", Source::Rated), Sums::of(ONE, ONE));
    }

    #[test]
    fn a_refused_model_that_the_caller_named_is_not_the_models_failure() {
        // Named, because proptest has one too.
        use floopy_shared::domain::decision::Strategy;
        let credited = |strategy, status| {
            let mut call = crate::fixture::decision(1);
            call.strategy = strategy;
            (call.served, call.outcome.ending) = (None, Ending::Error);
            call.attempts[0].result = AttemptResult::UpstreamError;
            call.attempts[0].status = Some(status);
            !of_call(&call, Verdicts::default()).is_empty()
        };
        for status in [401, 403, 404] {
            assert!(!credited(Strategy::LegacyModel, status), "{status}");
            assert!(!credited(Strategy::Fallback, status), "{status}");
            assert!(credited(Strategy::FeedbackDriven, status), "{status}");
        }
        assert!(credited(Strategy::LegacyModel, 500));
    }

    proptest! {
        #[test]
        fn a_session_is_at_most_one_observation(models in prop::collection::vec("[a-d]", 0..30), score in 0..=10i64) {
            let turns: Vec<Turn> = models.iter().map(|m| turn(m)).collect();
            let credit = session(&turns, score);
            let weight: i64 = credit.iter().filter(|(c, _)| c.source == Source::Session).map(|(_, s)| s.n).sum();
            prop_assert!(weight <= ONE);
        }

        #[test]
        fn the_order_of_turns_does_not_matter(models in prop::collection::vec("[a-d]", 1..20)) {
            let forward: Vec<Turn> = models.iter().map(|m| turn(m)).collect();
            let backward: Vec<Turn> = models.iter().rev().map(|m| turn(m)).collect();
            prop_assert_eq!(session(&forward, 7), session(&backward, 7));
        }
    }
}
