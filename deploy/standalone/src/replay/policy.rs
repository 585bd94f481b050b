//! Who serves: the policies that a world is replayed with.

mod bandit;
mod fixed;
mod track_and_stop;

use clap::ValueEnum;
use floopy_shared::domain::event::RatingScore;

use super::{
    learner::Learner,
    world::{Request, Stream, World},
};

/// The policies that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Kind {
    /// This project's learner and router
    Floopy,
    /// The model with the best benchmark, always
    Benchmark,
    /// The one model that is best over the tenant's traffic, known only afterwards
    BestSingle,
    /// The model that costs least, always
    Cheapest,
    /// The best model of each shape, known only afterwards
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

/// Whom a policy sends a request to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Served {
    pub(super) model: usize,
    /// Asked too, judged, and shown to nobody.
    pub(super) shadow: Option<usize>,
    /// The probability with which the policy claims to have the best model, if it claims any.
    pub(super) claim: Option<f64>,
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
}

/// A policy for one tenant.
pub(super) fn of(
    kind: Kind,
    world: &World<'_>,
    tenant: usize,
    floopy: &std::sync::Arc<super::learner::Setup>,
) -> Box<dyn Policy> {
    let arms = bandit::Arms::new(world.table.shapes.len(), world.table.models.len());
    let rng = Stream::Policy(tenant).rng(world.seed);
    match kind {
        Kind::Floopy => Box::new(Learner::new(floopy, tenant)),
        Kind::Benchmark => Box::new(fixed::benchmark(world)),
        Kind::BestSingle => Box::new(fixed::best_single(world, tenant)),
        Kind::Cheapest => Box::new(fixed::cheapest(world, tenant)),
        Kind::Oracle => Box::new(fixed::Oracle::new(world, tenant)),
        Kind::Random => Box::new(bandit::Random::new(arms, rng)),
        Kind::RoundRobin => Box::new(bandit::RoundRobin::new(&arms)),
        Kind::EpsilonGreedy => Box::new(bandit::EpsilonGreedy::new(arms, rng)),
        Kind::Ucb1 => Box::new(bandit::Ucb1::new(arms, rng)),
        Kind::Thompson => Box::new(bandit::Thompson::new(arms, rng)),
        Kind::TrackAndStop => Box::new(track_and_stop::TrackAndStop::new(arms, rng)),
    }
}
