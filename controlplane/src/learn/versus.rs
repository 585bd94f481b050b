//! Routing against its permanent rival: the best single model, on the very requests that were served.
//!
//! For every candidate `a` there is an unbiased estimate of what it would have scored: a reply that it served
//! counts once, and one that it gave in the shadow counts `1/p`, where `p` is the logged probability that the
//! shadow of this request went to it (inverse propensity, Horvitz & Thompson 1952; normalised as Hájek 1971).
//! Both are sums over calls, so they are exact under repetition and revision. The difference to what was served
//! comes with an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024,
//! arXiv:2103.06476), which may be looked at as often as one likes.

use std::collections::BTreeMap;

use floopy_shared::domain::ids::CandidateKey;

use super::sums::to_unit;

/// Probability that the sequence ever leaves out the truth.
const ALPHA: f64 = 0.05;
/// Requests at which the sequence is narrowest.
const TUNED_FOR: f64 = 1_000.0;
/// Share of the requests that a candidate's estimate must stand for, at least and at most.
const COVERAGE: (f64, f64) = (0.5, 2.0);

/// The best single candidate so far, and how routing compares.
#[derive(Debug, Clone, PartialEq)]
pub struct Versus {
    pub candidate: CandidateKey,
    /// Mean score of what routing served, as the judge gave it.
    pub served: f64,
    /// What the candidate alone would have scored on the same requests.
    pub alone: f64,
    /// `served − alone`, and the confidence sequence around it. Above zero: routing is ahead.
    pub difference: f64,
    pub lower: f64,
    pub upper: f64,
    /// Scored requests that were served.
    pub requests: f64,
    /// Effective observations of the candidate.
    pub samples: f64,
}

/// A weighted mean with the variance of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mean {
    weight: f64,
    mean: f64,
    variance: f64,
    samples: f64,
}

/// Compares with the best of the candidates that may serve, if one was observed on about as many requests as were served:
/// one that its tenant forbids is no rival.
pub fn versus(stats: &Against, may_serve: impl Fn(&CandidateKey) -> bool) -> Option<Versus> {
    let served = mean(&stats.served)?;
    let alone = |key: &CandidateKey| {
        let mean = mean(stats.alone.get(key)?)?;
        let coverage = mean.weight / served.weight;
        (COVERAGE.0..=COVERAGE.1)
            .contains(&coverage)
            .then_some(mean)
    };
    let rivals = stats
        .alone
        .keys()
        .filter(|key| may_serve(key))
        .filter_map(|key| Some((key, alone(key)?)));
    let (key, alone) = rivals.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean))?;
    let difference = served.mean - alone.mean;
    let radius = (served.variance + alone.variance).sqrt() * inflation(alone.samples);
    Some(Versus {
        candidate: key.clone(),
        served: served.mean,
        alone: alone.mean,
        difference,
        lower: difference - radius,
        upper: difference + radius,
        requests: served.weight,
        samples: alone.samples,
    })
}

/// Standard errors on each side, so that the sequence holds at every number of samples at once.
fn inflation(samples: f64) -> f64 {
    let log = -2.0 * ALPHA.ln();
    let rho2 = (log + (log + 1.0).ln()) / TUNED_FOR;
    let t = samples.max(1.0) * rho2;
    (2.0 * (t + 1.0) / t * ((t + 1.0).sqrt() / ALPHA).ln()).sqrt()
}

/// Routing and each candidate alone, on the same requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Against {
    /// Scores of what was served.
    pub served: Weighted,
    /// Scores of candidates as if they alone had served.
    pub alone: BTreeMap<CandidateKey, Weighted>,
}

/// What one candidate, or routing, was observed to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weighted {
    /// `Σ w`, `Σ w·x`, `Σ w·x²`.
    pub plain: super::sums::Sums,
    /// `Σ w²`, `Σ w²·x`, `Σ w²·x²`.
    pub squared: super::sums::Sums,
}

fn mean(seen: &Weighted) -> Option<Mean> {
    let weight = to_unit(seen.plain.n);
    let [n, x, xx] = [seen.squared.n, seen.squared.sum, seen.squared.sumsq].map(to_unit);
    if weight <= 0.0 || n <= 0.0 {
        return None;
    }
    let mean = to_unit(seen.plain.sum) / weight;
    let spread = (xx - 2.0 * mean * x + mean * mean * n).max(0.0);
    Some(Mean {
        weight,
        mean,
        variance: spread / (weight * weight),
        samples: weight * weight / n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::sums::{ONE, Sums, to_micro};

    fn key(model: &str) -> CandidateKey {
        CandidateKey::new("p", model).expect("valid")
    }

    fn add(seen: &mut Weighted, weight: i64, score: f64) {
        seen.plain += Sums::of(weight * ONE, to_micro(score));
        seen.squared += Sums::of(weight * weight * ONE, to_micro(score));
    }

    /// Routing serves "a" on half of the requests and "b" on the other half; the shadow sees one in ten.
    fn world(routed: f64, elsewhere: f64, requests: usize) -> Against {
        let mut stats = Against::default();
        let wobble = |i: usize| if i.is_multiple_of(2) { 0.1 } else { -0.1 };
        for i in 0..requests {
            let (own, other) = if i % 4 < 2 { ("a", "b") } else { ("b", "a") };
            add(&mut stats.served, 1, routed + wobble(i));
            add(
                stats.alone.entry(key(own)).or_default(),
                1,
                routed + wobble(i),
            );
            if i * 7 % 10 == 0 {
                let shadow = stats.alone.entry(key(other)).or_default();
                add(shadow, 10, elsewhere + wobble(i / 20));
            }
        }
        stats
    }

    #[test]
    fn routing_that_knows_its_shapes_is_ahead_of_the_best_single_model() {
        let found = versus(&world(0.8, 0.5, 20_000), |_| true).expect("observed");
        assert!((found.served - 0.8).abs() < 0.01, "{found:?}");
        assert!((found.alone - 0.65).abs() < 0.03, "{found:?}");
        assert!(
            found.lower > 0.0 && found.lower < found.difference,
            "{found:?}"
        );
    }

    #[test]
    fn routing_that_picks_wrongly_is_shown_to_be_behind() {
        let found = versus(&world(0.5, 0.8, 20_000), |_| true).expect("observed");
        assert!(found.upper < 0.0, "{found:?}");
    }

    #[test]
    fn a_candidate_seen_on_few_of_the_requests_is_no_rival() {
        let mut stats = world(0.8, 0.5, 2_000);
        add(stats.alone.entry(key("lucky")).or_default(), 1, 1.0);
        let found = versus(&stats, |_| true).expect("observed");
        assert_ne!(found.candidate, key("lucky"));
        assert_eq!(versus(&Against::default(), |_| true), None);
    }

    #[test]
    fn the_sequence_is_wider_than_a_single_look_and_narrows() {
        assert!(inflation(1_000.0) > 2.0 && inflation(1_000.0) < 4.0);
        assert!(inflation(10.0) > inflation(1_000.0));
    }
}
