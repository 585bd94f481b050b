//! What was observed, read on one scale: that of people's ratings.

use floopy_shared::domain::{
    shape::ROOT,
    weights::{Weights, phase_weights},
};

use super::{
    agreement::{Agreement, Calibration},
    stats::{ArmSums, TenantStats},
    sums::{Moments, to_unit},
};

/// Spread of one observation assumed before any was seen: judged replies of one model vary this much.
const NOISE_PRIOR: f64 = 0.25;
/// Observations that the assumption counts for.
const NOISE_PSEUDO: f64 = 20.0;
/// What each thing that a caller did counts for beside a score, as an outcome of zero.
const IMPLIED_WEIGHT: f64 = 0.2;
/// What all of them count for at most, as a share of scores and failures: whatever callers do for other reasons than a
/// bad reply moves a mean by less than a tenth, and nothing at all where nothing was judged.
const IMPLIED_SHARE: f64 = 0.1;
/// Pseudo-observations that pull the offsets of people's ratings to zero.
const OFFSET_PSEUDO: f64 = 5.0;

/// A candidate's part of sessions' labels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Label {
    /// `Σ h`, the shares it served.
    pub shares: f64,
    /// `Σ h·y`.
    pub sum: f64,
    /// `Σ h²`, what the labels are worth as observations of it.
    pub n: f64,
}

/// What was observed of one candidate in one shape.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    pub session: Label,
    /// The judge's scores alone.
    pub judged: Moments,
    /// Scores and failures, and what callers did where the tenant counts that.
    pub auto: Moments,
    pub manual: Moments,
}

impl Evidence {
    /// Reads sums. A failure is an outcome of zero, whatever the judge's scale.
    pub fn of(sums: &ArmSums, calibration: &Calibration) -> Self {
        let session = sums.session.moments();
        let judged = calibration.read(sums.auto.moments());
        let failed = sums.failed.weight();
        let implied = IMPLIED_WEIGHT * to_unit(sums.implied.max(0));
        let implied = implied.min(IMPLIED_SHARE * (judged.n + failed));
        Self {
            session: Label {
                shares: session.n,
                sum: session.sum,
                n: to_unit(sums.squares.max(0)),
            },
            judged,
            auto: judged.with_zeros(failed + implied),
            manual: sums.manual.moments(),
        }
    }

    /// Effective observations of all sources.
    pub fn n(&self) -> f64 {
        self.session.n + self.auto.n + self.manual.n
    }
}

/// Which sources anybody in the tenant uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    pub session: bool,
    pub auto: bool,
    pub manual: bool,
}

/// Variance of one observation of each source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    pub session: f64,
    pub auto: f64,
    pub manual: f64,
}

/// What holds for all shapes of a tenant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    pub calibration: Calibration,
    pub noise: Noise,
    /// How much higher people rate single replies than the judge's calibrated scores say.
    pub manual_offset: f64,
    /// What part of its weight the judge keeps; see [`super::accord`].
    pub judge_factor: f64,
    used: Used,
}

impl Scales {
    /// Compares the sources in the root shape, where everything is counted.
    pub fn of(stats: &TenantStats, shared: &Agreement) -> Self {
        let calibration = Calibration::of(&stats.agreement, shared);
        let root = stats.shapes.get(ROOT);
        let arms: Vec<Evidence> = root
            .iter()
            .flat_map(|root| root.arms.values())
            .map(|sums| Evidence::of(sums, &calibration))
            .collect();
        let rated = root.map(|root| root.rated.moments()).unwrap_or_default();
        let stretched = NOISE_PRIOR * calibration.slope;
        let noise = Noise {
            session: noise([rated].into_iter(), NOISE_PRIOR),
            auto: noise(arms.iter().map(|arm| arm.auto), stretched),
            manual: noise(arms.iter().map(|arm| arm.manual), NOISE_PRIOR),
        };
        Self {
            calibration,
            noise,
            manual_offset: offset(&arms),
            judge_factor: stats.accord.factor(),
            used: Used {
                session: rated.n > 0.0,
                auto: arms.iter().any(|arm| arm.auto.n > 0.0),
                manual: arms.iter().any(|arm| arm.manual.n > 0.0),
            },
        }
    }

    /// The published weights; a source that nobody in the tenant uses gives its share to the others, each
    /// in proportion to its own, and so does a judge that surely disagrees with people with a part of its own.
    pub fn weights(&self, scored_requests: f64, rated_sessions: f64) -> Weights {
        let table = phase_weights(scored_requests, rated_sessions);
        let keep = |share: f64, used: bool| if used { share } else { 0.0 };
        let kept = Weights {
            session: keep(table.session, self.used.session),
            auto: keep(table.auto * self.judge_factor, self.used.auto),
            manual: keep(table.manual, self.used.manual),
            benchmark: table.benchmark,
        };
        let sum = kept.session + kept.auto + kept.manual + kept.benchmark;
        Weights {
            session: kept.session / sum,
            auto: kept.auto / sum,
            manual: kept.manual / sum,
            benchmark: kept.benchmark / sum,
        }
    }
}

/// Variance of one observation around its candidate's mean, over all candidates, starting from an assumption.
fn noise(sources: impl Iterator<Item = Moments>, assumed: f64) -> f64 {
    let start = (NOISE_PSEUDO, NOISE_PSEUDO * assumed * assumed);
    let (n, squares) = sources.fold(start, |(n, squares), seen| {
        (n + seen.n, squares + seen.n * seen.variance())
    });
    squares / n
}

fn offset(arms: &[Evidence]) -> f64 {
    let pairs = arms.iter().filter_map(|arm| {
        let gap = arm.manual.mean()? - arm.auto.mean()?;
        Some((arm.manual.n, gap))
    });
    let (n, total) = pairs.fold((0.0, 0.0), |(n, total), (w, d)| (n + w, total + w * d));
    total / (n + OFFSET_PSEUDO)
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::shape::ShapeKey;

    use super::*;
    use crate::learn::{
        stats::ShapeStats,
        sums::{ONE, Sums},
    };

    fn stats(arm: ArmSums, rated: i64) -> TenantStats {
        let key = floopy_shared::domain::ids::CandidateKey::new("p", "m").expect("valid");
        let root = ShapeStats {
            arms: [(key, arm)].into(),
            rated: Sums::of(rated * ONE, 800_000),
            ..ShapeStats::default()
        };
        TenantStats {
            shapes: [(ShapeKey::root(), root)].into(),
            ..TenantStats::default()
        }
    }

    fn scales(arm: ArmSums, rated: i64) -> Scales {
        Scales::of(&stats(arm, rated), &Agreement::default())
    }

    #[test]
    fn unused_sources_give_their_share_back() {
        let auto = Sums::of(20 * ONE, 500_000);
        let judged = ArmSums {
            auto,
            ..ArmSums::default()
        };
        let weights = scales(judged, 0).weights(20.0, 0.0);
        assert_eq!((weights.session, weights.manual), (0.0, 0.0));
        assert!((weights.auto - 0.625).abs() < 1e-12 && (weights.benchmark - 0.375).abs() < 1e-12);
        let all = ArmSums {
            manual: auto,
            ..judged
        };
        let full = scales(all, 10).weights(10.0, 10.0);
        assert_eq!(
            (full.session, full.auto, full.manual, full.benchmark),
            (0.5, 0.3, 0.1, 0.1)
        );
    }

    #[test]
    fn what_callers_do_counts_little_and_nothing_by_itself() {
        let judged = |implied: i64| ArmSums {
            auto: Sums::of(10 * ONE, 800_000),
            implied: implied * ONE,
            ..ArmSums::default()
        };
        let mean = |arm: &ArmSums| {
            let calibration = scales(*arm, 0).calibration;
            Evidence::of(arm, &calibration).auto.mean()
        };
        let none = mean(&judged(0)).expect("seen");
        let (few, many) = (mean(&judged(2)), mean(&judged(1_000)));
        let (few, many) = (few.expect("seen"), many.expect("seen"));
        assert!(many < few && few < none, "{many} {few} {none}");
        assert!((many - none / 1.1).abs() < 1e-9, "{many} of {none}");
        let alone = ArmSums {
            implied: 1_000 * ONE,
            ..ArmSums::default()
        };
        assert_eq!(mean(&alone), None);
    }

    #[test]
    fn a_judge_that_disagrees_gives_its_share_to_the_others_and_the_rest_is_the_table() {
        let arm = ArmSums {
            auto: Sums::of(20 * ONE, 500_000),
            manual: Sums::of(20 * ONE, 500_000),
            ..ArmSums::default()
        };
        let mut all = stats(arm, 10);
        let table = Scales::of(&all, &Agreement::default()).weights(10.0, 10.0);
        assert_eq!(
            table,
            phase_weights(10.0, 10.0),
            "nothing speaks against it"
        );
        let places = (0..10).map(|i| (format!("{}", 9 - i), format!("{i}")));
        for (tenth, rating) in places {
            let place = ("reply", (tenth.as_str(), rating.as_str()));
            all.accord.add(place, Sums::of(40 * ONE, 500_000));
        }
        let scales = Scales::of(&all, &Agreement::default());
        assert!(scales.judge_factor < 0.11, "{}", scales.judge_factor);
        let left = scales.weights(10.0, 10.0);
        assert!(left.auto < 0.05 && left.session > 0.65, "{left:?}");
        let sum = left.session + left.auto + left.manual + left.benchmark;
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn failures_are_outcomes_of_zero() {
        let arm = ArmSums {
            auto: Sums::of(3 * ONE, 800_000),
            failed: Sums::of(ONE, 0),
            ..ArmSums::default()
        };
        let calibration = scales(arm, 0).calibration;
        let mean = Evidence::of(&arm, &calibration).auto.mean();
        assert!((mean.expect("seen") - 0.6).abs() < 1e-9);
    }
}
