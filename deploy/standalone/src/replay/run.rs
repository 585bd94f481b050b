//! Runs a policy through a world, all tenants side by side.

use std::{num::NonZero, ops::Range, thread};

use super::{
    learner::Learner,
    policy::{Claim, Policy, Seen},
    world::World,
};

/// Requests between two reports of progress.
const PROGRESS_STEP: usize = 500;
/// Requests between two claims that are kept: neighbours say the same.
const CLAIM_STEP: usize = 50;

/// What a policy did for one tenant, request by request. Candidates are few.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trace {
    models: Vec<u16>,
    shadows: Vec<Option<u16>>,
    /// With the requests at which they were made.
    pub(super) claims: Vec<(usize, Claim)>,
}

impl Trace {
    /// Who served.
    pub(super) fn model(&self, at: usize) -> usize {
        usize::from(self.models[at])
    }

    /// Who was tried unseen.
    pub(super) fn shadow(&self, at: usize) -> Option<usize> {
        self.shadows[at].map(usize::from)
    }

    fn push(&mut self, model: usize, shadow: Option<usize>) {
        let narrow = |model: usize| u16::try_from(model).unwrap_or(u16::MAX);
        self.models.push(narrow(model));
        self.shadows.push(shadow.map(narrow));
    }
}

/// One tenant under one policy.
pub(super) struct Lane {
    pub(super) policy: Box<dyn Policy>,
    pub(super) trace: Trace,
    /// Scores of the session that is open.
    session: Vec<f64>,
}

/// Replays every tenant. `exchange`: after so many requests of each, the learners share what they may.
/// `progress` hears of served requests, from several threads.
pub(super) fn run(
    world: &World<'_>,
    policy: impl Fn(usize) -> Box<dyn Policy>,
    exchange: Option<NonZero<usize>>,
    progress: impl Fn(usize) + Sync,
) -> Vec<Lane> {
    let lane = |tenant| Lane {
        policy: policy(tenant),
        trace: Trace::default(),
        session: Vec::new(),
    };
    let mut lanes: Vec<Lane> = (0..world.tenants.len()).map(lane).collect();
    let (all, mut from) = (world.requests(), 0);
    while from < all {
        let to = exchange.map_or(all, |every| all.min(from + every.get()));
        advance(world, &mut lanes, from..to, &progress);
        if to < all {
            share(&mut lanes);
        }
        from = to;
    }
    lanes
}

fn share(lanes: &mut [Lane]) {
    let learners = lanes.iter_mut().filter_map(|lane| lane.policy.as_learner());
    Learner::exchange(learners.collect());
}

/// All tenants on all processors. Between two exchanges tenants never meet, so that who runs where does not
/// show in the result.
fn advance(
    world: &World<'_>,
    lanes: &mut [Lane],
    range: Range<usize>,
    progress: &(impl Fn(usize) + Sync),
) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = lanes.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        for (chunk, lanes) in lanes.chunks_mut(share).enumerate() {
            let range = range.clone();
            scope.spawn(move || {
                for (offset, lane) in lanes.iter_mut().enumerate() {
                    lane.replay(world, chunk * share + offset, (range.clone(), progress));
                }
            });
        }
    });
}

impl Lane {
    /// One tenant's requests in this range.
    fn replay(
        &mut self,
        world: &World<'_>,
        tenant: usize,
        (range, progress): (Range<usize>, &(impl Fn(usize) + Sync)),
    ) {
        let mut unreported = 0;
        for at in range {
            self.step(world, tenant, at);
            unreported += 1;
            if unreported == PROGRESS_STEP {
                progress(std::mem::take(&mut unreported));
            }
        }
        progress(unreported);
    }

    fn step(&mut self, world: &World<'_>, tenant: usize, at: usize) {
        let (tenant, feedback) = (&world.tenants[tenant], &world.feedback);
        let request = &tenant.requests[at];
        let served = self.policy.serve(at, request);
        let outcome = world.outcome(at, request, served.model);
        let shadow = served.shadow.map(|model| {
            let score = world.outcome(at, request, model).score;
            (
                model,
                tenant.judge_shadow(feedback, request, (model, score)),
            )
        });
        let seen = Seen {
            model: served.model,
            judged: tenant.judge(feedback, request, (served.model, outcome.score)),
            manual: request.manual(outcome.score),
            shadow,
            latency_s: outcome.latency_s,
        };
        self.policy.learn(at, request, &seen);
        self.session.push(outcome.score);
        if request.is_last {
            self.policy
                .end_session(tenant.rating(feedback, &self.session, request));
            self.session.clear();
        }
        self.trace.push(served.model, served.shadow);
        if let Some(claim) = served.claim.filter(|_| at.is_multiple_of(CLAIM_STEP)) {
            self.trace.claims.push((at, claim));
        }
    }
}
