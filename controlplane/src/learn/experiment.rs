//! Which variant of an experiment is better, however often one looks.
//!
//! What is compared is the quality of sessions, each counted once, because whole sessions are given to variants. The
//! bounds of both variants hold at every moment at once and for any numbers on 0..1 (`bound`), so a caller may poll and
//! stop as soon as there is a winner without being fooled more often than the level says, however small the share of B
//! and however seldom anything goes wrong. A test that is made for one look would be.

mod bound;
mod earlier;

use std::collections::HashMap;

use self::bound::Bound;
pub use self::earlier::Earlier;
use floopy_shared::domain::{
    draw::{DrawKey, Purpose},
    experiment::Variant,
    ids::RequestId,
    weights::{AUTO_ANCHOR, NPS_ANCHOR, Weights, phase_weights},
};

/// Sessions of known quality that each variant needs, the smaller one too: what the verification of a route needs.
pub const MIN_UNITS: usize = 50;
/// Qualities that differ by less are as good as equal, as for routing itself.
pub const EQUIVALENCE: f64 = 0.02;

/// How a call ended, as far as its variant is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Succeeded,
    Failed,
    /// The caller left, or the proxy stopped.
    Neither,
}

/// One call of an experiment with what is known of it by now.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub request: RequestId,
    pub variant: Variant,
    /// The session, or the call itself where it has none.
    pub unit: String,
    /// The end user, where the call says who that is.
    pub user: Option<String>,
    pub ending: Ending,
    pub latency_ms: u64,
    /// `None`: the price is unknown.
    pub cost_micro_usd: Option<u64>,
    /// The judge's composite on 0..1.
    pub judged: Option<f64>,
    /// A person's rating of this reply, on 0..1.
    pub manual: Option<f64>,
    /// A person's rating of the session, on 0..1.
    pub session: Option<f64>,
}

/// A mean, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub mean: f64,
    pub lower: f64,
    pub upper: f64,
}

/// What a variant did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    pub calls: u64,
    pub succeeded: u64,
    pub failed: u64,
    /// Means and the median are of calls that succeeded; `None`: there is none.
    pub mean_latency_ms: Option<f64>,
    pub p50_latency_ms: Option<u64>,
    /// Of calls with a known price.
    pub mean_cost_micro_usd: Option<f64>,
    /// Sessions that anything is known of.
    pub units: usize,
    /// `None`: nothing is known of any.
    pub quality: Option<Interval>,
    /// The same without what was known of the users before.
    pub adjusted: Option<Interval>,
}

/// Who is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Winner {
    Variant(Variant),
    Tie,
}

/// Both variants, and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub a: Outcome,
    pub b: Outcome,
    /// Quality of B less that of A; `None`: one of them is not known.
    pub difference: Option<Interval>,
    /// `None`: not decided yet.
    pub winner: Option<Winner>,
}

/// What is known of one unit: sums and numbers by source.
#[derive(Debug, Clone, Copy, Default)]
struct Labels {
    session: Option<f64>,
    auto: (f64, f64),
    manual: (f64, f64),
}

impl Labels {
    /// What its sources say together, by the published weights of those that say anything.
    fn quality(&self, weights: &Weights) -> Option<f64> {
        let mean = |(sum, n): (f64, f64)| (n > 0.0).then(|| sum / n);
        let parts = [
            (self.session, weights.session),
            (mean(self.auto), weights.auto),
            (mean(self.manual), weights.manual),
        ];
        let said = parts.iter().filter_map(|(value, w)| value.map(|v| (v, *w)));
        let (sum, of) = said.fold((0.0, 0.0), |(sum, of), (v, w)| (sum + v * w, of + w));
        (of > 0.0).then(|| sum / of)
    }
}

/// Compares the variants. Calls come in the order in which they began, so that more of them change nothing of what those
/// before them said; the order of their ratings does not matter. What is known of users from `earlier` makes the bounds of
/// the difference tighter.
pub fn compare(calls: &[Call], earlier: Option<&Earlier>) -> Comparison {
    let weights = phase_weights(AUTO_ANCHOR, NPS_ANCHOR);
    let of = |variant| {
        let calls = calls.iter().filter(|c| c.variant == variant);
        let known = judged_share(calls.clone());
        outcome(calls, (known, earlier), &weights)
    };
    let (a, b) = (of(Variant::A), of(Variant::B));
    let difference = difference(a.adjusted, b.adjusted);
    let enough = a.units.min(b.units) >= MIN_UNITS;
    let winner = difference.filter(|_| enough).and_then(winner);
    Comparison {
        a,
        b,
        difference,
        winner,
    }
}

/// The share of a variant's replies that a judge saw: its failures count as often as its replies do.
fn judged_share<'a>(calls: impl Iterator<Item = &'a Call>) -> f64 {
    let replied = calls.filter(|c| c.ending == Ending::Succeeded);
    let (all, judged) = replied.fold((0.0, 0.0), |(all, judged), call| {
        let seen = if call.judged.is_some() { 1.0 } else { 0.0 };
        (all + 1.0, judged + seen)
    });
    if all > 0.0 { judged / all } else { 0.0 }
}

/// `known`: the share of failures that count.
fn outcome<'a>(
    calls: impl Iterator<Item = &'a Call>,
    (known, earlier): (f64, Option<&Earlier>),
    weights: &Weights,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut units = Units::default();
    let mut latencies = Vec::new();
    let (mut cost, mut priced) = (0.0, 0.0);
    for call in calls {
        outcome.calls += 1;
        match call.ending {
            Ending::Succeeded => {
                outcome.succeeded += 1;
                latencies.push(call.latency_ms);
            }
            Ending::Failed => outcome.failed += 1,
            Ending::Neither => {}
        }
        if let Some(micro_usd) = call.cost_micro_usd {
            (cost, priced) = (cost + as_f64(micro_usd), priced + 1.0);
        }
        units.label(call, counts(call, known));
    }
    outcome.see(&units.known, earlier, weights);
    latencies.sort_unstable();
    outcome.p50_latency_ms = latencies.get(latencies.len() / 2).copied();
    let total: f64 = latencies.iter().map(|ms| as_f64(*ms)).sum();
    outcome.mean_latency_ms = (!latencies.is_empty()).then(|| total / latencies.len() as f64);
    outcome.mean_cost_micro_usd = (priced > 0.0).then(|| cost / priced);
    outcome
}

impl Outcome {
    /// Takes in what is known of units, in the order in which they began.
    fn see(
        &mut self,
        units: &[(Labels, Option<&str>)],
        earlier: Option<&Earlier>,
        weights: &Weights,
    ) {
        let mut bound = Bound::default();
        let mut adjusted = Bound::of(earlier.map_or((0.0, 1.0), Earlier::guesses));
        for (labels, user) in units {
            let Some(quality) = labels.quality(weights) else {
                continue;
            };
            self.units += 1;
            bound.see(quality);
            adjusted.see(quality - earlier.map_or(0.0, |earlier| earlier.lift(*user)));
        }
        let quality = bound.interval().map(interval);
        self.quality = quality.map(|quality| Interval {
            lower: quality.lower.max(0.0),
            upper: quality.upper.min(1.0),
            ..quality
        });
        self.adjusted = match earlier {
            None => self.quality,
            Some(_) => adjusted.interval().map(interval),
        };
    }
}

/// Whether a failure counts as a reply without any quality. A judge that sees every tenth reply would see every tenth
/// failure: were all of them counted, what fails now and then would seem to fail mostly.
fn counts(call: &Call, known: f64) -> bool {
    let key = DrawKey {
        session: &call.request.to_string(),
        shape: "failed",
        purpose: Purpose::Experiment,
    };
    call.ending == Ending::Failed && key.unit() < known
}

/// What is known of units and whose they are, in the order of their first calls.
#[derive(Debug, Default)]
struct Units<'a> {
    places: HashMap<&'a str, usize>,
    known: Vec<(Labels, Option<&'a str>)>,
}

impl<'a> Units<'a> {
    /// Adds what is known of a call. `failed`: it counts as a reply without any quality.
    fn label(&mut self, call: &'a Call, failed: bool) {
        let at = *self.places.entry(&call.unit).or_insert(self.known.len());
        if at == self.known.len() {
            self.known.push((Labels::default(), call.user.as_deref()));
        }
        let labels = &mut self.known[at].0;
        labels.session = call.session.or(labels.session);
        let auto = if failed { Some(0.0) } else { call.judged };
        for (source, value) in [(&mut labels.auto, auto), (&mut labels.manual, call.manual)] {
            if let Some(value) = value {
                *source = (source.0 + value, source.1 + 1.0);
            }
        }
    }
}

fn interval((mean, lower, upper): (f64, f64, f64)) -> Interval {
    Interval { mean, lower, upper }
}

/// Both bounds hold at once, so whatever lies between their ends is possible and nothing else.
fn difference(a: Option<Interval>, b: Option<Interval>) -> Option<Interval> {
    let (a, b) = (a?, b?);
    Some(Interval {
        mean: b.mean - a.mean,
        lower: b.lower - a.upper,
        upper: b.upper - a.lower,
    })
}

fn winner(difference: Interval) -> Option<Winner> {
    if difference.lower > 0.0 {
        return Some(Winner::Variant(Variant::B));
    }
    if difference.upper < 0.0 {
        return Some(Winner::Variant(Variant::A));
    }
    let is_close = difference.lower > -EQUIVALENCE && difference.upper < EQUIVALENCE;
    is_close.then_some(Winner::Tie)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "latencies and costs are far below 2^53"
)]
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
