//! What a session's rating says of the candidates that served it.
//!
//! A rating is taken as a mean of its turns' qualities: `y = c + Σ_j h_j θ_j + ε`, where `h_j` is the share of
//! the turns that node `j` (a candidate in a shape) served. What a regression of the ratings on the shares
//! needs are sums: `Σ h_i y` per node and `Σ h_i h_j` per pair of nodes. Being sums, they are the same in
//! whatever order ratings come, are revised or retracted; `residual` solves for the nodes' own parts later.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    decision::{Decision, Ending, Stage},
    event::RatingScore,
    ids::CandidateKey,
    shape::{ROOT, ShapeKey},
};

use super::{Cell, Credit, Source, day_of, rating_micro};
use crate::learn::sums::{ONE, Sums};

/// Nodes of a session that are told apart in each other's pairs; the rest count as the root's.
const MAX_NODES: usize = 8;
/// Shapes per call that get credit: call site, class and root.
const MAX_DEPTH: usize = 3;
/// Between the parts of a pair's name; no shape and no candidate has it.
const SEPARATOR: char = '\n';

/// One served call of a session, as far as credit goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub day: i64,
    pub shapes: Vec<ShapeKey>,
    pub candidate: CandidateKey,
    /// The judge's score of its reply, in micro-units of 0..1.
    pub judged: Option<i64>,
}

impl Turn {
    /// The turn that a decision is, not judged yet, or `None` where it says nothing of the session: shadows, calls of evaluations, what
    /// the cache gave, and calls that did not complete.
    pub fn of(decision: &Decision) -> Option<Self> {
        let counts = decision.stage == Stage::Finished
            && decision.outcome.ending == Ending::Completed
            && decision.shadow_of.is_none()
            && !decision.evaluation
            && !decision.features.embeddings
            && !decision.is_unrouted();
        let candidate = decision.served.clone().filter(|_| counts)?;
        let day = day_of(decision.created_at_ms);
        Some(Self {
            day,
            shapes: decision.shapes.clone(),
            candidate,
            judged: None,
        })
    }

    /// The shape at a depth below the root, or the deepest one above it.
    fn shape_at(&self, depth: usize) -> &str {
        let reversed = self.shapes.iter().rev();
        reversed
            .take(depth + 1)
            .next_back()
            .map_or(ROOT, |s| s.as_str())
    }

    fn reaches(&self, depth: usize) -> bool {
        depth < self.shapes.len()
    }
}

/// A candidate in a shape.
type Node<'a> = (&'a str, &'a str);

/// The share of a session that each node served, and whether it is the node's own; see [`shares`].
type Shares<'a> = BTreeMap<Node<'a>, (i64, bool)>;

/// The name of a pair in place of a candidate: this candidate's share with the share of `other`.
pub fn pair(arm: &str, (shape, other): (&str, &str)) -> String {
    format!("{arm}{SEPARATOR}{shape}{SEPARATOR}{other}")
}

/// The candidate, and the node that it shared a session with.
pub fn unpair(name: &str) -> Option<(&str, (&str, &str))> {
    let mut parts = name.split(SEPARATOR);
    let (arm, shape, other) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some((arm, (shape, other)))
}

/// A part of what a session's rating adds, with the names of its turns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    pub shape: &'a str,
    /// The candidate, empty where the sessions of a shape are counted, and the other node of a [`pair`].
    pub arm: (&'a str, Option<Node<'a>>),
    pub source: Source,
    pub sums: Sums,
}

/// What a session's rating adds to the buckets, all on the day of its last turn.
pub fn of_session(turns: &[Turn], score: RatingScore) -> Credit {
    let mut credit = Credit::new();
    let (day, parts) = parts_of_session(turns, score);
    for part in parts {
        let (arm, other) = part.arm;
        let cell = Cell {
            shape: part.shape.to_owned(),
            arm: other.map_or_else(|| arm.to_owned(), |other| pair(arm, other)),
            source: part.source,
            day,
        };
        *credit.entry(cell).or_default() += part.sums;
    }
    credit
}

/// The same as its day and parts, which cost no names; the same turns in any order make the same parts in the
/// same order. Where chains differ in length, two parts can be of one cell.
pub fn parts_of_session(turns: &[Turn], score: RatingScore) -> (i64, Vec<Part<'_>>) {
    let mut parts = Vec::new();
    let Some(day) = turns.iter().map(|turn| turn.day).max() else {
        return (0, parts);
    };
    let rating = rating_micro(score);
    parts.extend(super::agree::session(turns, score));
    for depth in 0..MAX_DEPTH {
        let shares = shares(turns, depth);
        let mut rated: Option<&str> = None;
        for (node, (share, _)) in shares.iter().filter(|(_, (_, own))| *own) {
            // Nodes are in order of their shapes: each shape is counted once.
            if rated.replace(node.0) != Some(node.0) {
                parts.push(Part {
                    shape: node.0,
                    arm: ("", None),
                    source: Source::Rated,
                    sums: Sums::of(ONE, rating),
                });
            }
            parts.push(Part {
                shape: node.0,
                arm: (node.1, None),
                source: Source::Session,
                sums: Sums::of(*share, rating),
            });
            push_products(&mut parts, (*node, *share), &shares);
        }
    }
    (day, parts)
}

/// The products of a node's share with those of the nodes that its label is shared with, itself included.
fn push_products<'a>(
    parts: &mut Vec<Part<'a>>,
    (node, share): (Node<'a>, i64),
    shares: &Shares<'a>,
) {
    let mut push = |other: Node<'a>, weight: i64| {
        parts.push(Part {
            shape: node.0,
            arm: (node.1, Some(other)),
            source: Source::Pair,
            sums: Sums {
                n: Sums::of(share, weight).sum,
                ..Sums::default()
            },
        });
    };
    if shares.len() <= MAX_NODES {
        for (other, (weight, _)) in shares {
            push(*other, *weight);
        }
        return;
    }
    for (other, weight) in partners(node, shares) {
        push(other, weight);
    }
}

/// The share of the session that each node served, and whether any turn's own chain reaches this depth there:
/// nodes that only stand in for a missing shape are credited where they belong.
fn shares(turns: &[Turn], depth: usize) -> Shares<'_> {
    let mut counts: BTreeMap<Node<'_>, (usize, bool)> = BTreeMap::new();
    for turn in turns {
        let node = (turn.shape_at(depth), turn.candidate.as_str());
        let count = counts.entry(node).or_default();
        *count = (count.0 + 1, count.1 || turn.reaches(depth));
    }
    let share = |(count, own)| (share(count, turns.len()), own);
    counts
        .into_iter()
        .map(|(node, count)| (node, share(count)))
        .collect()
}

fn share(count: usize, total: usize) -> i64 {
    let micro = count as u128 * ONE.unsigned_abs() as u128 / total.max(1) as u128;
    i64::try_from(micro).unwrap_or(ONE)
}

/// Of very many nodes only those with the largest shares keep their names, so that a session of a thousand tasks
/// does not make a million pairs.
fn partners<'a>(node: Node<'a>, shares: &Shares<'a>) -> BTreeMap<Node<'a>, i64> {
    let mut ranked: Vec<(Node<'a>, i64)> =
        shares.iter().map(|(n, (share, _))| (*n, *share)).collect();
    ranked.sort_by_key(|(other, share)| (*other != node, std::cmp::Reverse(*share)));
    let mut partners = BTreeMap::new();
    for (rank, (other, share)) in ranked.into_iter().enumerate() {
        let named = if rank < MAX_NODES {
            other
        } else {
            (ROOT, other.1)
        };
        *partners.entry(named).or_default() += share;
    }
    partners
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turn(task: Option<&str>, model: &str) -> Turn {
        let shape = |name: &str| ShapeKey::named(name).expect("valid");
        let mut shapes = vec![shape("class:chat"), ShapeKey::root()];
        if let Some(task) = task {
            shapes.insert(0, shape(task));
        }
        let candidate = CandidateKey::new("p", model).expect("valid");
        Turn {
            day: 1,
            shapes,
            candidate,
            judged: None,
        }
    }

    fn session(turns: &[Turn], score: i64) -> Credit {
        of_session(turns, RatingScore::new(score).expect("in range"))
    }

    fn sums(credit: &Credit, (shape, arm): (&str, &str), source: Source) -> Option<Sums> {
        let cell = Cell {
            shape: shape.into(),
            arm: arm.into(),
            source,
            day: 1,
        };
        credit.get(&cell).copied()
    }

    #[test]
    fn a_node_has_its_share_of_the_label_and_its_products_with_the_others() {
        let turns = [
            turn(Some("task:x"), "a"),
            turn(Some("task:x"), "a"),
            turn(Some("task:x"), "a"),
            turn(None, "b"),
        ];
        let credit = session(&turns, 8);
        let label = |node| sums(&credit, node, Source::Session);
        assert_eq!(label(("all", "p/a")), Some(Sums::of(750_000, 800_000)));
        assert_eq!(label(("all", "p/b")), Some(Sums::of(250_000, 800_000)));
        assert_eq!(label(("task:x", "p/a")), Some(Sums::of(750_000, 800_000)));
        let product = |shape, arm, other| {
            let name = pair(arm, other);
            sums(&credit, (shape, &name), Source::Pair).map(|s| s.n)
        };
        assert_eq!(product("all", "p/a", ("all", "p/a")), Some(562_500));
        assert_eq!(product("all", "p/a", ("all", "p/b")), Some(187_500));
        // The turn without a task stands in the task's pairs with the deepest shape it has.
        assert_eq!(
            product("task:x", "p/a", ("class:chat", "p/b")),
            Some(187_500)
        );
        assert_eq!(
            product("class:chat", "p/b", ("class:chat", "p/b")),
            Some(62_500)
        );
        let rated = sums(&credit, ("task:x", ""), Source::Rated);
        assert_eq!(rated, Some(Sums::of(ONE, 800_000)));
    }

    #[test]
    fn a_session_of_very_many_tasks_makes_few_pairs() {
        let tasks: Vec<String> = (0..500).map(|i| format!("task:{i}")).collect();
        let turns: Vec<Turn> = tasks.iter().map(|task| turn(Some(task), "a")).collect();
        let pairs = session(&turns, 5)
            .keys()
            .filter(|cell| cell.source == Source::Pair)
            .count();
        assert!(pairs <= 500 * (MAX_NODES + 1) + 2, "{pairs} pairs");
    }

    #[test]
    fn the_name_of_a_pair_is_read_back() {
        let name = pair("p/a", ("task:x|y", "q/b:c"));
        assert_eq!(unpair(&name), Some(("p/a", ("task:x|y", "q/b:c"))));
        assert_eq!(unpair("p/a"), None);
    }

    proptest! {
        #[test]
        fn the_shares_of_a_session_sum_to_at_most_one(models in prop::collection::vec("[a-d]", 0..30), score in 0..=10i64) {
            let turns: Vec<Turn> = models.iter().map(|m| turn(None, m)).collect();
            let credit = session(&turns, score);
            let of = |source| credit.iter().filter(move |(c, _)| c.source == source && c.shape == ROOT);
            let shares: i64 = of(Source::Session).map(|(_, s)| s.n).sum();
            let products: i64 = of(Source::Pair).map(|(_, s)| s.n).sum();
            prop_assert!(shares <= ONE && products <= ONE + 100);
        }

        #[test]
        fn the_order_of_turns_does_not_matter(models in prop::collection::vec("[a-d]", 1..20)) {
            let forward: Vec<Turn> = models.iter().map(|m| turn(None, m)).collect();
            let backward: Vec<Turn> = models.iter().rev().map(|m| turn(None, m)).collect();
            prop_assert_eq!(session(&forward, 7), session(&backward, 7));
        }
    }
}
