//! What public tests say of kinds of tasks: how far candidates do better or worse there than in general.
//!
//! A test's result is on the scale of the general benchmark, so that their difference is what the test says of the
//! kind of task alone; it is added to what the parent knows of the candidate, whatever that comes from. Where no
//! test speaks of a candidate, it is expected to be as good as everywhere.

use floopy_shared::domain::shape::ShapeKey;

use super::{Candidate, Done, Draft, Question, Ranked, counts};

/// How much better a candidate is in a shape than its parent's composite says. `class`: what the shape belongs to,
/// where that is not ranked itself.
pub(super) fn shift(candidate: &Candidate, shape: &ShapeKey, class: Option<&ShapeKey>) -> f64 {
    let of = |shape: &ShapeKey| {
        let mut priors = candidate.shape_priors.iter();
        priors.find(|prior| prior.shape == *shape)
    };
    of(shape)
        .or_else(|| of(class?))
        .map_or(0.0, |prior| prior.value - candidate.benchmark)
}

/// The shapes that tests speak of and that may be ranked by them: all for a tenant that nobody served yet,
/// otherwise those that were.
pub(super) fn shapes<'a>(question: &'a Question<'_>) -> impl Iterator<Item = &'a ShapeKey> {
    let priors = question.candidates.iter().flat_map(|c| &*c.shape_priors);
    let shapes = priors.map(|prior| &prior.shape);
    shapes.filter(|shape| is_new(question) || question.incumbents.contains_key(*shape))
}

/// Whether a shape starts from tests: only where nothing is known that it could start from otherwise. Sessions
/// of tenants that are served already keep their model.
pub(super) fn begin(question: &Question<'_>, draft: &Draft<'_>) -> bool {
    is_new(question)
        && counts(draft.stats) == (0.0, 0.0)
        && shapes(question).any(|shape| *shape == draft.shape)
}

/// Whether tests put somebody in front who is not served anyway.
pub(super) fn lead(ranked: &Ranked<'_>, done: &Done<'_>) -> bool {
    let parent = done.parent(ranked.draft.stats);
    parent.is_some_and(|parent| parent.incumbent != ranked.incumbent)
}

fn is_new(question: &Question<'_>) -> bool {
    question.incumbents.is_empty()
}
