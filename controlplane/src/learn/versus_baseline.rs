//! What routing did under a rule against what the baseline did there: both sides measured, in money, quality and time.
//!
//! The baseline's own replies are those that it gave under the same rule, to callers or as copies in the shadow. So
//! nothing is modelled but one thing: that calls which others served would have cost at the baseline what calls of
//! the same kind of task did cost there.

use std::collections::BTreeMap;

use super::normal::Z975;

/// Replies of each side without which nothing is concluded.
pub const LEAST_SAMPLES: u64 = 50;
/// Judged or rated replies of each side without which a source of quality does not count.
const LEAST_SCORES: u64 = 10;
/// Replies of the baseline to one kind of task without which the mean over all kinds stands in.
const LEAST_OF_KIND: u64 = 10;
/// What session ratings and the judge's scores count for, as published.
const WEIGHTS: (f64, f64) = (0.5, 0.3);

/// One reply under the rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// The kind of task.
    pub kind: String,
    /// It was given by the baseline.
    pub by_baseline: bool,
    /// Nobody was shown it.
    pub is_copy: bool,
    /// `None`: the price is unknown.
    pub cost_micro_usd: Option<u64>,
    /// What asking a model to grade it cost.
    pub judging_micro_usd: u64,
    pub latency_ms: u64,
    /// The judge's composite on 0..1.
    pub judged: Option<f64>,
    /// The rating of its session on 0..1.
    pub rated: Option<f64>,
}

/// What is known of one side.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Side {
    pub samples: u64,
    /// Micro-USD.
    pub mean_cost: Option<f64>,
    /// On 0..1, of the sources that both sides have enough of.
    pub quality: Option<f64>,
    pub p50_latency_ms: Option<u64>,
}

/// Both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    pub baseline: Side,
    pub routed: Side,
}

/// What a comparison shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Verified,
    NotVerified,
    InsufficientData,
    RegressionDetected,
}

impl Status {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::NotVerified => "not_verified",
            Self::InsufficientData => "insufficient_data",
            Self::RegressionDetected => "regression_detected",
        }
    }
}

/// Compares what the baseline replied with what callers were served.
pub fn compare(replies: &[Reply]) -> Comparison {
    let baseline: Vec<&Reply> = replies.iter().filter(|r| r.by_baseline).collect();
    let routed: Vec<&Reply> = replies.iter().filter(|r| !r.is_copy).collect();
    let quality = qualities(&baseline, &routed);
    Comparison {
        baseline: side(&baseline, quality.map(|(baseline, _)| baseline)),
        routed: side(&routed, quality.map(|(_, routed)| routed)),
    }
}

impl Comparison {
    /// By how many percent a request costs more than at the baseline.
    pub fn cost_pct(&self) -> Option<f64> {
        let base = self.baseline.mean_cost.filter(|cost| *cost > 0.0)?;
        Some(100.0 * (self.routed.mean_cost? / base - 1.0))
    }

    /// Quality above the baseline's.
    pub fn quality_gain(&self) -> Option<f64> {
        Some(self.routed.quality? - self.baseline.quality?)
    }

    /// What it shows, where a drop of quality of `tolerated` is no regression.
    pub fn status(&self, tolerated: f64) -> Status {
        let few = |side: &Side| side.samples < LEAST_SAMPLES;
        if few(&self.baseline) || few(&self.routed) {
            return Status::InsufficientData;
        }
        match (self.quality_gain(), self.cost_pct()) {
            (Some(gain), _) if gain < -tolerated => Status::RegressionDetected,
            (None, _) | (_, None) => Status::InsufficientData,
            (Some(_), Some(cost)) if cost < 0.0 => Status::Verified,
            (Some(_), Some(_)) => Status::NotVerified,
        }
    }
}

fn side(replies: &[&Reply], quality: Option<f64>) -> Side {
    let costs = replies.iter().filter_map(|reply| reply.cost_micro_usd);
    let mut latencies: Vec<u64> = replies.iter().map(|reply| reply.latency_ms).collect();
    latencies.sort_unstable();
    Side {
        samples: replies.len() as u64,
        mean_cost: Sample::of(costs).mean(),
        quality,
        p50_latency_ms: latencies
            .get(latencies.len().saturating_sub(1) / 2)
            .copied(),
    }
}

/// One source's score of a reply.
type Score = fn(&Reply) -> Option<f64>;

/// Composite quality of the baseline and of routing, by the sources that both have enough of: a rating is no score.
fn qualities(baseline: &[&Reply], routed: &[&Reply]) -> Option<(f64, f64)> {
    let sources: [(f64, Score); 2] = [
        (WEIGHTS.0, |reply| reply.rated),
        (WEIGHTS.1, |reply| reply.judged),
    ];
    let (mut weight, mut sums) = (0.0, (0.0, 0.0));
    for (share, of) in sources {
        if let (Some(base), Some(own)) = (mean_score(baseline, of), mean_score(routed, of)) {
            weight += share;
            sums.0 += share * base;
            sums.1 += share * own;
        }
    }
    (weight > 0.0).then(|| (sums.0 / weight, sums.1 / weight))
}

fn mean_score(replies: &[&Reply], of: Score) -> Option<f64> {
    let scores = replies.iter().filter_map(|reply| of(reply));
    let (n, sum) = scores.fold((0_u64, 0.0), |(n, sum), score| (n + 1, sum + score));
    (n >= LEAST_SCORES).then(|| sum / count(n))
}

/// What routing cost, and what the same calls would have cost at the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Savings {
    /// Replies of the baseline with a known cost.
    pub baseline_samples: u64,
    /// Served calls with a known cost, and how many of them others than the baseline served.
    pub requests: u64,
    pub rerouted: u64,
    pub actual_micro_usd: u64,
    /// What copies in the shadow cost besides.
    pub shadow_micro_usd: u64,
    /// What asking models to grade all of these replies cost, copies included.
    pub judging_micro_usd: u64,
    /// `None`: too little is known of the baseline.
    pub saved: Option<Saved>,
}

/// An estimate of what was saved, in micro-USD, and its 95 % confidence interval. Negative: routing cost more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saved {
    pub micro_usd: f64,
    pub lower: f64,
    pub upper: f64,
}

/// Adds up what was saved: a served call that the baseline did not serve itself would have cost what its replies to
/// calls of that kind cost on average (post-stratification, Holt & Smith 1979). What was paid is known exactly, so that
/// only these averages err.
pub fn savings(replies: &[Reply]) -> Savings {
    let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
    let mut found = Savings::default();
    for reply in replies {
        found.judging_micro_usd += reply.judging_micro_usd;
        let Some(cost) = reply.cost_micro_usd else {
            continue;
        };
        let kind = kinds.entry(reply.kind.as_str()).or_default();
        if reply.by_baseline {
            kind.baseline.add(cost);
            found.baseline_samples += 1;
        }
        if reply.is_copy {
            found.shadow_micro_usd += cost;
            continue;
        }
        found.requests += 1;
        found.actual_micro_usd += cost;
        if !reply.by_baseline {
            kind.rerouted.add(cost);
            found.rerouted += 1;
        }
    }
    let is_known = found.baseline_samples >= LEAST_SAMPLES;
    found.saved = is_known.then(|| saved(kinds.into_values()));
    found
}

fn saved(kinds: impl Iterator<Item = Kind>) -> Saved {
    let (mut all, mut paid) = (Sample::default(), 0.0);
    let (mut instead, mut variance, mut unknown) = (0.0, 0.0, 0.0);
    for kind in kinds {
        all.merge(&kind.baseline);
        paid += kind.rerouted.sum;
        let calls = count(kind.rerouted.n);
        match kind
            .baseline
            .mean()
            .filter(|_| kind.baseline.n >= LEAST_OF_KIND)
        {
            Some(mean) => {
                instead += calls * mean;
                variance += calls * calls * kind.baseline.error();
            }
            None => unknown += calls,
        }
    }
    instead += unknown * all.mean().unwrap_or(0.0);
    variance += unknown * unknown * all.error();
    let micro_usd = instead - paid;
    let reach = Z975 * variance.sqrt();
    Saved {
        micro_usd,
        lower: micro_usd - reach,
        upper: micro_usd + reach,
    }
}

/// One kind of task.
#[derive(Debug, Clone, Copy, Default)]
struct Kind {
    baseline: Sample,
    rerouted: Sample,
}

/// Costs in micro-USD.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    n: u64,
    sum: f64,
    squares: f64,
}

impl Sample {
    fn of(costs: impl Iterator<Item = u64>) -> Self {
        let mut sample = Self::default();
        costs.for_each(|cost| sample.add(cost));
        sample
    }

    fn add(&mut self, cost: u64) {
        let cost = count(cost);
        self.n += 1;
        self.sum += cost;
        self.squares += cost * cost;
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / count(self.n))
    }

    /// Variance of the mean.
    fn error(&self) -> f64 {
        let (n, mean) = (count(self.n), self.mean().unwrap_or(0.0));
        if self.n < 2 {
            return 0.0;
        }
        (self.squares / n - mean * mean).max(0.0) / (n - 1.0)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of calls and what one costs stay far below 2^53"
)]
fn count(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests;
