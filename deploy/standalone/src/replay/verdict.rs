//! Where Floopy stands against what a careful person would have done without it, said plainly.

use serde::Serialize;

use super::{
    measure::{Interval, Valued},
    policy::Kind,
};

/// Floopy against another policy over the whole run, tenant by tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Verdict {
    pub(super) against: &'static str,
    /// Floopy's mean quality less the other's.
    pub(super) quality: Interval,
    /// Floopy's cost less the other's, as a share of the other's; `None` where costs are unknown.
    pub(super) cost: Option<Interval>,
    /// The other's regret over Floopy's; `None` where Floopy has none.
    pub(super) regret_ratio: Option<Interval>,
}

/// Whom Floopy is compared with, if they ran.
const AGAINST: [Kind; 3] = [Kind::BestSingle, Kind::Benchmark, Kind::TrackAndStop];

/// `runs`: every policy of the run with its choices.
pub(super) fn verdicts(runs: &[(Kind, Valued<'_>)]) -> Vec<Verdict> {
    let find = |kind: Kind| {
        runs.iter()
            .find(|(other, _)| *other == kind)
            .map(|(_, valued)| valued)
    };
    let Some(floopy) = find(Kind::Floopy) else {
        return Vec::new();
    };
    let against = |kind: Kind| Some(verdict(kind, floopy, find(kind)?));
    AGAINST.into_iter().filter_map(against).collect()
}

fn verdict(kind: Kind, floopy: &Valued<'_>, other: &Valued<'_>) -> Verdict {
    let all = 0..floopy.world.requests();
    let n = all.len().max(1) as f64;
    let quality = floopy.sums(&all, |t, at| {
        (floopy.quality(t, at) - other.quality(t, at)) / n
    });
    let more = floopy.sums(&all, |t, at| floopy.cost(t, at) - other.cost(t, at));
    let cost = other.sums(&all, |t, at| other.cost(t, at));
    let regret = |of: &Valued<'_>| of.sums(&all, |t, at| of.regret(t, at));
    let has_costs = floopy.world.table.has_costs();
    Verdict {
        against: kind.name(),
        quality: Interval::of(&quality),
        cost: Interval::of_ratio(&more, &cost).filter(|_| has_costs),
        regret_ratio: Interval::of_ratio(&regret(other), &regret(floopy)),
    }
}

impl Verdict {
    /// One sentence.
    pub(super) fn text(&self) -> String {
        let Interval { mean, half_width } = self.quality;
        let place = if mean - half_width > 0.0 {
            "above"
        } else if mean + half_width < 0.0 {
            "BELOW"
        } else {
            "not clearly different from"
        };
        let mut text = format!(
            "floopy is {place} {:?}: quality {:+.2} ±{:.2} points",
            self.against,
            100.0 * mean,
            100.0 * half_width
        );
        if let Some(cost) = self.cost {
            text += &format!(
                ", cost {:+.1} ±{:.1} %",
                100.0 * cost.mean,
                100.0 * cost.half_width
            );
        }
        if let Some(ratio) = self.regret_ratio {
            text += &format!(
                ", regret {:.2} ±{:.2} times lower",
                ratio.mean, ratio.half_width
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_called_one() {
        let of = |mean: f64| Verdict {
            against: "best single",
            quality: Interval {
                mean,
                half_width: 0.01,
            },
            cost: None,
            regret_ratio: None,
        };
        assert!(
            of(0.02)
                .text()
                .starts_with("floopy is above \"best single\": quality +2.00 ±1.00")
        );
        assert!(of(-0.02).text().contains("BELOW"));
        assert!(of(0.005).text().contains("not clearly different"));
    }
}
