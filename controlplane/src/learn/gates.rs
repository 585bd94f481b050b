//! A tenant's promotion gates: whom they keep back from serving instead of the baseline.
//!
//! **A gate is judged on an interval, not on the estimate**: it closes where its bound is exceeded by more than
//! [`SURE_Z`] standard errors, so that it closes on a candidate at its very bound one time in ten, whatever the
//! number of samples. Gates that compare (`max_regression`, `max_cost_increase`, and the drop of
//! `max_cost_drop_without_validation`) need [`LEAST`] observations of both sides in their window, in the same shape
//! or, where that has too few, in the one above it, up to all tasks. Without them a regression is not known, so that
//! gate stays open; costs are then compared by the price list. Gates that ask for a proof (`max_cost_drop_..`,
//! `min_samples_..`, `require_shadow_..`) are closed until there is one.

use floopy_shared::domain::{
    gates::{DEFAULT_GATES, Gate, Gates, Rolling, Window},
    ids::CandidateKey,
    weights::{AUTO_ANCHOR, NPS_ANCHOR, phase_weights},
};

use super::{
    evidence::Scales,
    recent::{Recent, Seen},
    sums::{Moments, Sums},
};

/// Standard errors by which a bound must be exceeded: 90 % of a normal distribution lie below.
const SURE_Z: f64 = 1.28;
/// Observations of each side without which nothing is compared: with fewer, the error itself is not known.
const LEAST: f64 = 10.0;
/// Judged replies in the shadow from which a candidate was tried there; as many as after an alarm.
pub const TRIED: f64 = 20.0;
/// Excesses below this are arithmetic.
const ROUNDING: f64 = 1e-9;

/// A tenant's gates and what they look at.
#[derive(Debug, Clone, Copy)]
pub struct Guarded<'a> {
    pub gates: &'a Gates,
    pub recent: &'a Recent,
    /// Days since the Unix epoch.
    pub today: i64,
}

/// Where candidates are judged.
#[derive(Debug, Clone, Copy)]
pub struct Court<'a> {
    pub guarded: Guarded<'a>,
    /// The shape and those above it, the most specific first.
    pub levels: &'a [&'a str],
    pub scales: &'a Scales,
    pub baseline: &'a CandidateKey,
    /// What a typical call costs by the price list, in micro-USD; `None`: unknown.
    pub baseline_price: Option<u64>,
}

/// A candidate other than the baseline.
#[derive(Debug, Clone, Copy)]
pub struct Challenger<'a> {
    pub key: &'a CandidateKey,
    /// Effective observations in the shape, as its posterior tells them.
    pub samples: f64,
    /// As for the baseline.
    pub price: Option<u64>,
}

/// A mean with the variance of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mean {
    value: f64,
    variance: f64,
}

impl Court<'_> {
    /// The first gate that keeps a candidate back. Confidence is about the decision as a whole, not about one.
    pub fn judge(&self, challenger: &Challenger<'_>) -> Option<Gate> {
        let gates = self.guarded.gates;
        let key = challenger.key.as_str();
        let is_closed = |gate: &Gate| match gate {
            Gate::MaxRegression => gates
                .max_regression
                .is_some_and(|max| self.regressed(key, max)),
            Gate::MaxOutcomeVariance => gates
                .max_outcome_variance
                .is_some_and(|max| self.varies(key, max)),
            Gate::MaxCostIncrease => gates
                .max_cost_increase
                .is_some_and(|max| self.costs_more(challenger, max)),
            Gate::MaxCostDrop => gates
                .max_cost_drop_without_validation
                .is_some_and(|max| self.costs_less(challenger, max) && !self.is_validated(key)),
            Gate::ConfidenceThreshold => false,
            Gate::MinSamples => gates
                .min_samples_before_promotion
                .is_some_and(|least| challenger.samples + ROUNDING < f64::from(least)),
            Gate::RequireShadow => {
                let tried = self.guarded.recent.tried_at_all(key);
                gates.require_shadow_before_live && tried.n + ROUNDING < TRIED
            }
        };
        Gate::ALL.into_iter().find(is_closed)
    }

    /// Composite quality below the baseline's by more than tolerated.
    fn regressed(&self, key: &str, max: Rolling) -> bool {
        let difference = self.levels.iter().find_map(|shape| {
            let own = self.seen(max.window, (shape, key));
            let base = self.seen(max.window, (shape, self.baseline.as_str()));
            difference(&own, &base, self.scales)
        });
        difference.is_some_and(|seen| exceeds(-seen.value - max.value, seen.variance))
    }

    /// Outcomes as judged, failures among them, spread wider than tolerated.
    fn varies(&self, key: &str, max: f64) -> bool {
        let outcomes = self.levels.iter().find_map(|shape| {
            let outcomes = auto(&self.seen(Window::Rolling7d, (shape, key)), self.scales);
            (outcomes.n >= LEAST).then_some(outcomes)
        });
        outcomes.is_some_and(|outcomes| {
            let variance = outcomes.variance();
            // Of the variance of a sample, were it normal.
            let error = 2.0 * variance * variance / (outcomes.n - 1.0);
            exceeds(variance - max, error)
        })
    }

    /// A request costs more than at the baseline by more than tolerated. Whoever has neither replies nor a price
    /// cannot keep any bound.
    fn costs_more(&self, challenger: &Challenger<'_>, max: Rolling) -> bool {
        match self.costs(challenger, max.window) {
            (Some(own), Some(base)) => {
                let bound = base.times(1.0 + max.value);
                exceeds(own.value - bound.value, own.variance + bound.variance)
            }
            (None, Some(_)) => true,
            (Some(_) | None, None) => false,
        }
    }

    /// A request costs less than at the baseline by so much that it is suspicious.
    fn costs_less(&self, challenger: &Challenger<'_>, max: f64) -> bool {
        match self.costs(challenger, Window::Rolling7d) {
            (Some(own), Some(base)) => {
                let bound = base.times(1.0 - max);
                exceeds(bound.value - own.value, own.variance + bound.variance)
            }
            (Some(_) | None, None) | (None, Some(_)) => false,
        }
    }

    /// Whether replies in the shadow show no regression: as many as it takes, compared with the baseline's own.
    fn is_validated(&self, key: &str) -> bool {
        let tolerated = self
            .guarded
            .gates
            .max_regression
            .or(DEFAULT_GATES.max_regression);
        let tolerated = tolerated.map_or(0.0, |max| max.value);
        let noise = self.scales.noise.auto;
        let compared = self.levels.iter().find_map(|shape| {
            let tried = self.guarded.recent.tried(shape, key);
            let base = self.seen(Window::Rolling7d, (shape, self.baseline.as_str()));
            let base = auto(&base, self.scales);
            if tried.n + ROUNDING < TRIED || base.n < LEAST {
                return None;
            }
            let own = mean(self.scales.calibration.read(tried), noise)?;
            Some((own, mean(base, noise)?))
        });
        compared.is_some_and(|(own, base)| {
            let drop = base.value - own.value - tolerated;
            !exceeds(drop, own.variance + base.variance)
        })
    }

    /// What a request costs at the candidate and at the baseline: as it was, or as the price list says.
    fn costs(&self, challenger: &Challenger<'_>, window: Window) -> (Option<Mean>, Option<Mean>) {
        let key = challenger.key.as_str();
        let measured = self.levels.iter().find_map(|shape| {
            let own = cost(self.seen(window, (shape, key)).cost)?;
            let base = self.seen(window, (shape, self.baseline.as_str()));
            Some((own, cost(base.cost)?))
        });
        match measured {
            Some((own, base)) => (Some(own), Some(base)),
            None => (listed(challenger.price), listed(self.baseline_price)),
        }
    }

    fn seen(&self, window: Window, (shape, key): (&str, &str)) -> Seen {
        let Guarded { recent, today, .. } = self.guarded;
        recent.within((window, today), shape, key)
    }
}

impl Mean {
    fn times(self, factor: f64) -> Self {
        Self {
            value: factor * self.value,
            variance: factor * factor * self.variance,
        }
    }
}

/// Whether something is above zero, and not by chance.
fn exceeds(excess: f64, variance: f64) -> bool {
    excess > ROUNDING && excess > SURE_Z * variance.max(0.0).sqrt()
}

/// Judged replies and failures on the scale of people.
fn auto(seen: &Seen, scales: &Scales) -> Moments {
    let judged = scales.calibration.read(seen.auto.moments());
    judged.with_zeros(seen.failed.weight())
}

fn mean(seen: Moments, assumed: f64) -> Option<Mean> {
    Some(Mean {
        value: seen.mean()?,
        variance: seen.noise(assumed) / seen.n,
    })
}

/// The candidate's composite less the baseline's: of each source that has enough of both, by the published weights
/// of the sources. Public benchmarks are no outcome.
fn difference(own: &Seen, base: &Seen, scales: &Scales) -> Option<Mean> {
    let weights = phase_weights(AUTO_ANCHOR, NPS_ANCHOR);
    let noise = &scales.noise;
    let session = (own.session.moments(), base.session.moments());
    let manual = (own.manual.moments(), base.manual.moments());
    let sources = [
        (weights.session, session, noise.session),
        (
            weights.auto,
            (auto(own, scales), auto(base, scales)),
            noise.auto,
        ),
        (weights.manual, manual, noise.manual),
    ];
    let (mut weight, mut sum, mut variance) = (0.0, 0.0, 0.0);
    for (share, (own, base), assumed) in sources {
        if own.n < LEAST || base.n < LEAST {
            continue;
        }
        let (own, base) = (mean(own, assumed)?, mean(base, assumed)?);
        weight += share;
        sum += share * (own.value - base.value);
        variance += share * share * (own.variance + base.variance);
    }
    (weight > 0.0).then(|| Mean {
        value: sum / weight,
        variance: variance / (weight * weight),
    })
}

/// Mean cost of a request in micro-USD; `None`: too few.
#[expect(
    clippy::cast_precision_loss,
    reason = "sums of money stay far below 2^53 micro-USD, and their squares need no last digit"
)]
fn cost(seen: Sums) -> Option<Mean> {
    let n = seen.weight();
    if n < LEAST {
        return None;
    }
    let value = seen.sum as f64 / n;
    let spread = (seen.sumsq as f64 / n - value * value).max(0.0);
    Some(Mean {
        value,
        variance: spread / (n - 1.0),
    })
}

#[expect(clippy::cast_precision_loss, reason = "prices of one call")]
fn listed(price: Option<u64>) -> Option<Mean> {
    price.map(|price| Mean {
        value: price as f64,
        variance: 0.0,
    })
}

#[cfg(test)]
mod tests;
