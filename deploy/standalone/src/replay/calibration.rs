//! Whether claimed probabilities are any: how often policies that say "90 %" are right.

use serde::Serialize;

use super::{measure::Valued, policy::Kind};

/// Limits between bins of claimed probability.
const EDGES: [f64; 8] = [0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0];
/// A candidate this close to the best in expected quality counts as the best.
const AS_GOOD: f64 = 0.02;

/// Claims of about the same probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Bin {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) claims: usize,
    pub(super) mean_claim: f64,
    /// Share of them that was right.
    pub(super) hit_rate: f64,
}

/// Of one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Calibration {
    pub(super) policy: &'static str,
    /// Expected calibration error (Naeini et al. 2015): the mean gap between claim and hit rate.
    pub(super) error: f64,
    /// Those with any claim.
    pub(super) bins: Vec<Bin>,
}

/// `None` where a policy claims nothing.
pub(super) fn report(kind: Kind, valued: &Valued<'_>) -> Option<Calibration> {
    let world = valued.world;
    let of_lane = |(tenant, lane): (usize, &super::run::Lane)| {
        let claims = lane.trace.claims.iter().map(move |(at, claim)| {
            let shape = world.tenants[tenant].requests[*at].shape;
            let missed = world.best(tenant, *at) - world.quality(tenant, *at, shape, claim.model);
            (claim.probability, missed <= AS_GOOD + f64::EPSILON)
        });
        claims.collect::<Vec<_>>()
    };
    let claims: Vec<(f64, bool)> = valued.lanes.iter().enumerate().flat_map(of_lane).collect();
    if claims.is_empty() {
        return None;
    }
    let bins = bins(&claims);
    let gap = |bin: &Bin| bin.claims as f64 * (bin.mean_claim - bin.hit_rate).abs();
    Some(Calibration {
        policy: kind.name(),
        error: bins.iter().map(gap).sum::<f64>() / claims.len() as f64,
        bins,
    })
}

fn bins(claims: &[(f64, bool)]) -> Vec<Bin> {
    let bin = |edges: &[f64]| {
        let [from, to] = *edges else { return None };
        let is_last = to >= 1.0;
        let inside: Vec<&(f64, bool)> = claims
            .iter()
            .filter(|(claim, _)| *claim >= from && (*claim < to || is_last))
            .collect();
        let mean = |of: fn(&(f64, bool)) -> f64| {
            inside.iter().map(|claim| of(claim)).sum::<f64>() / inside.len() as f64
        };
        (!inside.is_empty()).then(|| Bin {
            from,
            to,
            claims: inside.len(),
            mean_claim: mean(|claim| claim.0),
            hit_rate: mean(|claim| f64::from(u8::from(claim.1))),
        })
    };
    EDGES.windows(2).filter_map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_sorted_into_bins_and_compared_with_what_came_true() {
        let claims = [(0.5, true), (0.5, false), (0.99, true), (1.0, false)];
        let bins = bins(&claims);
        assert_eq!(
            (bins[0].from, bins[0].claims, bins[0].hit_rate),
            (0.4, 2, 0.5)
        );
        assert_eq!(
            (bins[1].from, bins[1].claims, bins[1].hit_rate),
            (0.95, 2, 0.5)
        );
        assert!((bins[1].mean_claim - 0.995).abs() < 1e-12);
    }
}
