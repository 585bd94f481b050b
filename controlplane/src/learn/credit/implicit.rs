//! What callers did, counted for the replies that it says something of.
//!
//! The record that tells of it says whose reply it was, so what is counted follows from that one record and is taken
//! back with it, whether or not the earlier call is known.

use floopy_shared::domain::{decision::Decision, ids::CandidateKey, shape::ShapeKey};

use super::{Cell, Credit, Source, day_of, subject};
use crate::learn::sums::{ONE, Sums};

pub(super) fn add(credit: &mut Credit, decision: &Decision) {
    if decision.shadow_of.is_some() {
        return;
    }
    for implicit in &decision.implicit {
        let (whose, shapes, at_ms): (&CandidateKey, &[ShapeKey], u64) = match &implicit.about {
            Some(earlier) => (&earlier.candidate, &earlier.shapes, earlier.created_at_ms),
            None => match subject(decision) {
                Some(key) => (key, &decision.shapes, decision.created_at_ms),
                None => continue,
            },
        };
        for shape in shapes {
            let cell = Cell {
                shape: shape.to_string(),
                arm: whose.to_string(),
                source: Source::of_implicit(implicit.kind),
                day: day_of(at_ms),
            };
            *credit.entry(cell).or_default() += Sums::of(ONE, 0);
        }
    }
}
