//! What both judge and person scored, as sums: the moments by which their scales are compared, and a joint histogram
//! from which their ranks can be. Being sums, both are the same in whatever order scores and ratings come.

use floopy_shared::domain::{event::RatingScore, shape::ROOT};

use super::{Cell, Credit, Part, Source, Turn, pair, rating_micro};
use crate::learn::sums::{ONE, Sums};

/// Moments of [`Source::Agreement`], in place of a candidate.
pub const JUDGED: &str = "judged";
/// The person's side.
pub const RATED: &str = "rated";
/// Their products.
pub const PRODUCT: &str = "product";
/// Places of the histogram of single replies, as [`pair`] with the judge's tenth and the person's rating.
pub const REPLY: &str = "reply";
/// The same of sessions, with the mean of the scores of their replies.
pub const SESSION: &str = "session";

/// Names of tenths and ratings.
const LEVELS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
/// A tenth of the judge's scale.
const TENTH: i64 = ONE / 10;

/// A reply with a score and a rating of its own.
pub(super) fn reply(credit: &mut Credit, (judged, score): (i64, RatingScore), day: i64) {
    let manual = rating_micro(score);
    let product = Sums::of(judged, manual).sum;
    let mut put = |arm: String, sums: Sums| {
        let cell = Cell {
            shape: ROOT.to_owned(),
            arm,
            source: Source::Agreement,
            day,
        };
        credit.insert(cell, sums);
    };
    put(JUDGED.to_owned(), Sums::of(ONE, judged));
    put(RATED.to_owned(), Sums::of(ONE, manual));
    put(PRODUCT.to_owned(), Sums::of(ONE, product));
    put(pair(REPLY, place(judged, score)), Sums::of(ONE, judged));
}

/// A rated session, where at least half of its replies were judged.
pub(super) fn session(turns: &[Turn], score: RatingScore) -> Option<Part<'static>> {
    let judged: Vec<i64> = turns.iter().filter_map(|turn| turn.judged).collect();
    if judged.is_empty() || 2 * judged.len() < turns.len() {
        return None;
    }
    let count = i64::try_from(judged.len()).ok()?;
    let mean = judged.iter().sum::<i64>() / count;
    Some(Part {
        shape: ROOT,
        arm: (SESSION, Some(place(mean, score))),
        source: Source::Agreement,
        sums: Sums::of(ONE, mean),
    })
}

/// A place of the histogram: the judge's tenth, the last of which has the 1, and the rating.
fn place(judged: i64, score: RatingScore) -> (&'static str, &'static str) {
    let tenth = usize::try_from(judged / TENTH).unwrap_or(0).min(9);
    let rating = usize::from(score.value()).min(10);
    (LEVELS[tenth], LEVELS[rating])
}
