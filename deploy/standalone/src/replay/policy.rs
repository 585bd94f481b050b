//! Who serves: the policies that a world is replayed with.

mod bandit;
mod fixed;
mod track_and_stop;

use std::sync::Arc;

use clap::ValueEnum;
use floopy_shared::domain::event::RatingScore;

pub(super) use fixed::first_best;

use super::{
    learner::{Learner, Setup},
    world::{Request, Stream, World},
};

/// The policies that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Kind {
    /// This project's learner and router
    Floopy,
    /// The model with the best benchmark, always
    Benchmark,
    /// The one model that is best over the tenant's traffic, or the cheapest that keeps the floor, known
    /// only afterwards
    BestSingle,
    /// The model that costs least, always
    Cheapest,
    /// The best model of each shape, or the cheapest that keeps the floor, known only afterwards
    Oracle,
    /// Any model
    Random,
    /// Each model in turn
    RoundRobin,
    /// The best judged so far; one request in ten anything
    EpsilonGreedy,
    /// Optimism: Auer et al. 2002
    Ucb1,
    /// Posterior sampling with a flat prior: Thompson 1933
    Thompson,
    /// Best-arm identification as in TensorZero: Garivier & Kaufmann 2016
    TrackAndStop,
}

impl Kind {
    /// What tables call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Floopy => "floopy",
            Self::Benchmark => "best by benchmark",
            Self::BestSingle => "best single, in hindsight",
            Self::Cheapest => "cheapest",
            Self::Oracle => "oracle per shape",
            Self::Random => "random",
            Self::RoundRobin => "round-robin",
            Self::EpsilonGreedy => "epsilon-greedy .1",
            Self::Ucb1 => "UCB1",
            Self::Thompson => "Thompson, flat prior",
            Self::TrackAndStop => "track-and-stop",
        }
    }
}

/// A policy's word on how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Claim {
    /// The candidate that it takes for the best.
    pub(super) model: usize,
    /// The probability that it is, or is as good as.
    pub(super) probability: f64,
}

/// A policy's word that a candidate got worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alarm {
    pub(super) at: usize,
    pub(super) model: usize,
    /// Requests of the tenant when it was found to be false.
    pub(super) taken_back: Option<usize>,
}

/// Whom a policy sends a request to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Served {
    pub(super) model: usize,
    /// Asked too, judged, and shown to nobody.
    pub(super) shadow: Option<usize>,
    pub(super) claim: Option<Claim>,
}

impl Served {
    /// Served, and nothing besides.
    pub(super) fn by(model: usize) -> Self {
        Self {
            model,
            shadow: None,
            claim: None,
        }
    }
}

/// What becomes known of a request at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub(super) model: usize,
    /// The judge's raw score of the served reply.
    pub(super) judged: f64,
    pub(super) manual: Option<RatingScore>,
    /// The candidate tried in the shadow, and the judge's raw score of it.
    pub(super) shadow: Option<(usize, f64)>,
    pub(super) latency_s: Option<f64>,
}

/// One tenant's policy. Requests come in order; each is served, then learned from.
pub(super) trait Policy: Send {
    fn serve(&mut self, at: usize, request: &Request) -> Served;

    fn learn(&mut self, _at: usize, _request: &Request, _seen: &Seen) {}

    /// A session is over; `None`: nobody rated it.
    fn end_session(&mut self, _rating: Option<RatingScore>) {}

    /// The candidates that it found to have got worse.
    fn alarms(&self) -> Vec<Alarm> {
        Vec::new()
    }

    /// The learner that others of its kind may share with.
    fn as_learner(&mut self) -> Option<&mut Learner> {
        None
    }
}

/// What policies are made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brief<'a> {
    pub(super) world: &'a World<'a>,
    /// Quality to keep, as a share of the best benchmark's; `None`: the best is sought.
    pub(super) floor: Option<f64>,
    pub(super) setup: &'a Arc<Setup>,
}

/// A policy for one tenant.
pub(super) fn of(kind: Kind, brief: &Brief<'_>, tenant: usize) -> Box<dyn Policy> {
    let world = brief.world;
    let arms = bandit::Arms::new(world.table.shapes.len(), world.table.models.len());
    let rng = Stream::Policy(tenant).rng(world.tenants[tenant].seed);
    match kind {
        Kind::Floopy => Box::new(Learner::new(brief.setup, tenant)),
        Kind::Benchmark => Box::new(fixed::benchmark(world)),
        Kind::BestSingle => Box::new(fixed::best_single(brief, tenant)),
        Kind::Cheapest => Box::new(fixed::cheapest(world, tenant)),
        Kind::Oracle => Box::new(fixed::Oracle::new(brief, tenant)),
        Kind::Random => Box::new(bandit::Random::new(arms, rng)),
        Kind::RoundRobin => Box::new(bandit::RoundRobin::new(&arms)),
        Kind::EpsilonGreedy => Box::new(bandit::EpsilonGreedy::new(arms, rng)),
        Kind::Ucb1 => Box::new(bandit::Ucb1::new(arms, rng)),
        Kind::Thompson => Box::new(bandit::Thompson::new(arms, rng)),
        Kind::TrackAndStop => Box::new(track_and_stop::TrackAndStop::new(arms, rng)),
    }
}
