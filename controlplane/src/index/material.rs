//! Which changes of a tenant's rankings are worth telling every proxy at once.
//!
//! Every score moves some posterior a little. A ranking that differs only beyond the fourth decimal, or in how
//! much evidence it counts, routes the same way: it is held back until something visible changes, and for
//! [`LONGEST`] at most, so that the evidence told to callers stays true.

use std::time::Duration;

use floopy_shared::domain::ranking::Rankings;

/// How long rankings are held back that differ only immaterially from the published ones.
pub(crate) const LONGEST: Duration = Duration::from_secs(5);

/// Steps to which numbers on 0..1 are compared: a tenth of the smallest difference that a trace shows.
const STEPS: f64 = 1e4;

/// Whether proxies must be told at once.
pub(crate) fn differs(published: &Rankings, new: &Rankings) -> bool {
    published != new && coarse(published) != coarse(new)
}

/// The rankings without what does not matter. Fields that are not named here always matter.
fn coarse(rankings: &Rankings) -> Rankings {
    let mut rankings = rankings.clone();
    for shape in &mut rankings.shapes {
        shape.evidence = floopy_shared::domain::ranking::Evidence::default();
        shape.confidence = shape.confidence.map(round);
        shape.calibrated = shape.calibrated.map(coarse_chance);
        for share in [
            &mut shape.weights.session,
            &mut shape.weights.auto,
            &mut shape.weights.manual,
            &mut shape.weights.benchmark,
        ] {
            *share = round(*share);
        }
        for candidate in &mut shape.candidates {
            candidate.posterior.n = 0.0;
            candidate.p_best = candidate.p_best.map(coarse_chance);
            candidate.p_floor = candidate.p_floor.map(round);
            candidate.latency_p95_ms = candidate.latency_p95_ms.map(coarse_latency);
            for number in [
                &mut candidate.score,
                &mut candidate.posterior.mean,
                &mut candidate.posterior.lower,
                &mut candidate.posterior.upper,
                &mut candidate.probability,
                &mut candidate.shadow_probability,
            ] {
                *number = round(*number);
            }
        }
    }
    rankings
}

/// Chances of being the best are told, not routed by: to a hundredth.
fn coarse_chance(chance: f64) -> f64 {
    (chance * 100.0).round() / 100.0
}

/// Latencies to the power of two: a constraint is seldom that close.
fn coarse_latency(latency_ms: u64) -> u64 {
    latency_ms.checked_ilog2().map_or(0, u64::from)
}

fn round(number: f64) -> f64 {
    (number * STEPS).round() / STEPS
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{
        confidence::ConfidenceReason,
        ids::{CandidateKey, TenantId},
        ranking::{Evidence, Objective, Posterior, RankedCandidate, Role, ShapeRanking},
        shape::ShapeKey,
        weights::{phase, phase_weights},
    };

    use super::*;

    fn rankings(adjust: impl FnOnce(&mut ShapeRanking)) -> Rankings {
        let candidate = RankedCandidate {
            key: CandidateKey::new("p", "m").expect("valid"),
            score: 0.8,
            posterior: Posterior {
                mean: 0.8,
                lower: 0.7,
                upper: 0.9,
                n: 40.0,
            },
            probability: 1.0,
            shadow_probability: 0.0,
            role: Role::Incumbent,
            latency_p95_ms: Some(900),
            p_floor: None,
            p_best: Some(0.6),
            gate: None,
        };
        let mut shape = ShapeRanking {
            shape: ShapeKey::root(),
            phase: phase(40.0, 0.0),
            weights: phase_weights(40.0, 0.0),
            candidates: vec![candidate],
            confidence: Some(0.7),
            confidence_reason: ConfidenceReason::Ok,
            evidence: Evidence::default(),
            baseline: None,
            calibrated: Some(0.7),
        };
        adjust(&mut shape);
        Rankings {
            tenant: TenantId::new("acme").expect("valid"),
            shapes: vec![shape],
            shadow_rate: 0.1,
            objective: Objective::Quality,
            quality_per_usd: 0.0,
        }
    }

    #[test]
    fn more_evidence_for_the_same_routing_is_not_material_and_any_visible_change_is() {
        let check = |adjust: fn(&mut ShapeRanking), material: bool| {
            assert_eq!(differs(&rankings(|_| {}), &rankings(adjust)), material);
        };
        check(|_| {}, false);
        check(|s| s.evidence.scored_requests = 41, false);
        check(|s| s.candidates[0].posterior.mean += 0.000_01, false);
        check(|s| s.candidates[0].latency_p95_ms = Some(901), false);
        check(|s| s.candidates[0].latency_p95_ms = Some(9_000), true);
        check(|s| s.candidates[0].posterior.mean += 0.001, true);
        check(|s| s.candidates[0].probability = 0.95, true);
        check(|s| s.candidates[0].role = Role::Canary, true);
        check(|s| s.phase = phase(0.0, 0.0), true);
    }
}
