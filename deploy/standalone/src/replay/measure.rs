//! What a policy's choices were worth, with intervals over tenants.

use serde::Serialize;

use super::{run::Lane, world::World};

/// Requests after which is measured, as far as the run goes.
const MARKS: [usize; 3] = [100, 1_000, 10_000];
/// Mean quality per request between the best benchmark and the oracle, below which no share of it is told.
const MIN_GAP: f64 = 0.005;
/// The 97.5 % quantile of the standard normal: intervals of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A mean over tenants and half the width of its 95 % interval (normal approximation).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Interval {
    pub(super) mean: f64,
    pub(super) half_width: f64,
}

impl Interval {
    /// Of one value per tenant.
    pub(super) fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let half_width = if n > 1.0 {
            Z * (squares / (n - 1.0) / n).sqrt()
        } else {
            0.0
        };
        Self { mean, half_width }
    }

    /// Of the ratio of two means, by the delta method; `None` where the denominator is none.
    pub(super) fn of_ratio(numerators: &[f64], denominators: &[f64]) -> Option<Self> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let below = mean(denominators);
        if below <= f64::EPSILON {
            return None;
        }
        let ratio = mean(numerators) / below;
        let pairs = numerators.iter().zip(denominators);
        let residuals: Vec<f64> = pairs.map(|(a, b)| (a - ratio * b) / below).collect();
        Some(Self {
            mean: ratio,
            half_width: Self::of(&residuals).half_width,
        })
    }
}

/// One policy after so many requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Mark {
    pub(super) requests: usize,
    /// Sum over requests of the best expected quality less that of the one that served.
    pub(super) regret: Interval,
    /// Mean expected quality.
    pub(super) quality: Interval,
    /// In USD; `None` where costs are unknown.
    pub(super) cost_per_1k: Option<Interval>,
    /// Of the window's gap from the best benchmark to the oracle; `None` where there is none to speak of.
    pub(super) gap_closed: Option<Interval>,
    /// Cost of shadow calls, as a share of that of served ones.
    pub(super) shadow_spend: Option<Interval>,
    /// Requests that were also tried in the shadow.
    pub(super) shadow_calls: Interval,
}

/// The numbers of requests to measure at: the usual ones that the run reaches, and its end.
pub(super) fn marks(requests: usize) -> Vec<usize> {
    let mut marks: Vec<usize> = MARKS.into_iter().filter(|mark| *mark < requests).collect();
    marks.push(requests);
    marks
}

/// The last tenth of so many requests, and at least 100 of them.
pub(super) fn window(requests: usize) -> std::ops::Range<usize> {
    requests.saturating_sub((requests / 10).max(100))..requests
}

/// A policy's choices, valued.
pub(super) struct Valued<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) lanes: &'a [Lane],
}

impl Valued<'_> {
    /// Per tenant: the sum of something over a range of requests.
    pub(super) fn sums(
        &self,
        range: &std::ops::Range<usize>,
        of: impl Fn(usize, usize) -> f64,
    ) -> Vec<f64> {
        let sum = |tenant: usize| range.clone().map(|at| of(tenant, at)).sum();
        (0..self.lanes.len()).map(sum).collect()
    }

    /// Expected quality of the one that served.
    pub(super) fn quality(&self, tenant: usize, at: usize) -> f64 {
        let shape = self.world.tenants[tenant].requests[at].shape;
        self.world
            .quality(tenant, at, shape, self.lanes[tenant].trace.model(at))
    }

    pub(super) fn regret(&self, tenant: usize, at: usize) -> f64 {
        self.world.best(tenant, at) - self.quality(tenant, at)
    }

    /// Expected cost of the one that served, in USD.
    pub(super) fn cost(&self, tenant: usize, at: usize) -> f64 {
        let customer = &self.world.tenants[tenant];
        customer.cost_usd[customer.requests[at].shape][self.lanes[tenant].trace.model(at)]
    }

    /// Expected cost of the one that was tried unseen, in USD.
    pub(super) fn shadow_cost(&self, tenant: usize, at: usize) -> f64 {
        let customer = &self.world.tenants[tenant];
        let shadow = self.lanes[tenant].trace.shadow(at);
        shadow.map_or(0.0, |model| {
            customer.cost_usd[customer.requests[at].shape][model]
        })
    }

    fn shadowed(&self, tenant: usize, at: usize) -> f64 {
        f64::from(u8::from(self.lanes[tenant].trace.shadow(at).is_some()))
    }

    /// Everything after the first `requests`.
    pub(super) fn mark(&self, requests: usize) -> Mark {
        let (all, window) = (0..requests, window(requests));
        let per = |sums: Vec<f64>, by: f64| -> Vec<f64> {
            sums.into_iter().map(|sum| sum / by).collect()
        };
        let n = requests as f64;
        let base = self.world.table.best_by_benchmark();
        let benchmark = |tenant: usize, at: usize| {
            let shape = self.world.tenants[tenant].requests[at].shape;
            self.world.quality(tenant, at, shape, base)
        };
        let gained = self.sums(&window, |t, at| self.quality(t, at) - benchmark(t, at));
        let possible = self.sums(&window, |t, at| self.world.best(t, at) - benchmark(t, at));
        let has_gap = Interval::of(&possible).mean >= MIN_GAP * window.len() as f64;
        let costs = self.sums(&all, |t, at| self.cost(t, at));
        let shadow_costs = self.sums(&all, |t, at| self.shadow_cost(t, at));
        let has_costs = self.world.table.has_costs();
        Mark {
            requests,
            regret: Interval::of(&self.sums(&all, |t, at| self.regret(t, at))),
            quality: Interval::of(&per(self.sums(&all, |t, at| self.quality(t, at)), n)),
            gap_closed: Interval::of_ratio(&gained, &possible).filter(|_| has_gap),
            shadow_spend: Interval::of_ratio(&shadow_costs, &costs).filter(|_| has_costs),
            shadow_calls: Interval::of(&per(self.sums(&all, |t, at| self.shadowed(t, at)), n)),
            cost_per_1k: has_costs.then(|| Interval::of(&per(costs, n / 1_000.0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_the_mean_and_its_standard_error() {
        let interval = Interval::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(interval.mean, 2.5);
        // Standard deviation 1.29099, over the root of 4.
        assert!((interval.half_width - Z * 1.290_994 / 2.0).abs() < 1e-5);
        assert_eq!(Interval::of(&[3.0]).half_width, 0.0);
    }

    #[test]
    fn a_ratio_of_means_is_certain_where_all_tenants_agree() {
        let ratio = Interval::of_ratio(&[1.0, 2.0], &[2.0, 4.0]).expect("a denominator");
        assert_eq!((ratio.mean, ratio.half_width), (0.5, 0.0));
        assert_eq!(Interval::of_ratio(&[1.0], &[0.0]), None);
    }

    #[test]
    fn a_short_run_is_measured_at_its_end_and_windows_are_its_last_tenth() {
        assert_eq!(marks(10_000), [100, 1_000, 10_000]);
        assert_eq!(marks(500), [100, 500]);
        assert_eq!(marks(30), [30]);
        assert_eq!(
            (window(10_000), window(500), window(30)),
            (9_000..10_000, 400..500, 0..30)
        );
    }
}
