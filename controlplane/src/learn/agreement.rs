//! How the judge's scale compares with that of people.
//!
//! A judge compresses: an answer that people find right gets 0.7 where one they find wrong gets 0.3. Taken
//! as they are, its scores would make benchmarks and people look four times as decisive as they are. Over
//! replies that both scored, the judge's score is regressed on the person's, `j = a + b·m`, and every score is
//! read back through the inverse, `x = (j − a)/b` (the graded form of Rogan & Gladen 1978). Few such replies
//! say little, so those of other tenants stand in: numbers only, no text and no names.

use super::{
    credit::{JUDGED, PRODUCT, RATED},
    sums::{Moments, Sums},
};

/// What the replies of other tenants count for at most.
const SHARED_REPLIES: f64 = 100.0;
/// Replies for which the scales are taken to be the same before any was seen.
const ASSUMED_REPLIES: f64 = 10.0;
/// Spread of ratings in those assumed replies, as a variance: half of them right, half of them wrong.
const ASSUMED_SPREAD: f64 = 0.15;
/// Where their scores and ratings are centred.
const ASSUMED_CENTRE: f64 = 0.7;
/// Slopes beyond these are not believed: a judge that is flat or turned around is not read as a precise one.
const SLOPE_RANGE: (f64, f64) = (0.2, 1.5);

/// Moments of the replies that both judge and person scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agreement {
    judged: Sums,
    rated: Sums,
    product: Sums,
}

impl Agreement {
    /// Adds one of the three moments, by its name.
    pub fn add(&mut self, moment: &str, sums: Sums) {
        match moment {
            JUDGED => self.judged += sums,
            RATED => self.rated += sums,
            PRODUCT => self.product += sums,
            _ => {}
        }
    }

    /// Adds what another tenant observed.
    pub fn merge(&mut self, other: &Self) {
        self.judged += other.judged;
        self.rated += other.rated;
        self.product += other.product;
    }

    fn joint(&self) -> Joint {
        Joint {
            judged: self.judged.moments(),
            rated: self.rated.moments(),
            product: self.product.moments().sum,
        }
    }
}

/// The same as floating point.
#[derive(Debug, Clone, Copy)]
struct Joint {
    judged: Moments,
    rated: Moments,
    product: f64,
}

impl Joint {
    fn assumed() -> Self {
        let square = ASSUMED_CENTRE * ASSUMED_CENTRE + ASSUMED_SPREAD;
        let one = Moments {
            n: ASSUMED_REPLIES,
            sum: ASSUMED_REPLIES * ASSUMED_CENTRE,
            sumsq: ASSUMED_REPLIES * square,
        };
        Self {
            judged: one,
            rated: one,
            product: one.sumsq,
        }
    }

    fn plus(self, other: Self, weight: f64) -> Self {
        let sum = |a: Moments, b: Moments| Moments {
            n: a.n + weight * b.n,
            sum: a.sum + weight * b.sum,
            sumsq: a.sumsq + weight * b.sumsq,
        };
        Self {
            judged: sum(self.judged, other.judged),
            rated: sum(self.rated, other.rated),
            product: self.product + weight * other.product,
        }
    }
}

/// How a judge's score is read: `slope · score + shift` is on the scale of people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    pub slope: f64,
    pub shift: f64,
}

impl Calibration {
    /// From a tenant's own replies, those of all tenants, and an assumption where there are few of both.
    pub fn of(own: &Agreement, shared: &Agreement) -> Self {
        let (own, shared) = (own.joint(), shared.joint());
        let weight = (SHARED_REPLIES / shared.judged.n.max(1.0)).min(1.0);
        let seen = own.plus(shared, weight);
        // The assumption only fills the place of what was not seen.
        let missing = (1.0 - seen.judged.n / SHARED_REPLIES).clamp(0.0, 1.0);
        let all = seen.plus(Joint::assumed(), missing);
        let n = all.judged.n;
        let (judged, rated) = (all.judged.sum / n, all.rated.sum / n);
        let spread = all.rated.sumsq / n - rated * rated;
        let common = all.product / n - judged * rated;
        let compression = if spread > 1e-6 { common / spread } else { 1.0 };
        let compression = compression.clamp(SLOPE_RANGE.0, SLOPE_RANGE.1);
        Self {
            slope: 1.0 / compression,
            shift: rated - judged / compression,
        }
    }

    /// Scores on the scale of people.
    pub fn read(&self, scores: Moments) -> Moments {
        scores.rescaled(self.slope, self.shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::sums::{ONE, to_micro};

    fn agreement(replies: &[(f64, f64)]) -> Agreement {
        let mut agreement = Agreement::default();
        for (judged, rated) in replies {
            agreement.add(JUDGED, Sums::of(ONE, to_micro(*judged)));
            agreement.add(RATED, Sums::of(ONE, to_micro(*rated)));
            agreement.add(PRODUCT, Sums::of(ONE, to_micro(judged * rated)));
        }
        agreement
    }

    fn compressed(n: usize) -> Agreement {
        let replies: Vec<(f64, f64)> = (0..n)
            .map(|i| if i % 2 == 0 { (0.3, 0.0) } else { (0.7, 1.0) })
            .collect();
        agreement(&replies)
    }

    #[test]
    fn without_any_reply_scores_are_read_as_they_are() {
        let none = Agreement::default();
        let read = Calibration::of(&none, &none);
        assert!(
            (read.slope - 1.0).abs() < 1e-9 && read.shift.abs() < 1e-9,
            "{read:?}"
        );
    }

    #[test]
    fn a_compressed_scale_is_stretched_back() {
        let read = Calibration::of(&compressed(400), &Agreement::default());
        assert!((read.slope - 2.5).abs() < 0.05, "{read:?}");
        assert!(
            (read.slope * 0.7 + read.shift - 1.0).abs() < 0.02,
            "{read:?}"
        );
    }

    #[test]
    fn other_tenants_stand_in_until_there_are_own_replies() {
        let shared = Calibration::of(&Agreement::default(), &compressed(5_000));
        assert!((shared.slope - 2.5).abs() < 0.05, "{shared:?}");
        let own: Vec<(f64, f64)> = (0..2_000)
            .map(|i| if i % 2 == 0 { (0.1, 0.1) } else { (0.9, 0.9) })
            .collect();
        let own = Calibration::of(&agreement(&own), &compressed(5_000));
        assert!(own.slope < 1.2, "{own:?}");
    }

    #[test]
    fn a_judge_that_disagrees_with_people_is_not_turned_around() {
        let replies: Vec<(f64, f64)> = (0..400)
            .map(|i| if i % 2 == 0 { (0.9, 0.0) } else { (0.1, 1.0) })
            .collect();
        let read = Calibration::of(&agreement(&replies), &Agreement::default());
        assert!((read.slope - 1.0 / SLOPE_RANGE.0).abs() < 1e-9, "{read:?}");
    }
}
