//! How far a judge and people put the same replies, or sessions, in the same order.
//!
//! From a joint histogram of the judge's tenths and ratings of 0 to 10 follow Spearman's ρ and Kendall's τ-b with their
//! intervals, and how far calibrated scores lie from ratings. A judge that surely has another order than people loses
//! weight (`evidence`): surely, as the upper bound of ρ decides, so that few pairs take nothing away.

use std::collections::BTreeMap;

use super::{
    agreement::Calibration,
    credit::{REPLY, SESSION},
    normal::Z95,
    sums::{Sums, to_unit},
};

/// Pairs without which nothing is said.
pub const LEAST_PAIRS: f64 = 20.0;
/// Below this much correlation a judge says little of what people think: length alone has about as much
/// (`docs/judge.md`).
pub const LOW_RHO: f64 = 0.2;
/// What is left of the weight of a judge whose order is surely not that of people: failures are in the same source.
const LEAST_FACTOR: f64 = 0.1;
/// Quantile of the bound that weight and alarm depend on, 99.5 %: it is looked at with every rating.
const Z_BOUND: f64 = 2.576;
/// How far the bound must rise above [`LOW_RHO`] until a judge that disagreed may do so anew.
const RECOVERED: f64 = 0.1;

/// A judge's tenth and a rating.
type Place = (u8, u8);

/// Pairs by place; the sums are of the judge's scores.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs(BTreeMap<Place, Sums>);

/// What judge and people said of the same things.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accord {
    /// Single replies with a rating of their own.
    pub replies: Pairs,
    /// Sessions, with the mean of the scores of their replies.
    pub sessions: Pairs,
}

/// A coefficient with the interval that has it with 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficient {
    pub value: f64,
    pub lower: f64,
    pub upper: f64,
}

/// How two orders go together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    pub rho: Coefficient,
    pub tau: Coefficient,
    /// Of ρ, with 99.5 %.
    bounds: (f64, f64),
}

/// What is said of a judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    InsufficientData,
    /// Its order surely goes with that of people.
    Agrees,
    /// It is not known to do so, nor not to.
    Weak,
    /// It surely goes with it by less than [`LOW_RHO`].
    Disagrees,
}

impl Standing {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientData => "insufficient_data",
            Self::Agrees => "agrees",
            Self::Weak => "weak",
            Self::Disagrees => "disagrees",
        }
    }
}

impl Accord {
    /// Adds to a place by its name; see `credit`. What is none is left out.
    pub fn add(&mut self, (of, (tenth, rating)): (&str, (&str, &str)), sums: Sums) {
        let pairs = match of {
            REPLY => &mut self.replies,
            SESSION => &mut self.sessions,
            _ => return,
        };
        if let (Ok(tenth), Ok(rating)) = (tenth.parse(), rating.parse()) {
            pairs.add((tenth, rating), sums);
        }
    }

    fn correlations(&self) -> impl Iterator<Item = Correlation> {
        let both = [&self.replies, &self.sessions];
        let known = both.into_iter().filter(|pairs| pairs.n() >= LEAST_PAIRS);
        known.filter_map(Pairs::correlation)
    }

    /// The highest that ρ can well be, of replies or of sessions, whichever speaks more for the judge.
    fn upper(&self) -> Option<f64> {
        let uppers = self.correlations().map(|found| found.bounds.1);
        uppers.reduce(f64::max)
    }

    /// What part of its weight the judge keeps: all of it unless it surely disagrees.
    pub fn factor(&self) -> f64 {
        let Some(upper) = self.upper() else {
            return 1.0;
        };
        let x = (upper / LOW_RHO).clamp(0.0, 1.0);
        LEAST_FACTOR + (1.0 - LEAST_FACTOR) * x * x * (3.0 - 2.0 * x)
    }

    /// What is said of the judge.
    pub fn standing(&self) -> Standing {
        let Some(upper) = self.upper() else {
            return Standing::InsufficientData;
        };
        let lowers = self.correlations().map(|found| found.bounds.0);
        if upper < LOW_RHO {
            Standing::Disagrees
        } else if lowers.fold(-1.0, f64::max) >= LOW_RHO {
            Standing::Agrees
        } else {
            Standing::Weak
        }
    }

    /// Whether it is to be told once more when it disagrees: it surely did not, for a while.
    pub fn has_recovered(&self) -> bool {
        self.upper()
            .is_none_or(|upper| upper >= LOW_RHO + RECOVERED)
    }
}

impl Pairs {
    fn add(&mut self, place: Place, sums: Sums) {
        let held = self.0.entry(place).or_default();
        *held += sums;
        if *held == Sums::default() {
            self.0.remove(&place);
        }
    }

    /// How many there are.
    pub fn n(&self) -> f64 {
        self.0.values().map(|sums| sums.weight()).sum()
    }

    /// How both orders go together; `None` where there are too few pairs, or one side always says the same.
    pub fn correlation(&self) -> Option<Correlation> {
        let n = self.n();
        if n < 5.0 {
            return None;
        }
        let (rho, tau) = (self.rho()?, self.tau()?);
        // Bonett & Wright 2000; its variance is that of Fisher's z.
        let of_rho = ((1.0 + rho * rho / 2.0) / (n - 3.0)).sqrt();
        // Fieller, Hartley & Pearson 1957.
        let of_tau = (0.437 / (n - 4.0)).sqrt();
        let wide = around(rho, of_rho * Z_BOUND);
        Some(Correlation {
            rho: around(rho, of_rho * Z95),
            tau: around(tau, of_tau * Z95),
            bounds: (wide.lower, wide.upper),
        })
    }

    /// Spearman's: Pearson's of the ranks, with the mean rank for those that are alike.
    fn rho(&self) -> Option<f64> {
        let (ours, theirs) = (self.ranks(|place| place.0), self.ranks(|place| place.1));
        let mean = f64::midpoint(self.n(), 1.0);
        let (mut both, mut judged, mut rated) = (0.0, 0.0, 0.0);
        for ((tenth, rating), sums) in &self.0 {
            let n = sums.weight();
            let x = ours.get(tenth).copied().unwrap_or(mean) - mean;
            let y = theirs.get(rating).copied().unwrap_or(mean) - mean;
            both += n * x * y;
            judged += n * x * x;
            rated += n * y * y;
        }
        let spread = (judged * rated).sqrt();
        (spread > 1e-9).then(|| (both / spread).clamp(-1.0, 1.0))
    }

    /// Mean ranks of one side's values.
    fn ranks(&self, side: impl Fn(&Place) -> u8) -> BTreeMap<u8, f64> {
        let mut counts: BTreeMap<u8, f64> = BTreeMap::new();
        for (place, sums) in &self.0 {
            *counts.entry(side(place)).or_default() += sums.weight();
        }
        let mut below = 0.0;
        let rank = |(value, n): (u8, f64)| {
            let rank = below + f64::midpoint(n, 1.0);
            below += n;
            (value, rank)
        };
        counts.into_iter().map(rank).collect()
    }

    /// Kendall's τ-b.
    fn tau(&self) -> Option<f64> {
        let places: Vec<(Place, f64)> = self.0.iter().map(|(p, s)| (*p, s.weight())).collect();
        let (mut order, mut judged, mut rated) = (0.0, 0.0, 0.0);
        for (i, ((a, b), n)) in places.iter().enumerate() {
            for ((c, d), m) in &places[..i] {
                let (x, y) = (sign(*a, *c), sign(*b, *d));
                order += n * m * x * y;
                judged += n * m * x * x;
                rated += n * m * y * y;
            }
        }
        let spread = (judged * rated).sqrt();
        (spread > 1e-9).then(|| (order / spread).clamp(-1.0, 1.0))
    }

    /// Expected calibration error over the judge's tenths: how far the mean of calibrated scores lies from that of
    /// ratings, on 0..1 (Naeini et al. 2015, with ratings in the place of hits).
    pub fn calibration_error(&self, calibration: &Calibration) -> Option<f64> {
        let n = self.n();
        let mut tenths: BTreeMap<u8, (f64, f64, f64)> = BTreeMap::new();
        for ((tenth, rating), sums) in &self.0 {
            let found = tenths.entry(*tenth).or_default();
            found.0 += sums.weight();
            found.1 += to_unit(sums.sum);
            found.2 += sums.weight() * f64::from(*rating) / 10.0;
        }
        let gap = |(n, judged, rated): &(f64, f64, f64)| {
            let read = calibration.slope * judged / n + calibration.shift;
            n * (read.clamp(0.0, 1.0) - rated / n).abs()
        };
        let gaps = tenths.values().filter(|tenth| tenth.0 > 0.0).map(gap);
        (n > 0.0).then(|| gaps.sum::<f64>() / n)
    }
}

fn sign(a: u8, b: u8) -> f64 {
    match a.cmp(&b) {
        std::cmp::Ordering::Less => -1.0,
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Greater => 1.0,
    }
}

/// An interval that is symmetric in Fisher's z.
fn around(value: f64, half: f64) -> Coefficient {
    // At ±1 there would be none.
    let z = value.clamp(-0.999, 0.999).atanh();
    Coefficient {
        value,
        lower: (z - half).tanh(),
        upper: (z + half).tanh(),
    }
}

#[cfg(test)]
mod tests;
