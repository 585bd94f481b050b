//! Which shapes are ranked on their own, and in which order: parents before children.

use floopy_shared::domain::shape::ShapeKey;

use super::{Question, public_tests};
use crate::learn::stats::ShapeStats;

/// Scored requests from which a shape is ranked on its own: fewer say less than its parent.
const MIN_SCORED: f64 = 8.0;
/// Rated sessions from which a shape is ranked on its own.
const MIN_RATED: f64 = 1.0;
/// Shapes ranked per tenant at most.
pub(super) const MAX_SHAPES: usize = 200;
/// Ranked candidates over all shapes at most: about 2 MB on the wire, half of what a proxy accepts.
const MAX_ENTRIES: usize = 20_000;

/// The root; the shapes right below it; those below them. Of too many the ones with the most evidence.
pub(super) fn levels(question: &Question<'_>) -> [Vec<ShapeKey>; 3] {
    let room = MAX_SHAPES
        .min(MAX_ENTRIES / question.candidates.len().max(1))
        .max(1)
        - 1;
    let mut shapes: Vec<(f64, &ShapeKey, &ShapeStats)> = question
        .stats
        .shapes
        .iter()
        .filter(|(key, _)| !key.is_root())
        .filter_map(|(key, stats)| Some((evidence(stats)?, key, stats)))
        .filter(|(evidence, _, stats)| !is_its_parent(question, (*evidence, stats)))
        .collect();
    shapes.extend(pooled(question));
    for key in public_tests::shapes(question) {
        if shapes.iter().all(|(_, known, _)| *known != key) {
            shapes.push((0.0, key, known_or_nothing(question, key)));
        }
    }
    shapes.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    shapes.truncate(room);
    let is_leaf = |key: &ShapeKey, stats: &ShapeStats| {
        stats
            .parent()
            .is_some_and(|parent| !parent.is_root() && parent != key)
    };
    let (leaves, classes): (Vec<_>, Vec<_>) = shapes
        .into_iter()
        .partition(|(_, key, stats)| is_leaf(key, stats));
    let keys = |shapes: Vec<(f64, &ShapeKey, &ShapeStats)>| {
        shapes.into_iter().map(|(_, key, _)| key.clone()).collect()
    };
    [vec![ShapeKey::root()], keys(classes), keys(leaves)]
}

/// Shapes that other tenants know of and this one does not, yet.
fn pooled<'a>(
    question: &'a Question<'_>,
) -> impl Iterator<Item = (f64, &'a ShapeKey, &'a ShapeStats)> {
    let own = |key: &ShapeKey| question.stats.shapes.get(key);
    let cells = question.platform.pool.cells.keys();
    cells
        .filter(move |key| !key.is_root() && own(key).is_none_or(|s| evidence(s).is_none()))
        .map(move |key| (0.0, key, known_or_nothing(question, key)))
}

fn known_or_nothing<'a>(question: &'a Question<'_>, key: &ShapeKey) -> &'a ShapeStats {
    static NOTHING: ShapeStats = ShapeStats::NONE;
    question.stats.shapes.get(key).unwrap_or(&NOTHING)
}

/// How much is known of a shape; `None` where it is too little.
fn evidence(stats: &ShapeStats) -> Option<f64> {
    let (scored, rated) = (stats.scored_requests(), stats.rated_sessions());
    (scored >= MIN_SCORED || rated >= MIN_RATED).then_some(scored + rated)
}

/// Whether nearly all of its parent's evidence is a shape's own: then there is nothing to tell apart.
fn is_its_parent(question: &Question<'_>, (own, stats): (f64, &ShapeStats)) -> bool {
    let parent = stats.parent().and_then(|p| question.stats.shapes.get(p));
    parent
        .and_then(evidence)
        .is_some_and(|all| own >= SAME_SHARE * all)
}
/// Share of its parent's evidence from which a shape is the same as its parent.
const SAME_SHARE: f64 = 0.95;
