//! The cheapest first, among those that probably keep the quality of the baseline.

use std::cmp::Ordering;

use super::Entry;
use crate::domain::{
    constraints::{MinQuality, floor_assurance},
    decision::{Filter, Reason},
    ids::CandidateKey,
    ranking::Posterior,
    rule::Rule,
};

/// What quality is measured against: the baseline, or the best where there is none.
pub(super) fn reference(entries: &[Entry<'_>], baseline: Option<&CandidateKey>) -> Option<usize> {
    let named = baseline.and_then(|key| super::entry::position(entries, key));
    named.or_else(|| {
        let eligible = (0..entries.len()).filter(|index| entries[*index].is_eligible());
        // The first of the best, whoever they are.
        eligible.rev().max_by(|a, b| {
            let score = |index: &usize| entries[*index].trace.score;
            score(a).total_cmp(&score(b))
        })
    })
}

/// Filters whoever is not sure enough to keep the quality of the reference, which keeps its own.
pub(super) fn keep_quality(entries: &mut [Entry<'_>], reference: usize, needed: MinQuality) {
    let of = &entries[reference];
    let (posterior, benchmark) = (of.trace.posterior, of.model.benchmark);
    for (index, entry) in entries.iter_mut().enumerate() {
        if index == reference {
            continue;
        }
        let learned = entry.trace.posterior.zip(posterior);
        entry.trace.p_floor = learned.map(|(own, base)| p_keeps(own, base, needed.floor));
        let keeps = match entry.trace.p_floor {
            Some(p) => p >= needed.assurance,
            // Nothing is learned of one of them: public benchmarks must do.
            None => entry.model.benchmark >= needed.floor * benchmark,
        };
        entry.is_last_resort &= keeps;
        if !keeps && entry.is_eligible() {
            entry.trace.filter = Some(Filter::MinQuality);
        }
    }
}

/// Those that keep the quality, the cheapest first, then the reference, and where neither can serve, whoever
/// is best. At last those who are kept back by a gate alone: they step in, and never serve first.
pub(super) fn order(
    entries: &[Entry<'_>],
    (rule, reference): (&Rule, Option<usize>),
) -> Vec<usize> {
    let keeps =
        |index: &usize| entries[*index].is_eligible() && rule.lists(&entries[*index].trace.key);
    let mut order: Vec<usize> = (0..entries.len()).filter(keeps).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&entries[*a], &entries[*b]);
        let unread = |e: &Entry<'_>| !e.reads_history;
        unread(a).cmp(&unread(b)).then_with(|| cheaper(a, b))
    });
    order.extend(reference.filter(|at| entries[*at].is_eligible() && !keeps(at)));
    if order.is_empty() {
        order.extend((0..entries.len()).filter(|at| misses(&entries[*at])));
        order.sort_by(|a, b| best_first(&entries[*a], &entries[*b]));
    }
    if !order.is_empty() {
        let is_last =
            |at: &usize| entries[*at].is_last_resort && rule.lists(&entries[*at].trace.key);
        let mut last: Vec<usize> = (0..entries.len()).filter(is_last).collect();
        last.sort_by(|a, b| cheaper(&entries[*a], &entries[*b]));
        last.retain(|at| !order.contains(at));
        order.extend(last);
    }
    order
}

/// Why it is this one, where it is not for its price.
pub(super) fn reason(rule: &Rule, first: &Entry<'_>) -> Option<Reason> {
    if misses(first) {
        return Some(Reason::DefaultModel);
    }
    (!rule.lists(&first.trace.key)).then_some(Reason::Baseline)
}

/// Whether only its quality rules it out.
fn misses(entry: &Entry<'_>) -> bool {
    matches!(entry.trace.filter, Some(Filter::MinQuality | Filter::Drift))
}

/// An unknown price may be any, so that it comes last; among equals, the better one comes first.
fn cheaper(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    let cost = |e: &Entry<'_>| e.trace.expected_cost_micro_usd.unwrap_or(u64::MAX);
    cost(a).cmp(&cost(b)).then_with(|| best_first(a, b))
}

fn best_first(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    let by_score = b.trace.score.total_cmp(&a.trace.score);
    by_score.then_with(|| a.trace.key.cmp(&b.trace.key))
}

/// How sure it is that the floor is kept, both taken as normal and independent: what their quantiles allow to say.
pub(in super::super) fn p_keeps(own: Posterior, base: Posterior, floor: f64) -> f64 {
    let at_least = |share: f64| {
        let margin = own.mean - share * base.mean;
        let sd = deviation(own).hypot(share * deviation(base));
        if sd > 0.0 {
            normal_cdf(margin / sd)
        } else {
            f64::from(u8::from(margin >= 0.0))
        }
    };
    floor_assurance(at_least, floor)
}

/// From the 5 % and 95 % quantiles, which are this many standard deviations apart.
fn deviation(posterior: Posterior) -> f64 {
    const APART: f64 = 2.0 * 1.644_853_627;
    ((posterior.upper - posterior.lower) / APART).max(0.0)
}

/// The share of a standard normal distribution below `z`, within 7.5e-8 (Abramowitz & Stegun 1964, 26.2.17).
fn normal_cdf(z: f64) -> f64 {
    const P: f64 = 0.231_641_9;
    const B: [f64; 5] = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let t = 1.0 / (1.0 + P * z.abs());
    let tail = B.iter().rev().fold(0.0, |sum, b| (sum + b) * t);
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let above = density * tail;
    if z >= 0.0 { 1.0 - above } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (z, share) in [
            (0.0, 0.5),
            (1.0, 0.841_344_7),
            (1.644_853_6, 0.95),
            (-1.96, 0.024_997_9),
        ] {
            let found = normal_cdf(z);
            assert!((found - share).abs() < 1e-6, "{found} for {z}");
        }
    }

    #[test]
    fn evidence_makes_sure_of_what_the_means_only_suggest() {
        let posterior = |mean: f64, width: f64| Posterior {
            mean,
            lower: mean - width,
            upper: mean + width,
            n: 10.0,
        };
        let p = |width| p_keeps(posterior(0.78, width), posterior(0.8, width), 0.95);
        assert!(p(0.3) < 0.5, "it may be far below: {}", p(0.3));
        assert!(p(0.05) > 0.6 && p(0.05) < 0.7, "{}", p(0.05));
        assert!(p(0.01) > 0.95, "{}", p(0.01));
        assert_eq!(p(0.0), 1.0);
        assert_eq!(p_keeps(posterior(0.7, 0.0), posterior(0.8, 0.0), 0.95), 0.0);
    }
}
